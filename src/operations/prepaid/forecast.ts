import type { Statement } from '../../db/connect.ts';
import type { PrepaidAccount } from '../../db/prepaidLife.ts';
import { refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { daysLeft } from '../../domain/prepaid/daysLeft.ts';
import type { DaysLeft } from '../../domain/prepaid/daysLeft.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import type { Standing } from '../../domain/prepaid/thresholds.ts';
import type { RateRefusal } from '../../domain/rating/rateLoad.ts';
import { slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { readHistory } from '../lab/readHistory.ts';
import type { HistoryCode } from '../lab/readHistory.ts';

export type ForecastCode = HistoryCode | RateRefusal | 'ACCOUNT_NOT_PREPAID';

/** What is available above the limit at which the supply is cut. */
export function spareOf(
  account: PrepaidAccount,
  { balanceLimits }: Pick<PrepaidPolicy, 'balanceLimits'>,
): bigint {
  const agreed = account.balanceLimitMicros ?? 0n;
  const allowed = balanceLimits?.disconnectionMaxMicros ?? agreed;
  const limit = (agreed < allowed ? agreed : allowed) - (account.emergencyMicros ?? 0n);
  return account.balanceMicros - account.reservedMicros - limit;
}

/** Whether what is offered would lift an account above the limit at which it is cut. */
export function isLiftedByLoan(
  account: PrepaidAccount,
  policy: Pick<PrepaidPolicy, 'balanceLimits' | 'emergencyCredit'>,
): boolean {
  const emergencyMicros = policy.emergencyCredit?.amountMicros ?? 0n;
  return spareOf({ ...account, reservedMicros: 0n, emergencyMicros }, policy) > 0n;
}

/** How an account stands to its thresholds, by what is available. */
export function standingOf(
  account: PrepaidAccount,
  policy: PrepaidPolicy,
  dailyMicros: bigint | null,
): Standing {
  const balanceMicros = account.balanceMicros - account.reservedMicros;
  const limitMicros = balanceMicros - spareOf(account, policy);
  return { balanceMicros, limitMicros, dailyMicros, noticeBeforeMs: policy.notice?.beforeMs ?? 0 };
}

/** How long the account's balance lasts, from its meters' last days and its own tariff. */
export async function forecastDays(
  tx: Statement,
  account: PrepaidAccount,
  { policy, nowMs }: { readonly policy: PrepaidPolicy; readonly nowMs: number },
): Promise<Outcome<DaysLeft, ForecastCode>> {
  const { companyId, agreementId, zone } = account;
  if (agreementId === null || account.mode !== 'prepaid' || zone === null) {
    return refuse('ACCOUNT_NOT_PREPAID', 'The account has no prepaid agreement now.');
  }
  const read = await readHistory(tx, {
    companyId,
    agreementId,
    fromMs: billingPeriodAt(zone, nowMs).startMs,
    toMs: slotStartMs(slotOf(nowMs)) + slotMs,
    // The last weeks may lie in the month before.
    monthsBefore: 1,
  });
  if (!read.ok) return read;
  return daysLeft(read.value.history, { spareMicros: spareOf(account, policy), nowMs });
}
