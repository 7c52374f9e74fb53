import { afterAll, beforeAll, expect, test } from 'vitest';
import { seedLabTariffs } from './labTariff.ts';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

/** Expected values are read off the tariff in labTariff.ts by hand. */
let world: World;
const ada = viewerOf('subscriber', { account: 100 });

beforeAll(async () => {
  world = await openWorld('tarifftext');
  await seedLabTariffs(world);
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const id = globalId('TariffVersion', 3);

function ask(selection: string) {
  const query = `query ($id: ID!) { node(id: $id) { ... on TariffVersion { ${selection} } } }`;
  return world.post(ada, { query, variables: { id } });
}

test('a calendar is drawn by local days, each whole from 00:00 to 24:00', async () => {
  const selection = `calendar(name: "tou") { periods
    days(from: "2026-03-28", days: 5) { date season dayType stretches { from to period } } }`;
  const { body } = await ask(selection);
  const workday = [
    { from: '00:00', to: '06:00', period: 'night' },
    { from: '06:00', to: '22:00', period: 'day' },
    { from: '22:00', to: '24:00', period: 'night' },
  ];
  const whole = (period: string) => [{ from: '00:00', to: '24:00', period }];
  const winter = { season: 'winter', dayType: null, stretches: workday };
  expect(body).toEqual({
    data: {
      node: {
        calendar: {
          periods: ['night', 'day', 'summer'],
          days: [
            { date: '2026-03-28', ...winter },
            // The day of 23 hours is a Sunday; by the wall clock it is drawn whole.
            { date: '2026-03-29', season: 'winter', dayType: 'sunday', stretches: whole('night') },
            { date: '2026-03-30', ...winter },
            { date: '2026-03-31', ...winter },
            { date: '2026-04-01', season: null, dayType: null, stretches: whole('summer') },
          ],
        },
      },
    },
  });
});

test('a leap year of days fits one request, and a day more is refused', async () => {
  const days = (count: number) =>
    `calendar(name: "tou") { days(from: "2028-01-01", days: ${count}) {
      date season dayType stretches { from to period } } }`;
  const { body } = await ask(days(366));
  expect(JSON.stringify(body)).toContain('"date":"2028-12-31"');
  const refused = await ask(days(367));
  expect(refused.body).toMatchObject({ errors: [{ extensions: { code: 'DAYS_OUT_OF_RANGE' } }] });
  const malformed = await ask('calendar(name: "tou") { days(from: "2026-02-29") { date } }');
  expect(malformed.body).toMatchObject({ errors: [{ extensions: { code: 'DATE_MALFORMED' } }] });
  expect((await ask('calendar(name: "none") { name }')).body).toEqual({
    data: { node: { calendar: null } },
  });
});

test('the components of a version come with their prices and tiers as written', async () => {
  const { body } = await ask(`components { name kind calendar unit tierUnit description
    prices { period tiers { tier upTo price flat } } }`);
  const tiers = (first: string, second: string) => [
    { tier: 1, upTo: '0.5', price: first, flat: '0' },
    { tier: 2, upTo: null, price: second, flat: '0' },
  ];
  const one = (price: string) => [
    { period: null, tiers: [{ tier: 1, upTo: null, price, flat: '0' }] },
  ];
  expect(body).toMatchObject({
    data: {
      node: {
        components: [
          {
            name: 'work',
            kind: 'ENERGY',
            calendar: 'tou',
            unit: 'kWh',
            tierUnit: 'kWh',
            prices: [
              { period: 'night', tiers: tiers('0.2', '0.21') },
              { period: 'day', tiers: tiers('0.3', '0.31') },
              { period: 'summer', tiers: tiers('0.25', '0.26') },
            ],
          },
          { name: 'standing', kind: 'FIXED', calendar: null, unit: 'day', prices: one('0.4') },
          { name: 'levy', kind: 'ADJUST', unit: 'kWh', prices: one('0.02') },
          { name: 'vat', kind: 'TAX', unit: null, prices: [] },
        ],
      },
    },
  });
});

test('a version tells itself in plain words, its calendar which prices it decides', async () => {
  const { body } = await ask('description calendars { name components { name } }');
  expect(body).toMatchObject({
    data: { node: { calendars: [{ name: 'tou', components: [{ name: 'work' }] }] } },
  });
  expect(JSON.stringify(body)).toMatch(/"description":\["[^"]+/);
});
