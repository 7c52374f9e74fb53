import { test } from 'vitest';
import {
  expectRefusal,
  steps,
  byHours,
  demand,
  excess,
  powerFactor,
  of,
  malformed,
  unknown,
  tiersMalformed,
} from './componentTexts.ts';
import type { Refusal } from './componentTexts.ts';

const refusals: readonly Refusal[] = [
  ['a window of 7 minutes', demand({ windowMinutes: 7 }), malformed, '1.windowMinutes'],
  ['a measure of its own', demand({ measure: 'median' }), malformed, '1.measure'],
  [
    'a demand tier that ends',
    demand({
      price: [
        { upTo: '5', price: '1' },
        { upTo: '9', price: '1' },
      ],
    }),
    tiersMalformed,
    '1.price.1.upTo',
  ],
  ['a demand of one tier', demand({ price: [{ price: '1' }] }), tiersMalformed, '1.price'],
  [
    'an amount of a demand tier by period',
    demand({
      calendar: 'hours',
      prices: {
        night: '1',
        day: [
          { upTo: '5', price: '1' },
          { price: '2', flat: '1' },
        ],
      },
    }),
    tiersMalformed,
    '1.prices.day.1.flat',
  ],
  ['a negative minimum of demand', demand({ minimum: '-1' }), malformed, '1.minimum'],
  [
    'a negative floor of months',
    demand({ meanOfMonths: { months: 12, floor: '-1' } }),
    malformed,
    '1.meanOfMonths.floor',
  ],
  [
    'the mean of one month',
    demand({ meanOfMonths: { months: 1 } }),
    malformed,
    '1.meanOfMonths.months',
  ],
  [
    'a negative ratchet',
    demand({ ratchets: [{ percent: '-1', months: 11 }] }),
    malformed,
    '1.ratchets.0.percent',
  ],
  [
    'a ratchet of a period unknown',
    demand({ ratchets: [{ percent: '80', months: 11, ofPeriods: ['day'] }] }),
    unknown,
    '1.ratchets.0.ofPeriods.0',
  ],
  [
    'a ratchet of a period twice',
    demand({ ...byHours, ratchets: [{ percent: '80', months: 11, ofPeriods: ['day', 'day'] }] }),
    'TARIFF_NAME_REPEATED',
    '1.ratchets.0.ofPeriods.1',
  ],
  [
    'a system peak that ends first',
    demand({ coincident: [{ from: '2026-01-01T01:00:00Z', to: '2026-01-01T02:00:00+01:00' }] }),
    malformed,
    '1.coincident.0',
  ],
  [
    'a system peak without an offset',
    demand({ coincident: [{ from: '2026-01-01T01:00:00', to: '2026-01-01T02:00:00Z' }] }),
    malformed,
    '1.coincident.0.from',
  ],
  ['contracted kVA', demand({ measure: 'contracted', unit: 'kVA' }), malformed, '1.unit'],
  [
    'contracted sliding windows',
    demand({ measure: 'contracted', sliding: true }),
    malformed,
    '1.sliding',
  ],
  [
    'a ratchet of contracted power',
    demand({ measure: 'contracted', ratchets: [{ percent: '80', months: 1 }] }),
    malformed,
    '1.ratchets',
  ],
  [
    'a mean of contracted power',
    demand({ measure: 'contracted', meanOfMonths: { months: 2 } }),
    malformed,
    '1.meanOfMonths',
  ],
  [
    'peaks of contracted power',
    demand({
      measure: 'contracted',
      coincident: [{ from: '2026-01-01T01:00:00Z', to: '2026-01-01T02:00:00Z' }],
    }),
    malformed,
    '1.coincident',
  ],

  ['tiers of reactive energy', excess({ price: steps }), tiersMalformed, '1.price'],
  [
    'a quadrant twice',
    excess({ quadrants: ['q1', 'q1'] }),
    'TARIFF_NAME_REPEATED',
    '1.quadrants.1',
  ],
  ['a negative free share', excess({ freeShare: '-0.5' }), malformed, '1.freeShare'],
  [
    'a step both below and above',
    powerFactor({ below: '0.9', above: '0.9', percent: '1', per: '0.01' }),
    malformed,
    '1.steps.0',
  ],
  [
    'a step neither below nor above',
    powerFactor({ percent: '1', per: '0.01' }),
    malformed,
    '1.steps.0',
  ],
  [
    'a power factor above 1',
    powerFactor({ below: '1.1', percent: '1', per: '0.01' }),
    malformed,
    '1.steps.0.below',
  ],
  [
    'steps of nothing',
    powerFactor({ below: '0.9', percent: '1', per: '0' }),
    malformed,
    '1.steps.0.per',
  ],
  [
    'a step twice',
    powerFactor(
      { below: '0.9', percent: '1', per: '0.01' },
      { below: '0.90', percent: '2', per: '0.01' },
    ),
    malformed,
    '1.steps.1.below',
  ],
  [
    'a target of 0',
    of('reactive', { measure: 'kvaAdjustment', target: '0', windowMinutes: 15, price: '1' }),
    malformed,
    '1.target',
  ],
];

test.each(refusals)('%s is refused', (...refusal) => expectRefusal(refusal));
