import postgres from 'postgres';
import type { World } from './world.ts';

/**
 * Made up. In winter (November to March) a night from 22:00 to 06:00 at 0.20, the rest at 0.30 EUR
 * a kWh; in summer 0.25 at all hours; Sundays are nights. The first kWh of a month cost that, those
 * beyond 0.5 kWh a cent more. A standing charge of 0.40 a day, a levy of 0.02 a kWh, 19 % tax.
 */
export const homeTariff = {
  currency: 'EUR',
  calendars: [
    {
      name: 'tou',
      seasons: [{ name: 'winter', spans: [{ from: '11-01', through: '03-31' }] }],
      dayTypes: [{ name: 'sunday', weekdays: ['sun'] }],
      rules: [
        { seasons: ['winter'], dayTypes: ['sunday'], from: '00:00', to: '24:00', period: 'night' },
        { seasons: ['winter'], from: '22:00', to: '06:00', period: 'night' },
        { seasons: ['winter'], from: '06:00', to: '22:00', period: 'day' },
        { from: '00:00', to: '24:00', period: 'summer' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'work',
      flow: 'import',
      calendar: 'tou',
      prices: {
        night: [{ upTo: '0.5', price: '0.20' }, { price: '0.21' }],
        day: [{ upTo: '0.5', price: '0.30' }, { price: '0.31' }],
        summer: [{ upTo: '0.5', price: '0.25' }, { price: '0.26' }],
      },
      tiers: { unit: 'kWh', reset: 'bill', allocation: 'chronological' },
    },
    { kind: 'fixed', name: 'standing', amount: '0.40', per: 'day' },
    { kind: 'adjust', name: 'levy', perKwh: '0.02' },
    { kind: 'tax', name: 'vat', percent: '19', of: 'subtotal' },
  ],
};

/** An exchange's hours of 2 March 2026 UTC, the second of them not known. */
export const spotTariff = {
  currency: 'EUR',
  priceSeries: [
    {
      name: 'exchange',
      unit: 'kWh',
      minutes: 60,
      from: '2026-03-02T00:00:00Z',
      prices: ['0.10', null, '-0.05'],
    },
  ],
  components: [
    { kind: 'dynamic', name: 'spot', flow: 'import', series: 'exchange', missing: 'refuse' },
    { kind: 'tax', name: 'vat', percent: '19', of: 'subtotal' },
  ],
};

/** Tariffs 3 (home) and 4 (spot) of company 1; agreement 2 is on tariff 3. */
export async function seedLabTariffs(world: World): Promise<void> {
  const owner = postgres(world.url, { max: 1, onnotice: () => {} });
  try {
    await owner`
      insert into tariff (id, company_id, name, currency) overriding system value
      values (3, 1, 'home', 'EUR'), (4, 1, 'spot', 'EUR')`;
    for (const [id, document] of [
      [3, homeTariff],
      [4, spotTariff],
    ] as const) {
      await owner`
        insert into tariff_version (id, company_id, tariff_id, valid_from, document, published_at,
                                    published_by) overriding system value
        values (${id}, 1, ${id}, '2019-12-31T23:00:00Z', ${JSON.stringify(document)}::text::jsonb,
                '2019-12-01Z', 'test')`;
    }
    await owner`update agreement set tariff_id = 3 where id = 2`;
  } finally {
    await owner.end();
  }
}

/** Tariff 5 of company 1, by a series that another company has under the same name too. */
export async function seedStoredPrices(world: World): Promise<void> {
  const owner = postgres(world.url, { max: 1, onnotice: () => {} });
  const document = {
    currency: 'EUR',
    components: [
      { kind: 'dynamic', name: 'spot', flow: 'import', series: 'stored', missing: 'last' },
    ],
  };
  try {
    await owner`
      insert into tariff (id, company_id, name, currency) overriding system value
      values (5, 1, 'stored', 'EUR')`;
    await owner`
      insert into tariff_version (id, company_id, tariff_id, valid_from, document, published_at,
                                  published_by) overriding system value
      values (5, 1, 5, '2019-12-31T23:00:00Z', ${JSON.stringify(document)}::text::jsonb,
              '2019-12-01Z', 'test')`;
    await owner`
      insert into price_series (id, company_id, name, currency, unit, step_minutes)
        overriding system value
      values (1, 1, 'stored', 'EUR', 'kWh', 60), (2, 2, 'stored', 'EUR', 'kWh', 60)`;
    await owner`
      insert into price_point (company_id, series_id, starts_at, price_e8, known_at)
      values (1, 1, '2026-03-02T00:00:00Z', 10000000, '2026-03-01Z'),
             (2, 2, '2026-03-02T00:00:00Z', 99000000, '2026-03-01Z'),
             (1, 1, '2026-03-02T01:00:00Z', 20000000, '2026-03-01Z'),
             (1, 1, '2026-03-02T00:00:00Z', 12000000, '2026-03-02Z')`;
  } finally {
    await owner.end();
  }
}
