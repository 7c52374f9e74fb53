import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate, debtShareOf } from '../../../src/domain/prepaid/allocate.ts';
import { dayOfWeekly } from '../../../src/domain/prepaid/weeklySpread.ts';

const unit = 1_000_000n;

const facts = {
  amountMicros: 40n * unit,
  balanceMicros: 40n * unit,
  debtMicros: 60n * unit,
  planSharePpm: 250_000,
  capLeftMicros: null,
  isSuspended: false,
  allocation: [
    { to: 'debt', sharePpm: null },
    { to: 'energy', sharePpm: null },
  ],
} as const;

describe('what of a top-up pays off a debt (002.23)', () => {
  test('domain rule 62: 25 % of 40.00 is 10.00', () => {
    expect(debtShareOf(facts)).toBe(10n * unit);
  });

  test.each([
    ['no more than is owed', { debtMicros: 3n * unit }, 3n * unit],
    ['no more than the cap leaves', { capLeftMicros: 4n * unit }, 4n * unit],
    ['nothing from below zero', { balanceMicros: -1n }, 0n],
    ['no more than brings the balance to zero', { balanceMicros: 2n * unit }, 2n * unit],
    ['nothing while emergency credit is open', { isSuspended: true }, 0n],
    ['nothing without a plan or a share', { planSharePpm: null }, 0n],
    [
      'nothing where energy comes first',
      {
        allocation: [
          { to: 'energy', sharePpm: null },
          { to: 'debt', sharePpm: null },
        ],
      },
      0n,
    ],
    [
      'no more than the policy allows',
      {
        allocation: [
          { to: 'debt', sharePpm: 100_000 },
          { to: 'energy', sharePpm: null },
        ],
      },
      4n * unit,
    ],
  ] as const)('%s', (_, change, expected) => {
    expect(debtShareOf({ ...facts, ...change })).toBe(expected);
  });

  test('domain rule 63: 20,000 is 15,000 appliance, 2,000 access and 3,000 energy', () => {
    const { given, restMicros } = allocate(20_000n * unit, [
      { to: 'appliance', dueMicros: 15_000n * unit, sharePpm: null },
      { to: 'access', dueMicros: 2_000n * unit, sharePpm: null },
      { to: 'energy', dueMicros: null, sharePpm: null },
    ]);
    expect(Object.fromEntries(given)).toEqual({
      appliance: 15_000n * unit,
      access: 2_000n * unit,
      energy: 3_000n * unit,
    });
    expect(restMicros).toBe(0n);
  });
});

describe('a weekly amount', () => {
  test('domain rule 62: 4.25 a week is 0.61 a day, and 4.25 in seven', () => {
    const days = [1, 2, 3, 4, 5, 6, 7].map((weekday) =>
      dayOfWeekly(4_250_000n, { weekday, minorDigits: 2 }),
    );
    expect(days.reduce((sum, day) => sum + day)).toBe(4_250_000n);
    expect(days.filter((day) => day === 610_000n)).toHaveLength(5);
    expect(days.filter((day) => day === 600_000n)).toHaveLength(2);
  });

  test('is the sum of its days, each less than a unit from its seventh', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 9n), fc.constantFrom(0, 2, 3), (cents, minorDigits) => {
        const step = 10n ** BigInt(6 - minorDigits);
        const weekly = cents * step;
        const days = [1, 2, 3, 4, 5, 6, 7].map((weekday) =>
          dayOfWeekly(weekly, { weekday, minorDigits }),
        );
        expect(days.reduce((sum, day) => sum + day)).toBe(weekly);
        for (const day of days) {
          const off = 7n * day - weekly;
          expect(off < 7n * step && off > -7n * step).toBe(true);
          expect(day % step).toBe(0n);
        }
      }),
    );
  });
});
