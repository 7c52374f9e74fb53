import { expect, test } from 'vitest';
import { describeTariff } from '../../../src/domain/tariff/describe.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { fullDocument, withComponent } from './fullDocument.ts';
import type { JsonObject } from './fullDocument.ts';

function linesOf(raw: JsonObject): readonly string[] {
  const parsed = parseTariffDocument(raw);
  if (!parsed.ok) throw new Error(parsed.message);
  return describeTariff(parsed.value);
}

test('a document is told in plain words, component by component', () => {
  const lines = linesOf(fullDocument);
  expect(lines).toHaveLength(2 + 18);
  expect(lines[0]).toBe(
    'Prices in EUR; hours of Europe/Berlin; valid from 2026-01-01; until 2027-01-01T00:15; ' +
      'rounded: lines to 0.01 (half-up), taxes to 0.01 (half-even), the bill to 0.05 (down).',
  );
  expect(lines[1]).toBe(
    'Calendar hours, the first that fits: night 22:00 to 06:00; ' +
      'day 00:00 to 24:00 (winter, rest); day 00:00 to 24:00.',
  );
  const said = lines.join('\n');
  expect(said).toContain('night 0.2 EUR/kWh; day 0.1 EUR/kWh up to 100 kWh, then 0.30000001 EUR');
  expect(said).toContain('steps begin anew with each year, in April');
  expect(said).toContain('at least 80 % of the peak of the 11 months before (June and July)');
  expect(said).toContain('vat (tax): 19 % of everything above; the first 50 kWh are free.');
  expect(said).toContain('what is left in March is paid at 0.04 EUR/kWh');
});

test.each<[string, JsonObject, string]>([
  [
    'contracted power',
    { kind: 'demand', unit: 'kW', windowMinutes: 15, measure: 'contracted', price: '8' },
    'x (demand): the contracted power costs 8 EUR/kW.',
  ],
  [
    'steps with amounts',
    {
      kind: 'energy',
      flow: 'import',
      price: [{ upTo: '50', price: '0', flat: '3' }, { price: '0.5' }],
      tiers: { unit: 'kWh/kW', kw: 'contracted', reset: 'bill', allocation: 'volume' },
    },
    'x (energy): import costs 0 EUR/kWh and 3 EUR at once up to 50 kWh/kW, then 0.5 EUR/kWh; ' +
      'steps begin anew with each bill, of contracted power, ' +
      'the step in which the use ends prices all of it.',
  ],
  [
    'a market’s price',
    { kind: 'dynamic', flow: 'import', series: 'spot', adder: '0.02', missing: 'refuse' },
    'x (dynamic): import costs the price of spot, plus 0.02 EUR/kWh; ' +
      'without a price there is no bill.',
  ],
  [
    'net billing for some',
    { kind: 'netting', method: 'netBilling', of: ['energy'], unused: 'expire' },
    'x (netting): import and export cancel out by interval; credit of energy left is lost.',
  ],
  [
    'a condition',
    { kind: 'fixed', amount: '5', per: 'day', times: 'phases', when: { useAboveKwh: '100' } },
    'x (fixed): 5 EUR a day and phase; only where use is above 100 kWh.',
  ],
])('%s in plain words', (_what, component, line) => {
  const lines = linesOf(withComponent({ name: 'x', ...component }));
  expect(lines.at(-1)).toBe(line);
});
