import { assert, assertNever } from './assert.ts';
import { decimalDigitsMax } from './tariff/limits.ts';
import { accept, refuse } from './outcome.ts';
import type { Outcome } from './outcome.ts';

/** An exact ratio; the denominator is positive. Not always in lowest terms, because finding them
 * costs more than the arithmetic itself: test for equality with `compare`. */
export type Fraction = { readonly numerator: bigint; readonly denominator: bigint };

/**
 * Ties and directions by magnitude, so that a credit rounds as the charge that it reverses:
 * half-up takes ties away from zero, down truncates, up moves away from zero.
 */
export const roundingModes = ['half-even', 'half-up', 'down', 'up'] as const;
export type RoundingMode = (typeof roundingModes)[number];

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let larger = magnitude(left);
  let smaller = magnitude(right);
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

/** In lowest terms. */
export function fraction(numerator: bigint, denominator = 1n): Fraction {
  assert(denominator !== 0n, 'a fraction has a denominator other than zero');
  const sign = denominator < 0n ? -1n : 1n;
  const divisor = greatestCommonDivisor(numerator, denominator) * sign;
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** One at 10^-8, the scale of prices, percentages and whatever else a tariff says. */
export const oneE8 = 100_000_000n;

export const zero: Fraction = { numerator: 0n, denominator: 1n };

export function add(left: Fraction, right: Fraction): Fraction {
  if (left.denominator === right.denominator) {
    return { numerator: left.numerator + right.numerator, denominator: left.denominator };
  }
  // Powers of ten mostly: a remainder is cheaper than a common divisor.
  if (left.denominator % right.denominator === 0n) {
    const times = left.denominator / right.denominator;
    return { ...left, numerator: left.numerator + right.numerator * times };
  }
  if (right.denominator % left.denominator === 0n) {
    const times = right.denominator / left.denominator;
    return { ...right, numerator: left.numerator * times + right.numerator };
  }
  return fraction(
    left.numerator * right.denominator + right.numerator * left.denominator,
    left.denominator * right.denominator,
  );
}

export function negate(value: Fraction): Fraction {
  return { numerator: -value.numerator, denominator: value.denominator };
}

export function subtract(left: Fraction, right: Fraction): Fraction {
  return add(left, negate(right));
}

export function multiply(left: Fraction, right: Fraction): Fraction {
  return fraction(left.numerator * right.numerator, left.denominator * right.denominator);
}

/**
 * As `multiply`, without finding lowest terms: for a few factors in a row on the way to an amount.
 */
export function product(left: Fraction, right: Fraction): Fraction {
  return {
    numerator: left.numerator * right.numerator,
    denominator: left.denominator * right.denominator,
  };
}

/** In lowest terms: keeps the numbers of a long sum small. */
export function reduced(value: Fraction): Fraction {
  return fraction(value.numerator, value.denominator);
}

export function sumFractions(values: readonly Fraction[]): Fraction {
  return reduced(values.reduce(add, zero));
}

export function larger(left: Fraction, right: Fraction): Fraction {
  return compare(left, right) < 0 ? right : left;
}

export function smaller(left: Fraction, right: Fraction): Fraction {
  return compare(left, right) > 0 ? right : left;
}

/** Negative, zero or positive, as `left - right` is. */
export function compare(left: Fraction, right: Fraction): -1 | 0 | 1 {
  const difference = left.numerator * right.denominator - right.numerator * left.denominator;
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}

/** The one division of money: an integer quotient, rounded as stated. */
export function divideRounded(dividend: bigint, divisor: bigint, mode: RoundingMode): bigint {
  assert(divisor > 0n, 'a rounding divides by a positive number');
  const quotient = dividend / divisor; // toward zero
  const remainder = magnitude(dividend % divisor);
  if (remainder === 0n) return quotient;
  const away = dividend < 0n ? quotient - 1n : quotient + 1n;
  const twice = remainder * 2n;
  switch (mode) {
    case 'down':
      return quotient;
    case 'up':
      return away;
    case 'half-up':
      return twice >= divisor ? away : quotient;
    case 'half-even':
      if (twice === divisor) return quotient % 2n === 0n ? quotient : away;
      return twice > divisor ? away : quotient;
    default:
      return assertNever(mode);
  }
}

/** The largest integer whose square is not above the value; Newton's method from above. */
function squareRootBelow(value: bigint): bigint {
  assert(value >= 0n, 'a square root is of zero or more');
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The square root of zero or more at 10^-decimals, rounded once and from the exact value. */
export function squareRootRounded(value: Fraction, decimals: number, mode: RoundingMode): Fraction {
  const scale = 10n ** BigInt(decimals);
  const wanted = value.numerator * scale * scale; // over the denominator: the root's square
  const below = squareRootBelow(wanted / value.denominator);
  const isExact = below * below * value.denominator === wanted;
  if (isExact || mode === 'down') return fraction(below, scale);
  if (mode === 'up') return fraction(below + 1n, scale);
  // Half a step above `below`, squared, against the value.
  const twice = 2n * below + 1n;
  const half = twice * twice * value.denominator;
  const isTie = half === 4n * wanted;
  const isAbove = isTie ? mode === 'half-up' || below % 2n !== 0n : half < 4n * wanted;
  return fraction(isAbove ? below + 1n : below, scale);
}

/** The multiple of `step` that the mode chooses. */
export function roundTo(value: Fraction, step: Fraction, mode: RoundingMode): Fraction {
  assert(step.numerator > 0n, 'a rounding step is positive');
  const steps = divideRounded(
    value.numerator * step.denominator,
    value.denominator * step.numerator,
    mode,
  );
  return fraction(steps * step.numerator, step.denominator);
}

/** An amount of currency in the ledger's unit, 10^-6 of the currency. */
export function microsOf(value: Fraction, mode: RoundingMode = 'half-even'): bigint {
  return divideRounded(value.numerator * 1_000_000n, value.denominator, mode);
}

const decimalPattern = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;

/**
 * Decimal text as an integer at 10^-decimals. Plain digits only: an exponent, a thousands
 * separator, a plus sign or a bare point are refused, because each has a second reading somewhere.
 */
export function parseDecimal(text: string, decimals: number): Outcome<bigint, 'DECIMAL_MALFORMED'> {
  const match = text.length <= decimalDigitsMax + 2 ? decimalPattern.exec(text) : null;
  const [, sign, whole, part = ''] = match ?? [];
  if (whole === undefined || whole.length + part.length > decimalDigitsMax) {
    return refuse('DECIMAL_MALFORMED', 'Write a plain decimal number such as "0.1234" or "-12".');
  }
  if (part.length > decimals) {
    return refuse(
      'DECIMAL_MALFORMED',
      `The number has ${part.length} decimals; at most ${decimals} are kept exactly here.`,
    );
  }
  const scaled = BigInt(whole + part.padEnd(decimals, '0'));
  return accept(sign === '-' ? -scaled : scaled);
}

/** Prices are integers at 10^-8 of the currency a kWh. */
export function parseDecimalE8(text: string): Outcome<bigint, 'DECIMAL_MALFORMED'> {
  return parseDecimal(text, 8);
}

/** Amounts in the ledger are integers at 10^-6 of the currency. */
export function parseMicros(text: string): Outcome<bigint, 'DECIMAL_MALFORMED'> {
  return parseDecimal(text, 6);
}

/** The inverse of parseDecimal; zeros beyond `decimalsMin` are left out. */
export function formatDecimal(
  scaled: bigint,
  digits: { readonly decimals: number; readonly decimalsMin: number },
): string {
  const { decimals, decimalsMin } = digits;
  assert(decimalsMin >= 0 && decimalsMin <= decimals, 'at most all decimals are kept');
  const text = magnitude(scaled)
    .toString()
    .padStart(decimals + 1, '0');
  const whole = text.slice(0, text.length - decimals);
  let part = text.slice(text.length - decimals);
  while (part.length > decimalsMin && part.endsWith('0')) part = part.slice(0, -1);
  const sign = scaled < 0n ? '-' : '';
  return part === '' ? `${sign}${whole}` : `${sign}${whole}.${part}`;
}

export function formatPriceE8(priceE8: bigint): string {
  return formatDecimal(priceE8, { decimals: 8, decimalsMin: 0 });
}

/** Exact; shows at least the currency's own digits: 12.5 in euro is `12.50`. */
export function formatMicros(micros: bigint, minorDigits = 0): string {
  return formatDecimal(micros, { decimals: 6, decimalsMin: minorDigits });
}

/** For people: rounded half-even to so many decimals. */
export function formatFraction(value: Fraction, decimals: number): string {
  const scaled = divideRounded(
    value.numerator * 10n ** BigInt(decimals),
    value.denominator,
    'half-even',
  );
  return formatDecimal(scaled, { decimals, decimalsMin: decimals });
}
