import { divideRounded, formatDecimal, fraction } from './exact.ts';
import type { Fraction } from './exact.ts';

/** Decimals of a fraction that has no end. */
const endlessDecimals = 18;

/** How many decimals the value has; null when they have no end. */
function decimalsOf(denominator: bigint): number | null {
  let rest = denominator;
  let twos = 0;
  let fives = 0;
  for (; rest % 2n === 0n; rest /= 2n) twos += 1;
  for (; rest % 5n === 0n; rest /= 5n) fives += 1;
  return rest === 1n ? Math.max(twos, fives) : null;
}

/**
 * Plain decimal digits without an exponent and without zeros at the end: exact where the decimals
 * have an end, otherwise rounded half-even to 18 of them.
 */
export function exactText(value: Fraction): string {
  const { numerator, denominator } = fraction(value.numerator, value.denominator);
  const decimals = decimalsOf(denominator) ?? endlessDecimals;
  const scaled = divideRounded(numerator * 10n ** BigInt(decimals), denominator, 'half-even');
  return formatDecimal(scaled, { decimals, decimalsMin: 0 });
}
