import type { Transaction } from '../../db/connect.ts';
import { armAgain, readUnarmed } from '../../db/notices.ts';
import type { PrepaidAccount } from '../../db/prepaidLife.ts';
import { isLifted } from '../../domain/prepaid/thresholds.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';

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
  if (unarmed.length === 0) return;
  const lent = account.emergencyMicros ?? 0n;
  const standing = {
    balanceMicros: account.balanceMicros,
    limitMicros: (account.balanceLimitMicros ?? 0n) - lent,
    noticeBeforeMs: policy.notice?.beforeMs ?? 0,
  };
  const lifted = unarmed.filter((arm) =>
    isLifted(arm, { ...standing, dailyMicros: arm.dailyMicros }),
  );
  if (lifted.length > 0) await armAgain(tx, accountId, lifted);
}
