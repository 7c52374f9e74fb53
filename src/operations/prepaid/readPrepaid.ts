import type { Transaction } from '../../db/connect.ts';
import { findDebtPlan, readPrepaidAccount } from '../../db/prepaidLife.ts';
import type { DebtPlan, PrepaidAccount } from '../../db/prepaidLife.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { readPolicy } from './accountPolicy.ts';
import { isLiftedByLoan } from './forecast.ts';

export type PrepaidLife = PrepaidAccount & {
  readonly availableMicros: bigint;
  /** What of the emergency credit is not used yet; null: none is taken. */
  readonly emergencyLeftMicros: bigint | null;
  /** It can be taken now. */
  readonly isEmergencyOffered: boolean;
  readonly plan: DebtPlan | null;
  readonly policy: PrepaidPolicy;
};

/** How a prepaid customer stands; null where the account has no prepaid agreement now. */
export async function readPrepaid(
  tx: Transaction,
  { accountId, nowMs }: { readonly accountId: number; readonly nowMs: number },
): Promise<PrepaidLife | null> {
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null || account.mode !== 'prepaid') return null;
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  const plan = await findDebtPlan(tx, { accountId, atMs: nowMs });
  const { balanceMicros, emergencyMicros } = account;
  const usedMicros = balanceMicros < 0n ? -balanceMicros : 0n;
  const left = emergencyMicros === null ? null : emergencyMicros - usedMicros;
  const offered = policy.emergencyCredit;
  return {
    ...account,
    availableMicros: balanceMicros - account.reservedMicros,
    emergencyLeftMicros: left !== null && left < 0n ? 0n : left,
    isEmergencyOffered:
      offered !== null &&
      account.emergencyId === null &&
      balanceMicros < offered.selectableBelowMicros &&
      isLiftedByLoan(account, policy),
    plan,
    policy,
  };
}
