import type { TariffText } from '../../src/domain/tariff/shape.ts';

const hourMs = 3_600_000;

/**
 * Hours of one local day in Los Angeles, 6 November 2016: the clocks go back at 02:00, so it has 25
 * (tz database, northamerica: PDT ends on the first Sunday of November). Written by hand: the
 * second 01:00 has another offset.
 */
export const longDayStamps: readonly string[] = [
  '2016-11-06 00:00:00-07:00',
  '2016-11-06 01:00:00-07:00',
  '2016-11-06 01:00:00-08:00',
  ...Array.from({ length: 22 }, (_, n) => {
    const hour = String(n + 2).padStart(2, '0');
    return `2016-11-06 ${hour}:00:00-08:00`;
  }),
];

/** A day of steady use: 1 kWh an hour with no value at 10:00 and 11:00, and 1.5 kWh an hour. */
export const longDayCsv = [
  ',flat A,flat B',
  ...longDayStamps.map((stamp, index) => {
    const isGap = index === 11 || index === 12; // 10:00 and 11:00 PST
    return `${stamp},${isGap ? '' : '1000.0'},1500.4`;
  }),
].join('\n');

/** Night 22:00 to 06:00 at 0.20, day at 0.30 USD a kWh. */
export const dayNightUsd: TariffText = {
  currency: 'USD',
  calendars: [
    {
      name: 'tou',
      rules: [
        { from: '22:00', to: '06:00', period: 'night' },
        { from: '00:00', to: '24:00', period: 'day' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'tou',
      prices: { night: '0.20', day: '0.30' },
    },
  ],
};

/** Prices that change within an hour, on weekends and with the season, rounded on the bill. */
export const crookedUsd: TariffText = {
  currency: 'USD',
  rounding: { line: { step: '0.001', mode: 'half-up' }, bill: { step: '0.01', mode: 'half-even' } },
  calendars: [
    {
      name: 'tou',
      seasons: [
        { name: 'spring', spans: [{ from: '03-13', through: '10-31' }] },
        { name: 'winter', spans: [{ from: '11-01', through: '03-12' }] },
      ],
      dayTypes: [{ name: 'weekend', weekdays: ['sat', 'sun'] }],
      rules: [
        { seasons: ['spring'], from: '02:45', to: '08:30', period: 'early' },
        { dayTypes: ['weekend'], from: '17:15', to: '21:30', period: 'evening' },
        { from: '00:00', to: '24:00', period: 'rest' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'tou',
      prices: { early: '0.10337', evening: '0.31113', rest: '0.19999999' },
    },
  ],
};

/**
 * Uneven hours from 11 March 2016 22:00 PST on, over the clock change of the 13th, by a small
 * linear congruential generator; meter B misses every hour whose number is a multiple of 7.
 */
export function unevenCsv(hours: number): string {
  const startMs = Date.parse('2016-03-11T22:00:00-08:00');
  let state = 20_160_311;
  const rows = Array.from({ length: hours }, (_, n) => {
    const stamp = new Date(startMs + n * hourMs).toISOString();
    const values = [1, 2].map(() => {
      state = (state * 48_271) % 2_147_483_647;
      return (state % 9_000_000) / 1_000;
    });
    return `${stamp},${values[0]},${n % 7 === 0 ? '' : values[1]}`;
  });
  return ['stamp,flat A,flat B', ...rows, ''].join('\n');
}
