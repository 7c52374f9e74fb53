import { assert } from '../assert.ts';
import { calendarDaysMax } from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { dateTextOf } from '../rating/facts.ts';
import { slotsPerDay } from '../rating/slot.ts';
import { dayNumberOf, isCivilDate } from '../time/civil.ts';
import { classOf, dayOfNumber, dayReader } from './calendar.ts';
import type { Calendar } from './calendar.ts';

/** A stretch of a local day in one period, by the wall clock: `06:00` to `24:00`. */
export type GridStretch = { readonly from: string; readonly to: string; readonly period: string };

/** Days of one class have the same stretches. */
export type GridDay = {
  /** Local, `2026-03-29`. */
  readonly date: string;
  readonly season: string | null;
  readonly dayType: string | null;
  readonly stretches: readonly GridStretch[];
};

function clockText(slot: number): string {
  const minutes = (slot % 4) * 15;
  return `${String(Math.floor(slot / 4)).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}

function stretchesOf(column: Int32Array, periods: readonly string[]): readonly GridStretch[] {
  const stretches: GridStretch[] = [];
  let fromSlot = 0;
  for (let slot = 1; slot <= slotsPerDay; slot += 1) {
    if (slot < slotsPerDay && column[slot] === column[fromSlot]) continue;
    const period = periods[column[fromSlot]];
    assert(period !== undefined, 'a published calendar has no gap');
    stretches.push({ from: clockText(fromSlot), to: clockText(slot), period });
    fromSlot = slot;
  }
  return stretches;
}

function parseDate(text: string): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const [year = 0, month = 0, day = 0] = (match ?? []).slice(1).map(Number);
  if (!isCivilDate({ year, month, day }) || year < 1970 || year > 2199) return null;
  return dayNumberOf({ year, month, day });
}

/** A calendar as a grid to draw: local days from a date on, each in stretches of one period. */
export function gridOf(
  calendar: Calendar,
  { from, days }: { readonly from: string; readonly days: number },
): Outcome<readonly GridDay[], 'DATE_MALFORMED' | 'DAYS_OUT_OF_RANGE'> {
  const first = parseDate(from);
  if (first === null) {
    const message = 'Write a local date of the years 1970 to 2199, such as "2026-03-29".';
    return refuse('DATE_MALFORMED', message, ['from']);
  }
  if (days < 1 || days > calendarDaysMax) {
    const message = `A grid has 1 to ${calendarDaysMax} days; ask for more in parts.`;
    return refuse('DAYS_OUT_OF_RANGE', message, ['days']);
  }
  const read = dayReader([calendar]);
  const known = new Map<string, readonly GridStretch[]>();
  return accept(
    Array.from({ length: days }, (_, index) => {
      const day = dayOfNumber(first + index);
      const { key, columns } = read(day);
      const [column] = columns;
      assert(column !== undefined, 'one calendar has one column');
      const stretches = known.get(key) ?? stretchesOf(column, calendar.periods);
      known.set(key, stretches);
      return { date: dateTextOf(first + index), ...classOf(calendar, day), stretches };
    }),
  );
}
