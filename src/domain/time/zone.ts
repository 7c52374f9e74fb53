import { assert } from '../assert.ts';
import { instantMsMax, zoneNameLengthMax, zoneNamesCachedMax } from '../limits.ts';
import { civilDateOf, dayMs, dayNumberOf, hourMs, minuteMs, weekdayOf } from './civil.ts';

/** A stretch of time in which a zone's offset from UTC does not change: [startMs, endMs). */
export type OffsetSegment = {
  readonly startMs: number;
  readonly endMs: number;
  /** Local time minus UTC; east of Greenwich is positive. */
  readonly offsetMs: number;
};

export type LocalParts = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** ISO 8601: Monday 1 to Sunday 7. */
  readonly weekday: number;
  readonly offsetMs: number;
};

/** A local calendar month as UTC instants: [startMs, endMs). */
export type BillingPeriod = {
  readonly startMs: number;
  readonly endMs: number;
  /** ISO 8601 year and month, local: `2026-10`. */
  readonly label: string;
};

type ZoneClock = {
  readonly format: Intl.DateTimeFormat;
  /** By UTC year, because instants come in no order. */
  readonly segmentsByYear: Map<number, readonly OffsetSegment[]>;
};

/** Zone rules never change while the process lives, so a memo is as pure as the rules. */
const clocks = new Map<string, ZoneClock>();

/** An IANA name has a letter in front; Intl alone would also take offsets such as `+02:00`,
 * which know no daylight saving. */
const zoneNamePattern = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

function clockOf(zone: string): ZoneClock | undefined {
  const known = clocks.get(zone);
  if (known !== undefined) return known;
  if (zone.length > zoneNameLengthMax || !zoneNamePattern.test(zone)) return undefined;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  } catch {
    return undefined; // Intl has no other way to say that it does not know the name.
  }
  // Intl ignores case, so the spellings of one zone have no bound of their own.
  if (clocks.size >= zoneNamesCachedMax) clocks.clear();
  const clock: ZoneClock = { format, segmentsByYear: new Map() };
  clocks.set(zone, clock);
  return clock;
}

export function isKnownZone(zone: string): boolean {
  return clockOf(zone) !== undefined;
}

function requireClock(zone: string): ZoneClock {
  const clock = clockOf(zone);
  assert(clock !== undefined, `the zone ${zone} was not checked with isKnownZone`);
  return clock;
}

const localPattern = /^(\d\d)\/(\d\d)\/(\d{4,}), (\d\d):(\d\d):(\d\d)$/;

/** The offset as Intl tells it: slow, and the only source of truth here. */
function askOffsetMs(clock: ZoneClock, instantMs: number): number {
  const wholeSecondMs = Math.floor(instantMs / 1_000) * 1_000;
  const match = localPattern.exec(clock.format.format(wholeSecondMs));
  assert(match !== null, 'Intl gives en-US dates as MM/DD/YYYY, HH:MM:SS');
  const [month, day, year, hour, minute, second] = match.slice(1).map(Number);
  assert(month !== undefined && day !== undefined && year !== undefined, 'the date is matched');
  assert(hour !== undefined && minute !== undefined && second !== undefined, 'the time is matched');
  const localMs =
    dayNumberOf({ year, month, day }) * dayMs + hour * hourMs + minute * minuteMs + second * 1_000;
  return localMs - wholeSecondMs;
}

/** The first whole second with the new offset; the offsets at the two ends differ. */
function findTransitionMs(clock: ZoneClock, beforeMs: number, afterMs: number): number {
  const offsetBeforeMs = askOffsetMs(clock, beforeMs);
  let lastOldSecond = beforeMs / 1_000;
  let firstNewSecond = afterMs / 1_000;
  while (firstNewSecond - lastOldSecond > 1) {
    const middle = Math.floor((lastOldSecond + firstNewSecond) / 2);
    if (askOffsetMs(clock, middle * 1_000) === offsetBeforeMs) lastOldSecond = middle;
    else firstNewSecond = middle;
  }
  return firstNewSecond * 1_000;
}

/** The year is probed once a day: no zone has ever changed its offset twice within one. */
function segmentsOfYear(clock: ZoneClock, year: number): readonly OffsetSegment[] {
  const known = clock.segmentsByYear.get(year);
  if (known !== undefined) return known;
  const yearStartMs = dayNumberOf({ year, month: 1, day: 1 }) * dayMs;
  const yearEndMs = dayNumberOf({ year: year + 1, month: 1, day: 1 }) * dayMs;
  const segments: OffsetSegment[] = [];
  let startMs = yearStartMs;
  let offsetMs = askOffsetMs(clock, yearStartMs);
  for (let probeMs = yearStartMs; probeMs < yearEndMs; probeMs += dayMs) {
    const nextMs = probeMs + dayMs;
    const nextOffsetMs = askOffsetMs(clock, nextMs);
    if (nextOffsetMs === offsetMs) continue;
    const transitionMs = findTransitionMs(clock, probeMs, nextMs);
    segments.push({ startMs, endMs: transitionMs, offsetMs });
    startMs = transitionMs;
    offsetMs = nextOffsetMs;
  }
  if (startMs < yearEndMs) segments.push({ startMs, endMs: yearEndMs, offsetMs });
  clock.segmentsByYear.set(year, segments);
  return segments;
}

function yearOf(instantMs: number): number {
  return civilDateOf(Math.floor(instantMs / dayMs)).year;
}

/** The zone's offsets over [fromMs, toMs), in time order, without a gap; neighbours differ. */
export function offsetSegments(
  zone: string,
  window: { readonly fromMs: number; readonly toMs: number },
): readonly OffsetSegment[] {
  const { fromMs, toMs } = window;
  assert(fromMs < toMs, 'a window has a length');
  // The first and the last month of the supported years reach beyond them.
  assert(fromMs >= -40 * dayMs, 'the window is not before the supported years');
  assert(toMs <= instantMsMax + 40 * dayMs, 'the window is not after the supported years');
  const clock = requireClock(zone);
  const segments: OffsetSegment[] = [];
  for (let year = yearOf(fromMs); year <= yearOf(toMs - 1); year += 1) {
    for (const segment of segmentsOfYear(clock, year)) {
      const startMs = Math.max(segment.startMs, fromMs);
      const endMs = Math.min(segment.endMs, toMs);
      if (startMs >= endMs) continue;
      const last = segments.at(-1);
      if (last !== undefined && last.offsetMs === segment.offsetMs) {
        segments[segments.length - 1] = { ...last, endMs };
      } else {
        segments.push({ startMs, endMs, offsetMs: segment.offsetMs });
      }
    }
  }
  return segments;
}

export function offsetMsAt(zone: string, instantMs: number): number {
  const segments = segmentsOfYear(requireClock(zone), yearOf(instantMs));
  const segment = segments.find((candidate) => instantMs < candidate.endMs);
  assert(segment !== undefined, 'the segments of a year cover it');
  return segment.offsetMs;
}

export function localPartsAt(zone: string, instantMs: number): LocalParts {
  const offsetMs = offsetMsAt(zone, instantMs);
  const localMs = instantMs + offsetMs;
  const dayNumber = Math.floor(localMs / dayMs);
  const ofDayMs = localMs - dayNumber * dayMs;
  return {
    ...civilDateOf(dayNumber),
    hour: Math.floor(ofDayMs / hourMs),
    minute: Math.floor(ofDayMs / minuteMs) % 60,
    second: Math.floor(ofDayMs / 1_000) % 60,
    weekday: weekdayOf(dayNumber),
    offsetMs,
  };
}

/**
 * The first instant at which the local clock has reached a time, given in milliseconds since
 * 1970-01-01T00:00 local. Where the clock skips it, it is the end of the gap; where it comes twice,
 * the first.
 */
export function instantAtWallMs(zone: string, wallMs: number): number {
  // Offsets lie within 26 hours of UTC; two days each way hold every candidate.
  const window = { fromMs: wallMs - 2 * dayMs, toMs: wallMs + 2 * dayMs };
  for (const segment of offsetSegments(zone, window)) {
    const candidateMs = Math.max(segment.startMs, wallMs - segment.offsetMs);
    if (candidateMs < segment.endMs) return candidateMs;
  }
  assert(false, `every local time of ${zone} is reached some time, ${wallMs} too`);
}

/** The first instant at which the local date has reached the day. Where midnight does not exist
 * (Cairo in spring) it is the end of the gap, where it comes twice (Havana in autumn) the first. */
export function startOfLocalDayMs(zone: string, dayNumber: number): number {
  return instantAtWallMs(zone, dayNumber * dayMs);
}

function monthPeriod(zone: string, monthNumber: number): BillingPeriod {
  const year = Math.floor(monthNumber / 12);
  const month = (monthNumber % 12) + 1;
  const next = { year: Math.floor((monthNumber + 1) / 12), month: ((monthNumber + 1) % 12) + 1 };
  return {
    startMs: startOfLocalDayMs(zone, dayNumberOf({ year, month, day: 1 })),
    endMs: startOfLocalDayMs(zone, dayNumberOf({ ...next, day: 1 })),
    label: `${year}-${String(month).padStart(2, '0')}`,
  };
}

/** The local calendar month that holds an instant. */
export function billingPeriodAt(zone: string, instantMs: number): BillingPeriod {
  assert(instantMs >= 0 && instantMs < instantMsMax, 'the instant is within the supported years');
  const { year, month } = localPartsAt(zone, instantMs);
  const monthNumber = year * 12 + month - 1;
  const period = monthPeriod(zone, monthNumber);
  // Clocks set back across midnight show the old date again although the new day has begun.
  return instantMs < period.endMs ? period : monthPeriod(zone, monthNumber + 1);
}
