import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import type { GapShape } from '../../../src/domain/series/gapShape.ts';
import { dayMs } from '../../../src/domain/time/civil.ts';
import { energiesOf } from '../../../src/domain/vee/estimate.ts';
import { estimationRules } from '../../../src/domain/vee/ruleName.ts';
import { defaultVeeSet } from '../../../src/domain/vee/set.ts';
import { shapeGap } from '../../../src/domain/vee/shapeGap.ts';
import type { GapInput } from '../../../src/domain/vee/shapeGap.ts';
import { slowEnergies, slowMean } from './slowRules.ts';
import { energy, slotsFrom, tuesdayMs, tuesdaySlot, value } from './windows.ts';

const set = defaultVeeSet('community');
type Shaping = typeof shapeGap;
/** Throws with the smallest gap that the shaping gets wrong. */
type Guarantee = (shaping: Shaping, numRuns: number) => void;

/** Any gap of a day at most, at odd instants, with outages, intervals and history of any kind. */
const gap = fc
  .record({
    fromMs: fc.integer({ min: 0, max: 4 * slotMs }),
    lengthMs: fc.oneof(fc.integer({ min: 1, max: dayMs }), fc.constant(8 * slotMs)),
    differenceWh: fc.bigInt({ min: 0n, max: 100_000n }),
    outages: fc.array(
      fc.tuple(fc.integer({ min: 0, max: dayMs }), fc.integer({ min: 1, max: dayMs / 4 })),
      { maxLength: 3 },
    ),
    intervals: fc.array(value, { maxLength: 110 }),
    days: fc.integer({ min: 0, max: 30 }),
    seed: fc.array(value, { minLength: 7, maxLength: 7 }),
    beforeWh: fc.option(energy),
    afterWh: fc.option(energy),
  })
  .map(({ fromMs, lengthMs, outages, intervals, days, seed, ...rest }): GapInput => ({
    ...rest,
    fromMs: tuesdayMs + fromMs,
    toMs: tuesdayMs + fromMs + lengthMs,
    zone: 'UTC',
    outages: outages.map(([from, length]) => ({
      fromMs: tuesdayMs + from,
      toMs: tuesdayMs + from + length,
    })),
    intervals: intervals.length < 20 ? null : slotsFrom(tuesdaySlot, intervals),
    history: slotsFrom(
      tuesdaySlot - days * 96,
      Array.from({ length: days * 96 }, (_, at) => seed[at % 7] ?? null),
    ),
  }));

/** Every Wh of the register is laid exactly once, none of it negative. */
const laysAll: Guarantee = (shaping, numRuns) => {
  fc.assert(
    fc.property(gap, (input) => {
      const shape = shaping(set, input);
      const energies = [...energiesOf(shape, input.differenceWh)];
      const laid = energies.reduce((all, wh) => all + wh, 0);
      expect(laid).toBe(Number(input.differenceWh));
      expect(energies.every((wh) => wh >= 0)).toBe(true);
      expect(shape.weights.every((weight) => Number.isSafeInteger(weight))).toBe(true);
      expect(shape.weights.reduce((all, weight) => all + weight, 0)).toBeLessThan(2 ** 53);
    }),
    { numRuns, seed: 8 },
  );
};

/** ACTUAL stands exactly where outages cover all of a slot in the gap, and nothing flows there. */
const keepsOutages: Guarantee = (shaping, numRuns) => {
  fc.assert(
    fc.property(gap, (input) => {
      const shape = shaping(set, input);
      const energies = energiesOf(shape, input.differenceWh);
      const firstMs = Math.floor(input.fromMs / slotMs) * slotMs;
      const isOut = (ms: number) =>
        input.outages.some(({ fromMs, toMs }) => ms >= fromMs && ms < toMs);
      // Outages begin and end at their own instants: only those can change the answer.
      const instants = [
        input.fromMs,
        ...input.outages.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
      ];
      const isDark = (at: number) => {
        const fromMs = Math.max(input.fromMs, firstMs + at * slotMs);
        const toMs = Math.min(input.toMs, firstMs + (at + 1) * slotMs);
        return [fromMs, ...instants.filter((ms) => ms > fromMs && ms < toMs)].every(isOut);
      };
      const dark = [...shape.quality].map((_, at) => isDark(at));
      // A register that moved in the dark makes its log doubtful.
      const believed = dark.includes(false) || input.differenceWh === 0n;
      dark.forEach((isZero, at) => {
        expect(shape.quality[at] === 0).toBe(isZero && believed);
        if (isZero && believed) expect(energies[at]).toBe(0);
      });
    }),
    { numRuns, seed: 35 },
  );
};

const day = fc.array(value, { minLength: 96, maxLength: 96 });
const proxyCase = fc.record({
  days: fc.array(day, { minLength: 1, maxLength: 4 }),
  weeks: fc.integer({ min: 1, max: 5 }),
  from: fc.integer({ min: 0, max: 60 }),
  count: fc.integer({ min: 3, max: 30 }),
  differenceWh: fc.integer({ min: 1, max: 50_000 }),
});

/** Proxy days and averages agree with their slow twins, to the Wh, and both are drawn. */
const agreesWithTwin: Guarantee = (shaping, numRuns) => {
  const drawn = { proxyDay: 0, averaging: 0 };
  fc.assert(
    fc.property(proxyCase, ({ days, weeks, from, count, differenceWh }) => {
      const energies = Array.from({ length: weeks * 7 }, (_, at) => days[at % days.length] ?? []);
      const history = slotsFrom(tuesdaySlot - weeks * 7 * 96, energies.flat());
      const shape = shaping(set, {
        fromMs: tuesdayMs + from * slotMs,
        toMs: tuesdayMs + (from + count) * slotMs,
        differenceWh: BigInt(differenceWh),
        zone: 'UTC',
        outages: [],
        intervals: null,
        history,
        beforeWh: null,
        afterWh: null,
      });
      const isProxy = shape.rule === estimationRules.proxyDay.number;
      if (!isProxy && shape.rule !== estimationRules.averaging.number) return;
      drawn[isProxy ? 'proxyDay' : 'averaging'] += 1;
      const daysBack = isProxy ? [7, 14, 21, 28, 35, 42, 49, 56] : [0, 1, 2, 3, 4, 5, 6, 7];
      const shares = Array.from({ length: count }, (_, at) =>
        slowMean(history, tuesdaySlot + from + at, { daysBack, atMost: isProxy ? 4 : 7 }),
      ).map((share) => share ?? new Decimal(0));
      const laid = [...energiesOf(shape, BigInt(differenceWh))];
      expect(laid).toEqual(slowEnergies(differenceWh, shares));
    }),
    { numRuns, seed: 27 },
  );
  expect(Math.min(drawn.proxyDay, drawn.averaging)).toBeGreaterThan(5);
};

/** The shaping with what it looks at, or what it gives, spoiled. */
const spoilt =
  (
    given: (input: GapInput) => GapInput,
    shaped: (shape: GapShape) => GapShape = (shape) => shape,
  ): Shaping =>
  (of, input) =>
    shaped({ ...shapeGap(of, given(input)), fromMs: input.fromMs });

const planted: readonly (readonly [string, Guarantee, Shaping])[] = [
  [
    'a weight that is no whole number',
    laysAll,
    spoilt(
      (input) => input,
      (shape) => ({ ...shape, weights: shape.weights.map((weight) => weight / 3) }),
    ),
  ],
  ['outages are forgotten', keepsOutages, spoilt((input) => ({ ...input, outages: [] }))],
  [
    'an outage darkens the slots at its edges',
    keepsOutages,
    spoilt((input) => ({
      ...input,
      outages: input.outages.map(({ fromMs, toMs }) => ({
        fromMs: fromMs - slotMs,
        toMs: toMs + slotMs,
      })),
    })),
  ],
  [
    'a day is taken for another',
    agreesWithTwin,
    spoilt(({ history, ...input }) => ({
      ...input,
      history: history === null ? null : { ...history, firstSlot: history.firstSlot - 96 },
    })),
  ],
  [
    'estimated history is counted',
    agreesWithTwin,
    spoilt(({ history, ...input }) => ({
      ...input,
      history:
        history === null
          ? null
          : {
              ...history,
              wh: history.wh.map((wh) => (Number.isNaN(wh) ? 0 : wh)),
              quality: history.quality.map(() => 0),
            },
    })),
  ],
];

describe('shapes of gaps', () => {
  const guarantees: readonly (readonly [string, Guarantee])[] = [
    ['every Wh of the register is laid exactly once', laysAll],
    ['001.35 outages alone are zero and ACTUAL, never mixed with lost communication', keepsOutages],
    ['proxy days and averages agree with their slow twins', agreesWithTwin],
  ];
  it.each(guarantees)('%s', (_, guarantee) => {
    expect(() => {
      guarantee(shapeGap, 200);
    }).not.toThrow();
  });

  it.each(planted)('a planted fault is found: %s', (_, guarantee, fault) => {
    expect(() => {
      guarantee(fault, 1_000);
    }).toThrow('Property failed');
  });
});
