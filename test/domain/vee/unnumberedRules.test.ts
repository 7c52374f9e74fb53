import { describe, expect, it } from 'vitest';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { dayMs } from '../../../src/domain/time/civil.ts';
import { checkDuplicateReading } from '../../../src/domain/vee/duplicateReading.ts';
import { checkDynamicComparison } from '../../../src/domain/vee/dynamicComparison.ts';
import { checkIntervalSize } from '../../../src/domain/vee/intervalSize.ts';
import { checkMissingQuantity } from '../../../src/domain/vee/missingQuantity.ts';
import { defaultVeeSet } from '../../../src/domain/vee/set.ts';
import type { WindowInput } from '../../../src/domain/vee/window.ts';
import { dayOf, flat, slotsFrom, tuesdayMs, tuesdaySlot, windowOf } from './windows.ts';

/** Energies in Wh, each limit from both sides. */
const { rules } = defaultVeeSet('community');

describe('the rules without a number of their own', () => {
  it('Duplicate IMD Check: another value of the same instant, beyond the tolerance', () => {
    const check = (lostWh: bigint, atMs = tuesdayMs) =>
      checkDuplicateReading(
        { toleranceWh: 2 },
        windowOf({ conflicts: [{ atMs, keptWh: 100n, lostWh }] }),
      );
    expect(check(103n)?.readingsAtMs).toEqual([tuesdayMs]);
    expect(check(102n)).toBeNull();
    expect(check(97n)).not.toBeNull();
    expect(check(103n, tuesdayMs + dayMs), 'of the next window').toBeNull();
  });

  it('Interval Size Validation: an interval of another length, not a gap of whole ones', () => {
    const check = (...minutes: number[]) =>
      checkIntervalSize(
        rules.intervalSize,
        windowOf({
          readingsAtMs: Float64Array.from(minutes, (minute) => tuesdayMs + minute * 60_000),
        }),
      );
    expect(check(0, 15, 30, 75, 90)).toBeNull();
    expect(check(0, 15, 20, 35)?.detail).toEqual({ intervals: '1', firstMs: '300000' });
    expect(check()).toBeNull();
  });

  it('Raise Missing Quantity Exception: unknown slots, not in an outage or unagreed time', () => {
    const slots = slotsFrom(tuesdaySlot, [...flat(90, 1), ...flat(6, null)]);
    const check = (given: Partial<WindowInput>, missingSlotsMax = 0) =>
      checkMissingQuantity({ missingSlotsMax }, windowOf({ slots, ...given }))?.detail;
    const endMs = tuesdayMs + dayMs;
    expect(check({})).toEqual({ missingSlots: '6', slots: '96' });
    expect(check({}, 5)).toBeDefined();
    expect(check({}, 6)).toBeUndefined();
    expect(
      check({ outages: [{ fromMs: endMs - 4 * slotMs, toMs: endMs }] })?.['missingSlots'],
    ).toBe('2');
    expect(check({ agreed: [{ fromMs: tuesdayMs, toMs: endMs - 6 * slotMs }] })).toBeUndefined();
  });

  it('Dynamic Comparison Validation: four standard deviations, and not a Wh more', () => {
    // Days of 9,000 and 11,000 in turn: a mean of 10,000 and a deviation of 1,000.
    const days = Array.from({ length: 28 }, (_, at) => [at % 2 ? 9_000 : 11_000, ...flat(95, 0)]);
    const check = (wh: number, given = {}) =>
      checkDynamicComparison(
        { ...rules.dynamicComparison, differenceWhMin: 0, ...given },
        { ...dayOf([wh], 0), history: slotsFrom(tuesdaySlot - 28 * 96, days.flat()) },
      );
    expect(check(14_000)).toBeNull();
    expect(check(14_001)?.detail).toEqual({ energy: '14001', mean: '10000', days: '28' });
    expect(check(6_000)).toBeNull();
    expect(check(5_999)).not.toBeNull();
    expect(check(14_001, { differenceWhMin: 4_002 }), 'too little to tell').toBeNull();
    expect(check(14_001, { historyDaysMax: 29, historyDaysMin: 29 }), '28 days known').toBeNull();
    expect(check(14_001, { measures: ['zeroSlots'] })).toBeNull();
    expect(check(14_001, { measures: ['peak'] })).not.toBeNull();
    expect(check(0, { measures: ['zeroSlots'] })?.detail['zeroSlots']).toBe('96');
  });
});
