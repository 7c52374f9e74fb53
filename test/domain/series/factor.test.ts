import { describe, expect, test } from 'vitest';
import { factorText, parseFactor } from '../../../src/domain/series/factor.ts';

/** Worked numbers: docs of the domain, 4.1 rules 3 and 16. */
describe('a factor is read off the plate without rounding', () => {
  test.each([
    ['40', 40n, 1n],
    ['200/5', 40n, 1n],
    ['200/5 * 11000/110', 4_000n, 1n],
    ['10.55*0.9764', 10_301_020n, 1_000_000n],
    ['1/3', 1n, 3n],
  ])('%s', (text, numerator, denominator) => {
    const parsed = parseFactor(text);
    expect(parsed.ok).toBe(true);
    if (!parsed.ok) return;
    // As a ratio: lowest terms are the function's own affair.
    expect(parsed.value.numerator * denominator).toBe(numerator * parsed.value.denominator);
  });

  test.each(['', '0', '-40', '4e1', '40/', '/5', '40//5', '1,000', '40x', '200/0', '(200)/5'])(
    '"%s" is refused as no factor',
    (text) => {
      expect(parseFactor(text)).toMatchObject({ ok: false, code: 'FACTOR_MALFORMED' });
    },
  );

  test.each(['1000001', '1/1000001', '0.123457*0.987653*0.765433'])(
    '"%s" is refused as no plate has it',
    (text) => {
      expect(parseFactor(text)).toMatchObject({ ok: false, code: 'FACTOR_OUT_OF_RANGE' });
    },
  );

  test('a factor is told as it can be read again', () => {
    const gas = parseFactor('10.55*0.9764');
    if (!gas.ok) throw new Error(gas.message);
    expect(factorText(gas.value)).toBe('515051/50000');
    expect(parseFactor(factorText(gas.value))).toEqual(gas);
  });
});
