import { assertNever } from '../assert.ts';
import { slotsPerDay } from '../rating/slot.ts';
import { measuredAt } from './columns.ts';
import type { SlotRange } from './columns.ts';
import {
  dayKindOf,
  firstSlotWith,
  localClockOf,
  localDayOf,
  localSlotAt,
  profileShare,
} from './localSlots.ts';
import type { LocalClock } from './localSlots.ts';
import type { GapMethod, VeeSet } from './set.ts';
import type { SlotColumns } from './window.ts';

/** What a method of estimation may look at. */
export type GapFacts = {
  /** Slots that the gap touches. */
  readonly range: SlotRange;
  readonly zone: string;
  readonly history: SlotColumns | null;
  readonly beforeWh: number | null;
  readonly afterWh: number | null;
};

/** Methods that guess from other times, not from the meter's own intervals in the gap. */
export type GuessMethod = Exclude<GapMethod, 'adjustmentFromScalar' | 'subtractiveAdjustment'>;

type Mean = { readonly sum: number; readonly count: number };

function leastCommonMultiple(left: number, right: number): number {
  let [larger, smaller] = [left, right];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return (left / larger) * right;
}

/** Means of different numbers of days as whole numbers of one size. */
function weightsOfMeans(means: readonly Mean[]): readonly bigint[] {
  const counts = new Set(means.map(({ count }) => count));
  const common = BigInt([...counts].reduce(leastCommonMultiple, 1));
  return means.map(({ sum, count }) => (BigInt(sum) * common) / BigInt(count));
}

/** A line from the slot before the gap to the slot after it. */
function interpolate(
  set: VeeSet,
  { range, beforeWh, afterWh }: GapFacts,
): readonly bigint[] | null {
  const count = range.to - range.from;
  if (beforeWh === null || afterWh === null) return null;
  if (count > set.estimation.interpolation.slotsMax) return null;
  return Array.from(
    { length: count },
    (_, at) => BigInt(beforeWh) * BigInt(count - at) + BigInt(afterWh) * BigInt(at + 1),
  );
}

/** Where estimates by earlier days look: history before the gap, by the local clock. */
type Past = { readonly history: SlotColumns; readonly clock: LocalClock; readonly end: number };

type DayLimits = { readonly days: number; readonly daysMin: number };

/** The measured values of local quarter hours that count; of an hour that comes twice the first. */
function meanOf(
  { history, clock, end }: Past,
  localSlots: Iterable<number>,
  { days, daysMin }: DayLimits,
): Mean | null {
  let sum = 0;
  let count = 0;
  for (const localSlot of localSlots) {
    const slot = firstSlotWith(clock, localSlot);
    const wh = slot === null || slot >= end ? Number.NaN : measuredAt(history, slot);
    if (Number.isNaN(wh)) continue;
    sum += wh;
    count += 1;
    if (count === days) break;
  }
  return count < daysMin ? null : { sum, count };
}

function meansOf(
  { range, zone, history }: GapFacts,
  localSlotsFor: (localSlot: number, firstDay: number) => Iterable<number>,
  limits: DayLimits,
): readonly bigint[] | null {
  if (history === null || history.firstSlot >= range.from) return null;
  const clock = localClockOf(zone, { from: history.firstSlot, to: range.to });
  const past = { history, clock, end: range.from };
  const firstDay = localDayOf(localSlotAt(clock, range.from));
  const means: Mean[] = [];
  for (let slot = range.from; slot < range.to; slot += 1) {
    const mean = meanOf(past, localSlotsFor(localSlotAt(clock, slot), firstDay), limits);
    if (mean === null) return null;
    means.push(mean);
  }
  return weightsOfMeans(means);
}

/** The last days of the same weekday; holidays are nobody's proxy, and a holiday has Sundays. */
function proxyDays(set: VeeSet, facts: GapFacts): readonly bigint[] | null {
  const { proxyDay } = set.estimation;
  function* sameWeekdays(localSlot: number) {
    const day = localDayOf(localSlot);
    const kind = dayKindOf(day, set.holidays);
    for (let back = 1; back <= proxyDay.historyDaysMax; back += 1) {
      const isProxy = !set.holidays.has(day - back) && dayKindOf(day - back, set.holidays) === kind;
      if (isProxy) yield localSlot - back * slotsPerDay;
    }
  }
  return meansOf(facts, sameWeekdays, proxyDay);
}

/** The days before the gap, of whatever weekday. */
function averages(set: VeeSet, facts: GapFacts): readonly bigint[] | null {
  const { averaging } = set.estimation;
  function* lastDays(localSlot: number, firstDay: number) {
    const ofDay = localSlot - localDayOf(localSlot) * slotsPerDay;
    for (let back = 0; back <= averaging.days; back += 1) {
      yield (firstDay - back) * slotsPerDay + ofDay;
    }
  }
  return meansOf(facts, lastDays, averaging);
}

function profileWeights(set: VeeSet, { range, zone }: GapFacts): readonly bigint[] | null {
  const { profile, holidays } = set;
  if (profile === null) return null;
  const clock = localClockOf(zone, range);
  return Array.from({ length: range.to - range.from }, (_, at) =>
    BigInt(profileShare(profile, holidays, localSlotAt(clock, range.from + at))),
  );
}

/**
 * How much a method believes flowed in each whole slot of the gap, in any common unit; null when
 * it cannot say it of every one.
 */
export function guessWeights(
  set: VeeSet,
  method: GuessMethod,
  facts: GapFacts,
): readonly bigint[] | null {
  switch (method) {
    case 'interpolation':
      return interpolate(set, facts);
    case 'proxyDay':
      return proxyDays(set, facts);
    case 'profile':
      return profileWeights(set, facts);
    case 'averaging':
      return averages(set, facts);
    default:
      return assertNever(method);
  }
}

/** Energies that the meter itself measured in the gap; NaN where it did not. */
export function measuredIntervals(
  intervals: SlotColumns | null,
  { from, to }: SlotRange,
): Float64Array {
  return Float64Array.from({ length: to - from }, (_, at) =>
    intervals === null ? Number.NaN : measuredAt(intervals, from + at),
  );
}
