import type { Sql } from '../db/connect.ts';
import { endPending, findDuePending } from '../db/pending.ts';
import { pendingsPerSweepMax, pendingSweepDays } from '../domain/limits.ts';
import { dayMs } from '../domain/time/civil.ts';
import { eachApart } from './eachApart.ts';

/**
 * Ends what nobody has posted or voided in time, each in a transaction of its own.
 * @throws what ending some of them threw, when all others are ended.
 */
export async function expirePendings({
  sql,
  clock,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
}): Promise<{ readonly expired: number }> {
  const nowMs = clock.nowMs();
  const sinceMs = nowMs - pendingSweepDays * dayMs;
  const due = await findDuePending(sql, { sinceMs, nowMs, limit: pendingsPerSweepMax });
  let expired = 0;
  await eachApart(due, async ({ companyId, pendingId }) => {
    const ended = await sql.begin((tx) =>
      endPending(tx, { companyId, pendingId, end: 'expired', atMs: nowMs }),
    );
    // Refused: somebody ended it in between, and that stands.
    if (ended.ok && !ended.value.isReplay) expired += 1;
  });
  return { expired };
}
