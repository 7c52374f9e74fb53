import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { dayMs } from '../../../src/domain/time/civil.ts';
import { describeGap, energiesOf, validateEstimate } from '../../../src/domain/vee/estimate.ts';
import { estimationRules } from '../../../src/domain/vee/ruleName.ts';
import { defaultVeeSet, parseVeeSet } from '../../../src/domain/vee/set.ts';
import type { VeeSet } from '../../../src/domain/vee/set.ts';
import type { VeeSetText } from '../../../src/domain/vee/setShape.ts';
import { shapeGap } from '../../../src/domain/vee/shapeGap.ts';
import type { GapInput } from '../../../src/domain/vee/shapeGap.ts';
import { flat, historyOf, slotsFrom, tuesdayMs, tuesdaySlot } from './windows.ts';

/** Worked numbers of the domain rules 4.1 and 4.2; energies in Wh. */

function setOf(text: Partial<VeeSetText>): VeeSet {
  const set = parseVeeSet({ customerClass: 'community', ...text });
  assert(set.ok, 'the set of a test is read');
  return set.value;
}

const community = defaultVeeSet('community');

/** So many slots of the Tuesday from its slot `from` on, with nothing known around them. */
function gapOf(from: number, count: number, given: Partial<GapInput> = {}): GapInput {
  return {
    fromMs: tuesdayMs + from * slotMs,
    toMs: tuesdayMs + (from + count) * slotMs,
    differenceWh: 4_000n,
    zone: 'UTC',
    outages: [],
    intervals: null,
    history: null,
    beforeWh: null,
    afterWh: null,
    ...given,
  };
}

function laid(set: VeeSet, input: GapInput): number[] {
  return [...energiesOf(shapeGap(set, input), input.differenceWh)];
}

/** Shares 1, 1, 2, 4 for the four quarter hours from 10:00, 1 elsewhere. */
const shares = Array.from({ length: 96 }, (_, at) => ({ 42: 2, 43: 4 })[at] ?? 1);
const profile = { workday: shares, saturday: flat(96, 1).map(Number), sunday: shares };

describe('rule 8, a gap by its cause', () => {
  const set = setOf({ profile });

  it('4.0 kWh over profile weights 1:1:2:4 are 0.5, 0.5, 1.0, 2.0, and sum exactly', () => {
    const input = gapOf(40, 4);
    const shape = shapeGap(set, input);
    expect([...shape.weights]).toEqual([1, 1, 2, 4]);
    expect(laid(set, input)).toEqual([500, 500, 1_000, 2_000]);
    expect([...shape.quality]).toEqual([2, 2, 2, 2]);
    expect(shape.rule).toBe(estimationRules.profile.number);
  });

  it('a power outage of the meter log is zeros, ACTUAL', () => {
    const input = gapOf(40, 4, {
      differenceWh: 0n,
      outages: [{ fromMs: tuesdayMs + 40 * slotMs, toMs: tuesdayMs + 44 * slotMs }],
    });
    const shape = shapeGap(set, input);
    expect(laid(set, input)).toEqual([0, 0, 0, 0]);
    expect([...shape.quality]).toEqual([0, 0, 0, 0]);
  });

  it('001.35 a gap that is an outage in part has zeros in the outage alone, never mixed', () => {
    const outages = [{ fromMs: tuesdayMs + 40 * slotMs, toMs: tuesdayMs + 42 * slotMs }];
    const input = gapOf(40, 4, { differenceWh: 3_000n, outages });
    const shape = shapeGap(set, input);
    expect(laid(set, input)).toEqual([0, 0, 1_000, 2_000]);
    expect([...shape.quality]).toEqual([0, 0, 2, 2]);
  });

  it('a slot with supply in a third of its time has a third of its weight, estimated', () => {
    const outages = [{ fromMs: tuesdayMs, toMs: tuesdayMs + 600_000 }];
    const input = gapOf(0, 3, { differenceWh: 7_000n, outages });
    expect(laid(community, input)).toEqual([1_000, 3_000, 3_000]);
    expect([...shapeGap(community, input).quality]).toEqual([2, 2, 2]);
  });

  it('a register that moved all through an outage makes its log doubtful: nothing is lost', () => {
    const outages = [{ fromMs: tuesdayMs - 1, toMs: tuesdayMs + dayMs }];
    const input = gapOf(0, 4, { outages });
    expect(laid(community, input)).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect([...shapeGap(community, input).quality]).toEqual([2, 2, 2, 2]);
  });

  it('outages that overlap are one', () => {
    const outages = [
      { fromMs: tuesdayMs, toMs: tuesdayMs + slotMs },
      { fromMs: tuesdayMs, toMs: tuesdayMs + slotMs },
    ];
    expect(laid(community, gapOf(0, 3, { outages }))).toEqual([0, 2_000, 2_000]);
  });
});

describe('rule 9, a gap never makes demand', () => {
  it('18 kWh after a missing hour are 9 + 9 ESTIMATED, not 18', () => {
    const input = gapOf(68, 8, { differenceWh: 18_000n });
    const energies = laid(community, input);
    const hour = (from: number) => energies.slice(from, from + 4).reduce((sum, wh) => sum + wh, 0);
    expect([hour(0), hour(4)]).toEqual([9_000, 9_000]);
    expect([...shapeGap(community, input).quality]).toEqual(flat(8, 2));
    expect(shapeGap(community, input).rule).toBe(estimationRules.createForGap.number);
  });
});

describe('rule 10, interpolation', () => {
  it('0.40 and 0.70 around two missing are 0.50 and 0.60', () => {
    const input = gapOf(20, 2, { differenceWh: 1_100n, beforeWh: 400, afterWh: 700 });
    expect(laid(community, input)).toEqual([500, 600]);
    expect(shapeGap(community, input).rule).toBe(estimationRules.interpolation.number);
  });

  it('a gap of more than two hours is not a line', () => {
    const rule = (count: number) =>
      shapeGap(community, gapOf(20, count, { beforeWh: 400, afterWh: 700 })).rule;
    expect(rule(8)).toBe(estimationRules.interpolation.number);
    expect(rule(9)).toBe(estimationRules.createForGap.number);
  });
});

describe('rule 27, Interval Proxy Day Estimation', () => {
  /** Four Tuesdays before with 100, 200, 300, 400 in each slot; all other days with 9,000. */
  const days = Array.from({ length: 56 }, (_, at) => at - 56);
  const wh = (day: number) => ({ [-7]: 100, [-14]: 200, [-21]: 300, [-28]: 400 })[day] ?? 9_000;
  const history = slotsFrom(
    tuesdaySlot - 56 * 96,
    days.flatMap((day) => Array.from({ length: 96 }, (_, at) => wh(day) * (at < 40 ? 1 : 2))),
  );
  /** Six missing hours, 07:00 to 13:00: 12 slots of the mean 250 and 12 of 500 are 9,000. */
  const sixHours = gapOf(28, 24, { differenceWh: 9_000n, history });

  it('6 missing hours of a Tuesday are the mean of the last 4 Tuesdays', () => {
    const shape = shapeGap(community, sixHours);
    expect(shape.rule).toBe(estimationRules.proxyDay.number);
    expect(laid(community, sixHours)).toEqual([...flat(12, 250), ...flat(12, 500)]);
  });

  it('the register decides how much it was, the proxy days only when', () => {
    const doubled = { ...sixHours, differenceWh: 18_000n };
    expect(laid(community, doubled)).toEqual([...flat(12, 500), ...flat(12, 1_000)]);
  });

  it('a Tuesday that is a holiday is nobody`s proxy: the fifth counts in its place', () => {
    // The Tuesday of 400 is a holiday, and the one before it has 9,000: the mean is 2,400.
    const set = setOf({ holidays: ['2026-02-03'] });
    const only = shapeGap(set, gapOf(28, 24, { history, intervals: null }));
    const mean = (100 + 200 + 300 + 9_000) / 4;
    const energies = laid(set, { ...sixHours, differenceWh: BigInt(mean * 36) });
    expect(only.rule).toBe(estimationRules.proxyDay.number);
    expect(energies).toEqual([...flat(12, mean), ...flat(12, mean * 2)]);
  });

  it('estimated slots are not counted', () => {
    const quality = days.flatMap((day) => flat(96, day === -7 ? 2 : 0).map(Number));
    const partly = { ...history, quality: Uint8Array.from(quality) };
    const energies = laid(community, { ...sixHours, history: partly, differenceWh: 89_100n });
    // 200, 300, 400 and 9,000 are left: 2,475.
    expect(energies).toEqual([...flat(12, 2_475), ...flat(12, 4_950)]);
  });

  it('a holiday takes Sundays for its proxy', () => {
    const sundays = slotsFrom(
      tuesdaySlot - 56 * 96,
      days.flatMap((day) => {
        // 2026-03-01 is the Sunday two days before.
        const isSunday = (day + 2) % 7 === 0;
        return Array.from({ length: 96 }, (_, at) => (isSunday && at >= 40 ? 300 : 100));
      }),
    );
    const set = setOf({ holidays: ['2026-03-03'] });
    const energies = laid(set, gapOf(39, 9, { differenceWh: 2_500n, history: sundays }));
    expect(energies).toEqual([100, ...flat(8, 300)]);
  });

  it('one Tuesday alone is too few; the average of days is next', () => {
    const short = historyOf(8, 50);
    expect(shapeGap(community, gapOf(28, 24, { history: short })).rule).toBe(
      estimationRules.averaging.number,
    );
    expect(shapeGap(community, gapOf(28, 24, { history: historyOf(14, 50) })).rule).toBe(
      estimationRules.proxyDay.number,
    );
  });

  it('local quarter hours are compared across the change of the clocks', () => {
    // 2026-04-01 is a Wednesday in summer time in Berlin; the Wednesdays before were in winter.
    const gapMs = Date.UTC(2026, 3, 1, 8); // 10:00 local
    const firstSlot = (gapMs - 57 * dayMs) / slotMs;
    const peaks = Array.from({ length: 57 * 96 }, (_, at) => {
      const localHour = new Date((firstSlot + at) * slotMs).toLocaleString('en-GB', {
        timeZone: 'Europe/Berlin',
        hour: '2-digit',
        hour12: false,
      });
      return localHour === '11' ? 400 : 100;
    });
    const input: GapInput = {
      ...gapOf(0, 1),
      fromMs: gapMs,
      toMs: gapMs + 12 * slotMs,
      zone: 'Europe/Berlin',
      differenceWh: 2_400n,
      history: slotsFrom(firstSlot, peaks),
    };
    expect(laid(community, input)).toEqual([...flat(4, 100), ...flat(4, 400), ...flat(4, 100)]);
  });
});

describe('Interval Adjustment From Scalar and Subtractive Interval Adjustment', () => {
  it('the meter`s own intervals are scaled to the register, CALCULATED', () => {
    const intervals = slotsFrom(tuesdaySlot, [100, 200, 300, 400]);
    const input = gapOf(0, 4, { differenceWh: 2_000n, intervals });
    const shape = shapeGap(community, input);
    expect(laid(community, input)).toEqual([200, 400, 600, 800]);
    expect([...shape.quality]).toEqual([1, 1, 1, 1]);
    expect(shape.rule).toBe(estimationRules.adjustmentFromScalar.number);
  });

  it('where some intervals are known they stand, and the rest lies over the others', () => {
    const set = setOf({ profile });
    const intervals = slotsFrom(tuesdaySlot + 40, [700, null, null, null]);
    const input = gapOf(40, 4, { differenceWh: 4_200n, intervals });
    const shape = shapeGap(set, input);
    // 3,500 are left for shares of 1, 2 and 4.
    expect(laid(set, input)).toEqual([700, 500, 1_000, 2_000]);
    expect([...shape.quality]).toEqual([1, 2, 2, 2]);
    expect(shape.rule).toBe(estimationRules.subtractiveAdjustment.number);
  });

  it('intervals that are more than the register went on by are not believed', () => {
    const intervals = slotsFrom(tuesdaySlot, [5_000, null, null, null]);
    const shape = shapeGap(community, gapOf(0, 4, { intervals }));
    expect(shape.rule).toBe(estimationRules.createForGap.number);
  });

  it('a remainder that does not divide loses nothing', () => {
    const intervals = slotsFrom(tuesdaySlot, [1, null, null, null]);
    const input = gapOf(0, 4, { differenceWh: 11n, intervals });
    expect(laid(community, input)).toEqual([1, 3, 3, 4]);
  });
});

describe('a gap between odd instants', () => {
  it('slots at its ends count by their part', () => {
    const input = { ...gapOf(0, 3), fromMs: tuesdayMs + 600_000, differenceWh: 7_000n };
    expect(laid(community, input)).toEqual([1_000, 3_000, 3_000]);
    expect(laid(setOf({ profile }), input)).toEqual([1_000, 3_000, 3_000]);
    const measured = { ...input, intervals: slotsFrom(tuesdaySlot, [3_000, 3_000, 3_000]) };
    expect(laid(community, measured)).toEqual([1_000, 3_000, 3_000]);
  });
});

describe('after estimation, validate again', () => {
  const failed = (input: GapInput, powerMaxW: number) =>
    validateEstimate(community, input, { shape: shapeGap(community, input), powerMaxW });

  it('an estimate that needs more power than the connection carries goes to the queue', () => {
    // 4 kWh over four quarter hours are 4 kW.
    expect(failed(gapOf(0, 4), 4_000)).toEqual([]);
    expect(failed(gapOf(0, 4), 3_999)).toEqual([]);
    expect(failed(gapOf(0, 4), 3_996)).toMatchObject([
      { rule: 'intervalSpike', outcome: 'hold', detail: { slotWh: '1000', slotWhMax: '999' } },
    ]);
  });

  it('a day of estimates is compared with the days before it', () => {
    const day = (differenceWh: bigint) =>
      failed(gapOf(0, 96, { differenceWh, history: historyOf(28, 100) }), 41_400);
    // 9,600 a day before: 24,000 are 250 %.
    expect(day(24_000n)).toEqual([]);
    expect(day(24_001n)).toMatchObject([{ rule: 'highLow', outcome: 'hold' }]);
  });

  it('a spike inside an estimate is found', () => {
    const intervals = slotsFrom(tuesdaySlot, [...flat(19, 1_000), 3_001]);
    const input = gapOf(0, 20, { differenceWh: 22_001n, intervals });
    expect(failed(input, 41_400)).toMatchObject([{ rule: 'intervalSpike', outcome: 'hold' }]);
    expect(failed({ ...input, differenceWh: 22_001n, intervals: null }, 41_400)).toEqual([]);
  });

  it('an estimate is told with its rule and figures', () => {
    const input = gapOf(0, 4);
    expect(describeGap(input, shapeGap(community, input))).toMatchObject({
      rule: 'createForGap',
      outcome: 'estimate',
      detail: { differenceWh: '4000', slots: '4', outageSlots: '0' },
    });
  });
});
