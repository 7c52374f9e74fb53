import { assert } from '../assert.ts';

/**
 * Local time as Intl tells it. Clocks change on a quarter hour of UTC, and not twice within an
 * hour: so say the rules of all zones since 2012, when the last ones gave up one minute past
 * midnight.
 */
export type Wall = {
  /** What the clock on the wall shows, read as if it were UTC: differences are wall clock time. */
  readonly shownMs: number;
  /** Shown less UTC. */
  readonly aheadMs: number;
  /** `2026-03-29`, `2026-03` and `03-29`. */
  readonly date: string;
  readonly month: string;
  readonly monthDay: string;
  readonly year: number;
  /** January is 1. */
  readonly monthNumber: number;
  readonly weekday: 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';
  readonly minuteOfDay: number;
};

export const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** Hours remembered of a zone: many years. */
const rememberedMax = 200_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const remembered = new Map<string, Map<number, number>>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  formats.set(zone, format);
  return format;
}

function askAheadMs(zone: string, instantMs: number): number {
  const part = new Map<string, number>();
  for (const { type, value } of formatOf(zone).formatToParts(instantMs)) {
    part.set(type, Number(value));
  }
  const number = (type: string): number => part.get(type) ?? Number.NaN;
  const shownMs = Date.UTC(
    number('year'),
    number('month') - 1,
    number('day'),
    number('hour'),
    number('minute'),
    number('second'),
  );
  assert(Number.isFinite(shownMs), `Intl tells the time of ${zone}`);
  return shownMs - instantMs;
}

function rememberedAheadMs(zone: string, instantMs: number): number {
  const ofZone = remembered.get(zone) ?? new Map<number, number>();
  const aheadMs = ofZone.get(instantMs) ?? askAheadMs(zone, instantMs);
  if (ofZone.size >= rememberedMax) ofZone.clear();
  ofZone.set(instantMs, aheadMs);
  remembered.set(zone, ofZone);
  return aheadMs;
}

/** Asked for the hour, and for its quarters where it ends otherwise than it begins. */
function aheadMsAt(zone: string, instantMs: number): number {
  const hourStartMs = Math.floor(instantMs / hourMs) * hourMs;
  const aheadMs = rememberedAheadMs(zone, hourStartMs);
  if (aheadMs === rememberedAheadMs(zone, hourStartMs + hourMs)) return aheadMs;
  return askAheadMs(zone, Math.floor(instantMs / quarterMs) * quarterMs);
}

export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false; // RangeError: Intl does not know the name
  }
}

export function wallAt(zone: string, instantMs: number): Wall {
  const aheadMs = aheadMsAt(zone, instantMs);
  const shownMs = instantMs + aheadMs;
  const shown = new Date(shownMs);
  const text = shown.toISOString();
  const weekday = weekdays[shown.getUTCDay()];
  assert(weekday !== undefined, 'a week has seven days');
  return {
    shownMs,
    aheadMs,
    date: text.slice(0, 10),
    month: text.slice(0, 7),
    monthDay: text.slice(5, 10),
    year: Number(text.slice(0, 4)),
    monthNumber: Number(text.slice(5, 7)),
    weekday,
    minuteOfDay: (((shownMs % dayMs) + dayMs) % dayMs) / minuteMs,
  };
}

/**
 * The first instant at which the clock shows the local time `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM`, or
 * a later one when the clock leaps over it.
 */
export function firstInstantOf(zone: string, local: string): number {
  const shownMs = Date.parse(local.length === 10 ? `${local}T00:00Z` : `${local}Z`);
  assert(Number.isFinite(shownMs), `${local} is a date`);
  // No offset is beyond 26 hours; half a day before, every clock still shows an earlier time.
  const likelyMs = shownMs - aheadMsAt(zone, shownMs);
  const startMs = Math.floor(likelyMs / quarterMs) * quarterMs - 3 * 60 * minuteMs;
  for (let quarter = startMs; quarter < startMs + dayMs; quarter += quarterMs) {
    // Within a quarter hour of UTC the clock runs evenly.
    const firstShownMs = quarter + aheadMsAt(zone, quarter);
    if (firstShownMs >= shownMs) return quarter;
    if (shownMs < firstShownMs + quarterMs) return quarter + shownMs - firstShownMs;
  }
  assert(false, `the clock of ${zone} shows ${local} or later some day`);
}
