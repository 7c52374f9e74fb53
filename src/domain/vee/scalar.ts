import { assert } from '../assert.ts';
import { isOnSlotGrid, slotMs, slotStartMs } from '../rating/slot.ts';
import { slotsOf, sumOver } from './columns.ts';
import { localClockOf, localSlotAt, profileShare } from './localSlots.ts';
import type { DayProfiles, VeeSet } from './set.ts';
import type { Amount, SlotColumns, Span } from './window.ts';

/**
 * Rules for a register that is read once in a while: what it came to over a time at whose ends
 * nobody read it. Whole Wh; ratios are exact until the one rounding, half up.
 */

function roundedRatio(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator);
}

function durationOf({ fromMs, toMs }: Span): bigint {
  assert(fromMs < toMs, 'a span has a length');
  return BigInt(toMs - fromMs);
}

/** Scalar Calculation From Interval: the sum of the meter's own intervals; null: one is missing. */
export function scalarFromIntervals(intervals: SlotColumns, span: Span): Amount | null {
  assert(isOnSlotGrid(span.fromMs) && isOnSlotGrid(span.toMs), 'intervals sum up between slots');
  const { wh, missing } = sumOver(intervals, slotsOf(span));
  return missing > 0 ? null : { ...span, wh: BigInt(wh) };
}

/**
 * Scalar Estimation: as much a day as over the measured times before; null without any. For a bill
 * that must close while its meter is silent.
 */
export function estimateScalar(before: readonly Amount[], span: Span): Amount | null {
  const ms = before.reduce((sum, amount) => sum + durationOf(amount), 0n);
  if (ms === 0n) return null;
  const wh = before.reduce((sum, amount) => sum + amount.wh, 0n);
  return { ...span, wh: roundedRatio(wh * durationOf(span), ms) };
}

export type ProfileOf = {
  readonly profile: DayProfiles;
  readonly holidays: ReadonlySet<number>;
  readonly zone: string;
};

/** Shares of all quarter hours that a span touches, those at its ends by their part. */
function sharesOver({ profile, holidays, zone }: ProfileOf, span: Span): bigint {
  const { from, to } = slotsOf(span);
  const clock = localClockOf(zone, { from, to });
  let shares = 0n;
  for (let slot = from; slot < to; slot += 1) {
    const startMs = slotStartMs(slot);
    const partMs = Math.min(startMs + slotMs, span.toMs) - Math.max(startMs, span.fromMs);
    const share = profileShare(profile, holidays, localSlotAt(clock, slot));
    shares += BigInt(share) * BigInt(partMs);
  }
  return shares;
}

/**
 * Scalar Profile Estimation: as much as the profile of the class says beside what was measured;
 * null where the profile has no share in the measured times.
 */
export function estimateScalarByProfile(
  of: ProfileOf,
  before: readonly Amount[],
  span: Span,
): Amount | null {
  const shares = before.reduce((sum, amount) => sum + sharesOver(of, amount), 0n);
  if (shares === 0n) return null;
  const wh = before.reduce((sum, amount) => sum + amount.wh, 0n);
  return { ...span, wh: roundedRatio(wh * sharesOver(of, span), shares) };
}

export type SilenceEstimate = {
  readonly amount: Amount;
  readonly rule: 'scalarProfile' | 'scalarEstimation';
};

/**
 * A bill that must close although its meter is silent: by the profile of the class where there is
 * one, else as much a day as before; null where nothing was ever measured. The next reading shows
 * what it was, and the difference is made up for by Scalar Proration, never at the later price.
 */
export function estimateSilence(
  { profile, holidays }: VeeSet,
  { before, zone }: { readonly before: readonly Amount[]; readonly zone: string },
  span: Span,
): SilenceEstimate | null {
  const byProfile =
    profile === null ? null : estimateScalarByProfile({ profile, holidays, zone }, before, span);
  if (byProfile !== null) return { amount: byProfile, rule: 'scalarProfile' };
  const amount = estimateScalar(before, span);
  return amount === null ? null : { amount, rule: 'scalarEstimation' };
}

/**
 * Scalar Proration: what two readings are apart, split at instants between them by time. The
 * register is worked out at each instant, so the parts sum to the whole.
 */
export function prorateScalar(amount: Amount, splitsAtMs: readonly number[]): readonly Amount[] {
  const ms = durationOf(amount);
  const registerAt = (atMs: number) => roundedRatio(amount.wh * BigInt(atMs - amount.fromMs), ms);
  const bounds = [amount.fromMs, ...splitsAtMs, amount.toMs];
  return bounds.slice(1).map((toMs, at) => {
    const fromMs = bounds[at];
    assert(fromMs < toMs, 'splits are between the readings, ascending');
    return { fromMs, toMs, wh: registerAt(toMs) - registerAt(fromMs) };
  });
}
