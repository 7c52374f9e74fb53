import { slotMs, slotsPerDay, slotStartMs } from '../rating/slot.ts';
import { weekdayOf } from '../time/civil.ts';
import { offsetSegments } from '../time/zone.ts';
import type { SlotRange } from './columns.ts';
import type { DayProfiles } from './set.ts';

/** Slots in a row with one offset; local slot = slot + shift. */
type Stretch = SlotRange & { readonly shift: number };

/**
 * Quarter hours of the local clock over a range of slots: days since 1970-01-01 times 96, and the
 * number in the day. In autumn two slots have the same one, in spring some have no slot.
 */
export type LocalClock = readonly Stretch[];

export function localClockOf(zone: string, { from, to }: SlotRange): LocalClock {
  const window = { fromMs: slotStartMs(from), toMs: slotStartMs(to) };
  return offsetSegments(zone, window).map(({ startMs, endMs, offsetMs }) => ({
    from: Math.ceil(startMs / slotMs),
    to: Math.ceil(endMs / slotMs),
    shift: Math.floor(offsetMs / slotMs),
  }));
}

/** Of a slot of the clock's range. */
export function localSlotAt(clock: LocalClock, slot: number): number {
  for (const { to, shift } of clock) if (slot < to) return slot + shift;
  return Number.NaN;
}

/** The first slot of the clock's range with this local quarter hour; null: there is none. */
export function firstSlotWith(clock: LocalClock, localSlot: number): number | null {
  for (const { from, to, shift } of clock) {
    const slot = localSlot - shift;
    if (slot >= from && slot < to) return slot;
  }
  return null;
}

export function localDayOf(localSlot: number): number {
  return Math.floor(localSlot / slotsPerDay);
}

/** ISO weekday; a holiday is like a Sunday. */
export function dayKindOf(localDay: number, holidays: ReadonlySet<number>): number {
  return holidays.has(localDay) ? 7 : weekdayOf(localDay);
}

/** The share of a local quarter hour in its day. */
export function profileShare(
  profile: DayProfiles,
  holidays: ReadonlySet<number>,
  localSlot: number,
): number {
  const day = localDayOf(localSlot);
  const kind = dayKindOf(day, holidays);
  const shares = kind === 7 ? profile.sunday : kind === 6 ? profile.saturday : profile.workday;
  return shares[localSlot - day * slotsPerDay];
}
