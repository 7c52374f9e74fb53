import { Decimal } from 'decimal.js';
import { assertNever } from '../assert.ts';
import type { RoundingMode } from '../exact.ts';

/**
 * The judge's numbers: decimals of 120 digits. A quotient that does not terminate is cut there, so
 * sums of thirds may miss a whole number by 10^-100 or so; `difference`, `isBelow` and `rounded`
 * look at 60 decimals, and no amount of a bill lies so near to a limit without being on it.
 */
export const Num = Decimal.clone({
  precision: 120,
  rounding: Decimal.ROUND_HALF_EVEN,
  toExpNeg: -9e15,
  toExpPos: 9e15,
});
const decimalsCertain = 60;

export const nought = new Num(0);
export const one = new Num(1);
/** A limit that nothing reaches. */
export const boundless = new Num(Number.POSITIVE_INFINITY);

export function difference(left: Decimal, right: Decimal): Decimal {
  return new Num(left).minus(right).toDecimalPlaces(decimalsCertain, Decimal.ROUND_HALF_EVEN);
}

export function isBelow(left: Decimal, right: Decimal): boolean {
  return difference(left, right).lessThan(0);
}

export function isNought(value: Decimal): boolean {
  return difference(value, nought).isZero();
}

export function highest(left: Decimal, right: Decimal): Decimal {
  return isBelow(left, right) ? right : left;
}

export function lowest(left: Decimal, right: Decimal): Decimal {
  return isBelow(right, left) ? right : left;
}

export function sumOf(values: Iterable<Decimal>): Decimal {
  let sum = nought;
  for (const value of values) sum = sum.plus(value);
  return sum;
}

/** decimal.js rounds by magnitude, as rule 9 has it: half-up goes away from zero. */
function modeOf(mode: RoundingMode): Decimal.Rounding {
  switch (mode) {
    case 'half-even':
      return Decimal.ROUND_HALF_EVEN;
    case 'half-up':
      return Decimal.ROUND_HALF_UP;
    case 'down':
      return Decimal.ROUND_DOWN;
    case 'up':
      return Decimal.ROUND_UP;
    default:
      return assertNever(mode);
  }
}

export type PointText = { readonly step: string; readonly mode: RoundingMode };

/** To a multiple of the step; as it is without a rounding point. */
export function rounded(value: Decimal, point: PointText | undefined): Decimal {
  if (point === undefined) return value;
  const steps = new Num(value).div(point.step).toDecimalPlaces(decimalsCertain);
  return steps.toDecimalPlaces(0, modeOf(point.mode)).mul(point.step);
}
