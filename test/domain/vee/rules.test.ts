import { describe, expect, it } from 'vitest';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import type { WalkExceptionCode } from '../../../src/domain/series/walkException.ts';
import { dayMs, hourMs } from '../../../src/domain/time/civil.ts';
import { checkMultiplier, checkUnitOfMeasure } from '../../../src/domain/vee/blockForm.ts';
import { checkConsecutiveInterval } from '../../../src/domain/vee/consecutiveInterval.ts';
import { replacesFinal } from '../../../src/domain/vee/finalReplacement.ts';
import { checkHighLow } from '../../../src/domain/vee/highLow.ts';
import { checkInactiveMeasurement } from '../../../src/domain/vee/inactiveMeasurement.ts';
import { checkIntervalSpike } from '../../../src/domain/vee/intervalSpike.ts';
import { checkNegativeConsumption } from '../../../src/domain/vee/negativeConsumption.ts';
import { checkProlongedEstimation } from '../../../src/domain/vee/prolongedEstimation.ts';
import { defaultVeeSet } from '../../../src/domain/vee/set.ts';
import { checkSiblingExists } from '../../../src/domain/vee/siblingExists.ts';
import { checkSum } from '../../../src/domain/vee/sumCheck.ts';
import type { BlockForm, WindowInput } from '../../../src/domain/vee/window.ts';
import { checkZeroConsumption } from '../../../src/domain/vee/zeroConsumption.ts';
import { dayOf, flat, historyOf, slotsFrom, tuesdayMs, tuesdaySlot, windowOf } from './windows.ts';

/**
 * The worked numbers of the domain rules 4.1 and 4.2, by their number, and each limit from both
 * sides. Energies in Wh.
 */
const { rules } = defaultVeeSet('large');

describe('rule 5, Unit of Measure Check', () => {
  const block: BlockForm = {
    fromMs: tuesdayMs,
    toMs: tuesdayMs + slotMs,
    unit: 30,
    expectedUnit: 30,
    multiplier: null,
    expectedMultiplier: { numerator: 1n, denominator: 1n },
  };

  it('a block without a unit is found, one with another unit too, one with its own passes', () => {
    const check = (unit: number | null) =>
      checkUnitOfMeasure(windowOf({ blocks: [{ ...block, unit }] }))?.detail;
    expect(check(null)).toEqual({ blocks: '1', unit: 'none', expectedUnit: '30' });
    expect(check(27)?.['unit']).toBe('27');
    expect(check(30)).toBeUndefined();
  });

  it('rule 22, Multiplier Check: 40 in the payload and 80 in master data stop the block', () => {
    const check = (numerator: bigint, denominator = 1n) =>
      checkMultiplier(
        windowOf({
          blocks: [
            {
              ...block,
              multiplier: { numerator, denominator },
              expectedMultiplier: { numerator: 80n, denominator: 1n },
            },
          ],
        }),
      )?.detail;
    expect(check(40n)).toEqual({ blocks: '1', multiplier: '40/1', expectedMultiplier: '80/1' });
    expect(check(80n)).toBeUndefined();
    expect(check(400n, 5n), 'the same ratio in other terms').toBeUndefined();
    expect(checkMultiplier(windowOf({ blocks: [block] })), 'none was sent').toBeNull();
  });
});

describe('rule 6, Sum Check', () => {
  const checkDay = (registerWh: bigint, intervalsWh: readonly number[]) =>
    checkSum(
      rules.sum,
      windowOf({
        register: { fromMs: tuesdayMs, toMs: tuesdayMs + dayMs, wh: registerWh },
        intervals: slotsFrom(tuesdaySlot, intervalsWh),
      }),
    );
  /** 96 quarter hours of 250 are 24,000. */
  const day = flat(96, 250).map(Number);

  it('a register of 24.0 kWh over intervals of 23.2 kWh is 3.33 % off, more than 1 %', () => {
    const intervals = day.map((wh, at) => (at < 80 ? wh - 10 : wh));
    expect(checkDay(24_000n, intervals)?.detail).toEqual({
      registerWh: '24000',
      intervalsWh: '23200',
    });
  });

  it('exactly 1 % passes and one Wh more does not, to either side', () => {
    const with240Less = day.map((wh, at) => (at === 0 ? wh - 240 : wh));
    expect(checkDay(24_000n, with240Less)).toBeNull();
    expect(checkDay(24_000n, with240Less.with(0, 9))).not.toBeNull();
    expect(checkDay(24_000n, day.with(0, 490))).toBeNull();
    expect(checkDay(24_000n, day.with(0, 491))).not.toBeNull();
  });

  it('a difference of one step of a coarse register says nothing', () => {
    const small = flat(96, 10).map(Number);
    expect(checkDay(1_060n, small)).toBeNull();
    expect(checkDay(1_061n, small)).not.toBeNull();
  });

  it('intervals with a hole are not summed', () => {
    const input = windowOf({ intervals: slotsFrom(tuesdaySlot, [...flat(95, 1), null]) });
    expect(checkSum(rules.sum, input)).toBeNull();
  });
});

describe('rule 17, Interval Spike Check', () => {
  const check = (energies: readonly number[]) =>
    checkIntervalSpike(rules.intervalSpike, dayOf(energies, 1_000));

  it('30.0 over a third highest of 8.0 is 275 %, a spike; 8.4, 8.2, 8.0 are 5 %', () => {
    const seen = check([5_000, 8_100, 30_000, 8_000]);
    expect(seen?.detail).toEqual({ highestWh: '30000', thirdHighestWh: '8000' });
    expect(seen?.message).toContain('275 %');
    expect([seen?.fromMs, seen?.toMs]).toEqual([tuesdayMs + 2 * slotMs, tuesdayMs + 3 * slotMs]);
    expect(check([8_400, 8_200, 8_000])).toBeNull();
  });

  it('exactly 200 % passes and one Wh more does not', () => {
    expect(check([24_000, 8_000, 8_000])).toBeNull();
    expect(check([24_001, 8_000, 8_000])).not.toBeNull();
  });

  it('a peak below a kettle, and a day of which little is known, are not judged', () => {
    expect(checkIntervalSpike(rules.intervalSpike, dayOf([999], 0))).toBeNull();
    expect(checkIntervalSpike(rules.intervalSpike, dayOf([1_000], 0))).not.toBeNull();
    const known = (count: number) =>
      checkIntervalSpike(rules.intervalSpike, dayOf([30_000, ...flat(count - 1, 10)], null));
    expect(known(19)).toBeNull();
    expect(known(20)).not.toBeNull();
  });

  it('names the readings that end or cut the spike, for they are what is left out', () => {
    const readingsAtMs = Float64Array.of(tuesdayMs, tuesdayMs + slotMs, tuesdayMs + 2 * slotMs);
    const input = { ...dayOf([250, 30_000], 250), readingsAtMs };
    expect(checkIntervalSpike(rules.intervalSpike, input)?.readingsAtMs).toEqual([
      tuesdayMs + 2 * slotMs,
    ]);
  });
});

describe('rule 18, High/Low Check', () => {
  /** 96 x 31 slots; 930 kWh in 31 days are 30 kWh a day. */
  const month = (monthWh: number): WindowInput =>
    windowOf({
      kind: 'bill',
      toMs: tuesdayMs + 31 * dayMs,
      slots: slotsFrom(tuesdaySlot, [monthWh, ...flat(31 * 96 - 1, 0)]),
      // 9,600 Wh a day would be 100 a slot; 10 kWh a day come as 10,000 once a day.
      history: slotsFrom(
        tuesdaySlot - 28 * 96,
        flat(28, 0).flatMap(() => [10_000, ...flat(95, 0)]),
      ),
    });

  it('10 kWh a day before and 930 kWh in 31 days are 300 %, more than 250 %', () => {
    expect(checkHighLow(rules.highLow, month(930_000))?.detail).toEqual({
      dailyWh: '30000',
      dailyWhBefore: '10000',
      percent: '300',
    });
    expect(rules.highLow.outcome).toBe('hold');
    expect(rules.highLow.windows).toEqual(['bill']);
  });

  it('exactly 250 % passes and one Wh more does not', () => {
    expect(checkHighLow(rules.highLow, month(775_000))).toBeNull();
    expect(checkHighLow(rules.highLow, month(775_001))).not.toBeNull();
  });

  it('with a limit for low, exactly 20 % passes and one Wh less does not', () => {
    const limits = { ...rules.highLow, lowPercentMin: 20 };
    expect(checkHighLow(limits, month(62_000))).toBeNull();
    expect(checkHighLow(limits, month(61_999))?.detail['percent']).toBe('19');
  });

  it('history of less than seven days, estimated history and none at all say nothing', () => {
    const withHistory = (history: WindowInput['history']) =>
      checkHighLow(rules.highLow, { ...month(930_000), history });
    expect(withHistory(historyOf(6, 1))).toBeNull();
    expect(withHistory(historyOf(7, 1))).not.toBeNull();
    expect(withHistory(historyOf(28, 1, 2))).toBeNull();
    expect(withHistory(null)).toBeNull();
  });

  it('without slots before, the closed bills that were measured stand in for them', () => {
    const bill = { fromMs: tuesdayMs - 28 * dayMs, toMs: tuesdayMs, wh: 280_000n };
    const withBill = (isEstimated: boolean) =>
      checkHighLow(rules.highLow, {
        ...month(930_000),
        history: null,
        bills: [{ ...bill, isEstimated }],
      });
    expect(withBill(false)?.detail['dailyWhBefore']).toBe('10000');
    expect(withBill(true)).toBeNull();
  });
});

describe('rule 19, Zero Consumption Check', () => {
  const zeros = slotsFrom(tuesdaySlot, flat(96, 0));
  const check = (given: Partial<WindowInput>) =>
    checkZeroConsumption(
      rules.zeroConsumption,
      windowOf({ slots: zeros, isOccupied: true, hasVoltage: true, ...given }),
    );

  it('96 zeros with voltage at an occupied premise are found; a vacant one passes', () => {
    expect(check({})?.detail).toEqual({ slots: '96' });
    expect(check({ isOccupied: false })).toBeNull();
    expect(check({ isOccupied: null })).toBeNull();
    expect(check({ hasVoltage: null })).toBeNull();
    expect(check({ hasVoltage: false })).toBeNull();
  });

  it('one Wh, one missing slot, or an outage is another matter', () => {
    expect(check({ slots: dayOf([1], 0).slots })).toBeNull();
    expect(check({ slots: dayOf([null], 0).slots })).toBeNull();
    expect(check({ outages: [{ fromMs: tuesdayMs, toMs: tuesdayMs + 1 }] })).toBeNull();
  });

  it('the shortest local day has 92 quarter hours; less is no day', () => {
    expect(check({ toMs: tuesdayMs + 92 * slotMs })).not.toBeNull();
    expect(check({ toMs: tuesdayMs + 91 * slotMs })).toBeNull();
  });
});

describe('rule 20, Inactive Measurement Check', () => {
  it('8 kWh after an agreement closed are a case of vacant consumption, not lost', () => {
    const closedMs = tuesdayMs + 12 * hourMs;
    const slots = slotsFrom(tuesdaySlot, [...flat(48, 500), ...flat(8, 1_000), ...flat(40, 0)]);
    const agreed = [{ fromMs: tuesdayMs - dayMs, toMs: closedMs }];
    const seen = checkInactiveMeasurement(rules.inactiveMeasurement, windowOf({ slots, agreed }));
    expect(seen?.detail).toEqual({ energyWh: '8000' });
    expect([seen?.fromMs, seen?.toMs]).toEqual([closedMs, closedMs + 2 * hourMs]);
  });

  it('one Wh without an agreement is found, none is not, and unknown agreements are silent', () => {
    const check = (wh: number, agreed: WindowInput['agreed']) =>
      checkInactiveMeasurement(
        rules.inactiveMeasurement,
        windowOf({ slots: slotsFrom(tuesdaySlot, [wh, ...flat(95, 0)]), agreed }),
      );
    expect(check(1, [])).not.toBeNull();
    expect(check(0, [])).toBeNull();
    expect(check(1, null)).toBeNull();
    expect(check(1, [{ fromMs: tuesdayMs, toMs: tuesdayMs + 1 }]), 'a part of a slot').toBeNull();
  });
});

describe('rule 21, Ensure IMD Exists for Sibling MCs', () => {
  it('kWh with no kvarh of the same window are found before any power factor', () => {
    const sibling = (energies: (number | null)[]) =>
      checkSiblingExists(
        rules.siblingExists,
        windowOf({ siblings: [{ channel: 5, slots: slotsFrom(tuesdaySlot, energies) }] }),
      );
    expect(sibling([])?.detail).toEqual({ missingSlotsOfChannel5: '96' });
    expect(sibling([...flat(95, 10), null])?.detail).toEqual({ missingSlotsOfChannel5: '1' });
    expect(sibling(flat(96, 10))).toBeNull();
  });

  it('where the register itself is unknown, nobody misses a sibling', () => {
    const input = windowOf({
      slots: slotsFrom(tuesdaySlot, [...flat(95, 1), null]),
      siblings: [{ channel: 5, slots: slotsFrom(tuesdaySlot, flat(95, 1)) }],
    });
    expect(checkSiblingExists(rules.siblingExists, input)).toBeNull();
  });
});

describe('rule 23, Prolonged Estimation Check', () => {
  const bill = (monthsBack: number, isEstimated: boolean) => ({
    fromMs: tuesdayMs - (monthsBack + 1) * 30 * dayMs,
    toMs: tuesdayMs - monthsBack * 30 * dayMs,
    wh: 1_000n,
    isEstimated,
  });
  const check = (estimatedSlots: number, bills: WindowInput['bills']) => {
    const quality = flat(96, 0).map((_, at) => (at < estimatedSlots ? 2 : 0));
    return checkProlongedEstimation(
      rules.prolongedEstimation,
      windowOf({ kind: 'bill', slots: slotsFrom(tuesdaySlot, flat(96, 5), quality), bills }),
    );
  };

  it('the third bill that runs on estimates makes a work order, the second does not', () => {
    expect(check(96, [bill(0, true), bill(1, true)])?.detail).toEqual({ bills: '3' });
    expect(check(96, [bill(0, true)])).toBeNull();
    expect(check(96, [bill(0, true), bill(1, false), bill(2, true)])).toBeNull();
  });

  it('a bill runs on estimates from half of its time on', () => {
    expect(check(48, [bill(0, true), bill(1, true)])).not.toBeNull();
    expect(check(47, [bill(0, true), bill(1, true)])).toBeNull();
  });
});

describe('rule 24, Negative Consumption Check', () => {
  const atMs = tuesdayMs + hourMs;
  const check = (code: WalkExceptionCode, toleranceWh = 0) =>
    checkNegativeConsumption(
      { toleranceWh },
      windowOf({
        exceptions: [{ code, atMs, wh: 100_200n, lastAtMs: 0, lastWh: 100_500n, isMark: false }],
      }),
    );

  it('100.5 -> 100.2 without a rollover is found, and its reading is named to be left out', () => {
    const seen = check('REGISTER_WENT_BACKWARDS');
    expect(seen?.detail).toEqual({ readings: '1', wh: '100200', lastWh: '100500' });
    expect(seen?.readingsAtMs).toEqual([atMs]);
    expect(rules.negativeConsumption.outcome).toBe('reject');
  });

  it('a jump is not one, nor a step back within the tolerance', () => {
    expect(check('REGISTER_RESET'), 'a reset is one too').not.toBeNull();
    expect(check('REGISTER_JUMPED')).toBeNull();
    expect(check('REGISTER_WENT_BACKWARDS', 300)).toBeNull();
    expect(check('REGISTER_WENT_BACKWARDS', 299)).not.toBeNull();
  });
});

describe('rule 25, Final Measurement Replacement', () => {
  it('within 0.1 % of the final value it is kept, one Wh beyond it is replaced', () => {
    const replaces = (newWh: bigint, finalWh = 1_000_000n) =>
      replacesFinal(rules.finalReplacement, { finalWh, newWh });
    expect(replaces(1_001_000n)).toBe(false);
    expect(replaces(1_001_001n)).toBe(true);
    expect(replaces(999_000n)).toBe(false);
    expect(replaces(998_999n)).toBe(true);
    expect(replaces(0n, 0n)).toBe(false);
    expect(replaces(1n, 0n)).toBe(true);
  });
});

describe('rule 26, Consecutive Interval Check', () => {
  const check = (input: WindowInput) => checkConsecutiveInterval(rules.consecutiveInterval, input);
  const varied = (count: number) => Array.from({ length: count }, (_, at) => 100 + (at % 7));

  it('12 identical non-zero quarter hours are suspicious, 11 are not', () => {
    const run = (count: number) =>
      check(
        windowOf({
          slots: slotsFrom(tuesdaySlot, [
            ...varied(20),
            ...flat(count, 333),
            ...varied(76 - count),
          ]),
        }),
      );
    expect(run(12)?.detail).toEqual({ slots: '12', slotWh: '333' });
    expect(run(12)?.fromMs).toBe(tuesdayMs + 20 * slotMs);
    expect(run(11)).toBeNull();
  });

  it('zeros, and values that were worked out between readings, are even for a reason', () => {
    expect(check(windowOf({ slots: slotsFrom(tuesdaySlot, flat(96, 0)) }))).toBeNull();
    expect(check(windowOf({ slots: slotsFrom(tuesdaySlot, flat(96, 333), 2) }))).toBeNull();
  });
});
