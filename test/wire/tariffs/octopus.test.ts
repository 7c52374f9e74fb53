import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { importOctopus, octopusDefaults } from '../../../src/wire/tariffs/octopus.ts';
import type { OctopusOptions } from '../../../src/wire/tariffs/octopus.ts';

type Entry = readonly [price: number, from: string | null, to: string | null, method?: string];

/** The layout of api.octopus.energy/v1/products/.../standard-unit-rates/; VAT is 5 %. */
function answer(entries: readonly Entry[], next: string | null = null): string {
  return JSON.stringify({
    count: entries.length,
    next,
    previous: null,
    results: entries.map(([price, from, to, method = null]) => ({
      value_exc_vat: price,
      value_inc_vat: Number((price * 1.05).toFixed(6)),
      valid_from: from,
      valid_to: to,
      payment_method: method,
    })),
  });
}

/** Half hours of 25 May 2026, newest first: what an answer for Agile looks like. */
const agile: readonly Entry[] = [
  [13.4286, '2026-05-25T22:30:00Z', '2026-05-25T23:00:00Z'],
  [11.619, '2026-05-25T22:00:00Z', '2026-05-25T22:30:00Z'],
  [-2.8571, '2026-05-25T21:30:00Z', '2026-05-25T22:00:00Z'],
];

/** Flexible Octopus: a price from the 1st of a quarter on, in British Summer Time. */
const quarters: readonly Entry[] = [
  [24.18, '2026-06-30T23:00:00Z', null],
  [23.5, '2026-03-31T23:00:00Z', '2026-06-30T23:00:00Z'],
];

function read(
  unitRates: string,
  standingCharges: string | null = null,
  more: Partial<OctopusOptions> = {},
) {
  const options = { ...octopusDefaults, ...more };
  const imported = importOctopus({ unitRates, standingCharges }, options);
  if (!imported.ok) throw new Error(imported.message);
  expect(parseTariffDocument(imported.value.document).ok).toBe(true);
  const { document, warnings } = imported.value;
  return { document, codes: warnings.map(({ code }) => code) };
}

function refusal(
  unitRates: string,
  standingCharges: string | null = null,
  more: Partial<OctopusOptions> = {},
): string {
  const options = { ...octopusDefaults, ...more };
  const imported = importOctopus({ unitRates, standingCharges }, options);
  return imported.ok ? 'read' : `${imported.code} ${(imported.path ?? []).join('.')}`;
}

describe('half-hourly prices', () => {
  it('become a series in pounds, oldest first, exactly a hundredth of the pence', () => {
    const { document, codes } = read(answer(agile), null, { vat: { percent: '5' } });
    expect(document).toEqual({
      currency: 'GBP',
      zone: 'Europe/London',
      priceSeries: [
        {
          name: 'unit rate',
          unit: 'kWh',
          minutes: 30,
          from: '2026-05-25T21:30:00Z',
          prices: ['-0.028571', '0.11619', '0.134286'],
        },
      ],
      components: [
        {
          kind: 'dynamic',
          name: 'unit rate',
          flow: 'import',
          series: 'unit rate',
          missing: 'refuse',
        },
        { kind: 'tax', name: 'VAT', percent: '5', of: 'subtotal' },
      ],
    });
    expect(codes).toEqual([]);
  });

  it('with VAT included are taken as they are', () => {
    // 13.4286 x 1.05 = 14.10003
    const { document } = read(answer(agile));
    expect(document.priceSeries?.[0]?.prices.at(-1)).toBe('0.1410003');
    expect(document.components).toHaveLength(1);
  });

  it('round every half hour to 0.01 p when asked', () => {
    const { document } = read(answer(agile), null, { halfHourRounding: true });
    expect(document).toMatchObject({
      rounding: { interval: { step: '0.0001', mode: 'half-up' } },
      intervalMinutes: 30,
    });
  });

  it('with a half hour missing have a null there', () => {
    const [newest, , oldest] = agile;
    const { document, codes } = read(
      answer([newest ?? [1, null, null], oldest ?? [1, null, null]]),
    );
    expect(document.priceSeries?.[0]?.prices[1]).toBeNull();
    expect(codes).toEqual(['PRICES_MISSING']);
  });

  it('from overlapping pages count once, and two prices for one time are refused', () => {
    const twice = read(answer([...agile, ...agile], 'https://example.org/?page=2'));
    expect(twice.document.priceSeries?.[0]?.prices).toHaveLength(3);
    expect(twice.codes).toEqual(['OCTOPUS_PAGE_OF_SEVERAL', 'PRICES_REPEATED']);
    const other: Entry = [1, '2026-05-25T22:00:00Z', '2026-05-25T22:30:00Z'];
    expect(refusal(answer([...agile, other]))).toBe('PRICES_OVERLAP unitRates.results');
  });

  it('that begin off the half hour are refused', () => {
    const crooked: Entry = [1, '2026-05-25T23:00:00Z', '2026-05-25T23:20:00Z'];
    expect(refusal(answer([crooked, ...agile]))).toBe('PRICES_OFF_GRID unitRates.results');
  });

  it('of a year with a 25-hour day are as many as the year has half hours', () => {
    // A price a day (Tracker): local days of 2026, of 23 h in March and of 25 h in October.
    const window = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2027, 0, 1) };
    const days = Array.from({ length: 3 }, (_, index): Entry => [
      20 + index,
      new Date(Date.UTC(2026, index * 4, 1)).toISOString(),
      index === 2 ? null : new Date(Date.UTC(2026, index * 4 + 4, 1)).toISOString(),
    ]);
    const { document } = read(answer(days), null, { window });
    expect(document.priceSeries?.[0]?.prices).toHaveLength(365 * 48);
    expect(document).toMatchObject({ validFrom: '2026-01-01', validTo: '2027-01-01' });
  });
});

describe('one price', () => {
  it('is plain energy, valid in local time as long as the answer says', () => {
    const window = { fromMs: Date.UTC(2026, 3, 10), toMs: Date.UTC(2026, 4, 10) };
    const may = read(answer(quarters), null, { window, vat: { percent: '5' } });
    expect(may.document).toMatchObject({
      validFrom: '2026-04-10T01:00',
      validTo: '2026-05-10T01:00',
      components: [{ kind: 'energy', flow: 'import', price: '0.235' }, { kind: 'tax' }],
    });
    const open = read(answer(quarters.slice(0, 1)));
    expect(open.document).toMatchObject({ validFrom: '2026-07-01' });
    expect(open.document).not.toHaveProperty('validTo');
  });

  it('that changes without an end needs a window', () => {
    expect(refusal(answer(quarters))).toBe('OCTOPUS_WINDOW_NEEDED unitRates.results');
  });

  it('that differs by payment method needs the method', () => {
    const entries: readonly Entry[] = [
      [24, '2026-06-30T23:00:00Z', null, 'DIRECT_DEBIT'],
      [26, '2026-06-30T23:00:00Z', null, 'NON_DIRECT_DEBIT'],
    ];
    expect(refusal(answer(entries))).toBe('OCTOPUS_PAYMENT_METHOD_NEEDED unitRates.results');
    const { document } = read(answer(entries), null, { paymentMethod: 'NON_DIRECT_DEBIT' });
    expect(document.components).toMatchObject([{ price: '0.273' }]);
    expect(refusal(answer(entries), null, { paymentMethod: 'CHEQUE' })).toBe(
      'PRICES_ABSENT unitRates.results',
    );
  });

  it('for export is a credit', () => {
    const { document } = read(answer([[15, null, null]]), null, { flow: 'export' });
    expect(document.components).toMatchObject([{ kind: 'energy', flow: 'export' }]);
  });
});

describe('the standing charge', () => {
  const standing: readonly Entry[] = [
    [60.9692, '2026-05-25T22:00:00Z', null],
    [55.5, null, '2026-05-25T22:00:00Z'],
  ];

  it('is per day, in pounds', () => {
    const constant = answer(standing.slice(1));
    const early = { fromMs: Date.UTC(2026, 4, 25, 21, 30), toMs: Date.UTC(2026, 4, 25, 22) };
    const { document, codes } = read(answer(agile), constant, { window: early });
    expect(document.components[1]).toEqual({
      kind: 'fixed',
      name: 'standing charge',
      amount: '0.58275',
      per: 'day',
    });
    expect(codes).toEqual([]);
  });

  it('that changes within the time is refused; that is absent or short is named', () => {
    expect(refusal(answer(agile), answer(standing))).toBe(
      'OCTOPUS_STANDING_CHARGE_CHANGES standingCharges.results',
    );
    expect(read(answer(agile), answer([])).codes).toEqual(['OCTOPUS_STANDING_CHARGE_ABSENT']);
    const short = answer(standing.slice(0, 1));
    expect(read(answer(agile), short).codes).toEqual(['OCTOPUS_STANDING_CHARGE_SHORT']);
  });
});

describe('answers', () => {
  it('that are none are refused with their place', () => {
    expect(refusal('{')).toBe('OCTOPUS_NOT_JSON unitRates');
    expect(refusal('{"detail":"Not found."}')).toBe('OCTOPUS_NOT_RATES unitRates.results');
    expect(refusal('{"results":[]}')).toBe('PRICES_ABSENT unitRates.results');
    expect(refusal('{"results":[{"valid_from":"yesterday"}]}')).toBe(
      'OCTOPUS_FIELD_MALFORMED unitRates.results.0.valid_from',
    );
    expect(refusal('{"results":[{"value_inc_vat":"cheap"}]}')).toBe(
      'OCTOPUS_FIELD_MALFORMED unitRates.results.0.value_inc_vat',
    );
    expect(refusal('{"results":[{"value_inc_vat":1.2345678}]}')).toBe(
      'OCTOPUS_PRICE_TOO_FINE unitRates.results.0.value_inc_vat',
    );
    const backwards: Entry = [1, '2026-05-25T23:00:00Z', '2026-05-25T22:00:00Z'];
    expect(refusal(answer([backwards]))).toBe(
      'OCTOPUS_FIELD_MALFORMED unitRates.results.0.valid_to',
    );
    const window = { fromMs: 2, toMs: 1 };
    expect(refusal(answer(agile), null, { window })).toBe('OCTOPUS_WINDOW_NEEDED window');
  });

  it('of whatever content are read or refused, never thrown at', () => {
    const time = fc.oneof(
      fc.constantFrom(
        null,
        '2026-05-25T22:00:00Z',
        '2026-05-25T22:30:00Z',
        '2026-05-26T00:00+01:00',
      ),
      fc.string(),
      fc.jsonValue(),
    );
    const entry = fc.record(
      {
        value_inc_vat: fc.oneof(fc.double(), fc.integer(), fc.string()),
        valid_from: time,
        valid_to: time,
        payment_method: fc.option(fc.string()),
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.array(entry, { maxLength: 5 }).map((results) => JSON.stringify({ results })),
    );
    fc.assert(
      fc.property(text, fc.option(text), (unitRates, standingCharges) => {
        const imported = importOctopus({ unitRates, standingCharges });
        const isWhole = imported.ok && parseTariffDocument(imported.value.document).ok;
        expect(isWhole || (!imported.ok && imported.message !== '')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
