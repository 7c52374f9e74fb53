import type { TariffText } from '../../src/domain/tariff/shape.ts';

/** Period numbers by month and hour of the day, as NREL's tools and the URDB write them. */
export type Schedule = readonly (readonly number[])[];

export type CalendarText = NonNullable<TariffText['calendars']>[number];
type RuleText = CalendarText['rules'][number];

/** The days of each month of every year; 29 February is in February. */
const monthSpans = [
  ['01-01', '01-31'],
  ['02-01', '02-29'],
  ['03-01', '03-31'],
  ['04-01', '04-30'],
  ['05-01', '05-31'],
  ['06-01', '06-30'],
  ['07-01', '07-31'],
  ['08-01', '08-31'],
  ['09-01', '09-30'],
  ['10-01', '10-31'],
  ['11-01', '11-30'],
  ['12-01', '12-31'],
] as const;

function clockOf(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}

export function periodName(number: number): string {
  return `period ${number}`;
}

/** One rule for each run of hours in one period. */
function rulesOf(
  hours: readonly number[],
  scope: { readonly seasons: string[]; readonly dayTypes: string[] },
): RuleText[] {
  const rules: RuleText[] = [];
  let from = 0;
  for (let hour = 1; hour <= hours.length; hour += 1) {
    const number = hours[from] ?? 0;
    if (hour < hours.length && hours[hour] === number) continue;
    rules.push({ ...scope, from: clockOf(from), to: clockOf(hour), period: periodName(number) });
    from = hour;
  }
  return rules;
}

function seasonOf(name: string, months: readonly number[]) {
  const spans = months.map((month) => {
    const [from, through] = monthSpans[month] ?? ['', ''];
    return { from, through };
  });
  return { name, spans };
}

/** Months from 0 by what they have in common. */
export function monthsAlike(keyOf: (month: number) => unknown): (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const month of monthSpans.keys()) {
    const key = JSON.stringify(keyOf(month));
    groups.set(key, [...(groups.get(key) ?? []), month]);
  }
  return [...groups.values()];
}

/** Months with the same two days are one season. */
export function scheduleCalendar(given: {
  readonly name: string;
  readonly weekday: Schedule;
  readonly weekend: Schedule;
}): { readonly calendar: CalendarText; readonly periods: readonly number[] } {
  const { name, weekday, weekend } = given;
  const groups = monthsAlike((month) => [weekday[month], weekend[month]]);
  const calendar: CalendarText = {
    name,
    seasons: groups.map((months, index) => seasonOf(`s${index + 1}`, months)),
    dayTypes: [
      { name: 'weekend', weekdays: ['sat', 'sun'] },
      { name: 'weekday', weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'] },
    ],
    rules: groups.flatMap(([month = 0], index) => {
      const seasons = [`s${index + 1}`];
      return [
        ...rulesOf(weekday[month] ?? [], { seasons, dayTypes: ['weekday'] }),
        ...rulesOf(weekend[month] ?? [], { seasons, dayTypes: ['weekend'] }),
      ];
    }),
  };
  return { calendar, periods: [...new Set([...weekday, ...weekend].flat())] };
}

/** Whole months are the periods: `months 1` for the first group, and so on. */
export function monthCalendar(name: string, groups: readonly (readonly number[])[]): CalendarText {
  return {
    name,
    seasons: groups.map((months, index) => seasonOf(`s${index + 1}`, months)),
    rules: groups.map((_, index) => ({
      seasons: [`s${index + 1}`],
      from: '00:00',
      to: '24:00',
      period: monthsName(index),
    })),
  };
}

export function monthsName(index: number): string {
  return `months ${index + 1}`;
}
