import { datesPerTariffMax, superPeriodsPerTariffMax } from './limits.ts';
import { dayNumberOf, isCivilDate } from '../time/civil.ts';
import { clockText } from '../time/localText.ts';
import { findFlaw, superPeriodsOf } from './calendar.ts';
import type { Calendar, CalendarRule, DayClass, DayType, Season, SuperPeriod } from './calendar.ts';
import { readEach, refusalAt, report, reportRepeated, within } from './refusal.ts';
import type { Spot } from './refusal.ts';
import type { TariffShape } from './shape.ts';
import { weekdayNames } from './textShape.ts';

type CalendarShape = TariffShape['calendars'][number];

function readMonthDay(spot: Spot, text: string): number {
  const [month = 0, day = 0] = text.split('-').map(Number);
  if (!isCivilDate({ year: 2000, month, day })) {
    report(spot, 'TARIFF_MALFORMED', `no year has the date ${text}; write MM-DD.`);
  }
  return month * 100 + day;
}

function readFullDate(spot: Spot, text: string): number {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number);
  if (isCivilDate({ year, month, day })) return dayNumberOf({ year, month, day });
  report(spot, 'TARIFF_MALFORMED', `the calendar has no ${text}; correct the date.`);
  return 0;
}

function readSeason(spot: Spot, raw: CalendarShape['seasons'][number]): Season {
  const spans = readEach(within(spot, 'spans'), raw.spans, (spanSpot, span) => ({
    from: readMonthDay(within(spanSpot, 'from'), span.from),
    through: readMonthDay(within(spanSpot, 'through'), span.through),
  }));
  return { name: raw.name, spans };
}

function readDayType(spot: Spot, raw: CalendarShape['dayTypes'][number]): DayType {
  const { name, weekdays, dates, yearly } = raw;
  if (weekdays.length + dates.length + yearly.length === 0) {
    const message = 'the day type has no day; give weekdays, dates or yearly.';
    report(spot, 'TARIFF_MALFORMED', message);
  }
  return {
    name,
    weekdays: weekdays.map((weekday) => weekdayNames.indexOf(weekday) + 1),
    dayNumbers: readEach(within(spot, 'dates'), dates, readFullDate),
    monthDays: readEach(within(spot, 'yearly'), yearly, readMonthDay),
  };
}

function readSlot(spot: Spot, text: string): number {
  const [hour = 0, minute = 0] = text.split(':').map(Number);
  if (minute % 15 !== 0) {
    const message = `${text} is not on the quarter hour; use minutes 00, 15, 30 or 45.`;
    report(spot, 'TARIFF_TIME_OFF_GRID', message);
  }
  return hour * 4 + Math.floor(minute / 15);
}

function reportUnknown(
  spot: Spot,
  names: readonly string[],
  known: readonly { readonly name: string }[],
): void {
  const unknown = names.find((wanted) => known.every((candidate) => candidate.name !== wanted));
  if (unknown === undefined) return;
  const message = `"${unknown}" is not defined in this calendar; define it.`;
  report(spot, 'TARIFF_REFERENCE_UNKNOWN', message);
}

function readRule(
  spot: Spot,
  raw: CalendarShape['rules'][number],
  calendar: Pick<Calendar, 'seasons' | 'dayTypes' | 'periods'>,
): CalendarRule {
  reportUnknown(within(spot, 'seasons'), raw.seasons, calendar.seasons);
  reportUnknown(within(spot, 'dayTypes'), raw.dayTypes, calendar.dayTypes);
  const fromSlot = readSlot(within(spot, 'from'), raw.from);
  const toSlot = readSlot(within(spot, 'to'), raw.to);
  if (fromSlot === toSlot || fromSlot === 96) {
    const message = `${raw.from} to ${raw.to} is empty; a whole day is 00:00 to 24:00.`;
    report(spot, 'TARIFF_MALFORMED', message);
  }
  return {
    seasons: raw.seasons,
    dayTypes: raw.dayTypes,
    fromSlot,
    toSlot,
    periodIndex: calendar.periods.indexOf(raw.period),
  };
}

function readCalendar(spot: Spot, raw: CalendarShape): Calendar {
  const namesOf = (items: readonly { readonly name: string }[]): readonly string[] =>
    items.map(({ name }) => name);
  reportRepeated(within(spot, 'seasons'), namesOf(raw.seasons), 'name');
  reportRepeated(within(spot, 'dayTypes'), namesOf(raw.dayTypes), 'name');
  const known = {
    seasons: readEach(within(spot, 'seasons'), raw.seasons, readSeason),
    dayTypes: readEach(within(spot, 'dayTypes'), raw.dayTypes, readDayType),
    periods: [...new Set(raw.rules.map((rule) => rule.period))],
  };
  const rules = readEach(within(spot, 'rules'), raw.rules, (ruleSpot, rule) =>
    readRule(ruleSpot, rule, known),
  );
  return { name: raw.name, ...known, rules };
}

/** Which days are meant, in the calendar's own words; nothing where it knows only one kind. */
function daysText(calendar: Calendar | undefined, day: DayClass): string {
  const { seasons = [], dayTypes = [] } = calendar ?? {};
  const parts = [
    ...(seasons.length === 0 ? [] : [`${day.season ?? 'no'} season`]),
    ...(dayTypes.length === 0 ? [] : [`${day.dayType ?? 'no'} day type`]),
  ];
  return parts.length === 0 ? '' : ` on days of ${parts.join(' and ')}`;
}

function reportFlaw(spot: Spot, calendars: readonly Calendar[]): void {
  const flaw = findFlaw(calendars);
  if (flaw === null) return;
  const rules = within(spot, flaw.calendarIndex, 'rules');
  if (flaw.kind === 'gap') {
    const when = clockText(flaw.slot * 15) + daysText(calendars[flaw.calendarIndex], flaw);
    const advice = 'add a rule, or a last one from 00:00 to 24:00 for what is left.';
    const message = `${when} has no period; ${advice}`;
    report(rules, 'TARIFF_GAP', message);
  } else {
    const message =
      'the rules before it take all of its time, so its period never comes; put it before them, ' +
      'or remove it.';
    report(within(rules, flaw.ruleIndex), 'TARIFF_OVERLAP', message);
  }
}

export type Calendars = {
  readonly calendars: readonly Calendar[];
  readonly superPeriods: ReadonlyMap<string, SuperPeriod>;
};

/** Null when something is wrong with them, which then is reported. */
export function readCalendars(spot: Spot, raw: TariffShape['calendars']): Calendars | null {
  reportRepeated(
    spot,
    raw.map(({ name }) => name),
    'name',
  );
  const dates = raw.flatMap(({ dayTypes }) => dayTypes.flatMap((type) => type.dates));
  if (dates.length > datesPerTariffMax) {
    const message = `${dates.length} dates are too many; at most ${datesPerTariffMax} in all.`;
    report(spot, 'TARIFF_TOO_COMPLEX', message);
  }
  if (refusalAt(spot) !== null) return null;
  const calendars = readEach(spot, raw, readCalendar);
  if (refusalAt(spot) !== null) return null;
  reportFlaw(spot, calendars);
  if (refusalAt(spot) !== null) return null;
  const superPeriods = superPeriodsOf(calendars);
  if (superPeriods.size <= superPeriodsPerTariffMax) return { calendars, superPeriods };
  const message =
    `the calendars cut time into ${superPeriods.size} different periods together; ` +
    `at most ${superPeriodsPerTariffMax} are possible. Use fewer or simpler calendars.`;
  report(spot, 'TARIFF_TOO_COMPLEX', message);
  return null;
}
