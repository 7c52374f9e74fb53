import { eventShardOf } from '../db/events.ts';
import { lockAccounts } from '../db/ledger.ts';
import { findUnsettledAccounts } from '../db/supplies.ts';
import type { UnsettledAccount } from '../db/supplies.ts';
import { accountsPerSweepMax } from '../domain/limits.ts';
import { eachApart, pagesOf } from './eachApart.ts';
import { reviewSupply } from './reviewSupply.ts';
import type { CommandDeps } from './sendCommand.ts';

/**
 * Decides again where neither a reading nor a payment will ask: somebody who has paid and sits in
 * the dark because the reconnection failed, a cut whose end nobody knows, and a cut that something
 * prevented until now, such as protected hours.
 */
export async function sweepSupplies({
  sql,
  clock,
  wake,
}: CommandDeps): Promise<{ readonly requested: readonly string[] }> {
  const nowMs = clock.nowMs();
  const requested: string[] = [];
  const limit = accountsPerSweepMax;
  const unsettled = pagesOf<UnsettledAccount>(limit, (after) =>
    findUnsettledAccounts(sql, { nowMs, after, limit }),
  );
  await eachApart(unsettled, async ({ companyId, accountId }) => {
    const accountIds = [accountId];
    const review = await sql.begin(async (tx) => {
      await lockAccounts(tx, { companyId, accountIds });
      return reviewSupply(tx, { companyId, accountIds, nowMs });
    });
    if (review.requested.length === 0) return;
    requested.push(...review.requested);
    wake({ kind: 'events', shard: eventShardOf(companyId) });
    wake({ kind: 'commands' });
  });
  return { requested };
}
