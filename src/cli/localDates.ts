import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { civilDateOf, dayNumberOf, isCivilDate, minuteMs } from '../domain/time/civil.ts';
import { localPartsAt, startOfLocalDayMs } from '../domain/time/zone.ts';

/** Local dates as people write them: `2026-03-01`. */

export type DateCode = 'DATE_MALFORMED';

function two(value: number): string {
  return String(value).padStart(2, '0');
}

export function parseLocalDate(text: string): Outcome<number, DateCode> {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const [, year, month, day] = (match ?? []).map(Number);
  if (year !== undefined && month !== undefined && day !== undefined) {
    const date = { year, month, day };
    if (year >= 1970 && year < 2200 && isCivilDate(date)) return accept(dayNumberOf(date));
  }
  const message = `"${text.slice(0, 40)}" is no date from 1970 to 2199; write it as 2026-03-01.`;
  return refuse('DATE_MALFORMED', message);
}

/** The local date of an instant, as days from 1970-01-01. */
export function localDayOf(zone: string, instantMs: number): number {
  const { year, month, day } = localPartsAt(zone, instantMs);
  const shown = dayNumberOf({ year, month, day });
  // Clocks set back across midnight show the old date again although the new day has begun.
  return instantMs >= startOfLocalDayMs(zone, shown + 1) ? shown + 1 : shown;
}

/** A date where the day begins, otherwise a local date and time. */
export function localText(zone: string, instantMs: number): string {
  const dayNumber = localDayOf(zone, instantMs);
  const { year, month, day } = civilDateOf(dayNumber);
  const date = `${year}-${two(month)}-${two(day)}`;
  if (instantMs === startOfLocalDayMs(zone, dayNumber)) return date;
  const { hour, minute } = localPartsAt(zone, instantMs);
  return `${date}T${two(hour)}:${two(minute)}`;
}

/** With the offset, which tells the two hours of one name apart: 2026-10-25T02:00+01:00. */
export function localInstantText(zone: string, instantMs: number): string {
  const { year, month, day, hour, minute, offsetMs } = localPartsAt(zone, instantMs);
  const offsetMinutes = Math.abs(offsetMs) / minuteMs;
  const sign = offsetMs < 0 ? '-' : '+';
  const offset = `${sign}${two(Math.floor(offsetMinutes / 60))}:${two(offsetMinutes % 60)}`;
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}${offset}`;
}

/** The local days that hold [fromMs, toMs). */
export function wholeDays(
  zone: string,
  span: { readonly fromMs: number; readonly toMs: number },
): { readonly fromMs: number; readonly toMs: number } {
  return {
    fromMs: startOfLocalDayMs(zone, localDayOf(zone, span.fromMs)),
    toMs: startOfLocalDayMs(zone, localDayOf(zone, span.toMs - 1) + 1),
  };
}
