import { compileTariff } from '../../../src/domain/rating/compile.ts';
import type { CompileWindow } from '../../../src/domain/rating/compile.ts';
import type { CompiledTariff } from '../../../src/domain/rating/compiled.ts';
import { emptyCarry } from '../../../src/domain/rating/bill.ts';
import type { Settlement } from '../../../src/domain/rating/settlement.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import type { TariffDocument } from '../../../src/domain/tariff/document.ts';
import { billingPeriodAt } from '../../../src/domain/time/zone.ts';

export const dayNight = {
  name: 'tou',
  rules: [
    { from: '22:00', to: '06:00', period: 'night' },
    { from: '06:00', to: '22:00', period: 'day' },
  ],
};

/** A document of these components, in euro, with the calendar above. */
export function documentOf(
  components: readonly unknown[],
  rest: Record<string, unknown> = {},
): TariffDocument {
  const parsed = parseTariffDocument({
    currency: 'EUR',
    calendars: [dayNight],
    components,
    ...rest,
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

export function dayNightEnergy(prices = { night: '0.2', day: '0.3' }): Record<string, unknown> {
  return { kind: 'energy', name: 'energy', flow: 'import', calendar: 'tou', prices };
}

/** The local month that holds an instant, compiled. */
export function compiledMonth(
  document: TariffDocument,
  instant: string,
  window: Partial<CompileWindow> = {},
): CompiledTariff {
  const zone = window.zone ?? 'Europe/Berlin';
  const { startMs, endMs } = billingPeriodAt(zone, Date.parse(instant));
  const compiled = compileTariff(document, { zone, fromMs: startMs, toMs: endMs, ...window });
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.value;
}

export const noAttributes = {
  meters: null,
  contractedKwE8: null,
  fuseAE8: null,
  phases: null,
  customerClass: null,
};
export const closed: Settlement = {
  attributes: noAttributes,
  carryIn: emptyCarry,
  openUntilMs: null,
};

const blocks = {
  kind: 'energy',
  name: 'blocks',
  flow: 'import',
  calendar: 'tou',
  prices: {
    night: [{ upTo: '10', price: '0.1' }, { price: '0.2' }],
    day: [{ upTo: '20', price: '0.3' }, { price: '0.4' }],
  },
  tiers: { unit: 'kWh', reset: 'day', allocation: 'chronological' },
};
const spots = [
  { kind: 'dynamic', name: 'spot', flow: 'import', series: 'spot', missing: { price: '0.5' } },
  { kind: 'dynamic', name: 'feed-in', flow: 'export', series: 'spot', missing: 'last' },
];
const demands = [
  {
    kind: 'demand',
    name: 'half hours',
    unit: 'kW',
    windowMinutes: 30,
    measure: { meanOfTop: 3, each: 'window' },
    calendar: 'tou',
    prices: { night: '1', day: '2' },
  },
  {
    kind: 'demand',
    name: 'apparent',
    unit: 'kVA',
    windowMinutes: 60,
    measure: { meanOfTop: 2, each: 'day' },
    price: '3',
  },
  {
    kind: 'demand',
    name: 'sliding',
    unit: 'kW',
    windowMinutes: 60,
    sliding: true,
    measure: 'max',
    price: '4',
  },
];
/** Twenty days of hours, some without a price. */
const priceSeries = [
  {
    name: 'spot',
    unit: 'MWh',
    minutes: 60,
    from: '2025-12-31T00:00:00Z',
    prices: Array.from({ length: 24 * 20 }, (_, hour) =>
      hour % 97 === 5 ? null : `${(hour * 37) % 150}.${(hour * 7) % 100}`,
    ),
  },
];

/** All that is kept beside sums by period. */
export const foldedDocument = documentOf(
  [{ ...dayNightEnergy(), name: 'rounded energy' }, ...spots, ...demands],
  {
    intervalMinutes: 30,
    rounding: { interval: { step: '0.0001', mode: 'half-up' } },
    priceSeries,
  },
);

/** Sums by run, and demand and spot prices beside them. */
export const blocksDocument = documentOf([blocks, ...spots, ...demands], { priceSeries });
