import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, fraction, multiply, squareRootRounded } from '../../src/domain/exact.ts';

describe('a rounded square root', () => {
  // 800 kW at a power factor of 0.8 are 1,000 kVA; 2 has the root 1.41421356...
  test.each([
    [fraction(1_000_000n), 6, 'half-even', fraction(1_000n)],
    [fraction(2n), 6, 'half-even', fraction(1_414_214n, 1_000_000n)],
    [fraction(2n), 6, 'down', fraction(1_414_213n, 1_000_000n)],
    [fraction(2n), 6, 'up', fraction(1_414_214n, 1_000_000n)],
    [fraction(0n), 6, 'up', fraction(0n)],
    // Roots on the tie: 0.5 and 1.5 to whole numbers.
    [fraction(1n, 4n), 0, 'half-even', fraction(0n)],
    [fraction(9n, 4n), 0, 'half-even', fraction(2n)],
    [fraction(1n, 4n), 0, 'half-up', fraction(1n)],
    [fraction(1n, 4n), 0, 'down', fraction(0n)],
    [fraction(1n, 9n), 4, 'half-up', fraction(3_333n, 10_000n)],
  ] as const)('of %o to %i decimals, %s', (value, decimals, mode, expected) => {
    expect(compare(squareRootRounded(value, decimals, mode), expected)).toBe(0);
  });

  test('is within half a step of the root, for numbers of any size', () => {
    const values = fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 1n, max: 10n ** 20n }))
      .map(([numerator, denominator]) => fraction(numerator, denominator));
    fc.assert(
      fc.property(values, (value) => {
        const { numerator, denominator } = multiply(
          squareRootRounded(value, 6, 'half-even'),
          fraction(2_000_000n),
        );
        const twice = numerator / denominator; // twice the root in steps, a whole number
        const wanted = multiply(value, fraction(4_000_000_000_000n));
        const low = twice - 1n;
        expect(low < 0n || compare(fraction(low * low), wanted) <= 0).toBe(true);
        expect(compare(fraction((twice + 1n) * (twice + 1n)), wanted)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });
});
