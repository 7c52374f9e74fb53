import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { decodeCarry, encodeCarry } from '../../../src/domain/series/carryCodec.ts';
import { dayOf, emptyDay } from '../../../src/domain/series/day.ts';
import type { SeriesDay } from '../../../src/domain/series/day.ts';
import { encodeDay } from '../../../src/domain/series/dayCodec.ts';
import type { MarkKind, RegisterMark } from '../../../src/domain/series/mark.ts';
import { walkDays } from '../../../src/domain/series/walk.ts';
import type { WalkOptions, WalkResult } from '../../../src/domain/series/walk.ts';
import {
  dayMs,
  daysOf,
  house,
  offer,
  sampleDay,
  sampleDayMs,
  slotMs,
  sum,
  walk,
} from './readings.ts';
import type { TestReading } from './readings.ts';
import { slowSlots, slowStretches } from './slowMarkedWalk.ts';

/** Live-like registers: boundaries and odd instants, gaps, jumps back and forth, three days. */
const modulus = 50_000;
const stepKind = fc.record({
  forwardMs: fc.oneof(
    fc.constant(-1), // to the next boundary
    fc.constant(-1),
    fc.integer({ min: 1, max: 400_000 }),
    fc.integer({ min: 1, max: 5_000_000 }),
    fc.constantFrom(1, slotMs, 3 * slotMs, 20 * slotMs),
  ),
  addWh: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.constantFrom(-400, 60_000, 0)),
  quality: fc.constantFrom(0, 0, 0, 1, 2),
});
const register = fc.array(stepKind, { minLength: 1, maxLength: 120 }).map((steps) => {
  const readings: TestReading[] = [];
  let atMs = sampleDayMs;
  let wh = 49_000;
  steps.forEach(({ forwardMs, addWh, quality }, index) => {
    atMs = forwardMs === -1 ? (Math.floor(atMs / slotMs) + 1) * slotMs : atMs + forwardMs;
    wh = Math.max(0, wh + addWh);
    readings.push({ atMs, wh: wh % modulus, quality, sequence: index + 1 });
  });
  return readings;
});
const rolling: WalkOptions = { ...house, registerModulusWh: modulus };

/** Up to six marks of any kind anywhere in these days, read or not, with any factor. */
const someMark = fc.record({
  atMs: fc.oneof(
    fc.integer({ min: 0, max: 300 }).map((slot) => sampleDayMs + slot * slotMs),
    fc.integer({ min: 0, max: 3 * dayMs }).map((ms) => sampleDayMs + ms),
  ),
  kind: fc.constantFrom<MarkKind[]>('factor', 'factor', 'reset', 'installed', 'removed'),
  finalValue: fc.option(fc.bigInt({ min: 0n, max: 49_999n }), { freq: 2 }),
  startValue: fc.option(fc.bigInt({ min: 0n, max: 49_999n }), { freq: 2 }),
  numerator: fc.constantFrom(1n, 1n, 2n, 7n, 1_030_102n),
  denominator: fc.constantFrom(1n, 1n, 3n, 100_000n),
});
const someMarks = fc
  .uniqueArray(someMark, { maxLength: 6, selector: ({ atMs }) => atMs })
  .map((marks): RegisterMark[] => marks.toSorted((a, b) => a.atMs - b.atMs));

/** Marks at the very instants of readings, too. */
const markedRegister = fc
  .record({
    readings: register,
    marks: someMarks,
    onReading: fc.array(fc.record({ at: fc.nat(119), mark: someMark }), { maxLength: 3 }),
    quality: fc.array(fc.constantFrom(0, 0, 0, 4), { minLength: 120, maxLength: 120 }),
  })
  .map(({ readings, marks, onReading, quality }) => {
    const voided = readings.map((reading, at) => ({
      ...reading,
      quality: quality[at] === 4 ? 4 : (reading.quality ?? 0),
      revision: quality[at] === 4 ? 1 : 0,
    }));
    const byInstant = new Map<number, RegisterMark>(marks.map((each) => [each.atMs, each]));
    for (const { at, mark } of onReading) {
      const { atMs } = readings[at % readings.length];
      byInstant.set(atMs, { ...mark, atMs });
    }
    // Half of the values that marks give are near to what the register showed before.
    const all = [...byInstant.values()]
      .toSorted((a, b) => a.atMs - b.atMs)
      .map((mark): RegisterMark => {
        const before = readings.findLast((reading) => reading.atMs <= mark.atMs);
        const { finalValue } = mark;
        if (before === undefined || finalValue === null || finalValue % 2n === 0n) return mark;
        return { ...mark, finalValue: (BigInt(before.wh) + (finalValue % 300n)) % 50_000n };
      });
    return { readings: voided, options: { ...rolling, marks: all } };
  });

/** Slots that something flowed in, the open one included. */
function fastEnergies(readings: readonly TestReading[], options: WalkOptions): [number, number][] {
  const { firstSlot, slotWh, tailSlot, tailWh } = walkDays(
    markedDays(readings, options.marks),
    null,
    options,
  );
  const slots = [...slotWh].map((wh, at): [number, number] => [firstSlot + at, wh]);
  const tail: [number, number] = [tailSlot, tailWh];
  return [...slots, tail].filter(([, wh]) => wh > 0);
}

function slowEnergies(readings: readonly TestReading[], marks: readonly RegisterMark[]) {
  const limits = { modulus: BigInt(modulus), powerMaxW: BigInt(house.powerMaxW) };
  const stretches = slowStretches(readings, marks, limits);
  const slots = [...slowSlots(stretches)].filter(([, wh]) => wh > 0);
  return { slots: slots.toSorted(([a], [b]) => a - b), stretches: stretches.length };
}

/** With a day for each that has a mark, empty if need be. */
function markedDays(readings: readonly TestReading[], marks: readonly RegisterMark[]): SeriesDay[] {
  const days = daysOf(readings);
  const known = new Set(days.map(({ day }) => day));
  const more = new Set(marks.map(({ atMs }) => dayOf(atMs)).filter((day) => !known.has(day)));
  return [...days, ...[...more].map(emptyDay)].toSorted((a, b) => a.day - b.day);
}

/** An oracle without slots, carry or unwrapping tricks: BigInt, and every boundary on its own. */
function slowWalk(readings: readonly TestReading[]): { slotWh: number[]; tailWh: number } {
  const kept = daysOf(readings).flatMap((day) => {
    const seen = new Map<number, number>();
    day.offsetMs.forEach((offsetMs, place) => {
      if (offsetMs >= 0) seen.set(day.day * dayMs + offsetMs, day.wh[place] ?? 0);
    });
    return [...seen];
  });
  const accepted: { atMs: bigint; wh: bigint }[] = [];
  for (const [at, shown] of kept) {
    const atMs = BigInt(at);
    const last = accepted.at(-1);
    if (last === undefined) {
      accepted.push({ atMs, wh: BigInt(shown) });
      continue;
    }
    const round = last.wh / BigInt(modulus);
    const most = (41_400n * (atMs - last.atMs) + 3_599_999n) / 3_600_000n + 1n;
    const candidates = [round, round + 1n].map((turns) => BigInt(shown) + turns * BigInt(modulus));
    const wh = candidates.find((value) => value >= last.wh);
    if (wh !== undefined && wh - last.wh <= most) accepted.push({ atMs, wh });
  }
  const first = accepted[0];
  const end = accepted.at(-1);
  assert(first !== undefined && end !== undefined, 'a first reading is accepted');
  const registerAt = (boundary: bigint): bigint => {
    const after = accepted.findIndex(({ atMs }) => atMs >= boundary);
    const b = accepted[after];
    const a = accepted[after - 1];
    if (a === undefined || b === undefined) return first.wh;
    return a.wh + ((b.wh - a.wh) * (boundary - a.atMs)) / (b.atMs - a.atMs);
  };
  const slotWh: number[] = [];
  let slot = first.atMs / 900_000n;
  for (; (slot + 1n) * 900_000n <= end.atMs; slot += 1n) {
    slotWh.push(Number(registerAt((slot + 1n) * 900_000n) - registerAt(slot * 900_000n)));
  }
  return { slotWh, tailWh: Number(end.wh - registerAt(slot * 900_000n)) };
}

describe('guarantees over any register', () => {
  it('gives the slots and tail of an independent slow walk', () => {
    fc.assert(
      fc.property(register, (readings) => {
        const result = walk(readings, rolling);
        const slow = slowWalk(readings);
        expect([...result.slotWh]).toEqual(slow.slotWh);
        expect(result.tailWh).toBe(slow.tailWh);
      }),
      { numRuns: 300 },
    );
  });

  it('sums slots and tail to the register difference of the accepted readings', () => {
    fc.assert(
      fc.property(register, (readings) => {
        const result = walk(readings, rolling);
        const first = BigInt(readings[0]?.wh ?? 0);
        assert(result.carryOut !== null, 'the first reading is accepted');
        expect(BigInt(sum(result.slotWh) + result.tailWh)).toBe(result.carryOut.lastWh - first);
        expect(result.tailSlot).toBe(result.firstSlot + result.slotWh.length);
      }),
    );
  });

  it('gives in two parts, with the carry between, what it gives at once', () => {
    fc.assert(
      fc.property(register, fc.nat(4), (readings, cut) => {
        const days = daysOf(readings);
        const whole = walkDays(days, null, rolling);
        const one = walkDays(days.slice(0, cut), null, rolling);
        const two = walkDays(days.slice(cut), one.carryOut, rolling);
        expect([...one.slotWh, ...two.slotWh]).toEqual([...whole.slotWh]);
        expect([...one.slotQuality, ...two.slotQuality]).toEqual([...whole.slotQuality]);
        expect([...one.exceptions, ...two.exceptions]).toEqual(whole.exceptions);
        expect([two.tailSlot, two.tailWh]).toEqual([whole.tailSlot, whole.tailWh]);
        expect(two.carryOut).toEqual(whole.carryOut);
      }),
    );
  });

  it('gives the energies of an independent slow walk with marks, edits and voids', () => {
    let billedRuns = 0;
    fc.assert(
      fc.property(markedRegister, ({ readings, options }) => {
        const { slots, stretches } = slowEnergies(readings, options.marks);
        expect(fastEnergies(readings, options)).toEqual(slots);
        if (stretches > 1) billedRuns += 1;
      }),
      { numRuns: 2_000 },
    );
    // Enough of the random registers have something to compare.
    expect(billedRuns).toBeGreaterThan(600);
  });

  it('that finds a walk that forgets a mark, a factor or a turn of the register', () => {
    const readings = [49_000, 49_900, 10, 200].map((wh, at) => ({
      atMs: sampleDayMs + at * slotMs,
      wh,
    }));
    const factor: RegisterMark = {
      atMs: sampleDayMs + 1.5 * slotMs,
      kind: 'factor',
      finalValue: null,
      startValue: null,
      numerator: 7n,
      denominator: 3n,
    };
    const options = { ...rolling, marks: [factor] };
    const { slots } = slowEnergies(readings, options.marks);
    expect(fastEnergies(readings, options)).toEqual(slots);
    const faults: WalkOptions[] = [
      { ...options, marks: [] },
      { ...options, marks: [{ ...factor, atMs: factor.atMs + slotMs }] },
      { ...options, marks: [{ ...factor, numerator: 8n }] },
      { ...options, registerModulusWh: 60_000 },
    ];
    for (const fault of faults) expect(fastEnergies(readings, fault)).not.toEqual(slots);
  });

  it('gives in two parts what it gives at once with marks and voids, over stored carries', () => {
    fc.assert(
      fc.property(markedRegister, fc.nat(4), ({ readings, options }, cut) => {
        const days = markedDays(readings, options.marks);
        const whole = walkDays(days, null, options);
        const one = walkDays(days.slice(0, cut), null, options);
        const stored = one.carryOut === null ? null : encodeCarry(one.carryOut);
        const two = walkDays(days.slice(cut), decodeCarry(stored), options);
        expect([...one.slotWh, ...two.slotWh]).toEqual([...whole.slotWh]);
        expect([...one.slotQuality, ...two.slotQuality]).toEqual([...whole.slotQuality]);
        expect([...one.exceptions, ...two.exceptions]).toEqual(whole.exceptions);
        expect([...one.gaps, ...two.gaps]).toEqual(whole.gaps);
        if (whole.carryOut === null) return;
        expect(two.carryOut).toEqual(whole.carryOut);
        expect([two.tailSlot, two.tailWh]).toEqual([whole.tailSlot, whole.tailWh]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('settles the same at once, day by day and in any split, with marks and voids', () => {
    const cuts = fc.uniqueArray(fc.nat(4), { maxLength: 4 });
    let openRuns = 0;
    fc.assert(
      fc.property(markedRegister, cuts, ({ readings, options }, split) => {
        const days = markedDays(readings, options.marks);
        const whole = walkDays(days, null, options);
        const ends = [...new Set([...split.toSorted((a, b) => a - b), days.length])];
        let settled: WalkResult['carrySettled'] = null;
        let carry: WalkResult['carryOut'] = null;
        const parts: WalkResult[] = [];
        for (const [at, end] of ends.entries()) {
          const part = walkDays(days.slice(ends[at - 1] ?? 0, end), carry, options);
          parts.push(part);
          carry = part.carryOut;
          if (part.isMoved) settled = part.carrySettled;
        }
        expect(carry).toEqual(whole.carryOut);
        expect(settled).toEqual(whole.carrySettled);
        expect(parts.flatMap(({ slotWh }) => [...slotWh])).toEqual([...whole.slotWh]);
        expect(parts.flatMap((part) => part.exceptions)).toEqual(whole.exceptions);
        expect(parts.at(-1)?.isTailKnown).toBe(whole.isTailKnown);
        if (settled?.lastAtMs !== carry?.lastAtMs) openRuns += 1;
      }),
      { numRuns: 2_000 },
    );
    // Enough of them end in a slot that may be replaced.
    expect(openRuns).toBeGreaterThan(10);
  });

  it('goes on in a day from the settled carry with marks and voids as if walked at once', () => {
    fc.assert(
      fc.property(markedRegister, ({ readings, options }) => {
        const days = markedDays(readings, options.marks);
        const last = days.at(-1);
        assert(last !== undefined, 'there is a day');
        const whole = walkDays(days, null, options);
        const carry = whole.carrySettled;
        if (carry === null || dayOf(carry.lastAtMs) !== last.day) return;
        const again = walkDays([last], carry, options);
        const known = carry.boundarySlot - whole.firstSlot;
        expect([...again.slotWh]).toEqual([...whole.slotWh.subarray(known)]);
        expect(again.carryOut).toEqual(whole.carryOut);
        expect([again.tailSlot, again.tailWh]).toEqual([whole.tailSlot, whole.tailWh]);
      }),
      { numRuns: 500 },
    );
  });

  it('goes on in an open day from the settled carry as if walked at once', () => {
    fc.assert(
      fc.property(register, (readings) => {
        const [day] = daysOf(readings.slice(0, 1));
        assert(day !== undefined, 'a first reading');
        const slotWh = new Map<number, number>();
        const quality = new Map<number, number>();
        let carry = walkDays([day], null, rolling).carrySettled;
        let tailWh = 0;
        for (const reading of readings.slice(1)) {
          if (Math.floor(reading.atMs / dayMs) !== sampleDay) break;
          const report = offer(day, reading);
          if (report.changedFromMs === Infinity) continue;
          assert(report.changedFromMs > (carry?.lastAtMs ?? -1), 'only the open end changes');
          const part = walkDays([day], carry, rolling);
          part.slotWh.forEach((energyWh, at) => slotWh.set(part.firstSlot + at, energyWh));
          part.slotQuality.forEach((value, at) => quality.set(part.firstSlot + at, value));
          carry = part.carrySettled;
          tailWh = part.tailWh;
        }
        const whole = walkDays([day], null, rolling);
        expect([...slotWh.values()].slice(0, whole.slotWh.length)).toEqual([...whole.slotWh]);
        expect([...quality.values()].slice(0, whole.slotWh.length)).toEqual([...whole.slotQuality]);
        expect(tailWh).toBe(whole.tailWh);
        expect(carry).toEqual(whole.carrySettled);
      }),
      { numRuns: 500 },
    );
  });

  it('gives byte-identical days and slots for any permutation and duplication', () => {
    fc.assert(
      fc.property(register, fc.infiniteStream(fc.nat()), (readings, chance) => {
        const shuffled = [...readings, ...readings]
          .map((reading) => ({ reading, key: Number(chance.next().value) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ reading }) => reading);
        expect(daysOf(shuffled).map(encodeDay)).toEqual(daysOf(readings).map(encodeDay));
        expect(walk(shuffled, rolling)).toEqual(walk(readings, rolling));
      }),
    );
  });

  it('gives byte-identical days and slots for any order with marks, edits and voids', () => {
    fc.assert(
      fc.property(markedRegister, fc.infiniteStream(fc.nat()), ({ readings, options }, chance) => {
        // Each third reading has an edit, which arrives before it or after it.
        const edits = readings.filter((_, at) => at % 3 === 0);
        const edited = edits.map((each) => ({ ...each, wh: each.wh + 1, revision: 2, quality: 1 }));
        const all = [...readings, ...edited];
        const shuffled = [...all, ...all.slice(0, 9)]
          .map((reading) => ({ reading, key: Number(chance.next().value) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ reading }) => reading);
        expect(daysOf(shuffled).map(encodeDay)).toEqual(daysOf(all).map(encodeDay));
        expect(walk(shuffled, options)).toEqual(walk(all, options));
      }),
    );
  });
});
