import { assert } from '../assert.ts';
import { slotsPerDay } from '../rating/slot.ts';
import { civilDateOf, dayNumberOf, weekdayOf } from '../time/civil.ts';

/** Month times 100 plus day, so that dates of any year compare as numbers. */
type MonthDay = number;

export type Season = {
  readonly name: string;
  /** Both ends belong to the span; a span whose end comes first runs over new year. */
  readonly spans: readonly { readonly from: MonthDay; readonly through: MonthDay }[];
};

export type DayType = {
  readonly name: string;
  /** ISO 8601: Monday 1 to Sunday 7. */
  readonly weekdays: readonly number[];
  /** Holidays of one year, as day numbers since 1970-01-01. */
  readonly dayNumbers: readonly number[];
  /** Holidays of every year. */
  readonly monthDays: readonly MonthDay[];
};

export type CalendarRule = {
  /** Names; empty means any season, or a day of none. */
  readonly seasons: readonly string[];
  readonly dayTypes: readonly string[];
  /** Quarter hours of local wall clock, [fromSlot, toSlot); over midnight when from >= to. */
  readonly fromSlot: number;
  readonly toSlot: number;
  readonly periodIndex: number;
};

/**
 * Gives every local quarter hour a period. The day is classed by the first season and the first day
 * type that match, then the first matching rule wins. A rule over midnight judges each side by
 * its own date: Saturday 02:00 is a Saturday, also for a rule that began on Friday evening.
 */
export type Calendar = {
  readonly name: string;
  readonly seasons: readonly Season[];
  readonly dayTypes: readonly DayType[];
  readonly rules: readonly CalendarRule[];
  /** In the order in which the rules name them. */
  readonly periods: readonly string[];
};

/** What a calendar looks at in a day. A leap year's date with a weekday need not have a number. */
type Day = {
  readonly monthDay: MonthDay;
  readonly weekday: number;
  readonly dayNumber: number | null;
};

export type DayClass = { readonly season: string | null; readonly dayType: string | null };

export function dayOfNumber(dayNumber: number): Day {
  const { month, day } = civilDateOf(dayNumber);
  return { monthDay: month * 100 + day, weekday: weekdayOf(dayNumber), dayNumber };
}

function inSeason(season: Season, monthDay: MonthDay): boolean {
  return season.spans.some(({ from, through }) =>
    from <= through
      ? monthDay >= from && monthDay <= through
      : monthDay >= from || monthDay <= through,
  );
}

function isOfType(type: DayType, day: Day): boolean {
  return (
    type.weekdays.includes(day.weekday) ||
    type.monthDays.includes(day.monthDay) ||
    (day.dayNumber !== null && type.dayNumbers.includes(day.dayNumber))
  );
}

export function classOf(calendar: Calendar, day: Day): DayClass {
  const season = calendar.seasons.find((candidate) => inSeason(candidate, day.monthDay));
  const dayType = calendar.dayTypes.find((candidate) => isOfType(candidate, day));
  return { season: season?.name ?? null, dayType: dayType?.name ?? null };
}

/** The season of a local date; null for a date of none. */
export function seasonOn(calendar: Calendar, dayNumber: number): string | null {
  return classOf(calendar, dayOfNumber(dayNumber)).season;
}

function covers(rule: CalendarRule, slot: number): boolean {
  return rule.fromSlot < rule.toSlot
    ? slot >= rule.fromSlot && slot < rule.toSlot
    : slot >= rule.fromSlot || slot < rule.toSlot;
}

function appliesTo(names: readonly string[], name: string | null): boolean {
  return names.length === 0 || (name !== null && names.includes(name));
}

function rulesOf(calendar: Calendar, dayClass: DayClass): readonly CalendarRule[] {
  return calendar.rules.filter(
    (rule) =>
      appliesTo(rule.seasons, dayClass.season) && appliesTo(rule.dayTypes, dayClass.dayType),
  );
}

/** The period index of each quarter hour of the local wall clock, -1 where no rule matches. */
function periodsOfClass(calendar: Calendar, dayClass: DayClass): Int32Array {
  const rules = rulesOf(calendar, dayClass);
  const periods = new Int32Array(slotsPerDay).fill(-1);
  for (let slot = 0; slot < slotsPerDay; slot += 1) {
    const winner = rules.find((rule) => covers(rule, slot));
    if (winner !== undefined) periods[slot] = winner.periodIndex;
  }
  return periods;
}

export type ReadDay = {
  /** Days of one key are priced alike. */
  readonly key: string;
  /** By calendar, the period index of each quarter hour of the local wall clock. */
  readonly columns: readonly Int32Array[];
};

/** Thousands of days are classed for a document: with lengths, names need no quoting. */
function classKeyOf({ season, dayType }: DayClass): string {
  return `${season?.length ?? -1} ${season} ${dayType?.length ?? -1} ${dayType}`;
}

/** Reads days in all calendars at once; each class of day is worked out only once. */
export function dayReader(calendars: readonly Calendar[]): (day: Day) => ReadDay {
  const known = calendars.map(() => new Map<string, Int32Array>());
  return (day) => {
    const keys: string[] = [];
    const columns: Int32Array[] = [];
    for (const [index, calendar] of calendars.entries()) {
      const dayClass = classOf(calendar, day);
      const key = classKeyOf(dayClass);
      const column = known[index]?.get(key) ?? periodsOfClass(calendar, dayClass);
      known[index]?.set(key, column);
      keys.push(key);
      columns.push(column);
    }
    return { key: keys.join(), columns };
  };
}

/** One day for each key that can ever occur: every date of a leap year on every weekday (the
 * Gregorian cycle of 400 years has them all), and every holiday named by its full date. */
function representativeDays(calendars: readonly Calendar[]): readonly Day[] {
  const read = dayReader(calendars);
  const days = new Map<string, Day>();
  const offer = (day: Day): void => {
    const { key } = read(day);
    if (!days.has(key)) days.set(key, day);
  };
  const leapYearStart = dayNumberOf({ year: 2000, month: 1, day: 1 });
  for (let ordinal = 0; ordinal < 366; ordinal += 1) {
    const { monthDay } = dayOfNumber(leapYearStart + ordinal);
    for (let weekday = 1; weekday <= 7; weekday += 1) offer({ monthDay, weekday, dayNumber: null });
  }
  for (const calendar of calendars) {
    for (const type of calendar.dayTypes) type.dayNumbers.map(dayOfNumber).forEach(offer);
  }
  return [...days.values()];
}

export type CalendarFlaw = { readonly calendarIndex: number } & (
  | ({ readonly kind: 'gap'; readonly slot: number } & DayClass)
  | { readonly kind: 'unreachable'; readonly ruleIndex: number }
);

/** The rules that apply to the class of day; the winners of its quarter hours are marked. */
function markWinners(
  calendar: Calendar,
  dayClass: DayClass,
  winners: Set<CalendarRule>,
): readonly CalendarRule[] {
  const rules = rulesOf(calendar, dayClass);
  for (let slot = 0; slot < slotsPerDay; slot += 1) {
    const winner = rules.find((rule) => covers(rule, slot));
    if (winner !== undefined) winners.add(winner);
  }
  return rules;
}

function flawOf(calendar: Calendar, calendarIndex: number): CalendarFlaw | null {
  const winners = new Set<CalendarRule>();
  const applying = new Set<CalendarRule>();
  for (const day of representativeDays([calendar])) {
    const dayClass = classOf(calendar, day);
    const slot = periodsOfClass(calendar, dayClass).indexOf(-1);
    if (slot >= 0) return { kind: 'gap', calendarIndex, ...dayClass, slot };
    for (const rule of markWinners(calendar, dayClass, winners)) applying.add(rule);
  }
  const met = new Set([...winners].map(({ periodIndex }) => periodIndex));
  const ruleIndex = calendar.rules.findIndex(
    (rule) => applying.has(rule) && !met.has(rule.periodIndex),
  );
  return ruleIndex < 0 ? null : { kind: 'unreachable', calendarIndex, ruleIndex };
}

/**
 * The first quarter hour of a possible day that a calendar leaves without a period, or a rule whose
 * period never comes, because the rules before it take all of its time. A last rule for the rest
 * that finds no rest is harmless, and so is a rule for days that never come.
 */
export function findFlaw(calendars: readonly Calendar[]): CalendarFlaw | null {
  for (const [calendarIndex, calendar] of calendars.entries()) {
    const flaw = flawOf(calendar, calendarIndex);
    if (flaw !== null) return flaw;
  }
  return null;
}

/** Calendars intersected: one period of each. */
export type SuperPeriod = {
  /** By calendar, the index into its periods. */
  readonly periodIndexes: readonly number[];
};

/** For each quarter hour of a local day, the key of its super period. */
export function superPeriodKeys(day: ReadDay): readonly string[] {
  const keys: string[] = [];
  for (let slot = 0; slot < slotsPerDay; slot += 1) {
    keys.push(day.columns.map((column) => column[slot] ?? -1).join('.'));
  }
  return keys;
}

/** All super periods that can occur, in an order that only the document decides, so that sums
 * of different windows of one document have the same columns. */
export function superPeriodsOf(calendars: readonly Calendar[]): ReadonlyMap<string, SuperPeriod> {
  const read = dayReader(calendars);
  const found = new Map<string, SuperPeriod>();
  for (const day of representativeDays(calendars)) {
    for (const key of superPeriodKeys(read(day))) {
      // Without calendars there is one super period, of no periods.
      const periodIndexes = key === '' ? [] : key.split('.').map(Number);
      if (!found.has(key)) found.set(key, { periodIndexes });
    }
  }
  for (const { periodIndexes } of found.values()) {
    const isWhole = periodIndexes.every((index) => index >= 0);
    assert(isWhole, 'gaps are refused before calendars are joined');
  }
  return found;
}
