import fc from 'fast-check';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { reachableRules } from './reachableRules.ts';
import type { SeededRandom } from './seededRandom.ts';

/**
 * Documents for the simulated world: times of use, tiers by every allocation, demand with a
 * ratchet, standing charges, minimum and tax. The auditor adds up what of them runs with time, so
 * such components stand alone: a tax is of the subtotal, exact, and the last.
 */

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

const anyCalendarBody = fc.record({
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

const calendarBody = anyCalendarBody.map(reachableRules);

const roundingPoint = fc.record({
  step: fc.constantFrom('0.000001', '0.01', '0.05', '1', '0.0001'),
  mode: fc.constantFrom('half-even' as const, 'half-up' as const, 'down' as const, 'up' as const),
});

/** Time-of-use tariffs with up to three calendars and one component for each. */
const timeOfUse: fc.Arbitrary<TariffText> = fc
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

type Component = TariffText['components'][number];

function cents(random: SeededRandom, max: number): string {
  const value = random.between(1, max);
  return `${Math.floor(value / 100)}.${String(value % 100).padStart(2, '0')}`;
}

function tiersOf(random: SeededRandom) {
  const first = random.between(1, 40);
  return [
    { upTo: String(first), price: cents(random, 60) },
    { upTo: String(first + random.between(1, 80)), price: cents(random, 60) },
    { price: cents(random, 60) },
  ];
}

function tieredEnergy(random: SeededRandom): Component {
  const allocation = random.pick([
    'chronological',
    'chronological',
    'proportional',
    'perPeriod',
    'volume',
  ] as const);
  const reset = random.pick(['bill', 'month', 'year', 'day'] as const);
  return {
    kind: 'energy',
    name: 'tiered',
    flow: 'import',
    calendar: 'hours',
    prices: { night: tiersOf(random), day: tiersOf(random) },
    tiers: {
      unit: 'kWh',
      reset,
      allocation,
      proration: reset === 'day' || reset === 'year' ? 'none' : random.pick(['none', 'days']),
    },
  };
}

function peakDemand(random: SeededRandom): Component {
  return {
    kind: 'demand',
    name: 'peak',
    unit: 'kW',
    windowMinutes: random.pick([15, 30, 60] as const),
    // What is estimated, the auditor does not work out.
    countsEstimates: true,
    measure: random.pick(['max' as const, { meanOfTop: 3, each: 'day' as const }]),
    price: cents(random, 900),
    ratchets: [{ percent: '80', months: 11 }],
  };
}

/** Components beyond the energy of hours, and how a bill of them is rounded. */
export function richTariff(random: SeededRandom): TariffText {
  const components: Component[] = random.chance(0.7)
    ? [tieredEnergy(random)]
    : [{ kind: 'energy', name: 'flat', flow: 'import', price: cents(random, 60) }];
  if (random.chance(0.4)) components.push(peakDemand(random));
  const per = random.pick(['bill', 'day', 'month', 'year'] as const);
  components.push({ kind: 'fixed', name: 'standing', amount: cents(random, 2_000), per });
  if (random.chance(0.4)) {
    const amount = cents(random, 9_000);
    components.push({ kind: 'minimum', name: 'least', amount, per: 'bill', of: 'subtotal' });
  }
  if (random.chance(0.5)) {
    components.push({ kind: 'tax', name: 'tax', percent: '7.5', of: 'subtotal' });
  }
  const rounding = random.chance(0.6) ? { line: { step: '0.01', mode: 'half-up' as const } } : {};
  return {
    currency: 'EUR',
    rounding,
    calendars: [
      {
        name: 'hours',
        rules: [
          { from: '22:00', to: '06:00', period: 'night' },
          { from: '00:00', to: '24:00', period: 'day' },
        ],
      },
    ],
    components,
  };
}

/** A tariff of nothing but zeros is refused. */
function isPriced({ components }: TariffText): boolean {
  return components.some(
    (component) =>
      'prices' in component &&
      Object.values(component.prices ?? {}).some((text) => Number(text) !== 0),
  );
}

/** Times of use and richer ones by turns. */
export function worldTariffs(seed: number, random: SeededRandom): readonly TariffText[] {
  const plain = fc.sample(timeOfUse, { seed, numRuns: 24 }).filter(isPriced);
  return plain
    .slice(0, 8)
    .map((document, index) => (index % 2 === 0 ? document : richTariff(random)));
}
