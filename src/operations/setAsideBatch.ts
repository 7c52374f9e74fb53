import { createHash } from 'node:crypto';
import type { Sql } from '../db/connect.ts';
import { lockRatingCursor, quarantineBatches, readLog, setRatingCursor } from '../db/log.ts';

export type SetAside = { readonly position: bigint; readonly edgeId: number };

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
    await quarantineBatches(tx, [
      {
        hash: createHash('sha256').update(carried).digest(),
        code: 'RATING_FAILED',
        message: `Batch ${shard}/${position} could not be rated: ${reason}. It stays in the log.`,
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
