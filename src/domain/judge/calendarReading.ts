import { assert } from '../assert.ts';
import type { TariffShape } from '../tariff/shape.ts';
import type { Wall } from './wallClock.ts';

export type CalendarText = TariffShape['calendars'][number];

/** `390` as the time of day `06:30`. Of fixed width, so that texts compare as times do. */
function timeText(minuteOfDay: number): string {
  const hour = String(Math.floor(minuteOfDay / 60)).padStart(2, '0');
  return `${hour}:${String(minuteOfDay % 60).padStart(2, '0')}`;
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
  const time = timeText(wall.minuteOfDay);
  for (const rule of calendar.rules) {
    if (rule.seasons.length > 0 && (season === null || !rule.seasons.includes(season))) continue;
    if (rule.dayTypes.length > 0 && (dayType === null || !rule.dayTypes.includes(dayType))) {
      continue;
    }
    const { from, to } = rule;
    const holds = from < to ? from <= time && time < to : from <= time || time < to;
    if (holds) return rule.period;
  }
  assert(false, `the calendar ${calendar.name} has a period at ${wall.date} ${time}`);
}

/** All periods of the calendar, as its rules name them first. */
export function periodsOf(calendar: CalendarText): readonly string[] {
  return [...new Set(calendar.rules.map(({ period }) => period))];
}
