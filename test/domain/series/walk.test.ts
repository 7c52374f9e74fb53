import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { describeWalkException } from '../../../src/domain/series/walkException.ts';
import { atSlots, dayMs, house, sampleDay, sampleDayMs, slotMs, sum, walk } from './readings.ts';

const actual = 0;
const calculated = 1;
const estimated = 2;
const missing = 3;
const firstSlot = sampleDay * 96;

describe('rules of domain-rules 4.1 that the walk decides', () => {
  it('rule 1: 999,984.0625 to 20.0 kWh on six digits is 35.9375 kWh', () => {
    // In tenths of a Wh, where the figure is whole; the arithmetic knows only integers.
    const tenths = { ...house, powerMaxW: 414_000, registerModulusWh: 10_000_000_000 };
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
        code: 'REGISTER_RESET',
        atMs: sampleDayMs + 4 * slotMs,
        wh: 20_000n,
        lastAtMs: sampleDayMs,
        lastWh: 500_000_000n,
        isMark: false,
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
    // 11 Wh over 30 minutes, of which 10 lie before the first boundary and 25 before the second.
    const result = walk([
      { atMs: sampleDayMs + 300_000, wh: 500 },
      { atMs: sampleDayMs + 1_200_000 + 900_000, wh: 511 },
    ]);
    // 500 + floor(11 * 600 / 1800 = 3.67) = 503, 500 + floor(11 * 1500 / 1800 = 9.17) = 509.
    expect([...result.slotWh]).toEqual([3, 6]);
    expect(result.tailSlot).toBe(firstSlot + 2);
    expect(result.tailWh).toBe(2);
    // Begun inside the slot, and the neighbours are two slots apart.
    expect([...result.slotQuality]).toEqual([calculated, calculated]);
  });

  it('calls a slot by its worse boundary: one slot ACTUAL, two CALCULATED, else ESTIMATED', () => {
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

  it('refuses a jump beyond what can flow, and judges the next by the last good one', () => {
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
      expect(describeWalkException(exception)).toContain('showed 10352 after 0');
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

  it('settles before the last reading of the open slot, which the next reading replaces', () => {
    const list = [0, 60_000, 120_000].map((ms, at) => ({ atMs: sampleDayMs + ms, wh: 100 + at }));
    const open = walk(list);
    expect([open.carrySettled?.lastAtMs, open.carryOut?.lastAtMs]).toEqual([
      sampleDayMs,
      sampleDayMs + 120_000,
    ]);
    const closed = walk([...list, { atMs: sampleDayMs + slotMs, wh: 110 }]);
    expect(closed.carrySettled).toEqual(closed.carryOut);
  });
});
