import type { TariffText } from '../../src/domain/tariff/shape.ts';

/** Period numbers by month and hour of the day, as NREL's tools and the URDB write them. */
export type Schedule = readonly (readonly number[])[];

type CalendarText = TariffText['calendars'][number];

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
): CalendarText['rules'] {
  const rules: CalendarText['rules'] = [];
  let from = 0;
  for (let hour = 1; hour <= hours.length; hour += 1) {
    if (hour < hours.length && hours[hour] === hours[from]) continue;
    const period = periodName(hours[from]);
    rules.push({ ...scope, from: clockOf(from), to: clockOf(hour), period });
    from = hour;
  }
  return rules;
}

/** Months with the same two days are one season. */
export function scheduleTariff(options: {
  readonly weekday: Schedule;
  readonly weekend: Schedule;
  /** Currency a kWh by period number, as decimal texts. */
  readonly prices: ReadonlyMap<number, string>;
}): TariffText {
  const { weekday, weekend, prices } = options;
  const seasons = new Map<string, number[]>();
  for (const month of monthSpans.keys()) {
    const days = JSON.stringify([weekday[month], weekend[month]]);
    seasons.set(days, [...(seasons.get(days) ?? []), month]);
  }
  const named = [...seasons.values()].map((months, index) => ({ name: `s${index + 1}`, months }));
  const used = new Set([...weekday, ...weekend].flat());
  return {
    currency: 'USD',
    calendars: [
      {
        name: 'schedule',
        seasons: named.map(({ name, months }) => ({
          name,
          spans: months.map((month) => ({
            from: monthSpans[month][0],
            through: monthSpans[month][1],
          })),
        })),
        dayTypes: [
          { name: 'weekend', weekdays: ['sat', 'sun'] },
          { name: 'weekday', weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'] },
        ],
        rules: named.flatMap(({ name, months: [month] }) => [
          ...rulesOf(weekday[month], { seasons: [name], dayTypes: ['weekday'] }),
          ...rulesOf(weekend[month], { seasons: [name], dayTypes: ['weekend'] }),
        ]),
      },
    ],
    components: [
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        calendar: 'schedule',
        prices: Object.fromEntries(
          [...used].map((number) => [periodName(number), prices.get(number) ?? 'missing']),
        ),
      },
    ],
  };
}
