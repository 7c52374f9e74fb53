import { assert } from '../src/domain/assert.ts';
import { emptyCarry } from '../src/domain/rating/bill.ts';
import { compileTariff } from '../src/domain/rating/compile.ts';
import { sharedFloat64 } from '../src/domain/rating/compiled.ts';
import type { CompiledTariff } from '../src/domain/rating/compiled.ts';
import type { RatingJob } from '../src/domain/rating/job.ts';
import type { Settlement } from '../src/domain/rating/settlement.ts';
import { slotMs } from '../src/domain/rating/slot.ts';
import { fraction } from '../src/domain/exact.ts';
import { parseAttributes } from '../src/domain/tariff/attributes.ts';
import { parseTariffDocument } from '../src/domain/tariff/document.ts';
import { dayNightTariff } from '../test/support/build/fleet.ts';

/** The tariffs that the benches rate by, and the readings. */

/** Midnight of new year in Berlin: January has 2,976 quarter hours. */
const fromMs = Date.UTC(2025, 11, 31, 23);
const quartersOfJanuary = 2_976;

/** Price of a stretch, currency a MWh: every price once, some below zero. */
export function spotText(stretch: number): string {
  return `${stretch % 31 === 7 ? '-' : ''}${(stretch * 37) % 150}.${(stretch % 90) + 10}`;
}

function spotTariff(minutes: 15 | 60) {
  const stretches = (quartersOfJanuary * 15) / minutes;
  const prices = Array.from({ length: stretches }, (_, stretch) => spotText(stretch));
  const from = new Date(fromMs).toISOString();
  return {
    currency: 'EUR',
    priceSeries: [{ name: 'spot', unit: 'MWh', minutes, from, prices }],
    components: [
      { kind: 'dynamic', name: 'spot', flow: 'import', series: 'spot', missing: 'refuse' },
    ],
  };
}

const [energy] = dayNightTariff.components;
const { night, day } = energy.prices;

/** Limits in kWh of the bill and the price from there on; the first block is by time of use. */
export const blocks = [
  { upToKwh: 50, price: null },
  { upToKwh: 100, price: '0.4' },
  { upToKwh: Infinity, price: '0.5' },
] as const;

function blockPrices(price: string) {
  return [{ upTo: '50', price }, { upTo: '100', price: '0.4' }, { price: '0.5' }];
}

export const demandPricePerKw = '13.2';
/** Percent of the highest kW of the eleven months before. */
const ratchet = { percent: '50', months: 11 };
/** Every other agreement had a month whose half is above, or below, what it draws now. */
export const carriedWatts = [700n, 1_000n] as const;

export const bill = { perDay: '0.32', vatPercent: '19' } as const;

/** Day prices of the homes whose month is billed: agreements take turns. */
export const dayPrices = ['0.30', '0.31', '0.32'] as const;

function homeTariff(dayPrice: string) {
  return {
    ...dayNightTariff,
    rounding: { line: { mode: 'half-up', step: '0.01' } },
    components: [
      { ...energy, prices: { night, day: dayPrice } },
      { kind: 'fixed', name: 'standing charge', amount: bill.perDay, per: 'day' },
      { kind: 'tax', name: 'vat', percent: bill.vatPercent, of: ['energy', 'standing charge'] },
    ],
  };
}

const documents = {
  'time of use': [dayNightTariff],
  'chronological blocks': [
    {
      ...dayNightTariff,
      components: [
        {
          ...energy,
          prices: { night: blockPrices(night), day: blockPrices(day) },
          tiers: { unit: 'kWh', reset: 'bill', allocation: 'chronological', proration: 'none' },
        },
      ],
    },
  ],
  'spot by the hour': [spotTariff(60)],
  'spot by the quarter hour': [spotTariff(15)],
  'demand with ratchet': [
    {
      ...dayNightTariff,
      components: [
        energy,
        {
          kind: 'demand',
          name: 'demand',
          unit: 'kW',
          windowMinutes: 15,
          measure: 'max',
          price: demandPricePerKw,
          ratchets: [ratchet],
        },
      ],
    },
  ],
  'bills of a month': dayPrices.map(homeTariff),
};
export type Kind = keyof typeof documents;

export function tablesOf(kind: Kind, slots: number): CompiledTariff[] {
  return documents[kind].map((document) => {
    const parsed = parseTariffDocument(document);
    assert(parsed.ok, `the tariff of ${kind} is one`);
    const window = { zone: 'Europe/Berlin', fromMs, toMs: fromMs + slots * slotMs };
    const compiled = compileTariff(parsed.value, window);
    assert(compiled.ok, `the tariff of ${kind} compiles`);
    return compiled.value;
  });
}

/** What bills need beside readings; agreements take turns. */
export function settlementsOf(kind: Kind, slots: number): Settlement[] {
  const parsed = parseAttributes({});
  assert(parsed.ok, 'no attributes are attributes');
  const attributes = parsed.value;
  if (kind === 'bills of a month') {
    return [{ attributes, carryIn: emptyCarry, openUntilMs: null }];
  }
  const openUntilMs = fromMs + slots * slotMs;
  if (kind !== 'demand with ratchet') return [{ attributes, carryIn: emptyCarry, openUntilMs }];
  return carriedWatts.map((watts) => {
    const peak = { month: '2025-12', period: null, peak: fraction(watts, 1_000n) };
    return {
      attributes,
      carryIn: { ...emptyCarry, peaks: new Map([['demand', [peak]]]) },
      openUntilMs,
    };
  });
}

/** 0 to 96 Wh a slot, in an order without a pattern in time. In memory that threads share. */
export function readingsOf(slots: number): Float64Array {
  const column = sharedFloat64(slots);
  for (let index = 0; index < slots; index += 1) column[index] = (index * 31) % 97;
  return column;
}

/** The first agreements of a column, each with as many slots, by the tables in turn. */
export function jobOf(
  tables: readonly CompiledTariff[],
  column: Float64Array,
  { agreements, slotsPerAgreement }: { agreements: number; slotsPerAgreement: number },
): RatingJob {
  return {
    import: column,
    export: null,
    reactive: null,
    estimated: null,
    hasReactive: null,
    offsets: Int32Array.from({ length: agreements + 1 }, (_, n) => n * slotsPerAgreement),
    firstSlot: new Float64Array(agreements).fill(tables[0].firstSlot),
    tableIndex: Int32Array.from({ length: agreements }, (_, n) => n % tables.length),
    tables,
  };
}
