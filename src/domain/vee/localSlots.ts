import { slotMs, slotsPerDay, slotStartMs } from '../rating/slot.ts';
import { weekdayOf } from '../time/civil.ts';
import { offsetMsAt } from '../time/zone.ts';
import { measuredAt } from './columns.ts';
import type { DayProfiles } from './set.ts';
import type { SlotColumns } from './window.ts';

/**
 * A quarter hour of the local clock: days since 1970-01-01 times 96, and its number in the day. In
 * autumn two slots have the same one, in spring some have no slot.
 */
export function localSlotOf(zone: string, slot: number): number {
  const startMs = slotStartMs(slot);
  return Math.floor((startMs + offsetMsAt(zone, startMs)) / slotMs);
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

/** Measured energies before a slot by local slot; of an hour that comes twice the first. */
export function measuredByLocalSlot(
  history: SlotColumns,
  zone: string,
  before: number,
): ReadonlyMap<number, number> {
  const measured = new Map<number, number>();
  const end = Math.min(before, history.firstSlot + history.wh.length);
  for (let slot = history.firstSlot; slot < end; slot += 1) {
    const wh = measuredAt(history, slot);
    if (Number.isNaN(wh)) continue;
    const localSlot = localSlotOf(zone, slot);
    if (!measured.has(localSlot)) measured.set(localSlot, wh);
  }
  return measured;
}
