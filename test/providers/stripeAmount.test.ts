import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromMinor, toMinor } from '../../src/providers/stripeAmount.ts';

/** Examples of docs.stripe.com/currencies. */
const examples: readonly [string, bigint, number][] = [
  ['USD', 10_000_000n, 1_000],
  ['JPY', 500_000_000n, 500],
  ['ISK', 5_000_000n, 500],
  ['KWD', 5_120_000n, 5_120],
  ['MGA', 7_000_000n, 7],
];

describe('amounts at Stripe (domain rule 52)', () => {
  test.each(examples)('in %s of %d micros are %d', (currency, micros, minor) => {
    expect(toMinor(micros, currency)).toEqual({ ok: true, value: minor });
    expect(fromMinor(minor, currency)).toEqual({ ok: true, value: micros });
  });

  test.each<[string, bigint]>([
    ['USD', 5_000n],
    ['JPY', 500_500_000n],
    ['KWD', 5_124_000n],
    ['UGX', 5_000_000n],
    ['ABC', 5_000_000n],
  ])('in %s of %d micros are refused, never rounded', (currency, micros) => {
    expect(toMinor(micros, currency)).toMatchObject({ code: 'PAYMENT_AMOUNT_UNSUPPORTED' });
  });

  test('go there and back exactly', () => {
    const currencies = fc.constantFrom('EUR', 'JPY', 'ISK', 'USD', 'XOF');
    fc.assert(
      fc.property(currencies, fc.integer({ min: 1, max: 10 ** 9 }), (currency, minor) => {
        const micros = fromMinor(minor, currency);
        expect(micros.ok && toMinor(micros.value, currency)).toEqual({ ok: true, value: minor });
      }),
    );
  });
});
