import { assert } from '../assert.ts';

const daysOfWeek = 7n;

function roundedTo(micros: bigint, days: bigint, unit: bigint): bigint {
  // Half up, in the currency's smallest unit.
  return (((2n * micros * days) / (daysOfWeek * unit) + 1n) / 2n) * unit;
}

/**
 * What one day of a week is charged of a weekly amount, in whole smallest units: running sums are
 * rounded, so that no day is a unit away from its share and seven of them are the week exactly
 * (4.25 a week is 0.61 on five days and 0.60 on two).
 */
export function dayOfWeekly(
  weeklyMicros: bigint,
  { weekday, minorDigits }: { readonly weekday: number; readonly minorDigits: number },
): bigint {
  assert(weekday >= 1 && weekday <= 7, 'a weekday is 1 to 7');
  assert(minorDigits <= 6, 'micros carry six decimals');
  const unit = 10n ** BigInt(6 - minorDigits);
  const through = (days: bigint) =>
    days === daysOfWeek ? weeklyMicros : roundedTo(weeklyMicros, days, unit);
  return through(BigInt(weekday)) - through(BigInt(weekday) - 1n);
}
