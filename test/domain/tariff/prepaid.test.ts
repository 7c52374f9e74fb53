import { expect, test } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { refusePrepaid } from '../../../src/domain/tariff/prepaid.ts';
import { withComponent } from './fullDocument.ts';
import type { JsonObject } from './fullDocument.ts';

function refusedPath(...components: JsonObject[]): string | null {
  const parsed = parseTariffDocument(withComponent(...components));
  if (!parsed.ok) throw new Error(parsed.message);
  const refused = refusePrepaid(parsed.value);
  return refused === null ? null : `${refused.code} ${(refused.path ?? []).join('.')}`;
}

const demand = { kind: 'demand', name: 'x', unit: 'kW', windowMinutes: 15, price: '1' };
const netting = { kind: 'netting', name: 'x' };
const fixed = { kind: 'fixed', name: 'x', amount: '1', per: 'day' };
const net = { kind: 'energy', name: 'net', flow: 'net', price: '0.1' };
const discount = { kind: 'discount', name: 'x', percent: '5', of: ['energy'] };
const powerFactor = {
  kind: 'reactive',
  name: 'x',
  measure: 'powerFactor',
  quadrants: ['q1'],
  decimals: 2,
  mode: 'half-up',
  steps: [{ below: '0.9', percent: '1', per: '0.01' }],
  of: ['energy'],
};

// Rule 40 of docs/tariff-rules.md.
test.each<[string, JsonObject[], string | null]>([
  ['a day’s charge', [fixed], null],
  ['the highest demand', [{ ...demand, measure: 'max' }], null],
  ['a discount of every bill', [discount], null],
  ['netting by interval', [{ ...netting, method: 'interval' }], null],
  [
    'credits paid at once',
    [{ ...netting, method: 'netBilling', of: ['energy'], unused: 'applyNow' }],
    null,
  ],
  ['a condition on the customer', [{ ...fixed, when: { customerClasses: ['home'] } }], null],
  ['a condition on use', [{ ...fixed, when: { useAboveKwh: '1' } }], 'when'],
  ['a discount of small use', [{ ...discount, when: { useAtMostKwh: '100' } }], 'when'],
  ['a power factor', [powerFactor], 'measure'],
  [
    'a mean of months',
    [{ ...demand, measure: 'max', meanOfMonths: { months: 12 } }],
    'meanOfMonths',
  ],
  ['credits in kWh', [net, { ...netting, method: 'energyCredits' }], 'method'],
  ['credits in money', [{ ...netting, method: 'moneyCredits', of: ['energy'] }], 'method'],
  [
    'credits carried over',
    [{ ...netting, method: 'netBilling', of: ['energy'], unused: 'carryOver' }],
    'unused',
  ],
  [
    'credits that expire',
    [{ ...netting, method: 'netBilling', of: ['energy'], unused: 'expire' }],
    'unused',
  ],
])('%s is prepaid only where it has a running form', (_what, components, field) => {
  const expected =
    field === null ? null : `PREPAID_UNSUPPORTED components.${components.length}.${field}`;
  expect(refusedPath(...components)).toBe(expected);
});
