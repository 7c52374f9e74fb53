import { describe, expect, test } from 'vitest';
import { add, compare, formatFraction, sumFractions, zero } from '../../../src/domain/exact.ts';
import type { Fraction } from '../../../src/domain/exact.ts';
import { explainLoad } from '../../../src/domain/rating/explain.ts';
import type { ExplainedLine, LineName } from '../../../src/domain/rating/explain.ts';
import type { Load } from '../../../src/domain/rating/load.ts';
import { rateLoad } from '../../../src/domain/rating/rateLoad.ts';
import type { RateInput } from '../../../src/domain/rating/rateLoad.ts';
import type { TariffDocument } from '../../../src/domain/tariff/document.ts';
import {
  blocksDocument,
  dayNightEnergy,
  documentOf,
  foldedDocument,
  noAttributes,
} from './documents.ts';

const fromMs = Date.parse('2026-01-01T00:00:00Z');
const toMs = Date.parse('2026-01-11T00:00:00Z');
const slots = 10 * 96;

/** Ten days of quarter hours, energies by a small linear rule, with a gap. */
function loadOf(intervalMinutes: number, scale = 1): Load {
  const length = (slots * 15) / intervalMinutes;
  const column = (seed: number): Float64Array =>
    Float64Array.from({ length }, (_, at) => (at === 7 ? Number.NaN : ((at * seed) % 991) * scale));
  return {
    fromMs,
    intervalMs: intervalMinutes * 60_000,
    unitsPerWh: 1,
    import: column(37),
    export: column(11),
    reactive: { q1: column(13), q2: column(3), q3: column(5), q4: column(7) },
    estimated: null,
  };
}

function inputOf(document: TariffDocument, load = loadOf(15)): RateInput {
  return { documents: [document], load, zone: 'UTC', fromMs, toMs, attributes: noAttributes };
}

function explained(input: RateInput, name: LineName): readonly ExplainedLine[] {
  const found = explainLoad(input, { ...name, label: '2026-01' });
  if (!found.ok) throw new Error(found.message);
  return found.value;
}

function sumsOf({ intervals }: ExplainedLine): { quantity: Fraction; exact: Fraction } {
  return {
    quantity: sumFractions(intervals.map(({ quantity }) => quantity)),
    exact: sumFractions(intervals.map(({ exact }) => exact)),
  };
}

const blocks = [{ upTo: '20', price: '0.1' }, { upTo: '90', price: '0.2' }, { price: '0.3' }];
function blocksBy(allocation: string, reset: string, flow = 'import'): TariffDocument {
  return documentOf([
    {
      kind: 'energy',
      name: 'blocks',
      flow,
      calendar: 'tou',
      prices: { night: blocks, day: [{ upTo: '35.5', price: '0.4' }, { price: '0.5' }] },
      tiers: { unit: 'kWh', reset, allocation },
    },
  ]);
}

describe('a line down to its intervals', () => {
  test.each([
    ['periods', documentOf([dayNightEnergy()])],
    ['amounts of intervals, spot prices', foldedDocument],
    ['blocks of the day', blocksDocument],
    ['chronological blocks', blocksBy('chronological', 'bill')],
    ['proportional blocks', blocksBy('proportional', 'bill')],
    ['proportional blocks of the day', blocksBy('proportional', 'day')],
    ['blocks of each period', blocksBy('perPeriod', 'month')],
    ['blocks of each period and day', blocksBy('perPeriod', 'day')],
    ['volume', blocksBy('volume', 'year')],
    ['net energy in blocks', blocksBy('perPeriod', 'bill', 'net')],
    ['export in blocks', blocksBy('chronological', 'bill', 'export')],
  ])('is exactly its intervals: %s', (_, document) => {
    for (const load of [loadOf(15), loadOf(60, 3), loadOf(5)]) {
      const input = inputOf(document, load);
      const rated = rateLoad(input);
      if (!rated.ok) throw new Error(rated.message);
      const lines = rated.value.bills[0].lines.filter(({ unit }) => unit === 'kWh');
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        const [found] = explained(input, line);
        expect(found.line).toEqual(line);
        expect(compare(found.rest.exact, zero)).toBe(0);
        expect(compare(found.rest.quantity, zero)).toBe(0);
        const sums = sumsOf(found);
        expect(compare(sums.exact, line.exact)).toBe(0);
        expect(compare(sums.quantity, line.quantity)).toBe(0);
        let lastMs = fromMs;
        for (const interval of found.intervals) {
          expect(interval.toMs - interval.fromMs).toBeLessThanOrEqual(load.intervalMs);
          expect(interval.fromMs).toBeGreaterThanOrEqual(lastMs);
          lastMs = interval.toMs;
        }
      }
    }
  });

  test('splits the interval that crosses the edge of a block', () => {
    // 99.5 kWh used, next 1.0: half of it below 100, half above.
    const document = documentOf([
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        price: [{ upTo: '100', price: '0.10' }, { price: '0.20' }],
        tiers: { unit: 'kWh', reset: 'month', allocation: 'chronological' },
      },
    ]);
    const load = { ...loadOf(15), import: Float64Array.of(99_500, 1_000) };
    const input = { ...inputOf(document, load), toMs: fromMs + 1_800_000 };
    const [second] = explained(input, { component: 'energy', period: null, tier: 2 });
    expect(second.intervals).toHaveLength(1);
    expect(second.intervals[0]).toMatchObject({
      fromMs: fromMs + 900_000,
      toMs: fromMs + 1_800_000,
    });
    expect(formatFraction(second.intervals[0].quantity, 3)).toBe('0.500');
    expect(formatFraction(second.intervals[0].exact, 3)).toBe('0.100');
    const [first] = explained(input, { component: 'energy', period: null, tier: 1 });
    expect(first.intervals.map(({ quantity }) => formatFraction(quantity, 3))).toEqual([
      '99.500',
      '0.500',
    ]);
  });

  test('of demand is the windows of its peaks, each with its part of the mean', () => {
    // Daily maxima 4.55, 4.49 and 3.40 kW: their mean is 4.1466... kW.
    const document = documentOf([
      {
        kind: 'demand',
        name: 'peaks',
        unit: 'kW',
        windowMinutes: 60,
        measure: { meanOfTop: 3, each: 'day' },
        price: '3',
      },
    ]);
    const column = new Float64Array(4 * 24);
    for (const [hour, energyWh] of [
      [5, 4_550],
      [9, 4_500],
      [24 + 3, 4_490],
      [48 + 20, 3_400],
      [72 + 1, 100],
    ]) {
      column[hour] = energyWh;
    }
    const load = { ...loadOf(60), import: column };
    const input = { ...inputOf(document, load), toMs: fromMs + 4 * 86_400_000 };
    const [line] = explained(input, { component: 'peaks', period: null, tier: null });
    expect(line.intervals.map((each) => (each.fromMs - fromMs) / 3_600_000)).toEqual([5, 27, 68]);
    expect(formatFraction(line.line.quantity, 6)).toBe('4.146667');
    expect(compare(line.rest.exact, zero)).toBe(0);
    expect(line.intervals.map(({ quantity }) => formatFraction(quantity, 6))).toEqual([
      '1.516667',
      '1.496667',
      '1.133333',
    ]);
  });

  test('of a fixed amount is the rest alone, and a rounded quantity leaves one', () => {
    const document = documentOf([
      { ...dayNightEnergy(), quantity: { step: '1', mode: 'up' } },
      { kind: 'fixed', name: 'service', amount: '3', per: 'month', proration: 'none' },
    ]);
    const input = inputOf(document);
    const [service] = explained(input, { component: 'service', period: null, tier: null });
    expect(service.intervals).toEqual([]);
    expect(formatFraction(service.rest.exact, 2)).toBe('3.00');
    const [night] = explained(input, { component: 'energy', period: 'night', tier: null });
    expect(compare(night.rest.quantity, zero)).toBe(1);
    const whole = add(sumsOf(night).quantity, night.rest.quantity);
    expect(compare(whole, night.line.quantity)).toBe(0);
  });

  test('that the bill does not have is refused', () => {
    const input = inputOf(documentOf([dayNightEnergy()]));
    const name = { component: 'energy', period: 'dusk', tier: null, label: '2026-01' };
    expect(explainLoad(input, name)).toMatchObject({ ok: false, code: 'LINE_NOT_FOUND' });
  });
});
