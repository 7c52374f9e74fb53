import { describe, expect, test } from 'vitest';
import { minorDigitsOf } from '../../../src/domain/tariff/currency.ts';
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

describe('a tariff document', () => {
  test('of time of use is read exactly', () => {
    const parsed = parseTariffDocument(
      tariff({ zone: 'Europe/Berlin', rounding: { line: { step: '0.01', mode: 'half-even' } } }),
    );
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        currency: 'EUR',
        minorDigits: 2,
        zone: 'Europe/Berlin',
        rounding: { line: { stepE8: 1_000_000n, mode: 'half-even' }, bill: null },
        calendars: [{ name: 'tou', periods: ['night', 'day'] }],
        components: [
          {
            name: 'energy',
            prices: {
              calendarIndex: 0,
              periods: ['night', 'day'],
              tiers: [[{ priceE8: 20_000_000n }], [{ priceE8: 31_234_567n }]],
            },
          },
        ],
      },
    });
  });

  test('without a zone takes the service point’s, and rounds nothing unless it says so', () => {
    expect(parseTariffDocument(tariff())).toMatchObject({
      value: { zone: null, rounding: { line: null, bill: null } },
    });
  });

  test('may price below nothing, and at nothing beside another price', () => {
    const negative = component({ prices: { night: '-0.05', day: '0' } });
    expect(parseTariffDocument(tariff({ components: [negative] })).ok).toBe(true);
  });
});

/** What is wrong, the document, the code, and the path it points to. */
const refusals: [string, Json, string, string][] = [
  ['no object', 'x', 'TARIFF_MALFORMED', ''],
  ['null', null, 'TARIFF_MALFORMED', ''],
  ['an unknown field', tariff({ colour: 'red' }), 'TARIFF_MALFORMED', 'colour'],
  [
    'an unknown field deep inside',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, note: 'x' }, dayRule] })] }),
    'TARIFF_MALFORMED',
    'calendars.0.rules.0.note',
  ],
  ['a lower-case currency', tariff({ currency: 'eur' }), 'TARIFF_MALFORMED', 'currency'],
  ['a currency out of use', tariff({ currency: 'DEM' }), 'TARIFF_CURRENCY_UNKNOWN', 'currency'],
  ['an unknown zone', tariff({ zone: 'Mars/Olympus' }), 'TARIFF_ZONE_UNKNOWN', 'zone'],
  ['no components', tariff({ components: [] }), 'TARIFF_MALFORMED', 'components'],
  [
    'an uncovered hour',
    tariff({ calendars: [calendar({ rules: [nightRule, { ...dayRule, to: '21:45' }] })] }),
    'TARIFF_GAP',
    'calendars.0.rules',
  ],
  [
    'a season without rules on one day of the leap year',
    tariff({
      calendars: [
        calendar({
          seasons: [
            { name: 'cold', spans: [{ from: '10-01', through: '02-28' }] },
            { name: 'warm', spans: [{ from: '03-01', through: '09-30' }] },
          ],
          rules: [
            { seasons: ['cold', 'warm'], from: '00:00', to: '24:00', period: 'night' },
            { seasons: ['warm'], from: '00:00', to: '24:00', period: 'day' },
          ],
        }),
      ],
    }),
    'TARIFF_GAP',
    'calendars.0.rules',
  ],
  [
    'a single holiday without rules',
    tariff({
      calendars: [
        calendar({
          dayTypes: [
            { name: 'holiday', dates: ['2026-12-25'] },
            { name: 'week', weekdays: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] },
          ],
          rules: [{ dayTypes: ['week'], from: '00:00', to: '24:00', period: 'day' }],
        }),
      ],
    }),
    'TARIFF_GAP',
    'calendars.0.rules',
  ],
  [
    'a rule whose period never comes',
    tariff({
      calendars: [
        calendar({
          rules: [nightRule, dayRule, { from: '17:00', to: '20:00', period: 'peak' }],
        }),
      ],
      components: [component({ prices: { night: '0.2', day: '0.3', peak: '0.5' } })],
    }),
    'TARIFF_OVERLAP',
    'calendars.0.rules.2',
  ],
  [
    'a time between quarter hours',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, to: '06:10' }, dayRule] })] }),
    'TARIFF_TIME_OFF_GRID',
    'calendars.0.rules.0.to',
  ],
  [
    'an hour that no clock shows',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, from: '25:00' }] })] }),
    'TARIFF_MALFORMED',
    'calendars.0.rules.0.from',
  ],
  [
    'an empty rule',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, to: '22:00' }] })] }),
    'TARIFF_MALFORMED',
    'calendars.0.rules.0',
  ],
  [
    'a rule from the end of the day',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, from: '24:00' }] })] }),
    'TARIFF_MALFORMED',
    'calendars.0.rules.0',
  ],
  [
    'a season that is not defined',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, seasons: ['wet'] }] })] }),
    'TARIFF_REFERENCE_UNKNOWN',
    'calendars.0.rules.0.seasons',
  ],
  [
    'a day type that is not defined',
    tariff({ calendars: [calendar({ rules: [{ ...nightRule, dayTypes: ['rest'] }] })] }),
    'TARIFF_REFERENCE_UNKNOWN',
    'calendars.0.rules.0.dayTypes',
  ],
  [
    'a day type without a day',
    tariff({ calendars: [calendar({ dayTypes: [{ name: 'rest' }] })] }),
    'TARIFF_MALFORMED',
    'calendars.0.dayTypes.0',
  ],
  [
    'a date that no calendar has',
    tariff({ calendars: [calendar({ dayTypes: [{ name: 'x', dates: ['2026-02-29'] }] })] }),
    'TARIFF_MALFORMED',
    'calendars.0.dayTypes.0.dates.0',
  ],
  [
    'a calendar that is not defined',
    tariff({ components: [component({ calendar: 'other' })] }),
    'TARIFF_REFERENCE_UNKNOWN',
    'components.0.calendar',
  ],
  [
    'a period without a price',
    tariff({ components: [component({ prices: { night: '0.2' } })] }),
    'TARIFF_PRICE_MISSING',
    'components.0.prices.day',
  ],
  [
    'a price without a period',
    tariff({ components: [component({ prices: { night: '0.2', day: '0.3', peak: '1' } })] }),
    'TARIFF_REFERENCE_UNKNOWN',
    'components.0.prices.peak',
  ],
  [
    'a price as a float',
    tariff({ components: [component({ prices: { night: 0.2, day: '0.3' } })] }),
    'TARIFF_MALFORMED',
    'components.0.prices.night',
  ],
  [
    'a price of nine decimals',
    tariff({ components: [component({ prices: { night: '0.123456789', day: '0.3' } })] }),
    'DECIMAL_MALFORMED',
    'components.0.prices.night',
  ],
  [
    'a price beyond reason',
    tariff({ components: [component({ prices: { night: '10000001', day: '0.3' } })] }),
    'TARIFF_MALFORMED',
    'components.0.prices.night',
  ],
  [
    'nothing but zeros',
    tariff({ components: [component({ prices: { night: '0', day: '0.00' } })] }),
    'TARIFF_ALL_ZERO',
    'components',
  ],
  [
    'a name twice',
    tariff({ components: [component(), component()] }),
    'TARIFF_NAME_REPEATED',
    'components.1.name',
  ],
  [
    'a step of nothing',
    tariff({ rounding: { line: { step: '0', mode: 'down' } } }),
    'TARIFF_MALFORMED',
    'rounding.line.step',
  ],
  [
    'a step finer than a price',
    tariff({ rounding: { bill: { step: '0.000000001', mode: 'down' } } }),
    'DECIMAL_MALFORMED',
    'rounding.bill.step',
  ],
  [
    'a rounding mode of its own',
    tariff({ rounding: { bill: { step: '1', mode: 'half-odd' } } }),
    'TARIFF_MALFORMED',
    'rounding.bill.mode',
  ],
  [
    'more calendars than anybody reads',
    tariff({ calendars: Array.from({ length: 9 }, (_, index) => calendar({ name: `c${index}` })) }),
    'TARIFF_MALFORMED',
    'calendars',
  ],
];

describe('a tariff is refused for', () => {
  test.each(refusals)('%s', (_what, document, code, path) => {
    const parsed = parseTariffDocument(document);
    expect(parsed).toMatchObject({ ok: false, code });
    if (parsed.ok) return;
    expect((parsed.path ?? []).join('.')).toBe(path);
    expect(parsed.message.length).toBeGreaterThan(20);
  });

  test('calendars that cut time into more periods than a slot can name', () => {
    // Quarter hours 0-95 in one calendar, days of the week in two more: 96 x 7 together.
    const slots = Array.from({ length: 96 }, (_, slot) => {
      const time = (at: number): string =>
        `${String(Math.floor(at / 4)).padStart(2, '0')}:${String((at % 4) * 15).padStart(2, '0')}`;
      return { from: time(slot), to: time(slot + 1), period: `p${slot}` };
    });
    const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const days = {
      name: 'days',
      dayTypes: weekdays.map((weekday) => ({ name: weekday, weekdays: [weekday] })),
      rules: weekdays.map((weekday) => ({
        dayTypes: [weekday],
        from: '00:00',
        to: '24:00',
        period: weekday,
      })),
    };
    const prices = Object.fromEntries(slots.map(({ period }) => [period, '0.1']));
    const document = tariff({
      calendars: [calendar({ rules: slots }), days],
      components: [component({ prices })],
    });
    expect(parseTariffDocument(document)).toMatchObject({ code: 'TARIFF_TOO_COMPLEX' });
  });

  test('thousands of dates, before they are worked through', () => {
    const dates = Array.from({ length: 512 }, () => '2026-12-25');
    const dayTypes = ['a', 'b', 'c'].map((name) => ({ name, dates }));
    const document = tariff({ calendars: [calendar({ dayTypes })] });
    expect(parseTariffDocument(document)).toMatchObject({ code: 'TARIFF_TOO_COMPLEX' });
  });

  test('a price under the name of a prototype', () => {
    const raw: unknown = JSON.parse(
      JSON.stringify(tariff()).replace('"night":"0.2"', '"__proto__":"0.2"'),
    );
    expect(parseTariffDocument(raw).ok).toBe(false);
  });
});

// ISO 4217 list one: minor units.
test('a currency has the decimals that its standard gives', () => {
  expect(minorDigitsOf('EUR')).toBe(2);
  expect(minorDigitsOf('UGX')).toBe(0);
  expect(minorDigitsOf('KRW')).toBe(0);
  expect(minorDigitsOf('KWD')).toBe(3);
  expect(minorDigitsOf('CLF')).toBe(4);
  expect(minorDigitsOf('ZZZ')).toBeUndefined();
});

test('a last rule for the rest that finds no rest is no overlap', () => {
  const rest = { from: '00:00', to: '24:00', period: 'day' };
  const document = tariff({ calendars: [calendar({ rules: [nightRule, dayRule, rest] })] });
  expect(parseTariffDocument(document).ok).toBe(true);
});

test('a rule for days that never come is no overlap', () => {
  // The holiday lies in winter; the rule for summer holidays waits for the next list of dates.
  const document = tariff({
    calendars: [
      calendar({
        seasons: [{ name: 'warm', spans: [{ from: '04-01', through: '09-30' }] }],
        dayTypes: [{ name: 'holiday', dates: ['2026-12-25'] }],
        rules: [
          { seasons: ['warm'], dayTypes: ['holiday'], from: '00:00', to: '24:00', period: 'night' },
          nightRule,
          dayRule,
        ],
      }),
    ],
  });
  expect(parseTariffDocument(document).ok).toBe(true);
});
