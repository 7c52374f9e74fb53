import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, fraction, parseDecimal } from '../../src/domain/exact.ts';
import { compileTariff } from '../../src/domain/rating/compile.ts';
import type { CompiledTariff } from '../../src/domain/rating/compile.ts';
import {
  accumulate,
  billMicros,
  chargeMicros,
  emptyAccumulator,
  finish,
  merge,
  runningMicros,
} from '../../src/domain/rating/kernel.ts';
import type { Line } from '../../src/domain/rating/kernel.ts';
import { slotMs } from '../../src/domain/rating/slot.ts';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { gridZones, slotLoads, tariffs, windowStarts } from './randomTariff.ts';
import { referenceBill } from './referenceEngine.ts';
import type { ReferenceLine } from './referenceEngine.ts';

function compiledOf(
  tariff: TariffText,
  window: { zone: string; fromMs: number; toMs: number },
): CompiledTariff {
  const document = parseTariffDocument(tariff);
  if (!document.ok) throw new Error(document.message);
  const compiled = compileTariff(document.value, window);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.value;
}

/** True when both lines say the same thing, the exact amount and the rounded one included. */
function sameLine(line: Line, expected: ReferenceLine | undefined): boolean {
  if (expected === undefined) return false;
  const exact = parseDecimal(expected.exact, 11);
  const amount = parseDecimal(expected.amount, 11);
  if (!exact.ok || !amount.ok) return false;
  return (
    line.component === expected.component &&
    line.period === expected.period &&
    line.quantityWh.toString() === expected.quantityWh &&
    compare(line.exact, fraction(exact.value, 100_000_000_000n)) === 0 &&
    compare(line.amount, fraction(amount.value, 100_000_000_000n)) === 0
  );
}

/** A tariff of nothing but zeros is refused: there is nothing to agree on. */
const hasPrice = (tariff: TariffText): boolean =>
  tariff.components.some((each) => Object.values(each.prices).some(Number));

const cases = fc.record({
  tariff: tariffs.filter(hasPrice),
  zone: fc.constantFrom(...gridZones),
  fromMs: windowStarts,
  loads: fc.array(slotLoads, { minLength: 1, maxLength: 400 }),
});

describe('the kernel and the reference engine', () => {
  test('agree on every line and total of any time-of-use bill', () => {
    fc.assert(
      fc.property(cases, ({ tariff, zone, fromMs, loads }) => {
        const window = { zone, fromMs, toMs: fromMs + loads.length * slotMs };
        const compiled = compiledOf(tariff, window);
        const slotWh = Float64Array.from(loads);
        const sums = accumulate(compiled, { slotWh, firstSlot: fromMs / slotMs });
        const lines = finish(compiled, sums);
        const slots = loads.map((load, index) => ({
          startMs: fromMs + index * slotMs,
          energyWh: Number.isNaN(load) ? null : load,
        }));
        const expected = referenceBill({ tariff, zone, slots });
        expect(lines.length).toBe(expected.lines.length);
        const differing = lines.filter((line, index) => !sameLine(line, expected.lines[index]));
        expect(differing).toEqual([]);
        expect(sums.missingSlots).toBe(expected.missingSlots);
        expect(sums.ratedSlots + sums.missingSlots).toBe(loads.length);
        expect(chargeMicros(lines).toString()).toBe(expected.runningMicros);
        expect(runningMicros(compiled, sums.sumWh).toString()).toBe(expected.runningMicros);
        expect(billMicros(lines, compiled.rounding).toString()).toBe(expected.totalMicros);
      }),
      { numRuns: 300 },
    );
  });

  test('a planted fault is found: an hour of summer time priced as winter time', () => {
    const tariff: TariffText = {
      currency: 'EUR',
      calendars: [
        {
          name: 'tou',
          rules: [
            { from: '22:00', to: '06:00', period: 'night' },
            { from: '06:00', to: '22:00', period: 'day' },
          ],
        },
      ],
      components: [
        {
          kind: 'energy',
          name: 'energy',
          flow: 'import',
          calendar: 'tou',
          prices: { day: '0.3', night: '0.2' },
        },
      ],
    };
    const fromMs = Date.parse('2026-06-01T00:00:00Z');
    const window = { zone: 'Etc/GMT-1', fromMs, toMs: fromMs + 96 * slotMs };
    const loads = Array.from({ length: 96 }, (_, index) => index);
    const compiled = compiledOf(tariff, window);
    const slotWh = Float64Array.from(loads);
    const lines = finish(compiled, accumulate(compiled, { slotWh, firstSlot: fromMs / slotMs }));
    const slots = loads.map((energyWh, index) => ({ startMs: fromMs + index * slotMs, energyWh }));
    const expected = referenceBill({ tariff, zone: 'Europe/Berlin', slots });
    expect(chargeMicros(lines).toString()).not.toBe(expected.runningMicros);
  });
});

describe('parts of a period', () => {
  /** A permutation of chunks, some of them empty. */
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

  test('merged in any order give the bill of the whole', () => {
    fc.assert(
      fc.property(cases, cuts, fc.infiniteStream(fc.nat()), (drawn, fractions, order) => {
        const { tariff, zone, fromMs, loads } = drawn;
        const toMs = fromMs + loads.length * slotMs;
        const compiled = compiledOf(tariff, { zone, fromMs, toMs });
        const slotWh = Float64Array.from(loads);
        const firstSlot = fromMs / slotMs;
        const whole = accumulate(compiled, { slotWh, firstSlot });
        const edges = [0, ...fractions.map((cut) => Math.floor(cut * loads.length)), loads.length];
        edges.sort((a, b) => a - b);
        const chunks = edges.slice(1).map((end, index) => ({ from: edges[index] ?? 0, end }));
        const shuffled = chunks
          .map((chunk) => ({ chunk, rank: order.next().value ?? 0 }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ chunk }) => chunk);
        let merged = emptyAccumulator(compiled);
        const grown = emptyAccumulator(compiled);
        for (const { from, end } of shuffled) {
          const part = { slotWh, offset: from, count: end - from, firstSlot: firstSlot + from };
          merged = merge(accumulate(compiled, part), merged);
          accumulate(compiled, part, grown);
        }
        expect(merged).toEqual(whole);
        expect(grown).toEqual(whole);
        expect(finish(compiled, merged)).toEqual(finish(compiled, whole));
      }),
      { numRuns: 200 },
    );
  });

  test('of two windows of one document add up to the bill of both', () => {
    fc.assert(
      fc.property(cases, ({ tariff, zone, fromMs, loads }) => {
        // A tariff of nothing but zeros is refused: there is nothing to agree on.
        fc.pre(tariff.components.some((each) => Object.values(each.prices).some(Number)));
        const middle = Math.ceil(loads.length / 2);
        const middleMs = fromMs + middle * slotMs;
        const toMs = middleMs + loads.length * slotMs;
        const whole = compiledOf(tariff, { zone, fromMs, toMs });
        const early = compiledOf(tariff, { zone, fromMs, toMs: middleMs });
        const late = compiledOf(tariff, { zone, fromMs: middleMs, toMs });
        const slotWh = Float64Array.from(loads);
        const firstSlot = fromMs / slotMs;
        const rest = { slotWh, offset: middle, firstSlot: firstSlot + middle };
        const merged = merge(
          accumulate(early, { slotWh, count: middle, firstSlot }),
          accumulate(late, rest),
        );
        const expected = finish(whole, accumulate(whole, { slotWh, firstSlot }));
        expect(finish(late, merged)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });
});
