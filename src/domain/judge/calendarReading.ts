import { assert } from '../assert.ts';
import type { TariffShape } from '../tariff/shape.ts';
import type { Wall } from './wallClock.ts';

export type CalendarText = TariffShape['calendars'][number];

/** `06:30` as minutes of the day; `24:00` is 1440. */
function minutesOf(time: string): number {
  const [hour, minute] = time.split(':').map(Number);
  assert(hour !== undefined && minute !== undefined, 'a time has hours and minutes');
  return hour * 60 + minute;
}

/** The first season whose span holds the date, both ends included; null where none does. */
export function seasonAt(calendar: CalendarText, wall: Wall): string | null {
  const { monthDay } = wall; // of fixed width, so that texts compare as dates
  for (const season of calendar.seasons) {
    for (const { from, through } of season.spans) {
      const holds =
        from <= through
          ? from <= monthDay && monthDay <= through
          : from <= monthDay || monthDay <= through;
      if (holds) return season.name;
    }
  }
  return null;
}

function dayTypeAt(calendar: CalendarText, wall: Wall): string | null {
  for (const type of calendar.dayTypes) {
    if (type.weekdays.includes(wall.weekday)) return type.name;
    if (type.dates.includes(wall.date) || type.yearly.includes(wall.monthDay)) return type.name;
  }
  return null;
}

/** The period of the first rule that fits the date and the time of day. */
export function periodAt(calendar: CalendarText, wall: Wall): string {
  const season = seasonAt(calendar, wall);
  const dayType = dayTypeAt(calendar, wall);
  for (const rule of calendar.rules) {
    if (rule.seasons.length > 0 && (season === null || !rule.seasons.includes(season))) continue;
    if (rule.dayTypes.length > 0 && (dayType === null || !rule.dayTypes.includes(dayType))) {
      continue;
    }
    const from = minutesOf(rule.from);
    const to = minutesOf(rule.to);
    const minute = wall.minuteOfDay;
    const holds = from < to ? from <= minute && minute < to : from <= minute || minute < to;
    if (holds) return rule.period;
  }
  assert(false, `the calendar ${calendar.name} has a period at ${wall.date} ${wall.minuteOfDay}`);
}

/** All periods of the calendar, as its rules name them first. */
export function periodsOf(calendar: CalendarText): readonly string[] {
  return [...new Set(calendar.rules.map(({ period }) => period))];
}
