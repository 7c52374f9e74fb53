import { assert } from '../assert.ts';
import { calendarDaysMax } from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { slotsPerDay } from '../rating/slot.ts';
import { clockText, dateText, parseDate } from '../time/localText.ts';
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

function stretchesOf(column: Int32Array, periods: readonly string[]): readonly GridStretch[] {
  const stretches: GridStretch[] = [];
  let fromSlot = 0;
  for (let slot = 1; slot <= slotsPerDay; slot += 1) {
    if (slot < slotsPerDay && column[slot] === column[fromSlot]) continue;
    const period = periods[column[fromSlot]];
    assert(period !== undefined, 'a published calendar has no gap');
    stretches.push({ from: clockText(fromSlot * 15), to: clockText(slot * 15), period });
    fromSlot = slot;
  }
  return stretches;
}

/** A calendar as a grid to draw: local days from a date on, each in stretches of one period. */
export function gridOf(
  calendar: Calendar,
  { from, days }: { readonly from: string; readonly days: number },
): Outcome<readonly GridDay[], 'DATE_MALFORMED' | 'DAYS_OUT_OF_RANGE'> {
  const first = parseDate(from);
  if (!first.ok) return refuse(first.code, first.message, ['from']);
  if (days < 1 || days > calendarDaysMax) {
    const message = `A grid has 1 to ${calendarDaysMax} days; ask for more in parts.`;
    return refuse('DAYS_OUT_OF_RANGE', message, ['days']);
  }
  const read = dayReader([calendar]);
  const known = new Map<string, readonly GridStretch[]>();
  return accept(
    Array.from({ length: days }, (_, index) => {
      const day = dayOfNumber(first.value + index);
      const { key, columns } = read(day);
      const [column] = columns;
      assert(column !== undefined, 'one calendar has one column');
      const stretches = known.get(key) ?? stretchesOf(column, calendar.periods);
      known.set(key, stretches);
      return { date: dateText(first.value + index), ...classOf(calendar, day), stretches };
    }),
  );
}
