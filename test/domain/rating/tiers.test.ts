import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, compare, fraction, sumFractions, zero } from '../../../src/domain/exact.ts';
import type { Fraction } from '../../../src/domain/exact.ts';
import { allocate, reachedTiers } from '../../../src/domain/rating/tiers.ts';
import type { TierUse } from '../../../src/domain/rating/tiers.ts';

const kwh = (value: number): Fraction => fraction(BigInt(Math.round(value * 1_000)), 1_000n);
const numberOf = ({ numerator, denominator }: Fraction): number =>
  Number(numerator) / Number(denominator);

/** Two periods: limits 100 and 300 in the first, 50 in the second. */
const limits = [
  [kwh(100), kwh(300), null],
  [kwh(50), null],
];
function useOf(
  allocation: TierUse['allocation'],
  rest: Partial<Omit<TierUse, 'allocation'>> = {},
): TierUse {
  return {
    allocation,
    limits,
    periods: [0, 1],
    starts: [zero, zero],
    quantities: [kwh(240), kwh(60)],
    runs: [
      { period: 0, kwh: kwh(80) },
      { period: 1, kwh: kwh(60) },
      { period: 0, kwh: kwh(160) },
    ],
    ...rest,
  };
}
function partsOf(use: TierUse): readonly (readonly number[])[] {
  return allocate(use).quantities.map((tiers) => tiers.map(numberOf));
}

describe('use in blocks', () => {
  // Worked by hand from the limits and runs above; the position runs from 0 to 300.
  test.each([
    // 0-80 first; 80-140 of the second, beyond its 50; 140-300 beyond 100 and up to 300.
    ['chronological', [80, 160, 0], [0, 60]],
    ['perPeriod', [100, 140, 0], [50, 10]],
    // Of 0-300 a third is below 100 and two thirds up to 300; a sixth is below 50.
    ['proportional', [80, 160, 0], [10, 50]],
    // 300 ends in the second tier of the first period, and in the second of the second.
    ['volume', [0, 240, 0], [0, 60]],
  ] as const)('go to their tiers: %s', (allocation, first, second) => {
    expect(partsOf(useOf(allocation))).toEqual([first, second]);
  });

  test('go on from where the bill before ended', () => {
    // 30 of 50 were used: of the next 30, 20 are below the limit and 10 beyond.
    const use = {
      limits: [[kwh(50), null]],
      periods: [0],
      starts: [kwh(30)],
      quantities: [kwh(30)],
      runs: [{ period: 0, kwh: kwh(30) }],
    };
    for (const allocation of ['chronological', 'perPeriod', 'proportional'] as const) {
      expect(partsOf(useOf(allocation, use))).toEqual([[20, 10]]);
      expect(allocate(useOf(allocation, use)).ends.map(numberOf)).toEqual([60]);
    }
    expect(partsOf(useOf('volume', use))).toEqual([[0, 30]]);
  });

  test('a limit belongs to the tier below it', () => {
    const use = {
      limits: [[kwh(50), null]],
      periods: [0],
      starts: [zero],
      quantities: [kwh(50)],
      runs: [{ period: 0, kwh: kwh(50) }],
    };
    for (const allocation of ['chronological', 'perPeriod', 'proportional', 'volume'] as const) {
      expect(partsOf(useOf(allocation, use))).toEqual([[50, 0]]);
    }
  });

  test('is never more or less than the use, whatever the limits', () => {
    const ratio = fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 9n }), fc.bigInt({ min: 1n, max: 31n }))
      .map(([numerator, denominator]) => fraction(numerator, denominator));
    const rising = fc
      .array(ratio, { maxLength: 4 })
      .map((values) => [...values.toSorted(compare), null]);
    const drawn = fc.record({
      limits: fc.tuple(rising, rising),
      start: ratio,
      runs: fc.array(fc.record({ period: fc.constantFrom(0, 1), kwh: ratio }), { maxLength: 12 }),
      allocation: fc.constantFrom('chronological', 'perPeriod', 'proportional', 'volume'),
    });
    fc.assert(
      fc.property(drawn, ({ limits: own, start, runs, allocation }) => {
        const quantities = [0, 1].map((period) =>
          sumFractions(runs.filter((run) => run.period === period).map((run) => run.kwh)),
        );
        const use = { limits: own, starts: [start, start], runs, quantities };
        const result = allocate(useOf(allocation, use));
        for (const period of [0, 1]) {
          expect(compare(sumFractions(result.quantities[period]), quantities[period])).toBe(0);
          expect(result.quantities[period].every((part) => compare(part, zero) >= 0)).toBe(true);
        }
        const whole = add(start, sumFractions(quantities));
        const isOne = allocation !== 'perPeriod';
        expect(!isOne || compare(result.ends[0], whole) === 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('reached tiers', () => {
  const own = [kwh(100), kwh(100), kwh(300), null];

  test('are those whose limit before lies below the position; the first always', () => {
    expect(reachedTiers(zero, own, 'chronological')).toEqual([0]);
    expect(reachedTiers(kwh(100), own, 'chronological')).toEqual([0]);
    // A tier of no width is passed through.
    expect(reachedTiers(kwh(100.001), own, 'chronological')).toEqual([0, 1, 2]);
    expect(reachedTiers(kwh(301), own, 'perPeriod')).toEqual([0, 1, 2, 3]);
  });

  test('by volume is the one tier in which the use ends', () => {
    expect(reachedTiers(zero, own, 'volume')).toEqual([0]);
    expect(reachedTiers(kwh(100), own, 'volume')).toEqual([0]);
    expect(reachedTiers(kwh(101), own, 'volume')).toEqual([2]);
  });
});
