import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seedLabTariffs, seedStoredPrices, spotTariff } from './labTariff.ts';
import { flatTariff, globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

/**
 * Agreement 2 has used 1.000 kWh between 01:00 and 02:00 on Monday 2 March 2026 in Berlin, a
 * quarter of it each quarter hour, and nothing else. Prices are worked by hand from labTariff.ts:
 * (price of period and tier + 0.02 levy) x 1.19.
 */
let world: World;
const operator = viewerOf('operator');
const bob = viewerOf('subscriber', { account: 101 });
const ada = viewerOf('subscriber', { account: 100 });
const agreement = globalId('Agreement', 2);

beforeAll(async () => {
  world = await openWorld('price');
  await seedLabTariffs(world);
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const at = `query ($agreement: ID, $tariff: ID, $zone: String, $at: DateTime!) {
  priceAt(agreementId: $agreement, tariffId: $tariff, timeZone: $zone, at: $at) {
    from until price currency code parts { component kind period tier price } } }`;

const next = `query ($agreement: ID, $tariff: ID, $zone: String, $from: DateTime!, $hours: Int) {
  nextPrices(agreementId: $agreement, tariffId: $tariff, timeZone: $zone, from: $from,
    hours: $hours) { from until price code parts { period tier } } }`;

describe('the price of the next kWh', () => {
  test('is told by component, with the tier that the use so far has reached', async () => {
    const variables = { agreement, at: '2026-03-02T12:00:00Z' };
    const { body } = await world.post(bob, { query: at, variables });
    expect(body).toEqual({
      data: {
        priceAt: {
          from: '2026-03-02T12:00:00.000Z',
          until: '2026-03-02T21:00:00.000Z',
          price: '0.3927',
          currency: 'EUR',
          code: null,
          parts: [
            { component: 'work', kind: 'ENERGY', period: 'day', tier: 2, price: '0.31' },
            { component: 'levy', kind: 'ADJUST', period: null, tier: null, price: '0.02' },
            { component: 'vat', kind: 'TAX', period: null, tier: null, price: '0.0627' },
          ],
        },
      },
    });
  });

  test('looks only at what was used before', async () => {
    const variables = { agreement, at: '2026-03-02T00:15:00Z' };
    const { body } = await world.post(bob, { query: at, variables });
    // 0.25 kWh so far: the first tier of the night, 0.22 x 1.19.
    expect(body).toMatchObject({
      data: {
        priceAt: {
          until: '2026-03-02T05:00:00.000Z',
          price: '0.2618',
          parts: [{ period: 'night', tier: 1 }, {}, {}],
        },
      },
    });
  });

  test('begins anew with the bill, and holds longer than three days in summer', async () => {
    const variables = { agreement, at: '2026-04-01T12:00:00Z' };
    const { body } = await world.post(bob, { query: at, variables });
    // The first tier of summer, 0.27 x 1.19.
    expect(body).toMatchObject({ data: { priceAt: { until: null, price: '0.3213' } } });
  });

  test('of a tariff alone is that of its first tier, in a zone that is said', async () => {
    const tariff = globalId('Tariff', 3);
    const variables = { tariff, zone: 'Europe/Berlin', at: '2026-03-02T12:00:00Z' };
    const { body } = await world.post(ada, { query: at, variables });
    expect(body).toMatchObject({
      data: { priceAt: { price: '0.3808', parts: [{ tier: 1 }, {}, {}] } },
    });
    const bare = { tariff, at: '2026-03-02T12:00:00Z' };
    const refused = await world.post(ada, { query: at, variables: bare });
    expect(refused.body).toMatchObject({ errors: [{ extensions: { code: 'ZONE_MISSING' } }] });
  });
});

describe('the next prices', () => {
  test('are stretches without a gap, over the night of 23 hours', async () => {
    const variables = { agreement, from: '2026-03-28T20:00:00Z', hours: 36 };
    const { body } = await world.post(operator, { query: next, variables });
    const stretch = (from: string, until: string, price: string, period: string) => ({
      from: `2026-03-${from}:00.000Z`,
      until: `2026-03-${until}:00.000Z`,
      price,
      code: null,
      parts: [{ period, tier: 2 }, {}, {}].map((part) => ({ period: null, tier: null, ...part })),
    });
    // Saturday 22:00 is 21:00 UTC; Monday 06:00 is 04:00 UTC, because summer time has begun.
    expect(body).toEqual({
      data: {
        nextPrices: [
          stretch('28T20:00', '28T21:00', '0.3927', 'day'),
          stretch('28T21:00', '30T04:00', '0.2737', 'night'),
          stretch('30T04:00', '30T08:00', '0.3927', 'day'),
        ],
      },
    });
  });

  test('follow a price series, and say where it has no price', async () => {
    const tariff = globalId('Tariff', 4);
    const variables = { tariff, zone: 'UTC', from: '2026-03-02T00:00:00Z', hours: 4 };
    const { body } = await world.post(ada, { query: next, variables });
    expect(body).toMatchObject({
      data: {
        nextPrices: [
          { until: '2026-03-02T01:00:00.000Z', price: '0.119', code: null },
          { until: '2026-03-02T02:00:00.000Z', price: null, code: 'PRICE_MISSING' },
          { until: '2026-03-02T03:00:00.000Z', price: '-0.0595', code: null },
          { until: '2026-03-02T04:00:00.000Z', price: null, code: 'PRICE_MISSING' },
        ],
      },
    });
  });

  test('follow the stored prices of a series, the latest word on an instant', async () => {
    await seedStoredPrices(world);
    const tariff = globalId('Tariff', 5);
    const variables = { tariff, zone: 'UTC', from: '2026-03-02T00:00:00Z', hours: 3 };
    const { body } = await world.post(ada, { query: next, variables });
    // 0.10, corrected to 0.12; 0.20; then nothing is stored, and the last one stands in.
    expect(body).toMatchObject({
      data: {
        nextPrices: [
          { until: '2026-03-02T01:00:00.000Z', price: '0.12', code: null },
          { until: '2026-03-02T02:00:00.000Z', price: '0.2', code: null },
          { until: '2026-03-02T03:00:00.000Z', price: '0.2', code: null },
        ],
      },
    });
  });

  const bad: [string, object, string][] = [
    ['nothing to price', {}, 'SUBJECT_MISSING'],
    [
      'an agreement of another company',
      { agreement: globalId('Agreement', 3) },
      'AGREEMENT_NOT_FOUND',
    ],
    [
      'a tariff of another company',
      { tariff: globalId('Tariff', 2), zone: 'UTC' },
      'TARIFF_NOT_FOUND',
    ],
    ['a week', { agreement, hours: 168 }, 'HOURS_OUT_OF_RANGE'],
    ['a zone that is none', { tariff: globalId('Tariff', 3), zone: 'Mars/Base' }, 'ZONE_UNKNOWN'],
    [
      'a time before the agreement',
      { agreement, from: '2019-06-01T00:00:00Z' },
      'PERIOD_NOT_COVERED',
    ],
  ];
  test.each(bad)('of %s are refused with a code', async (_name, changed, code) => {
    const variables = { from: '2026-03-02T00:00:00Z', ...changed };
    const { body } = await world.post(operator, { query: next, variables });
    expect(body).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  test("of a neighbour's agreement are not there", async () => {
    const variables = { agreement, from: '2026-03-02T00:00:00Z' };
    const { body } = await world.post(ada, { query: next, variables });
    expect(body).toMatchObject({ errors: [{ extensions: { code: 'AGREEMENT_NOT_FOUND' } }] });
  });
});

describe('the estimate of a month that is over', () => {
  const query = `query ($agreement: ID!, $month: String!, $tariff: ID, $document: JSON) {
    estimateBill(agreementId: $agreement, month: $month, tariffId: $tariff, document: $document) {
      month from to state knownIntervals projectedIntervals missingIntervals
      projected { total { amount currency } exact code warnings { code }
        lines { component kind period tier quantity unit price exact amount { amount } } } } }`;

  test('is its bill, line by line', async () => {
    const variables = { agreement, month: '2026-03' };
    const { body } = await world.post(bob, { query, variables });
    // Night: 0.5 x 0.20 + 0.5 x 0.21 = 0.205; day 0; 31 x 0.40; 1 x 0.02; 19 % of 12.625.
    const line = (component: string, kind: string, rest: object) => ({ component, kind, ...rest });
    expect(body).toMatchObject({
      data: {
        estimateBill: {
          from: '2026-02-28T23:00:00.000Z',
          to: '2026-03-31T22:00:00.000Z',
          state: 'PROVISIONAL',
          knownIntervals: 4,
          projectedIntervals: 0,
          missingIntervals: 743 * 4 - 4,
          projected: {
            total: { amount: '15.02375', currency: 'EUR' },
            exact: '15.02375',
            code: null,
            warnings: [{ code: 'SLOTS_MISSING' }],
            lines: [
              line('work', 'ENERGY', { period: 'night', tier: 1, quantity: '0.5', exact: '0.1' }),
              line('work', 'ENERGY', { period: 'night', tier: 2, quantity: '0.5', exact: '0.105' }),
              line('work', 'ENERGY', { period: 'day', tier: 1, quantity: '0', exact: '0' }),
              line('standing', 'FIXED', {
                quantity: '31',
                unit: 'day',
                price: '0.4',
                exact: '12.4',
              }),
              line('levy', 'ADJUSTMENT', { quantity: '1', unit: 'kWh', exact: '0.02' }),
              line('vat', 'TAX', { price: '19', exact: '2.39875', amount: { amount: '2.39875' } }),
            ],
          },
        },
      },
    });
  });

  test('can be had by another tariff, and by a draft', async () => {
    const other = { agreement, month: '2026-03', tariff: globalId('Tariff', 1) };
    const draft = { agreement, month: '2026-03', document: flatTariff };
    for (const variables of [other, draft]) {
      const { body } = await world.post(bob, { query, variables });
      expect(body).toMatchObject({
        data: { estimateBill: { projected: { total: { amount: '0.30' } } } },
      });
    }
  });

  test('has no total where a price is missing, and says so', async () => {
    const document = { ...spotTariff, priceSeries: [] };
    const variables = { agreement, month: '2026-03', document };
    const { body } = await world.post(bob, { query, variables });
    expect(body).toMatchObject({
      data: { estimateBill: { projected: { total: null, code: 'PRICE_MISSING', lines: [] } } },
    });
  });

  const bad: [string, object, string][] = [
    ['a month of the far future', { month: '2099-01' }, 'MONTH_NOT_BEGUN'],
    ['no month', { month: 'March' }, 'MONTH_MALFORMED'],
    ['a month before the agreement', { month: '2019-01' }, 'PERIOD_NOT_COVERED'],
    ['a tariff and a draft', { tariff: globalId('Tariff', 1), document: {} }, 'DRAFT_AMBIGUOUS'],
    ['a draft that is none', { document: {} }, 'TARIFF_MALFORMED'],
    ["another company's tariff", { tariff: globalId('Tariff', 2) }, 'TARIFF_NOT_FOUND'],
  ];
  test.each(bad)('of %s is refused with a code', async (_name, changed, code) => {
    const variables = { agreement, month: '2026-03', ...changed };
    const { body } = await world.post(bob, { query, variables });
    expect(body).toMatchObject({ errors: [{ extensions: { code } }] });
  });
});
