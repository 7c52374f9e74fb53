import { describe, expect, it } from 'vitest';
import { emptyDay } from '../../../src/domain/series/day.ts';
import type { MarkKind, RegisterMark } from '../../../src/domain/series/mark.ts';
import { decodeCarry, encodeCarry, shownAt } from '../../../src/domain/series/carryCodec.ts';
import { walkDays } from '../../../src/domain/series/walk.ts';
import type { WalkOptions, WalkResult } from '../../../src/domain/series/walk.ts';
import { atSlots, daysOf, house, sampleDay, sampleDayMs, slotMs, sum, walk } from './readings.ts';

const actual = 0;
const calculated = 1;
const estimated = 2;
const missing = 3;

type Values = {
  readonly final?: number;
  readonly start?: number;
  readonly factor?: readonly [bigint, bigint];
};

function mark(kind: MarkKind, slots: number, { final, start, factor }: Values = {}): RegisterMark {
  return {
    atMs: sampleDayMs + slots * slotMs,
    kind,
    finalValue: final === undefined ? null : BigInt(final),
    startValue: start === undefined ? null : BigInt(start),
    numerator: factor?.[0] ?? 1n,
    denominator: factor?.[1] ?? 1n,
  };
}

function marked(options: WalkOptions, ...marks: readonly RegisterMark[]): WalkOptions {
  return { ...options, marks };
}

function unknownSlots(count: number): number[] {
  return Array.from({ length: count }, () => Number.NaN);
}

/** All that the walk has billed: slots that are known and the one that is open. */
function billed({ slotWh, tailWh }: WalkResult): number {
  return sum(slotWh.filter((energyWh) => !Number.isNaN(energyWh))) + tailWh;
}

/** A substation of 20 MVA. */
const substation: WalkOptions = { ...house, powerMaxW: 20_000_000 };

describe('worked numbers of domain-rules 4.1 with marks', () => {
  it('rule 2: 44,900.0 to 45,231.4 and 12.0 to 180.5 kWh over an exchange are 499.9 kWh', () => {
    // 14 March 10:40, here 10:40 of the sample day: two thirds into slot 42.
    const exchangeSlots = 42 + 2 / 3;
    const old = walk(
      atSlots([[0, 44_900_000]]),
      marked(substation, mark('removed', exchangeSlots, { final: 45_231_400 })),
    );
    const fresh = walk(
      atSlots([
        [50, 60_000],
        [95, 180_500],
      ]),
      marked(substation, mark('installed', exchangeSlots, { start: 12_000 })),
    );
    expect(billed(old)).toBe(331_400);
    expect(billed(fresh)).toBe(168_500);
    expect(billed(old) + billed(fresh)).toBe(499_900);
    expect([...old.exceptions, ...fresh.exceptions]).toEqual([]);
    // The slot of the exchange is in both: the old one's part is over, the new one's begins.
    expect(old.firstSlot + old.slotWh.length).toBe(sampleDay * 96 + 43);
    expect([old.tailWh, old.carryOut?.phase]).toEqual([0, 'stopped']);
    expect(fresh.firstSlot).toBe(sampleDay * 96 + 42);
  });

  it('rule 3: 200/5 A and 11,000/110 V: 12.345 to 12.395 kWh are 200 kWh', () => {
    const multiplied = marked(
      substation,
      mark('installed', 0, { start: 12_345, factor: [4_000n, 1n] }),
    );
    const result = walk(atSlots([[4, 12_395]]), multiplied);
    expect(billed(result)).toBe(200_000);
    expect([...result.slotWh]).toEqual([50_000, 50_000, 50_000, 50_000]);
  });

  it('rule 3: a ratio that is applied twice is more than can flow', () => {
    const twice = marked(
      { ...house, powerMaxW: 1_000_000 },
      mark('installed', 0, { start: 12_345_000, factor: [4_000n, 1n] }),
    );
    const result = walk(atSlots([[4, 12_545_000]]), twice);
    expect(result.exceptions.map(({ code }) => code)).toEqual(['REGISTER_JUMPED']);
    expect(billed(result)).toBe(0);
  });

  it('rule 4: 1,000 to 1,050 kWh at x40 and on to 1,075 at x80 are 4,000 kWh', () => {
    const multiplied = marked(
      substation,
      mark('installed', 0, { start: 1_000_000, factor: [40n, 1n] }),
      mark('factor', 6.5, { final: 1_050_000, factor: [80n, 1n] }),
    );
    const result = walk(
      atSlots([
        [0, 1_000_000],
        [2, 1_010_000],
        [9, 1_075_000],
      ]),
      multiplied,
    );
    expect(billed(result)).toBe(4_000_000);
    expect(result.exceptions).toEqual([]);
  });

  it('rule 4: a change of ratio that nobody read at is taken from the readings around it', () => {
    // 60 kWh over three slots; the change after the second: 40 x 40 kWh and 20 x 80 kWh.
    const multiplied = marked(
      substation,
      mark('installed', 0, { start: 1_000_000, factor: [40n, 1n] }),
      mark('factor', 3, { factor: [80n, 1n] }),
    );
    const result = walk(
      atSlots([
        [1, 1_000_000],
        [4, 1_060_000],
      ]),
      multiplied,
    );
    expect([...result.slotWh]).toEqual([0, 800_000, 800_000, 1_600_000]);
    expect([...result.slotQuality]).toEqual([actual, estimated, estimated, estimated]);
    // With a reading of the very instant, it is that one.
    const read = walk(
      atSlots([
        [1, 1_000_000],
        [3, 1_050_000],
        [4, 1_060_000],
      ]),
      multiplied,
    );
    expect([...read.slotWh]).toEqual([0, 1_000_000, 1_000_000, 800_000]);
  });

  it('rule 14: what was read before the activation at 09:00 is kept and bills nothing', () => {
    const result = walk(
      atSlots([
        [32, 5_000],
        [35, 7_000],
        [36, 7_500],
        [37, 8_000],
      ]),
      marked(house, mark('installed', 36)),
    );
    expect(result.firstSlot).toBe(sampleDay * 96 + 36);
    expect([...result.slotWh]).toEqual([500]);
    expect(result.exceptions).toEqual([]);
  });

  it('rule 16: 100 m3 of gas at 10.55 kWh/m3 and 0.9764 are 1,030.102 kWh', () => {
    const gas = marked(
      { ...house, powerMaxW: 2_000_000 },
      mark('installed', 0, { start: 123_456, factor: [1_030_102n, 100_000n] }),
    );
    const whole = walk(atSlots([[4, 223_456]]), gas);
    expect(billed(whole)).toBe(1_030_102);
    // Each reading in between would lose a fraction, if it were rounded on its own.
    const often = walk(
      Array.from({ length: 100 }, (_, at) => ({
        atMs: sampleDayMs + (at + 1) * 36_000,
        wh: 123_456 + 1_000 * (at + 1),
      })),
      gas,
    );
    expect(billed(often)).toBe(1_030_102);
    expect(often.carryOut === null ? 0n : shownAt(often.carryOut)).toBe(223_456n);
  });

  it('rule 1: with the reset recorded, 500,000 to 20 kWh bills what was read on both sides', () => {
    const readings = atSlots([
      [0, 500_000_000],
      [4, 20_000],
    ]);
    const reset = marked(house, mark('reset', 2, { final: 500_010_000, start: 0 }));
    const result = walk(readings, reset);
    expect([...result.slotWh]).toEqual([5_000, 5_000, 10_000, 10_000]);
    expect(result.exceptions).toEqual([]);
    // Its final value was not read: what flowed up to the reset stays unknown.
    const unread = walk(readings, marked(house, mark('reset', 2, { start: 0 })));
    expect([...unread.slotWh]).toEqual([Number.NaN, Number.NaN, 10_000, 10_000]);
    expect([...unread.slotQuality]).toEqual([missing, missing, calculated, calculated]);
    // Nor what it began at: the next reading is the beginning.
    const unknown = walk([...readings, ...atSlots([[5, 21_000]])], marked(house, mark('reset', 2)));
    expect([...unknown.slotWh]).toEqual([...unknownSlots(4), 1_000]);
  });
});

describe('marks of a register', () => {
  it('counts a removal as a reading though none follows, on a day with none of its own', () => {
    const [before] = daysOf(atSlots([[90, 1_000]]));
    const options = marked(house, mark('removed', 100, { final: 2_000 }));
    const first = walkDays([before], null, options);
    expect(first.slotWh).toHaveLength(0);
    const then = walkDays([emptyDay(sampleDay + 1)], first.carryOut, options);
    expect(billed(then)).toBe(1_000);
    expect(then.carryOut?.lastAtMs).toBe(sampleDayMs + 100 * slotMs);
    // Readings of a register that is gone are passed over, and are no exceptions.
    const later = daysOf(atSlots([[120, 5_000_000]]));
    const [gone] = later;
    const after = walkDays([gone], then.carryOut, options);
    expect([after.slotWh.length, after.exceptions.length]).toEqual([0, 0]);
    expect(after.carryOut).toEqual(then.carryOut);
  });

  it('leaves a removal without a final value unknown from the last reading on', () => {
    const result = walk(
      atSlots([
        [0, 1_000],
        [1.5, 1_100],
      ]),
      marked(house, mark('removed', 3.5)),
    );
    // 100 Wh over a slot and a half: 66 to the boundary, 34 known of the slot after it.
    expect([...result.slotWh]).toEqual([66, 34, ...unknownSlots(2)]);
    expect([...result.slotQuality]).toEqual([calculated, estimated, missing, missing]);
  });

  it('bills a meter that comes back, within a slot and after days', () => {
    const quick = walk(
      atSlots([
        [0, 1_000],
        [2, 90],
      ]),
      marked(house, mark('removed', 1.2, { final: 1_300 }), mark('installed', 1.4, { start: 10 })),
    );
    expect([...quick.slotWh]).toEqual([250, 130]);
    const back = walk(
      [...atSlots([[0, 1_000]]), ...atSlots([[200, 90]])],
      marked(house, mark('removed', 1.5, { final: 1_300 }), mark('installed', 198, { start: 10 })),
    );
    expect([back.slotWh[0], back.slotWh[1]]).toEqual([200, 100]);
    expect(back.slotWh.subarray(2, 198).every((energyWh) => Number.isNaN(energyWh))).toBe(true);
    expect([...back.slotWh.subarray(198)]).toEqual([40, 40]);
  });

  it('does not believe a final value beyond what can flow, and counts it as not read', () => {
    const result = walk(
      atSlots([
        [0, 1_000],
        [4, 90],
        [5, 100],
      ]),
      marked(house, mark('reset', 2, { final: 90_000_000, start: 10 })),
    );
    expect(result.exceptions).toMatchObject([
      { code: 'REGISTER_JUMPED', wh: 90_000_000n, lastWh: 1_000n, isMark: true },
    ]);
    expect([...result.slotWh]).toEqual([...unknownSlots(2), 40, 40, 10]);
  });

  it("begins anew with the next reading when a factor's value is not believed", () => {
    const result = walk(
      atSlots([
        [0, 1_000],
        [4, 2_000],
        [5, 2_010],
      ]),
      marked(house, mark('factor', 2, { final: 500, factor: [2n, 1n] })),
    );
    expect(result.exceptions.map(({ code }) => code)).toEqual(['REGISTER_WENT_BACKWARDS']);
    expect([...result.slotWh]).toEqual([...unknownSlots(4), 20]);
  });

  it("rolls over in the register's own counts, whatever its factor", () => {
    const options = marked(
      { ...substation, registerModulusWh: 100_000 },
      mark('installed', 0, { start: 99_990, factor: [40n, 1n] }),
      mark('factor', 2.5, { factor: [80n, 1n] }),
    );
    const result = walk(
      atSlots([
        [1, 99_995],
        [2, 5],
        [3, 15],
      ]),
      options,
    );
    // 5 and 10 counts at 40 Wh, 5 more to the change, 5 at 80 Wh.
    expect([...result.slotWh]).toEqual([200, 400, 200 + 400]);
    expect(result.carryOut === null ? 0n : shownAt(result.carryOut)).toBe(15n);
  });

  it('keeps its place in bytes: a carry of every phase, and the short one of old days', () => {
    const options = marked(
      { ...substation, registerModulusWh: 100_000 },
      mark('factor', 1, { final: 99_000, factor: [40n, 3n] }),
      mark('reset', 4, { final: 50 }),
      mark('removed', 6, { final: 100 }),
    );
    const at = (slot: number, wh: number) => atSlots([[slot, wh]]);
    const readings = [...at(0, 98_000), ...at(2, 99_500), ...at(3, 20), ...at(5, 90)];
    const phases = [1, 2, 3, 4].map((count) => {
      const kept = { ...options, marks: options.marks.slice(0, count - 1) };
      const { carryOut } = walk(readings.slice(0, count), kept);
      if (carryOut === null) return null;
      const bytes = encodeCarry(carryOut);
      const decoded = decodeCarry(bytes);
      // A short carry says of its shift only that it is whole moduli: none.
      const shiftRaw = bytes.length === 40 ? null : carryOut.shiftRaw;
      expect(decoded).toEqual({ ...carryOut, shiftRaw });
      return [bytes.length, carryOut.phase];
    });
    expect(phases).toEqual([
      [40, 'counting'],
      [64, 'counting'],
      [64, 'waiting'],
      [64, 'stopped'],
    ]);
    expect(() => decodeCarry(new Uint8Array(40))).toThrow('layout');
    // A register that rolled over before shifts were kept: 7 moduli and 20 Wh, in the short layout.
    const old = {
      lastAtMs: sampleDayMs,
      lastWh: 700_020n,
      lastRaw: 700_020n,
      lastQuality: actual,
      boundarySlot: sampleDay * 96,
      boundaryWh: 700_020n,
      boundaryQuality: calculated,
      shiftRaw: null,
      baseWh: 0n,
      phase: 'counting',
    } as const;
    const rolling = { ...house, registerModulusWh: 100_000 };
    const carry = decodeCarry(encodeCarry(old));
    const result = walkDays(daysOf(atSlots([[1, 70]])), carry, rolling);
    expect([...result.slotWh]).toEqual([50]);
    expect(result.carryOut).toMatchObject({ lastWh: 700_070n, shiftRaw: 700_000n });
  });
});
