import { describe, expect, test } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { fullDocument, withComponent } from './fullDocument.ts';
import type { JsonObject } from './fullDocument.ts';

const series = {
  name: 'spot',
  unit: 'kWh',
  minutes: 30,
  from: '2026-01-01T00:00:00Z',
  prices: ['0.1'],
};
const example = {
  name: 'x',
  from: '2026-02-01',
  to: '2026-03-01',
  intervalMinutes: 15,
  load: [{ from: '2026-02-01', to: '2026-02-02', importKwh: '1' }],
  expect: { total: '1' },
};
const [piece] = example.load;

function examples(changes: JsonObject): JsonObject {
  return { examples: [{ ...example, ...changes }] };
}

/** What is wrong, the fields of the document, the code, and the path. */
const refusals: [string, JsonObject, string, string][] = [
  [
    'a local time that no clock shows',
    { validFrom: '2026-01-01T24:00' },
    'TARIFF_MALFORMED',
    'validFrom',
  ],
  ['a begin on no date', { validFrom: '2026-02-29' }, 'TARIFF_MALFORMED', 'validFrom'],
  [
    'a begin between quarter hours',
    { validFrom: '2026-01-01T00:10' },
    'TARIFF_TIME_OFF_GRID',
    'validFrom',
  ],
  [
    'an end before the begin',
    { validFrom: '2026-02-01', validTo: '2026-02-01T00:00' },
    'TARIFF_MALFORMED',
    'validTo',
  ],
  ['a begin with an offset', { validFrom: '2026-01-01T00:00Z' }, 'TARIFF_MALFORMED', 'validFrom'],
  ['an interval of its own', { intervalMinutes: 20 }, 'TARIFF_MALFORMED', 'intervalMinutes'],
  [
    'a rounding of tax by nothing',
    { rounding: { tax: { step: '0', mode: 'up' } } },
    'TARIFF_MALFORMED',
    'rounding.tax.step',
  ],
  [
    'a rounding of an interval beyond reason',
    { rounding: { interval: { step: '1000001', mode: 'up' } } },
    'TARIFF_MALFORMED',
    'rounding.interval.step',
  ],
  [
    'two series of a name',
    { priceSeries: [series, series] },
    'TARIFF_NAME_REPEATED',
    'priceSeries.1.name',
  ],
  [
    'a series between quarter hours',
    { priceSeries: [{ ...series, from: '2026-01-01T00:10:00Z' }] },
    'TARIFF_TIME_OFF_GRID',
    'priceSeries.0.from',
  ],
  [
    'a series before 1970',
    { priceSeries: [{ ...series, from: '1969-12-31T00:00:00Z' }] },
    'TARIFF_MALFORMED',
    'priceSeries.0.from',
  ],
  [
    'a series of no prices',
    { priceSeries: [{ ...series, prices: [] }] },
    'TARIFF_MALFORMED',
    'priceSeries.0.prices',
  ],
  [
    'a series of floats',
    { priceSeries: [{ ...series, prices: ['1', 0.1] }] },
    'TARIFF_MALFORMED',
    'priceSeries.0.prices.1',
  ],
  [
    'a market price of 40 digits',
    { priceSeries: [{ ...series, prices: ['9'.repeat(40)] }] },
    'DECIMAL_MALFORMED',
    'priceSeries.0.prices.0',
  ],
  [
    'a price a MWh that is not exact a kWh',
    { priceSeries: [{ ...series, unit: 'MWh', prices: ['0.123456'] }] },
    'DECIMAL_MALFORMED',
    'priceSeries.0.prices.0',
  ],
  [
    'a market price beyond reason',
    { priceSeries: [{ ...series, prices: ['10000001'] }] },
    'TARIFF_MALFORMED',
    'priceSeries.0.prices.0',
  ],
  [
    'two examples of a name',
    { examples: [example, example] },
    'TARIFF_NAME_REPEATED',
    'examples.1.name',
  ],
  [
    'an example beyond its month',
    examples({ to: '2026-03-01T00:15' }),
    'TARIFF_MALFORMED',
    'examples.0.to',
  ],
  [
    'an example that ends first',
    examples({ to: '2026-01-01' }),
    'TARIFF_MALFORMED',
    'examples.0.to',
  ],
  [
    'an example between its intervals',
    examples({ to: '2026-02-02T00:10' }),
    'TARIFF_TIME_OFF_GRID',
    'examples.0',
  ],
  [
    'an example in a zone unknown',
    examples({ zone: 'Mars/Olympus' }),
    'TARIFF_ZONE_UNKNOWN',
    'examples.0.zone',
  ],
  [
    'negative power of an example',
    examples({ attributes: { contractedKw: '-1' } }),
    'TARIFF_MALFORMED',
    'examples.0.attributes.contractedKw',
  ],
  [
    'load outside its example',
    examples({ load: [{ ...piece, to: '2026-03-02' }] }),
    'TARIFF_MALFORMED',
    'examples.0.load.0',
  ],
  [
    'load between intervals',
    examples({ load: [{ ...piece, to: '2026-02-01T00:20' }] }),
    'TARIFF_TIME_OFF_GRID',
    'examples.0.load.0',
  ],
  [
    'load finer than a Wh',
    examples({ load: [{ ...piece, importKwh: '0.0001' }] }),
    'DECIMAL_MALFORMED',
    'examples.0.load.0.importKwh',
  ],
  [
    'negative load',
    examples({ load: [{ ...piece, exportKwh: '-1' }] }),
    'TARIFF_MALFORMED',
    'examples.0.load.0.exportKwh',
  ],
  [
    'an expected total that is no number',
    examples({ expect: { total: 'much' } }),
    'DECIMAL_MALFORMED',
    'examples.0.expect.total',
  ],
  [
    'an expected component unknown',
    examples({ expect: { total: '1', components: { y: '1' } } }),
    'TARIFF_REFERENCE_UNKNOWN',
    'examples.0.expect.components.y',
  ],
];

describe('a document is refused for', () => {
  test.each(refusals)('%s', (_what, fields, code, path) => {
    const parsed = parseTariffDocument({ ...withComponent(), ...fields });
    expect(parsed).toMatchObject({ ok: false, code, path: path.split('.') });
    expect(parsed).toMatchObject({ message: expect.stringMatching(/^[\w.]+: .{20,}/) });
  });
});

test('the changes that are refused are changes to a sound document', () => {
  expect(parseTariffDocument({ ...withComponent(), priceSeries: [series] }).ok).toBe(true);
  expect(parseTariffDocument({ ...withComponent(), examples: [example] }).ok).toBe(true);
  expect(parseTariffDocument(fullDocument).ok).toBe(true);
});

test('a refusal in a part of an input names its place in the whole', () => {
  expect(parseTariffDocument({}, ['fleet', 3])).toMatchObject({ path: ['fleet', '3', 'currency'] });
});
