import { z } from 'zod';
import { slotsPerDay } from '../rating/slot.ts';
import { measuredAt, slotsOf } from './columns.ts';
import type { SlotRange } from './columns.ts';
import type { Seen } from './finding.ts';
import { dayCount, energyWh, percent } from './ruleShape.ts';
import type { SlotColumns, WindowInput } from './window.ts';

/** What of a day is compared with the days before. */
export const dayMeasures = ['energy', 'peak', 'zeroSlots'] as const;
export type DayMeasure = (typeof dayMeasures)[number];

export const dynamicComparisonLimits = {
  measures: z.array(z.enum(dayMeasures)).min(1).max(dayMeasures.length).default(['energy']),
  /** Hundredths of a standard deviation: 400 is four of them. */
  deviationsPercentMax: percent.default(400),
  historyDaysMin: dayCount.min(2).default(14),
  historyDaysMax: dayCount.min(2).default(28),
  /** An energy or peak that is nearer than this to the mean is never told. */
  differenceWhMin: energyWh.default(5_000),
};

export type DynamicComparisonLimits = {
  readonly measures: readonly DayMeasure[];
  readonly deviationsPercentMax: number;
  readonly historyDaysMin: number;
  readonly historyDaysMax: number;
  readonly differenceWhMin: number;
};

/** Null when a slot is unknown or estimated: such a day says nothing. */
function measureOf(measure: DayMeasure, columns: SlotColumns, range: SlotRange): number | null {
  let energy = 0;
  let peak = 0;
  let zeroSlots = 0;
  for (let slot = range.from; slot < range.to; slot += 1) {
    const wh = measuredAt(columns, slot);
    if (Number.isNaN(wh)) return null;
    energy += wh;
    if (wh > peak) peak = wh;
    if (wh === 0) zeroSlots += 1;
  }
  if (measure === 'energy') return energy;
  return measure === 'peak' ? peak : zeroSlots;
}

/** Of the stretches of 24 hours that end where the window begins: DST moves none of them. */
function measuresBefore(
  measure: DayMeasure,
  limits: DynamicComparisonLimits,
  history: SlotColumns,
  end: number,
): readonly bigint[] {
  const measures: bigint[] = [];
  for (let day = 1; day <= limits.historyDaysMax; day += 1) {
    const to = end - (day - 1) * slotsPerDay;
    const measured = measureOf(measure, history, { from: to - slotsPerDay, to });
    if (measured !== null) measures.push(BigInt(measured));
  }
  return measures;
}

/**
 * A day beside the mean and the standard deviation of the days before it. All in integers: with n
 * days of sum S and sum of squares Q the mean is S/n and the variance (nQ - S^2)/n^2.
 */
export function checkDynamicComparison(
  limits: DynamicComparisonLimits,
  input: WindowInput,
): Seen | null {
  const range = slotsOf(input);
  if (input.history === null) return null;
  for (const measure of limits.measures) {
    const now = measureOf(measure, input.slots, range);
    if (now === null) continue;
    const before = measuresBefore(measure, limits, input.history, range.from);
    if (before.length < limits.historyDaysMin) continue;
    const days = BigInt(before.length);
    const sum = before.reduce((total, value) => total + value, 0n);
    const squares = before.reduce((total, value) => total + value * value, 0n);
    const distance = BigInt(now) * days - sum;
    const isNear =
      measure !== 'zeroSlots' &&
      (distance < 0n ? -distance : distance) < BigInt(limits.differenceWhMin) * days;
    const deviations = BigInt(limits.deviationsPercentMax);
    const isWithin =
      distance * distance * 10_000n <= deviations * deviations * (days * squares - sum * sum);
    if (isNear || isWithin) continue;
    const unit = measure === 'zeroSlots' ? 'slots of zero' : (input.unit ?? 'Wh');
    return {
      fromMs: input.fromMs,
      toMs: input.toMs,
      message:
        `The ${measure} of ${now} ${unit} is more than ${limits.deviationsPercentMax} % of a ` +
        `standard deviation away from ${sum / days} ${unit}, the mean of ${days} days before. ` +
        'Look what is new at this place.',
      detail: { [measure]: String(now), mean: String(sum / days), days: String(days) },
      readingsAtMs: [],
    };
  }
  return null;
}
