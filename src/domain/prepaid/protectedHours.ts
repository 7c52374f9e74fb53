import { civilDateOf, dayMs, minuteMs, weekdayOf } from '../time/civil.ts';
import { twoDigits } from '../time/localText.ts';
import { offsetMsAt, offsetSegments } from '../time/zone.ts';
import { protectedLookDays } from './limits.ts';
import type { PrepaidPolicy, ProtectedSpan } from './policy.ts';

/** What of a policy says when nobody is cut. */
export type ProtectedTimes = Pick<PrepaidPolicy, 'protectedHours' | 'protectedHolidays'>;

const minutesPerDay = 1_440;

type LocalTime = { readonly dayNumber: number; readonly minuteOfDay: number };

function localTimeAt(zone: string, instantMs: number): LocalTime {
  const localMs = instantMs + offsetMsAt(zone, instantMs);
  const dayNumber = Math.floor(localMs / dayMs);
  return { dayNumber, minuteOfDay: Math.floor((localMs - dayNumber * dayMs) / minuteMs) };
}

function endsNextDay({ fromMinute, toMinute }: ProtectedSpan): boolean {
  return toMinute < fromMinute;
}

/** By the clock on the wall: an hour that comes twice is protected twice. */
function holds(span: ProtectedSpan, { dayNumber, minuteOfDay }: LocalTime): boolean {
  const { weekdays, fromMinute, toMinute } = span;
  const begins = (day: number) => weekdays.includes(weekdayOf(day));
  if (!endsNextDay(span)) {
    return begins(dayNumber) && minuteOfDay >= fromMinute && minuteOfDay < toMinute;
  }
  return (
    (begins(dayNumber) && minuteOfDay >= fromMinute) ||
    (begins(dayNumber - 1) && minuteOfDay < toMinute)
  );
}

/** Within hours in which nobody is cut, by the clock of the zone. */
export function isProtectedHourAt(
  { protectedHours }: ProtectedTimes,
  zone: string,
  instantMs: number,
): boolean {
  const local = localTimeAt(zone, instantMs);
  return protectedHours.some((span) => holds(span, local));
}

/** Within a local day that is one of the policy's holidays. */
export function isHolidayAt(
  { protectedHolidays }: ProtectedTimes,
  zone: string,
  instantMs: number,
): boolean {
  const { days, yearly } = protectedHolidays;
  if (days.size === 0 && yearly.size === 0) return false;
  const { dayNumber } = localTimeAt(zone, instantMs);
  const { month, day } = civilDateOf(dayNumber);
  return days.has(dayNumber) || yearly.has(`${twoDigits(month)}-${twoDigits(day)}`);
}

function isProtectedAt(times: ProtectedTimes, zone: string, instantMs: number): boolean {
  return isProtectedHourAt(times, zone, instantMs) || isHolidayAt(times, zone, instantMs);
}

/**
 * The first instant from this one on at which nothing protects: the earliest of a cut. Null when
 * there is none within more than a year.
 */
export function firstUnprotectedMs(
  times: ProtectedTimes,
  zone: string,
  fromMs: number,
): number | null {
  if (!isProtectedAt(times, zone, fromMs)) return fromMs;
  const boundaries = [
    ...new Set(times.protectedHours.flatMap(({ fromMinute, toMinute }) => [fromMinute, toMinute])),
    0,
    minutesPerDay,
  ].toSorted((left, right) => left - right);
  const toMs = fromMs + protectedLookDays * dayMs;
  for (const { startMs, endMs, offsetMs } of offsetSegments(zone, { fromMs, toMs })) {
    // A change of the clocks may lead out of what protects, besides the clock itself.
    if (!isProtectedAt(times, zone, startMs)) return startMs;
    const firstDay = Math.floor((startMs + offsetMs) / dayMs);
    for (let day = firstDay; day * dayMs - offsetMs < endMs; day += 1) {
      for (const minute of boundaries) {
        const atMs = day * dayMs + minute * minuteMs - offsetMs;
        if (atMs <= startMs || atMs >= endMs) continue;
        if (!isProtectedAt(times, zone, atMs)) return atMs;
      }
    }
  }
  return null;
}

/** The local date of an instant, in days since 1970-01-01. */
export function localDayAt(zone: string, instantMs: number): number {
  return localTimeAt(zone, instantMs).dayNumber;
}
