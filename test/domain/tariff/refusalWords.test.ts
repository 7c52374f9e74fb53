import { describe, expect, test } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const nightRule = { from: '22:00', to: '06:00', period: 'night' };
const dayRule = { from: '06:00', to: '22:00', period: 'day' };

function calendar(overrides: { [key: string]: Json } = {}): { [key: string]: Json } {
  return { name: 'tou', rules: [nightRule, dayRule], ...overrides };
}

function component(overrides: { [key: string]: Json } = {}): { [key: string]: Json } {
  const prices = { night: '0.2', day: '0.31234567' };
  return { kind: 'energy', name: 'energy', flow: 'import', calendar: 'tou', prices, ...overrides };
}

function tariff(overrides: { [key: string]: Json } = {}): { [key: string]: Json } {
  return { currency: 'EUR', calendars: [calendar()], components: [component()], ...overrides };
}

/** The document, and what is said of it. */
const words: [string, Json, string][] = [
  ['a choice', tariff({ intervalMinutes: 20 }), 'intervalMinutes: write one of 15, 30, 60.'],
  [
    'a kind',
    tariff({ components: [component({ kind: 'engery' })] }),
    'components.0.kind: write one of energy, dynamic, demand, reactive, fixed, minimum, adjust, ' +
      'discount, tax, netting.',
  ],
  [
    'a choice or an object',
    tariff({
      components: [component({ kind: 'demand', unit: 'kW', windowMinutes: 15, measure: 1 })],
    }),
    'components.0.measure: write one of max, contracted, or write an object with fields, in { ' +
      'and }.',
  ],
  [
    'a number without quotes',
    tariff({ components: [component({ prices: { night: 0.2, day: '0.3' } })] }),
    'components.0.prices.night: write the number as a text in quotes, such as "0.25", so that no ' +
      'float touches it.',
  ],
  ['a missing field', { currency: 'EUR' }, 'components: the field is missing; give it.'],
  [
    'an empty list',
    tariff({ components: [] }),
    'components: the list is too short; give at least 1.',
  ],
  [
    'a field that is not known',
    tariff({ vat: '0.19' }),
    'vat: no field "vat" is known here; remove it or correct its name.',
  ],
  [
    'a long name',
    tariff({ components: [component({ name: 'x'.repeat(41) })] }),
    'components.0.name: the text has more than 40 characters; shorten it.',
  ],
  [
    'a long number',
    tariff({ components: [component({ prices: { night: '9'.repeat(39), day: '0.3' } })] }),
    'components.0.prices.night: the number is too long; write at most 38 digits.',
  ],
  [
    'an hour without a period, where all days are alike',
    tariff({ calendars: [calendar({ rules: [nightRule] })] }),
    'calendars.0.rules: 06:00 has no period; add a rule, or a last one from 00:00 to 24:00 for ' +
      'what is left.',
  ],
  [
    'an hour without a period, by the season',
    tariff({
      calendars: [
        calendar({
          seasons: [{ name: 'cold', spans: [{ from: '10-01', through: '03-31' }] }],
          rules: [{ ...nightRule, seasons: ['cold'] }, dayRule],
        }),
      ],
    }),
    'calendars.0.rules: 00:00 on days of no season has no period; add a rule, or a last one from ' +
      '00:00 to 24:00 for what is left.',
  ],
];

describe('the refusal speaks of', () => {
  test.each(words)('%s', (_what, document, message) => {
    expect(parseTariffDocument(document)).toMatchObject({ ok: false, message });
  });
});
