import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { TariffText } from '../../domain/tariff/shape.ts';
import { twoDigits } from '../../domain/time/localText.ts';
import { refuseAt } from './imported.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbField, UrdbRecord, UrdbRefusal } from './urdbRecord.ts';

export type CalendarText = NonNullable<TariffText['calendars']>[number];
type RuleText = CalendarText['rules'][number];

/** Period indexes of the field's rate structure by month and hour; weekdays and weekends. */
export type Schedule = {
  readonly weekday: readonly (readonly number[])[];
  readonly weekend: readonly (readonly number[])[];
  /** The periods that occur, ascending. */
  readonly used: readonly number[];
};

/** Periods are numbered from 0 in the file and from 1 where people see them. */
export function periodName(index: number): string {
  return `p${index + 1}`;
}

const hoursPerDay = 24;

function parseMonths(
  field: UrdbField,
  structure: { readonly key: string; readonly periods: number },
): Outcome<readonly (readonly number[])[], UrdbRefusal> {
  const { key, value } = field;
  if (!Array.isArray(value) || value.length !== 12) {
    return refuseField([key], 'the schedule is 12 months of 24 hours; correct it.');
  }
  const months: number[][] = [];
  for (const [month, row] of value.entries()) {
    if (!Array.isArray(row) || row.length !== hoursPerDay) {
      return refuseField([key, month], 'a month of the schedule has 24 hours; correct it.');
    }
    const hours: number[] = [];
    for (const [hour, period] of row.entries()) {
      if (!Number.isSafeInteger(period) || period < 0) {
        return refuseField([key, month, hour], 'a period is a whole number from 0; correct it.');
      }
      if (period >= structure.periods) {
        const message =
          `the schedule uses period ${period}, for which ${structure.key} has no rate ` +
          `(it has ${structure.periods}); add the rate or correct the schedule.`;
        return refuseAt('URDB_PERIOD_UNKNOWN', [key, month, hour], message);
      }
      hours.push(Number(period));
    }
    months.push(hours);
  }
  return accept(months);
}

export function parseSchedule(
  record: UrdbRecord,
  names: { readonly weekday: string; readonly weekend: string },
  structure: { readonly key: string; readonly periods: number },
): Outcome<Schedule, UrdbRefusal> {
  const weekdayField = record.get(names.weekday);
  const weekendField = record.get(names.weekend);
  if (weekdayField === undefined || weekendField === undefined) {
    const absent = weekdayField === undefined ? names.weekday : names.weekend;
    const message = `${structure.key} is of no use without this schedule; add it.`;
    return refuseAt('URDB_SCHEDULE_MISSING', [absent], message);
  }
  const weekday = parseMonths(weekdayField, structure);
  if (!weekday.ok) return weekday;
  const weekend = parseMonths(weekendField, structure);
  if (!weekend.ok) return weekend;
  const used = [...new Set([...weekday.value, ...weekend.value].flat())];
  return accept({
    weekday: weekday.value,
    weekend: weekend.value,
    used: used.toSorted((left, right) => left - right),
  });
}

/** One period a month, as demand charges without hours have it. */
export function parseMonthPeriods(
  field: UrdbField,
  structure: { readonly key: string; readonly periods: number },
): Outcome<Schedule, UrdbRefusal> {
  const { key, value } = field;
  if (!Array.isArray(value) || value.length !== 12) {
    return refuseField([key], 'it has one period for each of the 12 months; correct it.');
  }
  const rows = value.map((period) => Array.from({ length: hoursPerDay }, (): unknown => period));
  const months = parseMonths({ key, value: rows }, structure);
  if (!months.ok) return { ...months, path: (months.path ?? [key]).slice(0, 2) };
  const used = [...new Set(months.value.flat())].toSorted((left, right) => left - right);
  return accept({ weekday: months.value, weekend: months.value, used });
}

/** The last days of the months of every year; 29 February is in February. */
const lastDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Runs of neighbouring months, each a span of dates. Months from 0, ascending. */
function spansOf(months: readonly number[]): { from: string; through: string }[] {
  const spans: { from: string; through: string }[] = [];
  let first = 0;
  for (const [position, month] of months.entries()) {
    if (months[position + 1] === month + 1) continue;
    const from = `${twoDigits((months[first] ?? month) + 1)}-01`;
    spans.push({ from, through: `${twoDigits(month + 1)}-${lastDays[month] ?? 31}` });
    first = position + 1;
  }
  return spans;
}

/** One rule for each run of hours in one period. */
function rulesOf(
  hours: readonly number[],
  scope: { readonly seasons: string[]; readonly dayTypes: string[] },
): RuleText[] {
  const rules: RuleText[] = [];
  let first = 0;
  for (const [hour, period] of hours.entries()) {
    if (hours[hour + 1] === period) continue;
    rules.push({
      ...(scope.seasons.length > 0 && { seasons: scope.seasons }),
      ...(scope.dayTypes.length > 0 && { dayTypes: scope.dayTypes }),
      from: `${twoDigits(first)}:00`,
      to: `${twoDigits(hour + 1)}:00`,
      period: periodName(period),
    });
    first = hour + 1;
  }
  return rules;
}

/**
 * The calendar that says what the schedule says, in few rules: months with the same days are one
 * season, weekends are apart only where a season's differ. Null: one period fills the year.
 */
export function calendarOf(name: string, schedule: Schedule): CalendarText | null {
  if (schedule.used.length === 1) return null;
  const groups = new Map<string, number[]>();
  for (const month of lastDays.keys()) {
    const days = JSON.stringify([schedule.weekday[month], schedule.weekend[month]]);
    groups.set(days, [...(groups.get(days) ?? []), month]);
  }
  const isOneSeason = groups.size === 1;
  const seasons = [...groups.values()].map((months, index) => ({
    name: `s${index + 1}`,
    spans: spansOf(months),
  }));
  const rules: RuleText[] = [];
  let hasWeekends = false;
  for (const [index, [month = 0]] of [...groups.values()].entries()) {
    const inSeason = isOneSeason ? [] : [`s${index + 1}`];
    const weekday = schedule.weekday[month] ?? [];
    const weekend = schedule.weekend[month] ?? [];
    if (JSON.stringify(weekday) === JSON.stringify(weekend)) {
      rules.push(...rulesOf(weekday, { seasons: inSeason, dayTypes: [] }));
    } else {
      hasWeekends = true;
      rules.push(...rulesOf(weekday, { seasons: inSeason, dayTypes: ['weekday'] }));
      rules.push(...rulesOf(weekend, { seasons: inSeason, dayTypes: ['weekend'] }));
    }
  }
  return {
    name,
    ...(!isOneSeason && { seasons }),
    ...(hasWeekends && {
      dayTypes: [
        { name: 'weekend', weekdays: ['sat', 'sun'] },
        { name: 'weekday', weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'] },
      ],
    }),
    rules,
  };
}
