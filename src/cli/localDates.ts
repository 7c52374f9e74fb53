import { dayNumberOf, minuteMs } from '../domain/time/civil.ts';
import { clockText, dateText, localTextAt } from '../domain/time/localText.ts';
import { localPartsAt, startOfLocalDayMs } from '../domain/time/zone.ts';

/** The local date of an instant, as days from 1970-01-01. */
function localDayOf(zone: string, instantMs: number): number {
  const { year, month, day } = localPartsAt(zone, instantMs);
  const shown = dayNumberOf({ year, month, day });
  // Clocks set back across midnight show the old date again although the new day has begun.
  return instantMs >= startOfLocalDayMs(zone, shown + 1) ? shown + 1 : shown;
}

/** A date where the day begins, otherwise a local date and time. */
export function localText(zone: string, instantMs: number): string {
  const dayNumber = localDayOf(zone, instantMs);
  if (instantMs === startOfLocalDayMs(zone, dayNumber)) return dateText(dayNumber);
  const { hour, minute } = localPartsAt(zone, instantMs);
  return `${dateText(dayNumber)}T${clockText(hour * 60 + minute)}`;
}

/** With the offset, which tells the two hours of one name apart: 2026-10-25T02:00+01:00. */
export function localInstantText(zone: string, instantMs: number): string {
  const { offsetMs } = localPartsAt(zone, instantMs);
  const sign = offsetMs < 0 ? '-' : '+';
  const offset = clockText(Math.abs(offsetMs) / minuteMs);
  return `${localTextAt(zone, instantMs)}${sign}${offset}`;
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
