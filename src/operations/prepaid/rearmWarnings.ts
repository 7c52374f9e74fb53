import type { Transaction } from '../../db/connect.ts';
import { armAgain, readUnarmed } from '../../db/notices.ts';
import type { PrepaidAccount } from '../../db/prepaidLife.ts';
import { isLifted } from '../../domain/prepaid/thresholds.ts';
import type { Standing } from '../../domain/prepaid/thresholds.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { standingOf } from './forecast.ts';

/**
 * Arms the warnings again that a credit has lifted the account above. Only a credit does: a
 * balance that crosses its threshold by a correction of readings is not told twice.
 */
export async function rearmWarnings(
  tx: Transaction,
  account: PrepaidAccount,
  policy: PrepaidPolicy,
): Promise<void> {
  const { accountId } = account;
  const unarmed = await readUnarmed(tx, accountId);
  const lifted = unarmed.filter((arm) =>
    isLifted(arm, standingOf(account, policy, arm.dailyMicros)),
  );
  if (lifted.length > 0) await armAgain(tx, accountId, lifted);
}

/**
 * Arms the notice of a cut alone, where something else than a credit has lifted the account: what
 * was told of one breach never lets a cut of the next one come.
 */
export async function rearmCutNotice(
  tx: Transaction,
  accountId: number,
  standing: Standing,
): Promise<void> {
  const arm = { kind: 'cut_notice', threshold: 'limit' } as const;
  if (isLifted(arm, standing)) await armAgain(tx, accountId, [arm]);
}
