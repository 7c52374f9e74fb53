import { createHash } from 'node:crypto';
import type { Sql } from '../db/connect.ts';
import {
  insertReadingExceptions,
  lockRatingCursor,
  quarantineBatches,
  readLog,
  setRatingCursor,
} from '../db/log.ts';
import type { LogEntry, ReadingExceptionRow } from '../db/log.ts';
import { streamNumberOf } from '../wire/batch.ts';
import { decodeEntry } from './rating/gatherReadings.ts';

export type SetAside = { readonly position: bigint; readonly edgeId: number };

/** All of its rows are held back: they can be looked at again once our code is mended. */
function rowsHeldBack(entry: LogEntry, message: string): ReadingExceptionRow[] {
  const { batch } = decodeEntry(entry);
  const rows: ReadingExceptionRow[] = [];
  for (const block of batch.blocks) {
    const firstRow = rows.length;
    for (let index = 0; index < block.meterId.length; index += 1) {
      rows.push({
        companyId: entry.companyId,
        edgeId: batch.edgeId,
        stream: streamNumberOf(batch.stream),
        epoch: batch.epoch,
        sequence: batch.sequence,
        row: firstRow + index,
        meterId: block.meterId[index],
        channel: block.channel,
        readAtMs: block.readAtMs[index],
        value: block.value[index],
        code: 'RATING_FAILED',
        message,
      });
    }
  }
  return rows;
}

/**
 * Moves a shard's cursor past the next batch without rating it, and keeps the batch in quarantine
 * with the reason: one batch that our own code cannot rate must not stop the meters behind it. It
 * stays in the log, so nothing is lost; for a batch that broke an assertion again and again only.
 */
export async function setAsideBatch(
  { sql, clock }: { readonly sql: Sql; readonly clock: { nowMs(): number } },
  { shard, reason }: { readonly shard: number; readonly reason: string },
): Promise<SetAside | null> {
  return sql.begin(async (tx) => {
    const cursor = await lockRatingCursor(tx, shard);
    const [entry] = await readLog(tx, { shard, after: cursor, batchesMax: 1 });
    if (entry === undefined) return null;
    const { position, companyId, edgeId, carried } = entry;
    const message = `Batch ${shard}/${position} could not be rated: ${reason}. The log keeps it.`;
    await insertReadingExceptions(tx, rowsHeldBack(entry, message));
    await quarantineBatches(tx, [
      {
        hash: createHash('sha256').update(carried).digest(),
        code: 'RATING_FAILED',
        message,
        companyId,
        edgeId,
        receivedAtMs: clock.nowMs(),
        carried,
      },
    ]);
    await setRatingCursor(tx, shard, position);
    return { position, edgeId };
  });
}
