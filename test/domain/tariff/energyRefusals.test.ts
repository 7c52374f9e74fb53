import { expect, test } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import {
  expectRefusal,
  steps,
  tiers,
  byHours,
  energy,
  tiered,
  dynamic,
  fixed,
  of,
  net,
  malformed,
  unknown,
  tiersMalformed,
  missing,
  decimal,
} from './componentTexts.ts';
import type { Refusal } from './componentTexts.ts';
import { withComponent } from './fullDocument.ts';

const refusals: readonly Refusal[] = [
  ['a kind of its own', of('subscription', {}), malformed, '1.kind'],
  ['a component without a kind', { name: 'x' }, malformed, '1.kind'],
  ['a name in another script', energy({ name: 'ä', price: '1' }), malformed, '1.name'],
  [
    'the name of the rounding line',
    energy({ name: 'Rounding', price: '1' }),
    'TARIFF_NAME_REPEATED',
    '1.name',
  ],
  ['energy without a price', energy({}), missing, '1.price'],
  ['a price beside a calendar', energy({ ...byHours, price: '1', tiers }), malformed, '1.price'],
  ['prices without a calendar', energy({ prices: { day: '1' } }), malformed, '1.prices'],
  ['a calendar without prices', energy({ calendar: 'hours' }), missing, '1.prices'],
  [
    'a period without a price',
    energy({ calendar: 'hours', prices: { day: '1' } }),
    missing,
    '1.prices.night',
  ],
  ['40 digits', energy({ price: '1'.repeat(40) }), decimal, '1.price'],
  [
    '40 digits in a limit',
    tiered({}, [{ upTo: '9'.repeat(40), price: '1' }, { price: '1' }]),
    decimal,
    '1.price.0.upTo',
  ],
  ['an exponent', energy({ price: '1e-3' }), decimal, '1.price'],
  ['a thousands separator', fixed({ amount: '1,000' }), decimal, '1.amount'],
  ['a float', energy({ price: 0.2 }), malformed, '1.price'],
  [
    'a limit beyond reason',
    tiered({}, [{ upTo: '1000000000001', price: '1' }, { price: '1' }]),
    malformed,
    '1.price.0.upTo',
  ],

  [
    'a last tier that ends',
    tiered({}, [
      { upTo: '1', price: '1' },
      { upTo: '2', price: '1' },
    ]),
    tiersMalformed,
    '1.price.1.upTo',
  ],
  [
    'a single tier that ends',
    tiered({}, [{ upTo: '1', price: '1' }]),
    tiersMalformed,
    '1.price.0.upTo',
  ],
  [
    'a tier in the middle without an end',
    tiered({}, [{ price: '1' }, { price: '1' }]),
    tiersMalformed,
    '1.price.0.upTo',
  ],
  [
    'limits that do not rise',
    tiered({}, [{ upTo: '2', price: '1' }, { upTo: '2', price: '1' }, { price: '1' }]),
    tiersMalformed,
    '1.price.1.upTo',
  ],
  [
    'a first tier of nothing',
    tiered({}, [{ upTo: '0', price: '1' }, { price: '1' }]),
    tiersMalformed,
    '1.price.0.upTo',
  ],
  [
    'a negative limit',
    tiered({}, [{ upTo: '-1', price: '1' }, { price: '1' }]),
    tiersMalformed,
    '1.price.0.upTo',
  ],
  ['tiers that are not explained', energy({ price: steps }), tiersMalformed, '1.tiers'],
  ['an explanation without tiers', tiered({}, '1'), tiersMalformed, '1.tiers'],
  [
    'tiers without an allocation',
    energy({ price: steps, tiers: { unit: 'kWh', reset: 'bill' } }),
    malformed,
    '1.tiers.allocation',
  ],
  [
    'limits a day that reset with the season',
    energy({ ...byHours, tiers: { ...tiers, unit: 'kWh/day', reset: 'season' } }),
    tiersMalformed,
    '1.tiers.unit',
  ],
  [
    'limits a day that reset with the year',
    tiered({ unit: 'kWh/day', reset: 'year' }),
    tiersMalformed,
    '1.tiers.unit',
  ],
  [
    'limits a kW that reset with the day',
    tiered({ unit: 'kWh/kW', reset: 'day' }),
    tiersMalformed,
    '1.tiers.unit',
  ],
  ['limits in kVA', tiered({ unit: 'kWh/kVA' }), malformed, '1.tiers.unit'],
  ['a kW for limits in kWh', tiered({ kw: 'contracted' }), tiersMalformed, '1.tiers.kw'],
  [
    'a month of reset without a year',
    tiered({ resetMonth: 4 }),
    tiersMalformed,
    '1.tiers.resetMonth',
  ],
  ['seasons without a calendar', tiered({ reset: 'season' }), tiersMalformed, '1.tiers.reset'],
  [
    'days of a year',
    tiered({ reset: 'year', proration: { perDays: 30 } }),
    tiersMalformed,
    '1.tiers.proration',
  ],
  [
    'days of limits a day',
    tiered({ unit: 'kWh/day', proration: { perDays: 30 } }),
    tiersMalformed,
    '1.tiers.proration',
  ],
  [
    'net energy in order of time',
    energy({ flow: 'net', price: steps, tiers }),
    tiersMalformed,
    '1.tiers.allocation',
  ],
  [
    'an amount of a tier by period',
    energy({ calendar: 'hours', prices: { night: '1', day: [{ price: '1', flat: '5' }] }, tiers }),
    tiersMalformed,
    '1.prices.day.0.flat',
  ],
  [
    'an amount of a tier by month',
    tiered({ reset: 'month' }, [
      { upTo: '1', price: '1' },
      { price: '1', flat: '5' },
    ]),
    tiersMalformed,
    '1.price.1.flat',
  ],
  ['a surplus of import', energy({ price: '1', surplusPrice: '1' }), malformed, '1.surplusPrice'],
  [
    'two prices of a surplus',
    { ...net, surplusPrice: '1', surplusPrices: { day: '1' } },
    malformed,
    '1.surplusPrices',
  ],
  [
    'a surplus of a period unknown',
    { ...net, surplusPrices: { dawn: '1' } },
    unknown,
    '1.surplusPrices.dawn',
  ],
  [
    'a surplus by period without a calendar',
    energy({ flow: 'net', price: '1', surplusPrices: { day: '1' } }),
    unknown,
    '1.surplusPrices.day',
  ],
  [
    'a quantity step of nothing',
    energy({ price: '1', quantity: { step: '0', mode: 'up' } }),
    malformed,
    '1.quantity.step',
  ],
  [
    'a condition that no use meets',
    energy({ price: '1', when: { useAboveKwh: '5', useAtMostKwh: '5' } }),
    malformed,
    '1.when',
  ],
  [
    'a condition on negative use',
    energy({ price: '1', when: { useAboveKwh: '-1' } }),
    malformed,
    '1.when.useAboveKwh',
  ],

  ['nothing said of a missing price', dynamic({ missing: 'zero' }), malformed, '1.missing'],
  [
    'a missing price as a float',
    dynamic({ missing: { price: 0.1 } }),
    malformed,
    '1.missing.price',
  ],
  ['a cap beyond reason', dynamic({ cap: '10000001' }), malformed, '1.cap'],
  ['net energy at a market’s price', dynamic({ flow: 'net' }), malformed, '1.flow'],
];

test.each(refusals)('%s is refused', (...refusal) => expectRefusal(refusal));

const interval = { interval: { step: '0.0001', mode: 'half-up' } };

/** Two components that are not sound with a rounding of every interval. */
test.each([
  ['tiers', tiered({}), tiersMalformed],
  ['quantity', energy({ price: '1', quantity: { step: '1', mode: 'up' } }), malformed],
])('rounding of intervals beside %s is refused', (field, component, code) => {
  const parsed = parseTariffDocument({ ...withComponent(component), rounding: interval });
  expect(parsed).toMatchObject({ ok: false, code, path: ['components', '1', field] });
});

test('a percentage of all above needs something above', () => {
  const parsed = parseTariffDocument({
    currency: 'EUR',
    components: [of('tax', { percent: '19', of: 'subtotal' }), energy({ name: 'y', price: '1' })],
  });
  expect(parsed).toMatchObject({ code: unknown, path: ['components', '0', 'of'] });
});

test('seasons that the calendar does not have are no reset', () => {
  const plain = withComponent(energy({ ...byHours, tiers: { ...tiers, reset: 'season' } }));
  expect(parseTariffDocument(plain).ok).toBe(true);
  const calendar = {
    name: 'hours',
    rules: [
      { from: '22:00', to: '06:00', period: 'night' },
      { from: '00:00', to: '24:00', period: 'day' },
    ],
  };
  const path = ['components', '1', 'tiers', 'reset'];
  const parsed = parseTariffDocument({ ...plain, calendars: [calendar] });
  expect(parsed).toMatchObject({ code: tiersMalformed, path });
});
