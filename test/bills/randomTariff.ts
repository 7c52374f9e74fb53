import fc from 'fast-check';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

/** Zones on the quarter-hour grid, chosen for odd offsets and odd changes. */
export const gridZones = [
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Asia/Manila',
  'Africa/Casablanca',
  'Africa/Cairo',
  'America/Los_Angeles',
  'Pacific/Chatham',
  'Antarctica/Troll',
  'UTC',
] as const;

/** Local dates about which clocks change in one of the zones above, leap days, and new years. */
const interestingDates = [
  '2026-03-29',
  '2026-10-25',
  '2026-04-05',
  '2026-10-04',
  '2026-03-08',
  '2026-11-01',
  '2026-04-24',
  '2026-10-30',
  '2026-02-15',
  '2026-03-22',
  '2028-02-29',
  '2026-12-31',
];

/** The start of a window, in ms, on the quarter hour, within two days of an interesting date. */
export const windowStarts = fc
  .tuple(fc.constantFrom(...interestingDates), fc.integer({ min: -192, max: 192 }))
  .map(([date, slots]) => Date.parse(`${date}T00:00:00Z`) + slots * 900_000);

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const periods = ['peak', 'shoulder', 'valley', 'night'] as const;
const two = (value: number): string => String(value).padStart(2, '0');
const monthDays = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 29 }))
  .map(([month, day]) => `${two(month)}-${two(day)}`);
const times = fc
  .integer({ min: 0, max: 95 })
  .map((slot) => `${two(Math.floor(slot / 4))}:${two((slot % 4) * 15)}`);
const prices = fc.bigInt({ min: -5_000_000_000n, max: 50_000_000_000n }).map((priceE8) => {
  const digits = (priceE8 < 0n ? -priceE8 : priceE8).toString().padStart(9, '0');
  return `${priceE8 < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
});

const rule = fc
  .record({
    from: times,
    to: times,
    period: fc.constantFrom(...periods),
    seasons: fc.subarray(['warm', 'cold']),
    dayTypes: fc.subarray(['rest', 'special']),
  })
  .filter(({ from, to }) => from !== to);

const calendarBody = fc.record({
  seasons: fc.tuple(monthDays, monthDays, monthDays, monthDays).map(([a, b, c, d]) => [
    { name: 'warm', spans: [{ from: a, through: b }] },
    { name: 'cold', spans: [{ from: c, through: d }] },
  ]),
  dayTypes: fc
    .tuple(
      fc.subarray([...weekdays], { minLength: 1 }),
      fc.constantFrom(...interestingDates),
      monthDays,
    )
    .map(([days, date, yearly]) => [
      { name: 'special', dates: [date], yearly: [yearly] },
      { name: 'rest', weekdays: days },
    ]),
  rules: fc
    .tuple(fc.array(rule, { maxLength: 6 }), fc.constantFrom(...periods))
    .map(([rules, rest]) => [...rules, { from: '00:00', to: '24:00', period: rest }]),
});

const roundingPoint = fc.record({
  step: fc.constantFrom('0.000001', '0.01', '0.05', '1', '0.0001'),
  mode: fc.constantFrom('half-even' as const, 'half-up' as const, 'down' as const, 'up' as const),
});

/** Time-of-use tariffs with up to three calendars and one component for each. */
export const tariffs: fc.Arbitrary<TariffText> = fc
  .record({
    calendars: fc.array(calendarBody, { minLength: 1, maxLength: 3 }),
    prices: fc.array(fc.tuple(prices, prices, prices, prices), { minLength: 3, maxLength: 3 }),
    rounding: fc.record({ line: roundingPoint, bill: roundingPoint }, { requiredKeys: [] }),
  })
  .map((drawn) => ({
    currency: 'EUR',
    rounding: drawn.rounding,
    calendars: drawn.calendars.map((calendar, index) => ({
      name: `calendar${index}`,
      ...calendar,
    })),
    components: drawn.calendars.map((calendar, index) => ({
      kind: 'energy' as const,
      name: `component${index}`,
      flow: 'import' as const,
      calendar: `calendar${index}`,
      prices: Object.fromEntries(
        calendar.rules.map(({ period }): [string, string] => [
          period,
          drawn.prices[index]?.[periods.indexOf(period)] ?? '0.1',
        ]),
      ),
    })),
  }));

/** Whole Wh of a quarter hour, at its edges too; NaN for no data. */
export const slotLoads = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_000_000_000_000 }) },
);
