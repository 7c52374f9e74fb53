import { Decimal } from 'decimal.js';
import type { WindowInput } from '../../../src/domain/vee/window.ts';

/**
 * The numeric rules once more, slow and obvious, in decimals with many digits: lists instead of
 * columns, sorting instead of one pass, divisions instead of products. True: the rule finds it.
 */
const Exact = Decimal.clone({ precision: 80 });
type Exact = Decimal;

export type Values = readonly (number | null)[];

const known = (values: Values): number[] => values.filter((value) => value !== null);
const total = (values: readonly number[]): Exact =>
  values.reduce((sum, value) => sum.plus(value), new Exact(0));

export function slowSpike(
  values: Values,
  limits: { percentMax: number; knownSlotsMin: number; peakWhMin: number },
): boolean {
  const sorted = known(values).toSorted((left, right) => right - left);
  const [first = 0, , third = 0] = sorted;
  if (sorted.length < limits.knownSlotsMin || first < limits.peakWhMin) return false;
  if (third === 0) return first > 0;
  return new Exact(first).minus(third).div(third).times(100).gt(limits.percentMax);
}

export function slowHighLow(
  values: Values,
  before: Values,
  limits: { highPercentMax: number; lowPercentMin: number; historyDaysMin: number },
): boolean {
  const [now, then] = [known(values), known(before)];
  if (now.length === 0 || then.length < limits.historyDaysMin * 96) return false;
  const mean = total(then).div(then.length);
  if (mean.isZero()) return false;
  const percent = total(now).div(now.length).div(mean).times(100);
  return percent.gt(limits.highPercentMax) || percent.lt(limits.lowPercentMin);
}

export function slowSum(
  registerWh: number,
  intervals: Values,
  limits: { toleranceBasisPoints: number; toleranceWh: number },
): boolean {
  if (intervals.includes(null)) return false;
  const difference = total(known(intervals)).minus(registerWh).abs();
  if (difference.lte(limits.toleranceWh)) return false;
  if (registerWh === 0) return true;
  return difference.div(registerWh).times(10_000).gt(limits.toleranceBasisPoints);
}

/** Days as lists of 96; a day with a hole counts for nothing. */
export function slowDynamic(
  values: Values,
  days: readonly Values[],
  limits: { deviationsPercentMax: number; historyDaysMin: number; differenceWhMin: number },
): boolean {
  const whole = days.filter((day) => !day.includes(null)).map((day) => total(known(day)));
  if (values.includes(null) || whole.length < limits.historyDaysMin) return false;
  const mean = whole.reduce((sum, day) => sum.plus(day), new Exact(0)).div(whole.length);
  const variance = whole
    .reduce((sum, day) => sum.plus(day.minus(mean).pow(2)), new Exact(0))
    .div(whole.length);
  const distance = total(known(values)).minus(mean).abs();
  if (distance.lt(limits.differenceWhMin)) return false;
  return distance.pow(2).gt(variance.times(new Exact(limits.deviationsPercentMax).div(100).pow(2)));
}

/** The longest run of equal, non-zero values, by trying every begin and every end. */
export function slowRun(values: Values): number {
  let longest = 0;
  for (let from = 0; from < values.length; from += 1) {
    for (let to = from + 1; to <= values.length; to += 1) {
      const run = values.slice(from, to);
      if (run.every((value) => value !== null && value > 0 && value === run[0])) {
        longest = Math.max(longest, to - from);
      }
    }
  }
  return longest;
}

export function slowMissing(values: Values): number {
  return values.filter((value) => value === null).length;
}

/** Shares of any kind as energies: the register is worked out at each boundary and rounded down. */
export function slowEnergies(differenceWh: number, shares: readonly Exact[]): number[] {
  const sum = shares.reduce((all, share) => all.plus(share), new Exact(0));
  const registerAt = (count: number) =>
    shares
      .slice(0, count)
      .reduce((all, share) => all.plus(share), new Exact(0))
      .times(differenceWh)
      .div(sum)
      // A boundary that is a whole number must not be lost in the last of 80 digits.
      .plus('1e-40')
      .floor();
  return shares.map((_, at) =>
    registerAt(at + 1)
      .minus(registerAt(at))
      .toNumber(),
  );
}

/** The mean of a quarter hour on the days so many days back, all in UTC. */
export function slowMean(
  history: WindowInput['slots'],
  slot: number,
  { daysBack, atMost }: { readonly daysBack: readonly number[]; readonly atMost: number },
): Exact | null {
  const found = daysBack
    .map((days) => slot - days * 96 - history.firstSlot)
    .filter((at) => at >= 0 && at < history.wh.length && history.quality[at] < 2)
    .map((at) => history.wh[at])
    .filter((wh) => !Number.isNaN(wh))
    .slice(0, atMost);
  return found.length === 0 ? null : total(found).div(found.length);
}
