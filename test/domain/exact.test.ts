import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  compare,
  divideRounded,
  formatDecimal,
  formatFraction,
  formatMicros,
  formatPriceE8,
  fraction,
  microsOf,
  multiply,
  parseDecimal,
  parseDecimalE8,
  parseMicros,
  roundTo,
  roundingModes,
  subtract,
  zero,
} from '../../src/domain/exact.ts';
import type { RoundingMode } from '../../src/domain/exact.ts';

const Wide = Decimal.clone({ precision: 400, toExpNeg: -400, toExpPos: 400 });
const decimalMode: Record<RoundingMode, Decimal.Rounding> = {
  'half-even': Decimal.ROUND_HALF_EVEN,
  'half-up': Decimal.ROUND_HALF_UP,
  down: Decimal.ROUND_DOWN,
  up: Decimal.ROUND_UP,
};
const bigs = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
const fractions = fc
  .tuple(bigs, bigs)
  .map(([numerator, denominator]) => fraction(numerator, denominator === 0n ? 7n : denominator));

describe('rounding', () => {
  // 2.345 at a cent: 2.34 half-even, 2.35 half-up.
  test('the mode decides a tie', () => {
    const value = fraction(2_345n, 1_000n);
    const cent = fraction(1n, 100n);
    const rounded = (mode: RoundingMode): string => formatFraction(roundTo(value, cent, mode), 3);
    expect(rounded('half-even')).toBe('2.340');
    expect(rounded('half-up')).toBe('2.350');
    expect(rounded('down')).toBe('2.340');
    expect(rounded('up')).toBe('2.350');
  });

  // UGX has no decimals: 1,234.5 becomes 1,235 half-up.
  test('a currency without decimals rounds to whole units', () => {
    expect(roundTo(fraction(12_345n, 10n), fraction(1n), 'half-up')).toEqual(fraction(1_235n));
  });

  test('a step of five hundredths gives multiples of it', () => {
    const step = fraction(5n, 100n);
    expect(formatFraction(roundTo(fraction(1_024n, 1_000n), step, 'half-up'), 2)).toBe('1.00');
    expect(formatFraction(roundTo(fraction(1_025n, 1_000n), step, 'half-up'), 2)).toBe('1.05');
  });

  test('agrees with decimal.js in every mode and sign', () => {
    const divisors = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(bigs, divisors, fc.constantFrom(...roundingModes), (value, digits, mode) => {
        const expected = new Wide(value.toString())
          .div(new Wide(10).pow(digits))
          .toDecimalPlaces(0, decimalMode[mode]);
        expect(divideRounded(value, 10n ** BigInt(digits), mode).toString()).toBe(
          expected.toFixed(0).replace(/^-0$/, '0'),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test('a charge and its reversal round alike', () => {
    fc.assert(
      fc.property(bigs, fc.constantFrom(...roundingModes), (value, mode) => {
        expect(divideRounded(-value, 1_000n, mode)).toBe(-divideRounded(value, 1_000n, mode));
      }),
    );
  });
});

describe('fractions', () => {
  test('obey the laws of a field', () => {
    fc.assert(
      fc.property(fractions, fractions, fractions, (a, b, c) => {
        expect(compare(add(a, b), add(b, a))).toBe(0);
        expect(compare(add(add(a, b), c), add(a, add(b, c)))).toBe(0);
        expect(compare(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)))).toBe(0);
        expect(compare(subtract(a, a), zero)).toBe(0);
        expect(compare(a, b)).toBe(-compare(b, a) + 0);
      }),
    );
  });

  // Days of a correction spread over two months: 28/59 of 220 kWh is 104.407.
  test('a ratio stays exact until it is shown', () => {
    const share = multiply(fraction(220n), fraction(28n, 59n));
    expect(formatFraction(share, 3)).toBe('104.407');
    expect(compare(add(share, multiply(fraction(220n), fraction(31n, 59n))), fraction(220n))).toBe(
      0,
    );
  });

  test('a half micro goes to the even one', () => {
    expect(microsOf(fraction(5n, 10_000_000n))).toBe(0n);
    expect(microsOf(fraction(15n, 10_000_000n))).toBe(2n);
    expect(microsOf(fraction(-15n, 10_000_000n))).toBe(-2n);
  });
});

describe('decimal text', () => {
  test('is read exactly', () => {
    expect(parseDecimalE8('0.12345678')).toEqual({ ok: true, value: 12_345_678n });
    expect(parseDecimalE8('-0.05')).toEqual({ ok: true, value: -5_000_000n });
    expect(parseMicros('20')).toEqual({ ok: true, value: 20_000_000n });
    expect(parseMicros('-0')).toEqual({ ok: true, value: 0n });
  });

  test('with a second reading is refused', () => {
    const texts = ['', '.5', '5.', '+1', '1e3', '1,5', '1.234.5', '0x10', ' 1', '01', 'NaN', '--1'];
    for (const text of [...texts, '1'.repeat(39), '9'.repeat(100_000), '１', '1_000', '-']) {
      expect(parseDecimalE8(text), text.slice(0, 20)).toMatchObject({ code: 'DECIMAL_MALFORMED' });
    }
    expect(parseDecimalE8('0.123456789')).toMatchObject({ code: 'DECIMAL_MALFORMED' });
    expect(parseMicros('0.1234567')).toMatchObject({ code: 'DECIMAL_MALFORMED' });
  });

  test('written and read again is the same number', () => {
    const digits = fc.integer({ min: 0, max: 8 });
    fc.assert(
      fc.property(bigs, digits, digits, (value, one, other) => {
        const [decimalsMin, decimals] = [Math.min(one, other), Math.max(one, other)];
        const text = formatDecimal(value, { decimals, decimalsMin });
        expect(parseDecimal(text, decimals)).toEqual({ ok: true, value });
      }),
    );
  });

  test('shows at least the currency’s own digits', () => {
    expect(formatMicros(12_500_000n, 2)).toBe('12.50');
    expect(formatMicros(12_500_001n, 2)).toBe('12.500001');
    expect(formatMicros(-400n, 2)).toBe('-0.0004');
    expect(formatMicros(1_235_000_000n)).toBe('1235');
    expect(formatMicros(1_500_000n, 3)).toBe('1.500');
    expect(formatPriceE8(20_000_000n)).toBe('0.2');
  });
});
