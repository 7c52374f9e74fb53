import { assert } from '../assert.ts';

/**
 * Local time as Intl tells it, asked again for every quarter hour: since 1973 no clock in the world
 * has changed anywhere but on a quarter hour of UTC.
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
export const dayMs = 24 * 60 * minuteMs;
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** Quarter hours remembered: some years of a few zones. */
const rememberedMax = 400_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const remembered = new Map<string, number>();

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

function aheadMsAt(zone: string, instantMs: number): number {
  const startMs = Math.floor(instantMs / quarterMs) * quarterMs;
  const key = `${zone} ${startMs}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const part = new Map<string, number>();
  for (const { type, value } of formatOf(zone).formatToParts(startMs)) {
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
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(key, shownMs - startMs);
  return shownMs - startMs;
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
  const text = new Date(shownMs).toISOString();
  const weekday = weekdays[new Date(shownMs).getUTCDay()];
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
