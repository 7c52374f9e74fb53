import { describe, expect, it } from 'vitest';
import { emptyDay } from '../../../src/domain/series/day.ts';
import type { RegisterMark } from '../../../src/domain/series/mark.ts';
import { walkDays } from '../../../src/domain/series/walk.ts';
import type { WalkOptions } from '../../../src/domain/series/walk.ts';
import { atSlots, daysOf, house, sampleDay, sampleDayMs, slotMs, walk } from './readings.ts';

/** A reset that was read, at slots from the start of the sample day. */
function reset(slots: number, value: bigint): RegisterMark {
  return {
    atMs: sampleDayMs + slots * slotMs,
    kind: 'reset',
    finalValue: value,
    startValue: value,
    numerator: 1n,
    denominator: 1n,
  };
}

function removed(slots: number, finalValue: bigint | null): RegisterMark {
  return { ...reset(slots, 0n), kind: 'removed', finalValue, startValue: null };
}

function marked(...marks: readonly RegisterMark[]): WalkOptions {
  return { ...house, marks };
}

const atMs = (slots: number): number => sampleDayMs + slots * slotMs;

/** Two readings in slot 4: the second may be replaced by a later one. */
const pair = atSlots([
  [3, 1_000],
  [4.2, 1_100],
  [4.6, 1_140],
]);

describe('what of a walk is settled', () => {
  it('is all before the last reading of the newest slot', () => {
    expect(walk(pair).carrySettled?.lastAtMs).toBe(atMs(4.2));
    expect(walk(pair).carryOut?.lastAtMs).toBe(atMs(4.6));
  });

  it('is all before a mark behind the newest reading, of its day or of a later one', () => {
    for (const slots of [4.8, 5, 96 + 7]) {
      const days = [...daysOf(pair), emptyDay(sampleDay + 1)];
      const { carrySettled, carryOut } = walkDays(days, null, marked(reset(slots, 1_200n)));
      expect(carryOut?.lastAtMs).toBe(atMs(slots));
      expect(carrySettled).toEqual(carryOut);
    }
    // At the instant of the reading it is replaced with it, and between the two it is before it.
    for (const slots of [4.4, 4.6]) {
      const result = walk(pair, marked(reset(slots, 1_140n)));
      expect(result.carrySettled?.lastAtMs).toBe(atMs(4.2));
    }
  });

  it('is not moved by a day without anything, nor by the mark of a register that is gone', () => {
    const gone = marked(removed(4.4, 1_120n), removed(100, null));
    for (const options of [house, gone]) {
      const first = walkDays(daysOf(pair), null, options);
      const later = walkDays([emptyDay(sampleDay + 1)], first.carryOut, options);
      expect([later.isMoved, later.carryOut]).toEqual([false, first.carryOut]);
      const whole = walkDays([...daysOf(pair), emptyDay(sampleDay + 1)], null, options);
      expect(whole.carrySettled).toEqual(first.carrySettled);
      expect(first.carrySettled?.lastAtMs).toBe(atMs(4.2));
    }
  });

  it('is the first reading that counts, where the one before it in its slot does not', () => {
    const [before, first, last] = pair;
    const turns = { ...house, registerModulusWh: 10_000 };
    const cases = [
      walk([{ ...first, quality: 4, revision: 1 }, last]),
      walk([{ ...first, wh: 10_640 }, last], turns),
    ];
    for (const { carryOut, carrySettled } of cases) {
      expect(carryOut).toMatchObject({ lastAtMs: last?.atMs, lastWh: 1_140n });
      expect(carrySettled).toEqual(carryOut);
    }
    // With one before, the walk goes on from that one.
    const { carrySettled } = walk([before, { ...first, quality: 4, revision: 1 }, last]);
    expect(carrySettled?.lastAtMs).toBe(before?.atMs);
  });
});

describe('what is not known is no zero', () => {
  it('a slot that was not read to its end is missing, unless something was seen to flow', () => {
    const readings = (wh: number) => [
      ...atSlots([[0, 1_000]]),
      ...atSlots([[1, 1_100]]),
      ...atSlots([[1.5, wh]]),
    ];
    const slots = (wh: number, mark: RegisterMark) => {
      const { slotWh, slotQuality } = walk(readings(wh), marked(mark));
      return [[...slotWh], [...slotQuality]];
    };
    // Nothing from 1 to 1.5, and nobody saw what flowed up to 1.8.
    expect(slots(1_100, removed(1.8, null))).toEqual([
      [100, Number.NaN],
      [0, 3],
    ]);
    expect(slots(1_150, removed(1.8, null))).toEqual([
      [100, 50],
      [0, 2],
    ]);
    // Seen at the end: nothing is 0 then, and the register was there no longer.
    expect(slots(1_100, removed(1.8, 1_100n))).toEqual([
      [100, 0],
      [0, 0],
    ]);
    expect(slots(1_100, removed(1.5, null))).toEqual([
      [100, 0],
      [0, 0],
    ]);
  });

  it('a slot that begins with the newest reading, or behind a removal, is not known', () => {
    const known = (...values: readonly (readonly [number, number])[]) =>
      walk(atSlots(values)).isTailKnown;
    expect(known([0, 1_000])).toBe(false);
    expect(known([0, 1_000], [1, 1_100])).toBe(false);
    expect(known([0, 1_000], [1, 1_100], [1.1, 1_100])).toBe(true);
    expect(known([0.1, 1_000])).toBe(true);
    expect(walk([]).isTailKnown).toBe(false);
    const gone = walk(atSlots([[0, 1_000]]), marked(removed(0.7, 1_050n)));
    expect([gone.tailSlot - gone.firstSlot, gone.isTailKnown]).toEqual([1, false]);
  });
});
