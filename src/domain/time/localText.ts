import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { civilDateOf, dayNumberOf, isCivilDate } from './civil.ts';
import { localPartsAt } from './zone.ts';

/** Dates and times of the wall clock as ISO 8601 texts without an offset. */

export function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** `06:15` of a minute of the day. */
export function clockText(minuteOfDay: number): string {
  return `${twoDigits(Math.floor(minuteOfDay / 60))}:${twoDigits(minuteOfDay % 60)}`;
}

/** `2026-03-29` of a day number. */
export function dateText(dayNumber: number): string {
  const { year, month, day } = civilDateOf(dayNumber);
  return `${year}-${twoDigits(month)}-${twoDigits(day)}`;
}

/** `2026-03-29T02:00` of what the clocks of a zone show at an instant. */
export function localTextAt(zone: string, instantMs: number): string {
  const { year, month, day, hour, minute } = localPartsAt(zone, instantMs);
  return `${dateText(dayNumberOf({ year, month, day }))}T${clockText(hour * 60 + minute)}`;
}

/** A date as people write it, in days from 1970-01-01. */
export function parseDate(text: string): Outcome<number, 'DATE_MALFORMED'> {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const [year = 0, month = 0, day = 0] = (match ?? []).slice(1).map(Number);
  const date = { year, month, day };
  if (year >= 1970 && year < 2200 && isCivilDate(date)) return accept(dayNumberOf(date));
  const message = `"${text.slice(0, 40)}" is no date from 1970 to 2199; write it as 2026-03-01.`;
  return refuse('DATE_MALFORMED', message);
}
