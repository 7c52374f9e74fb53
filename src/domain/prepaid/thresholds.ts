import { formatMicros, parseMicros } from '../exact.ts';
import { dayMs } from '../time/civil.ts';
import type { PrepaidPolicy } from './policy.ts';

export type ArmKind =
  | 'low_days'
  | 'low_balance'
  | 'cut_notice'
  | 'emergency_offered'
  | 'cut'
  | 'reconnected'
  | 'top_up_failed';

export type Standing = {
  readonly balanceMicros: bigint;
  /** At or below it the supply is cut. */
  readonly limitMicros: bigint;
  /** Of an ordinary day, as it was forecast last; null: nobody knows. */
  readonly dailyMicros: bigint | null;
  readonly noticeBeforeMs: number;
};

/** Days to the limit in thousandths; null where nothing is used or nothing is known. */
export function milliDaysLeft({
  balanceMicros,
  limitMicros,
  dailyMicros,
}: Pick<Standing, 'balanceMicros' | 'limitMicros' | 'dailyMicros'>): bigint | null {
  if (balanceMicros <= limitMicros) return 0n;
  if (dailyMicros === null || dailyMicros <= 0n) return null;
  return ((balanceMicros - limitMicros) * 1_000n) / dailyMicros;
}

/** Whether an account stands above a threshold, so that falling below it is a new breach. */
export function isLifted(
  { kind, threshold }: { readonly kind: ArmKind; readonly threshold: string },
  standing: Standing,
): boolean {
  const left = milliDaysLeft(standing);
  const isAboveLimit = standing.balanceMicros > standing.limitMicros;
  switch (kind) {
    case 'emergency_offered':
    case 'low_balance': {
      const micros = parseMicros(threshold);
      return micros.ok && standing.balanceMicros > micros.value;
    }
    case 'low_days':
      return isAboveLimit && (left === null || left > BigInt(threshold) * 1_000n);
    // A notice stands until there is as much time left as it has to be told before.
    case 'cut_notice':
      return (
        isAboveLimit &&
        (left === null || left * BigInt(dayMs) > BigInt(standing.noticeBeforeMs) * 1_000n)
      );
    case 'cut':
    case 'reconnected':
    case 'top_up_failed':
      return isAboveLimit;
  }
}

type Asked = { readonly kind: ArmKind; readonly threshold: string };
type Promised = Pick<PrepaidPolicy, 'warnings' | 'notice' | 'emergencyCredit'>;
type Taken = { readonly isEmergencyTaken: boolean };

/** What a policy warns at, of each kind the lowest last. */
function thresholdsOf(policy: Promised, { isEmergencyTaken }: Taken): readonly Asked[] {
  const days = policy.warnings.days.toSorted((left, right) => right - left);
  const balances = policy.warnings.balances.toSorted((left, right) =>
    left.micros < right.micros ? 1 : -1,
  );
  const asked: Asked[] = [
    ...days.map((each) => ({ kind: 'low_days' as const, threshold: String(each) })),
    ...balances.map(({ text }) => ({ kind: 'low_balance' as const, threshold: text })),
  ];
  if (policy.notice !== null) asked.push({ kind: 'cut_notice', threshold: 'limit' });
  const offered = policy.emergencyCredit;
  if (offered !== null && !isEmergencyTaken) {
    const threshold = formatMicros(offered.selectableBelowMicros - 1n);
    asked.push({ kind: 'emergency_offered', threshold });
  }
  return asked;
}

/**
 * The thresholds that an account stands at or below now, of each kind the lowest last: of several
 * that are reached at once the customer is told the lowest alone.
 */
export function reachedThresholds(
  standing: Standing,
  policy: Promised,
  taken: Taken,
): readonly Asked[] {
  return thresholdsOf(policy, taken).filter((each) => !isLifted(each, standing));
}

/** The highest balance that lasts no longer than so many thousandths of a day. */
function lastsMicros({ limitMicros, dailyMicros }: Standing, milliDays: bigint): bigint {
  if (dailyMicros === null || dailyMicros <= 0n) return limitMicros;
  return limitMicros + ((milliDays + 1n) * dailyMicros + 999n) / 1_000n - 1n;
}

function levelOf({ kind, threshold }: Asked, standing: Standing): bigint | null {
  switch (kind) {
    case 'low_days':
      return lastsMicros(standing, BigInt(threshold) * 1_000n);
    case 'cut_notice':
      return lastsMicros(standing, (BigInt(standing.noticeBeforeMs) * 1_000n) / BigInt(dayMs));
    case 'low_balance':
    case 'emergency_offered': {
      const micros = parseMicros(threshold);
      return micros.ok ? micros.value : null;
    }
    case 'cut':
    case 'reconnected':
    case 'top_up_failed':
      return null;
  }
}

/** Where an account that only uses energy has to be looked at again; null: nowhere. */
export type LookAgain = {
  /** At or below it another threshold is reached. */
  readonly nextMicros: bigint | null;
  /** At or below it the notice of a cut is due, should it be armed anew. */
  readonly cutMicros: bigint | null;
};

export function lookAgain(standing: Standing, policy: Promised, taken: Taken): LookAgain {
  const asked = thresholdsOf(policy, taken);
  const cut = asked.find(({ kind }) => kind === 'cut_notice');
  const next = asked
    .filter((each) => isLifted(each, standing))
    .flatMap((each) => levelOf(each, standing) ?? [])
    .reduce<bigint | null>((high, each) => (high === null || each > high ? each : high), null);
  return { nextMicros: next, cutMicros: cut === undefined ? null : levelOf(cut, standing) };
}
