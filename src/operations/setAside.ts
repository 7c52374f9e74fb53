import { createHash } from 'node:crypto';
import { insertAudit } from '../db/audit.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import {
  insertReadingExceptions,
  lockRatingCursor,
  quarantineBatches,
  readLog,
  setRatingCursor,
} from '../db/log.ts';
import type { LogEntry, ReadingExceptionRow } from '../db/log.ts';
import { setDutyAside, setVeeDutyAside } from '../db/setAsideDuties.ts';
import { streamNumberOf } from '../wire/batch.ts';
import { derivedId } from './derivedId.ts';
import type { RatingWork } from './rateReadings.ts';
import { decodeEntry, eventException } from './rating/gatherReadings.ts';

export type SetAside = { readonly subject: string };

type FailedWork = Pick<RatingWork, 'kind' | 'position'>;

type Aside = { readonly shard: number; readonly reason: string; readonly nowMs: number };

/** All of its rows are held back: they can be looked at again once our code is mended. */
function rowsHeldBack(entry: LogEntry, message: string): ReadingExceptionRow[] {
  const decoded = decodeEntry(entry);
  const { batch } = decoded;
  const failed = { code: 'RATING_FAILED', message };
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
        isEvent: false,
        row: firstRow + index,
        meterId: block.meterId[index],
        channel: block.channel,
        readAtMs: block.readAtMs[index],
        value: block.value[index],
        ...failed,
      });
    }
  }
  const lines = Array.from(batch.events?.code ?? [], (_, line) =>
    eventException(decoded, line, failed),
  );
  return [...rows, ...lines];
}

/**
 * Moves a shard's cursor past the next batch without rating it, and keeps the batch in quarantine
 * with the reason: one batch that our own code cannot rate must not stop the meters behind it. It
 * stays in the log, so nothing is lost.
 */
async function setBatchAside(
  tx: Transaction,
  { shard, position, reason, nowMs }: Aside & { position: bigint },
): Promise<SetAside | null> {
  const cursor = await lockRatingCursor(tx, shard);
  const [entry] = await readLog(tx, { shard, after: cursor, batchesMax: 1 });
  if (entry === undefined || entry.position !== position) return null;
  const { companyId, edgeId, carried } = entry;
  const message = `Batch ${shard}/${position} could not be rated: ${reason}. The log keeps it.`;
  await insertReadingExceptions(tx, rowsHeldBack(entry, message));
  await quarantineBatches(tx, [
    {
      hash: createHash('sha256').update(carried).digest(),
      code: 'RATING_FAILED',
      message,
      companyId,
      edgeId,
      receivedAtMs: nowMs,
      carried,
    },
  ]);
  await setRatingCursor(tx, shard, position);
  return { subject: `batch ${shard}/${position}` };
}

/** Takes a duty out of the queue; it stays, with the reason, until somebody asks for it again. */
async function setDutyOfShardAside(
  tx: Transaction,
  { shard, kind, position, reason, nowMs }: Aside & FailedWork,
): Promise<SetAside | null> {
  await lockRatingCursor(tx, shard);
  const take = kind === 'validation' ? setVeeDutyAside : setDutyAside;
  const duty = await take(tx, { id: position, failure: reason, atMs: nowMs });
  if (duty === null) return null;
  const { companyId, meterId, fromDay, reason: of } = duty;
  await insertAudit(tx, {
    id: derivedId('audit', kind, String(position)),
    companyId,
    atMs: nowMs,
    actor: 'rating',
    action: 'duty.failed',
    subject: `meter/${meterId}`,
    before: null,
    after: { reason: of, fromDay, failure: reason },
  });
  return { subject: `the duty of meter ${meterId} (${of})` };
}

/**
 * Sets aside what a shard's rating failed at again and again by a fault of our own, so that the
 * rest of the shard goes on. Null: it is not the next any more.
 */
export async function setAside(
  { sql, clock }: { readonly sql: Sql; readonly clock: { nowMs(): number } },
  { shard, work, reason }: { shard: number; work: FailedWork; reason: string },
): Promise<SetAside | null> {
  const aside = { shard, ...work, reason, nowMs: clock.nowMs() };
  return sql.begin((tx) =>
    work.kind === 'log' ? setBatchAside(tx, aside) : setDutyOfShardAside(tx, aside),
  );
}
