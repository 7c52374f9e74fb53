import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { encodeDay } from '../../../src/domain/series/dayCodec.ts';
import { carryFromInstallation, walkDays } from '../../../src/domain/series/walk.ts';
import type { WalkOptions, WalkResult } from '../../../src/domain/series/walk.ts';
import { describeWalkException } from '../../../src/domain/series/walkException.ts';
import {
  atSlots,
  dayMs,
  daysOf,
  house,
  offer,
  sampleDay,
  sampleDayMs,
  slotMs,
} from './readings.ts';
import type { TestReading } from './readings.ts';

const actual = 0;
const calculated = 1;
const estimated = 2;
const missing = 3;
const firstSlot = sampleDay * 96;

function walk(readings: readonly TestReading[], options: WalkOptions = house): WalkResult {
  return walkDays(daysOf(readings), null, options);
}

function sum(energies: Float64Array): number {
  return energies.reduce((total, energyWh) => total + energyWh, 0);
}

describe('rules of domain-rules 4.1 that the walk decides', () => {
  it('rule 1: 999,984.0625 to 20.0 kWh on six digits is 35.9375 kWh', () => {
    // In tenths of a Wh, where the figure is whole; the arithmetic knows only integers.
    const tenths = { powerMaxW: 414_000, registerStepWh: 1, registerModulusWh: 10_000_000_000 };
    const result = walk(
      atSlots([
        [0, 9_999_840_625],
        [4, 200_000],
      ]),
      tenths,
    );
    expect(sum(result.slotWh)).toBe(359_375);
    expect(result.exceptions).toEqual([]);
    expect(result.carryOut?.lastWh).toBe(10_000_200_000n);
    // In whole Wh, each register rounded down: 999,984,062 to 20,000.
    const whole = { ...house, registerModulusWh: 1_000_000_000 };
    expect(
      sum(
        walk(
          atSlots([
            [0, 999_984_062],
            [4, 20_000],
          ]),
          whole,
        ).slotWh,
      ),
    ).toBe(35_938);
  });

  it('rule 1: 500,000 to 20 kWh on a 60 A meter is no rollover, and bills nothing', () => {
    const whole = { ...house, registerModulusWh: 1_000_000_000 };
    const result = walk(
      atSlots([
        [0, 500_000_000],
        [4, 20_000],
      ]),
      whole,
    );
    expect(result.slotWh).toHaveLength(0);
    expect(result.tailWh).toBe(0);
    expect(result.exceptions).toEqual([
      {
        code: 'REGISTER_WENT_BACKWARDS',
        atMs: sampleDayMs + 4 * slotMs,
        wh: 20_000n,
        lastAtMs: sampleDayMs,
        lastWh: 500_000_000n,
      },
    ]);
  });

  it('rule 8: 4 lost quarter hours and 4.0 kWh are exactly 4.0 kWh, ESTIMATED', () => {
    const result = walk(
      atSlots([
        [0, 10_000],
        [1, 10_700],
        [5, 14_700],
        [6, 15_000],
      ]),
    );
    expect([...result.slotWh]).toEqual([700, 1_000, 1_000, 1_000, 1_000, 300]);
    const e = estimated;
    expect([...result.slotQuality]).toEqual([actual, e, e, e, e, actual]);
  });

  it('rule 9: an hour that is missing makes no demand: 18 kWh over two hours are 9 and 9', () => {
    const result = walk(
      atSlots([
        [64, 100_000],
        [68, 104_000],
        [76, 122_000],
      ]),
    );
    const hours = [16, 17, 18].map((hour) =>
      sum(result.slotWh.subarray((hour - 16) * 4, (hour - 15) * 4)),
    );
    expect(hours).toEqual([4_000, 9_000, 9_000]);
    expect(new Set(result.slotQuality.subarray(4))).toEqual(new Set([estimated]));
    expect(Math.max(...result.slotWh)).toBe(2_250); // 9 kW, not 18
  });

  it('rule 13: readings that arrive 3, 1, 2 give what 1, 2, 3 give', () => {
    const [one, two, three] = atSlots([
      [0, 1_000],
      [1, 1_400],
      [2, 1_500],
    ]);
    assert(one !== undefined && two !== undefined && three !== undefined, 'three readings');
    expect(walk([three, one, two])).toEqual(walk([one, two, three]));
    expect([...walk([three, one, two]).slotWh]).toEqual([400, 100]);
  });

  it('rule 24: 100.5 to 100.2 kWh without a rollover is an exception, and 0 is billed', () => {
    const result = walk(
      atSlots([
        [0, 100_500],
        [1, 100_200],
        [2, 100_600],
      ]),
    );
    expect(result.exceptions.map(({ code, wh }) => [code, wh])).toEqual([
      ['REGISTER_WENT_BACKWARDS', 100_200n],
    ]);
    expect([...result.slotWh]).toEqual([50, 50]);
  });
});

describe('the walk over a register', () => {
  it('interpolates at boundaries, rounding down: what is lost in one slot is in the next', () => {
    // 10 Wh over 30 minutes; 10 of 30 minutes lie before the boundary: floor(3.33) = 3.
    const result = walk([
      { atMs: sampleDayMs + 300_000, wh: 500 },
      { atMs: sampleDayMs + 1_200_000 + 900_000, wh: 510 },
    ]);
    // Boundaries at 15 and 30 min: 500 + floor(10 * 600 / 1800) = 503, 500 + floor(8.33) = 508.
    expect([...result.slotWh]).toEqual([3, 5]);
    expect(result.tailSlot).toBe(firstSlot + 2);
    expect(result.tailWh).toBe(2);
    // Begun inside the slot, and the neighbours are two slots apart.
    expect([...result.slotQuality]).toEqual([calculated, calculated]);
  });

  it('calls a slot by its worse boundary: within one slot ACTUAL, two CALCULATED, else ESTIMATED', () => {
    const minutes = (list: readonly (readonly [number, number])[]): number[] => [
      ...walk(list.map(([minute, wh]) => ({ atMs: sampleDayMs + minute * 60_000, wh })))
        .slotQuality,
    ];
    expect(
      minutes([
        [0, 0],
        [14, 1],
        [16, 2],
        [29, 3],
        [31, 4],
      ]),
    ).toEqual([actual, actual]);
    expect(
      minutes([
        [0, 0],
        [30, 4],
      ]),
    ).toEqual([calculated, calculated]);
    expect(
      minutes([
        [0, 0],
        [14, 1],
        [40, 4],
        [45, 5],
      ]),
    ).toEqual([calculated, calculated, calculated]);
    expect(
      minutes([
        [0, 0],
        [31, 4],
        [45, 5],
      ]),
    ).toEqual([estimated, estimated, estimated]);
    const read = atSlots([
      [0, 0],
      [1, 5],
      [2, 9],
    ]).map((r, at) => ({ ...r, quality: at === 1 ? 2 : 0 }));
    expect([...walk(read).slotQuality]).toEqual([estimated, estimated]);
  });

  it('refuses a jump beyond what can flow, and takes the next reading against the last good one', () => {
    // A quarter hour at 41,400 W is 10,350 Wh, and one step of the register.
    expect(
      walk(
        atSlots([
          [0, 0],
          [1, 10_351],
        ]),
      ).exceptions,
    ).toEqual([]);
    const jumped = walk(
      atSlots([
        [0, 0],
        [1, 10_352],
        [2, 300],
      ]),
    );
    expect(jumped.exceptions.map((exception) => exception.code)).toEqual(['REGISTER_JUMPED']);
    expect([...jumped.slotWh]).toEqual([150, 150]);
    const beyond = { ...house, registerModulusWh: 100_000 };
    expect(walk(atSlots([[0, 100_000]]), beyond).exceptions[0]?.code).toBe('REGISTER_JUMPED');
    expect(walk(atSlots([[0, -1]])).exceptions[0]).toMatchObject({ lastAtMs: null, lastWh: null });
    for (const exception of jumped.exceptions) {
      expect(describeWalkException(exception)).toContain('10352 Wh after 0 Wh');
    }
  });

  it('does not spread the energy of a gap of more than 400 days', () => {
    const [before, begin] = atSlots([
      [0, 1_000],
      [1, 1_200],
    ]);
    assert(before !== undefined && begin !== undefined, 'two readings');
    const late = { atMs: begin.atMs + 400 * dayMs + 60_000, wh: 9_000 };
    const result = walk([before, { ...begin, atMs: begin.atMs + 60_000, wh: 1_210 }, late]);
    expect(result.exceptions.map((exception) => exception.code)).toEqual([]);
    const later = { ...late, atMs: late.atMs + 1 };
    const gap = walk([before, { ...begin, atMs: begin.atMs + 60_000, wh: 1_210 }, later]);
    expect(gap.exceptions.map((exception) => exception.code)).toEqual(['GAP_NOT_BRIDGED']);
    expect(gap.slotWh).toHaveLength(1 + 400 * 96);
    expect(gap.slotWh[2]).toBeNaN();
    expect(gap.slotQuality[2]).toBe(missing);
    expect([gap.tailWh, gap.carryOut?.lastWh]).toEqual([0, 9_000n]);
    expect((gap.slotWh[0] ?? 0) + (gap.slotWh[1] ?? 0)).toBe(210);
  });

  it('stays exact where a product leaves the doubles: 9 * 10^12 Wh over 399 days', () => {
    const options = { ...house, powerMaxW: 1e9 };
    const endMs = sampleDayMs + 399 * dayMs;
    const result = walk(
      [
        { atMs: sampleDayMs, wh: 0 },
        { atMs: endMs, wh: 9_000_000_000_001 },
      ],
      options,
    );
    expect(sum(result.slotWh)).toBe(9_000_000_000_001);
    // floor(9,000,000,000,001 / 38,304 slots) by hand: 234,962,406.015...
    expect(result.slotWh[0]).toBe(234_962_406);
  });

  it('begins at the register of the installation, when there is one', () => {
    const carry = carryFromInstallation({ atMs: sampleDayMs + 60_000, wh: 12_000n });
    const days = daysOf(
      atSlots([
        [0, 99_000],
        [1, 12_180],
      ]),
    );
    const result = walkDays(days, carry, house);
    expect([result.firstSlot, ...result.slotWh]).toEqual([firstSlot, 180]);
    expect(result.slotQuality[0]).toBe(calculated);
  });
});

/** Live-like registers: boundaries and odd instants, gaps, jumps back and forth, three days. */
const modulus = 50_000;
const stepKind = fc.record({
  forwardMs: fc.oneof(
    fc.constant(-1), // to the next boundary
    fc.constant(-1),
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

  it('goes on in an open day from the settled carry, reading by reading, as if walked at once', () => {
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
    );
  });

  it('gives byte-identical days and slots for any permutation and duplication', () => {
    fc.assert(
      fc.property(register, fc.infiniteStream(fc.nat()), (readings, chance) => {
        const shuffled = [...readings, ...readings]
          .map((reading) => ({ reading, key: Number(chance.next().value) }))
          .sort((a, b) => a.key - b.key)
          .map(({ reading }) => reading);
        expect(daysOf(shuffled).map(encodeDay)).toEqual(daysOf(readings).map(encodeDay));
        expect(walk(shuffled, rolling)).toEqual(walk(readings, rolling));
      }),
    );
  });
});
