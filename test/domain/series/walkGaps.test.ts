import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDay, encodeDay } from '../../../src/domain/series/dayCodec.ts';
import { gapSlots } from '../../../src/domain/series/gapShape.ts';
import type { GapShape } from '../../../src/domain/series/gapShape.ts';
import { walkDays } from '../../../src/domain/series/walk.ts';
import type { WalkOptions, WalkResult } from '../../../src/domain/series/walk.ts';
import { atSlots, dayMs, daysOf, house, sampleDayMs, slotMs, sum } from './readings.ts';
import type { TestReading } from './readings.ts';

const actual = 0;
const calculated = 1;
const estimated = 2;

/** Number 20 of domain/vee/ruleName is Interval Interpolation Estimation. */
function shaped(
  [fromSlot, toSlot]: readonly [number, number],
  weights: readonly number[],
  quality: readonly number[] = weights.map(() => estimated),
): GapShape {
  return {
    fromMs: sampleDayMs + fromSlot * slotMs,
    toMs: sampleDayMs + toSlot * slotMs,
    weights: Float64Array.from(weights),
    quality: Uint8Array.from(quality),
    rule: 20,
  };
}

/** Each shape goes into the day of its end and through its bytes. */
function walkShaped(
  readings: readonly TestReading[],
  shapes: readonly GapShape[],
  options: WalkOptions = house,
): WalkResult {
  const days = daysOf(readings);
  for (const shape of shapes) {
    const day = days.find((each) => each.day === Math.floor(shape.toMs / dayMs));
    if (day !== undefined) day.shapes = [...day.shapes, shape];
  }
  return walkDays(
    days.map((day) => decodeDay(encodeDay(day))),
    null,
    options,
  );
}

const fourLost = atSlots([
  [0, 10_000],
  [1, 10_700],
  [5, 14_700],
  [6, 15_000],
]);

describe('the shape of a gap', () => {
  it('rule 8: weights 1:1:2:4 lay 4.0 kWh out as 0.5, 0.5, 1.0 and 2.0', () => {
    const { slotWh, slotQuality, gaps } = walkShaped(fourLost, [shaped([1, 5], [1, 1, 2, 4])]);
    expect([...slotWh]).toEqual([700, 500, 500, 1_000, 2_000, 300]);
    const e = estimated;
    expect([...slotQuality]).toEqual([actual, e, e, e, e, actual]);
    expect(gaps).toEqual([]);
  });

  it('rule 8: an outage is zeros, ACTUAL, and what flowed lies around it', () => {
    const e = estimated;
    const outage = shaped([1, 5], [1, 0, 0, 1], [e, actual, actual, e]);
    const { slotWh, slotQuality } = walkShaped(fourLost, [outage]);
    expect([...slotWh]).toEqual([700, 2_000, 0, 0, 2_000, 300]);
    expect([...slotQuality]).toEqual([actual, e, actual, actual, e, actual]);
    // Nothing flowed at all.
    const dark = walkShaped(
      atSlots([
        [0, 500],
        [3, 500],
      ]),
      [shaped([0, 3], [0, 0, 0], [actual, actual, actual])],
    );
    expect([...dark.slotWh, ...dark.slotQuality]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('rule 9: without a shape 18 kWh over two hours are 9 and 9, and the gap is told', () => {
    const { slotWh, gaps } = walkShaped(
      atSlots([
        [64, 100_000],
        [68, 104_000],
        [76, 122_000],
      ]),
      [],
    );
    const hour = (at: number): number => sum(slotWh.subarray(at * 4 - 64, at * 4 - 60));
    expect([hour(16), hour(17), hour(18)]).toEqual([4_000, 9_000, 9_000]);
    // The hour from 16:00 was read at its ends alone, too.
    expect(gaps).toEqual([
      {
        fromMs: sampleDayMs + 64 * slotMs,
        toMs: sampleDayMs + 68 * slotMs,
        differenceWh: 4_000n,
      },
      {
        fromMs: sampleDayMs + 68 * slotMs,
        toMs: sampleDayMs + 76 * slotMs,
        differenceWh: 18_000n,
      },
    ]);
  });

  it('rule 10: between 0.40 and 0.70 two lost slots are 0.50 and 0.60, by their weights', () => {
    // The register lost 1.10 kWh over 2 slots and a minute.
    const readings = [
      ...atSlots([
        [0, 0],
        [1, 400],
      ]),
      { atMs: sampleDayMs + 3 * slotMs + 1, wh: 1_500 },
      ...atSlots([[4, 2_200]]),
    ];
    const shape = { ...shaped([1, 3], [50, 60, 0]), toMs: sampleDayMs + 3 * slotMs + 1 };
    expect([...walkShaped(readings, [shape]).slotWh]).toEqual([400, 500, 600, 700]);
  });

  it('counts its first and last weight for the parts of their slots inside the gap', () => {
    // From 00:05 to 01:05: parts of slots 0 and 4, slots 1 to 3 whole.
    const readings = [
      ...atSlots([[0, 0]]),
      { atMs: sampleDayMs + 300_000, wh: 100 },
      { atMs: sampleDayMs + 3_900_000, wh: 1_100 },
      ...atSlots([[5, 1_400]]),
    ];
    const shape = {
      ...shaped([0, 0], [1, 2, 3, 4, 0], [2, 2, 1, 2, 1]),
      fromMs: sampleDayMs + 300_000,
      toMs: sampleDayMs + 3_900_000,
    };
    const { slotWh, slotQuality } = walkShaped(readings, [shape]);
    expect([...slotWh]).toEqual([200, 200, 300, 400, 300]);
    expect([...slotQuality]).toEqual([2, 2, calculated, 2, calculated]);
  });

  it('holds between exactly its two readings: another between them leaves it out', () => {
    const shape = shaped([1, 5], [1, 1, 2, 4]);
    const [, late] = atSlots([
      [1, 10_700],
      [2, 11_000],
    ]);
    const { slotWh, gaps } = walkShaped([...fourLost, late], [shape]);
    expect([...slotWh]).toEqual([700, 300, 1_233, 1_233, 1_234, 300]);
    expect(gaps).toMatchObject([{ fromMs: sampleDayMs + 2 * slotMs, differenceWh: 3_700n }]);
  });

  it("ends at a mark's value, too, and is in the billed unit", () => {
    const atMs = sampleDayMs + 5 * slotMs;
    const factor = { numerator: 40n, denominator: 1n };
    const begin = { atMs: sampleDayMs, kind: 'installed', startValue: 100n } as const;
    const removed = { atMs, kind: 'removed', finalValue: 110n, startValue: null } as const;
    const marks = [
      { ...begin, finalValue: null, ...factor },
      { ...removed, ...factor },
    ];
    const readings = atSlots([[1, 100]]);
    const options = { ...house, marks };
    expect(walkShaped(readings, [], options).gaps).toMatchObject([{ differenceWh: 400n }]);
    const { slotWh } = walkShaped(readings, [shaped([1, 5], [1, 0, 0, 3])], options);
    expect([...slotWh]).toEqual([0, 100, 0, 0, 300]);
  });

  it('sums to the register exactly, whatever the weights, and where they leave the doubles', () => {
    const gap = fc.record({
      fromMs: fc.integer({ min: 0, max: dayMs }),
      lengthMs: fc.integer({ min: 2 * slotMs + 1, max: 2 * dayMs }),
      differenceWh: fc.oneof(fc.nat(50_000), fc.constantFrom(0, 1, 7_000_000_000_001)),
      weight: fc.infiniteStream(fc.oneof(fc.constant(0), fc.nat(9), fc.constant(2 ** 42))),
    });
    fc.assert(
      fc.property(gap, ({ fromMs, lengthMs, differenceWh, weight }) => {
        const ends = { fromMs: sampleDayMs + fromMs, toMs: sampleDayMs + fromMs + lengthMs };
        const weights = Float64Array.from({ length: gapSlots(ends) }, () =>
          Number(weight.next().value),
        );
        const quality = new Uint8Array(weights.length).fill(estimated);
        const readings = [
          { atMs: ends.fromMs, wh: 5_000 },
          { atMs: ends.toMs, wh: 5_000 + differenceWh },
        ];
        const options = { ...house, powerMaxW: 2e13 };
        const shape = { ...ends, weights, quality, rule: 20 };
        const { slotWh, tailWh } = walkShaped(readings, [shape], options);
        expect(sum(slotWh) + tailWh).toBe(differenceWh);
        expect(slotWh.every((energyWh) => energyWh >= 0)).toBe(true);
        const total = weights.reduce((all, each) => all + BigInt(each), 0n);
        if (total === 0n) return;
        // Each boundary on its own, in BigInt.
        let before = 0n;
        let registerWh = 0n;
        for (const [at, energyWh] of slotWh.entries()) {
          before += BigInt(weights[at] ?? 0);
          const isEnd = at === slotWh.length - 1 && ends.toMs % slotMs === 0;
          const boundaryWh = isEnd ? BigInt(differenceWh) : (BigInt(differenceWh) * before) / total;
          expect(BigInt(energyWh)).toBe(boundaryWh - registerWh);
          registerWh = boundaryWh;
        }
      }),
      { numRuns: 200 },
    );
  });
});
