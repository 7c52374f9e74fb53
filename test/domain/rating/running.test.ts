import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { microsOf } from '../../../src/domain/exact.ts';
import { emptyCarry } from '../../../src/domain/rating/bill.ts';
import { compileTariff } from '../../../src/domain/rating/compile.ts';
import type { CompiledTariff } from '../../../src/domain/rating/compiled.ts';
import { finish } from '../../../src/domain/rating/finish.ts';
import { accumulate, emptyAccumulator } from '../../../src/domain/rating/kernel.ts';
import { openMicros, runningMicros } from '../../../src/domain/rating/running.ts';
import {
  blocksDocument,
  compiledMonth,
  dayNightEnergy,
  documentOf,
  foldedDocument,
  noAttributes,
} from './documents.ts';

const open = { attributes: noAttributes, carryIn: emptyCarry, openUntilMs: 0 };

function decimal(valueE8: bigint): string {
  const digits = (valueE8 < 0n ? -valueE8 : valueE8).toString().padStart(9, '0');
  return `${valueE8 < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** Sums drawn from ordinary ones to the largest that are exact. */
const unitSums = fc.oneof(
  fc.integer({ min: 0, max: 5_000_000 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
);
const prices = fc.oneof(
  fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
  fc.bigInt({ min: -99_999_999n, max: 99_999_999n }),
);

describe('the running total', () => {
  test('of sums is theirs times the prices, half-even to a micro, however large', () => {
    fc.assert(
      fc.property(prices, prices, unitSums, unitSums, (night, day, nightWh, dayWh) => {
        fc.pre(night !== 0n || day !== 0n);
        const document = documentOf([dayNightEnergy({ night: decimal(night), day: decimal(day) })]);
        const compiled = compiledMonth(document, '2026-01-15T00:00:00Z', { zone: 'UTC' });
        // 10^-11 currency units, by hand: Wh times 10^-8 a kWh.
        const exactE11 = BigInt(nightWh) * night + BigInt(dayWh) * day;
        const size = exactE11 < 0n ? -exactE11 : exactE11;
        const floor = size / 100_000n;
        const rest = size % 100_000n;
        const isUp = rest > 50_000n || (rest === 50_000n && floor % 2n === 1n);
        const expected = (floor + (isUp ? 1n : 0n)) * (exactE11 < 0n ? -1n : 1n);
        const sums = Float64Array.of(nightWh, dayWh);
        expect(runningMicros(compiled, sums)).toBe(expected);
        const bill = finish(compiled, { ...emptyAccumulator(compiled), sums }, open);
        expect(bill.ok ? microsOf(bill.value.total) : bill.code).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });

  const tiered = (tiers: Record<string, unknown>, flow = 'import'): Record<string, unknown> => ({
    kind: 'energy',
    name: 'blocks',
    flow,
    calendar: 'tou',
    prices: {
      night: [{ upTo: '11.5', price: '0.12345678' }, { upTo: '70', price: '0.2' }, { price: '1' }],
      day: [{ upTo: '40', price: '-0.1' }, { price: '0.33333333' }],
    },
    tiers,
  });
  const byBill = { unit: 'kWh', reset: 'bill', allocation: 'chronological' };
  const cases: readonly (readonly [string, CompiledTariff])[] = [
    ['blocks of a bill', documentOf([tiered(byBill), { ...dayNightEnergy(), flow: 'export' }])],
    ['blocks of a day', documentOf([tiered({ ...byBill, reset: 'day' })])],
    ['exported blocks', documentOf([tiered({ ...byBill, proration: { perDays: 30 } }, 'export')])],
    ['kWh a day', documentOf([tiered({ ...byBill, unit: 'kWh/day' }), dayNightEnergy()])],
    [
      'spot prices',
      documentOf(
        blocksDocument.components
          .filter(({ kind }) => kind === 'dynamic')
          .map(({ name }) => ({
            kind: 'dynamic',
            name,
            flow: name === 'spot' ? 'import' : 'export',
            series: 'spot',
            factor: '1.19',
            missing: { price: '0.5' },
          })),
        {
          priceSeries: [
            {
              name: 'spot',
              unit: 'MWh',
              minutes: 15,
              from: '2026-01-05T00:00:00Z',
              prices: ['-1.5', '99.99', null],
            },
          ],
        },
      ),
    ],
  ].map(([name, document]) => {
    if (typeof name !== 'string' || typeof document === 'string') throw new Error('a case');
    // A bill that began late: 1 to 5 January is another one's.
    const fromMs = Date.parse('2026-01-05T00:00:00Z');
    return [name, compiledMonth(document, '2026-01-15T00:00:00Z', { zone: 'UTC', fromMs })];
  });

  test.each(cases)('of %s is what the open bill says', (_, compiled) => {
    expect(compiled.fast).not.toBeNull();
    const column = fc.array(fc.oneof(fc.integer({ min: 0, max: 9_000 }), fc.constant(2 ** 44)), {
      minLength: 200,
      maxLength: 400,
    });
    fc.assert(
      fc.property(column, (units) => {
        const energies = {
          import: Float64Array.from(units),
          export: Float64Array.from(units.toReversed()),
          firstSlot: compiled.firstSlot,
        };
        const accumulator = accumulate(compiled, energies);
        const bill = finish(compiled, accumulator, open);
        const slow = bill.ok ? microsOf(bill.value.total) : bill.code;
        const fast = openMicros(compiled, accumulator, open);
        expect(fast.ok ? fast.value : fast.code).toBe(slow);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['demand', foldedDocument],
    ['a fixed amount', documentOf([{ kind: 'fixed', name: 'f', amount: '3', per: 'day' }])],
    [
      'a rounded quantity',
      documentOf([{ ...dayNightEnergy(), quantity: { step: '1', mode: 'up' } }]),
    ],
    ['a condition', documentOf([{ ...dayNightEnergy(), when: { useAboveKwh: '1' } }])],
    ['blocks by volume', documentOf([tiered({ ...byBill, allocation: 'volume' })])],
  ])('of %s needs a bill', (_, document) => {
    expect(compiledMonth(document, '2026-01-15T00:00:00Z').fast).toBeNull();
  });

  test('loses nothing below a micro: postings of the difference sum to the exact charge', () => {
    // 1 Wh at 0.0000001 a kWh is 10^-10: ten thousand of them are one micro.
    const document = documentOf([dayNightEnergy({ night: '0.0000001', day: '0.0000001' })]);
    const window = { zone: 'UTC', slotMs: 60_000 };
    const compiled = compiledMonth(document, '2026-01-15T00:00:00Z', window);
    const sums = emptyAccumulator(compiled);
    let postedMicros = 0n;
    for (let slot = 0; slot < 10_000; slot += 1) {
      const firstSlot = compiled.firstSlot + slot;
      accumulate(compiled, { import: Float64Array.of(1), firstSlot }, sums);
      postedMicros += runningMicros(compiled, sums.sums) - postedMicros;
    }
    expect(postedMicros).toBe(1n);
  });
});

describe('an open bill', () => {
  const document = documentOf(
    [
      dayNightEnergy(),
      { kind: 'fixed', name: 'standing', amount: '0.40', per: 'day' },
      { kind: 'fixed', name: 'service', amount: '31', per: 'month' },
      {
        kind: 'demand',
        name: 'peak',
        unit: 'kW',
        windowMinutes: 15,
        measure: 'contracted',
        price: '31',
        proration: 'days',
      },
      {
        kind: 'energy',
        name: 'blocks',
        flow: 'import',
        price: [{ upTo: '31', price: '1' }, { price: '2' }],
        tiers: {
          unit: 'kWh',
          reset: 'bill',
          allocation: 'chronological',
          proration: { perDays: 31 },
        },
      },
      { kind: 'minimum', name: 'minimum', amount: '1000', per: 'bill', of: 'subtotal' },
    ],
    { rounding: { line: { step: '1', mode: 'up' } } },
  );
  const fromMs = Date.parse('2026-01-01T00:00:00Z');
  const compiled = compileTariff(document, {
    zone: 'UTC',
    fromMs,
    toMs: Date.parse('2026-02-01T00:00:00Z'),
  });
  if (!compiled.ok) throw new Error(compiled.message);
  const tariff = compiled.value;
  const attributes = { ...noAttributes, contractedKwE8: 200_000_000n };
  const amounts = (untilMs: number | null, wh: number): readonly (readonly [string, bigint])[] => {
    const energies = { import: Float64Array.of(wh), firstSlot: tariff.firstSlot + 40 };
    const accumulator = accumulate(tariff, energies);
    const settlement = { attributes, carryIn: emptyCarry, openUntilMs: untilMs };
    const bill = finish(tariff, accumulator, settlement);
    if (!bill.ok) throw new Error(bill.message);
    return bill.value.lines
      .filter(({ amount }) => amount.numerator !== 0n)
      .map(({ component, amount }) => [component, microsOf(amount)]);
  };

  test('counts days up to now, whole limits, no minimum and no rounding', () => {
    // Ten and a half of 31 days; 32.5 kWh, of which 31 in the first block.
    expect(amounts(fromMs + 10.5 * 86_400_000, 32_500)).toEqual([
      ['energy', 9_750_000n],
      ['standing', 4_200_000n],
      ['service', 10_500_000n],
      ['peak', 21_000_000n],
      ['blocks', 31_000_000n],
      ['blocks', 3_000_000n],
    ]);
  });

  test('that is over its end counts as the whole, and the closed one is rounded', () => {
    const [open, close] = [amounts(fromMs + 40 * 86_400_000, 500), amounts(null, 500)];
    expect(open).toContainEqual(['standing', 12_400_000n]);
    expect(close).toContainEqual(['standing', 13_000_000n]);
    expect(close.at(-1)?.[0]).toBe('minimum');
    expect(open.map(([name]) => name)).not.toContain('minimum');
  });
});
