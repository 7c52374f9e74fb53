import { expect } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { withComponent } from './fullDocument.ts';
import type { Json, JsonObject } from './fullDocument.ts';

/** Components as people write them, sound but for what a test changes. */

export const steps = [{ upTo: '100', price: '0.1' }, { price: '0.2' }];
export const tiers = { unit: 'kWh', reset: 'bill', allocation: 'chronological' };
export const byHours = { calendar: 'hours', prices: { night: '1', day: steps } };

export function energy(changes: JsonObject): JsonObject {
  return { kind: 'energy', name: 'x', flow: 'import', ...changes };
}
export function tiered(changes: JsonObject, price: Json = steps): JsonObject {
  return energy({ price, tiers: { ...tiers, ...changes } });
}
export function dynamic(changes: JsonObject): JsonObject {
  const common = { kind: 'dynamic', name: 'x', flow: 'import', series: 's', missing: 'refuse' };
  return { ...common, ...changes };
}
export function demand(changes: JsonObject): JsonObject {
  const common = { kind: 'demand', name: 'x', unit: 'kW', windowMinutes: 15, measure: 'max' };
  return { ...common, ...('calendar' in changes ? {} : { price: '1' }), ...changes };
}
export function excess(changes: JsonObject): JsonObject {
  const common = { kind: 'reactive', name: 'x', measure: 'excess', quadrants: ['q1'] };
  return { ...common, price: '1', ...changes };
}
export function powerFactor(...powerSteps: JsonObject[]): JsonObject {
  const common = { kind: 'reactive', name: 'x', measure: 'powerFactor', quadrants: ['q1'] };
  return { ...common, decimals: 2, mode: 'half-up', of: ['energy'], steps: powerSteps };
}
export function fixed(changes: JsonObject): JsonObject {
  return { kind: 'fixed', name: 'x', per: 'bill', ...changes };
}
export function minimum(changes: JsonObject): JsonObject {
  return { kind: 'minimum', name: 'x', amount: '5', per: 'bill', of: ['energy'], ...changes };
}
export function of(kind: string, changes: JsonObject): JsonObject {
  return { kind, name: 'x', ...changes };
}
export function netting(method: string, changes: JsonObject = {}): JsonObject {
  return { kind: 'netting', name: 'x', method, ...changes };
}
export const net = energy({
  name: 'net',
  flow: 'net',
  ...byHours,
  prices: { night: '1', day: '2' },
});

export const malformed = 'TARIFF_MALFORMED';
export const unknown = 'TARIFF_REFERENCE_UNKNOWN';
export const tiersMalformed = 'TARIFF_TIERS_MALFORMED';
export const missing = 'TARIFF_PRICE_MISSING';
export const decimal = 'DECIMAL_MALFORMED';

/** What is wrong, the component (or several), the code, and the path below `components`. */
export type Refusal = readonly [string, JsonObject | JsonObject[], string, string];

export function expectRefusal(refusal: Refusal): void {
  const [, component, code, path] = refusal;
  const components = Array.isArray(component) ? component : [component];
  const parsed = parseTariffDocument(withComponent(...components));
  expect(parsed).toMatchObject({ ok: false, code, path: ['components', ...path.split('.')] });
  expect(parsed).toMatchObject({ message: expect.stringMatching(/^components\.\d.*: .{20,}/) });
}
