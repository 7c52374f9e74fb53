import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { finish } from '../../../src/domain/rating/finish.ts';
import { accumulate } from '../../../src/domain/rating/kernel.ts';
import { closed, compiledMonth, documentOf } from './documents.ts';

/** Quarter-hour prices of January in currency a MWh, some negative; null: not known. */
const texts = Array.from({ length: 2_976 }, (_, slot) =>
  slot === 700 ? null : `${slot % 13 === 0 ? '-' : ''}${1 + ((slot * 37) % 149)}.${slot % 10}`,
);
/** The same at 10^-4 a kWh, by hand: 12.3 a MWh is 0.0123 a kWh. */
const priceE4 = texts.map((text) => (text === null ? null : BigInt(text.replace('.', ''))));

function januaryOf(minutes: 15 | 60) {
  const prices = texts.slice(0, (texts.length * 15) / minutes);
  const document = documentOf(
    [{ kind: 'dynamic', name: 'spot', flow: 'import', series: 'spot', missing: 'refuse' }],
    {
      priceSeries: [{ name: 'spot', unit: 'MWh', minutes, from: '2026-01-01T00:00:00Z', prices }],
    },
  );
  return compiledMonth(document, '2026-01-15T00:00:00Z', { zone: 'UTC' });
}
const compiled = januaryOf(15);

describe('energy at spot prices', () => {
  const energy = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 9_999 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 44 }) },
  );
  const plain = fc.array(fc.integer({ min: 0, max: 9_999 }), { maxLength: 300 });

  test.each([
    ['quarter hour', 15],
    ['hour', 60],
  ] as const)('by the %s is exact for gaps, for large numbers, and for any part', (_, minutes) => {
    const january = januaryOf(minutes);
    expect(january.spots[0].isByFour).toBe(minutes === 60);
    const drawn = fc.record({
      units: fc.oneof(plain, fc.array(energy, { maxLength: 300 })),
      skip: fc.integer({ min: 0, max: 2_600 }),
    });
    fc.assert(
      fc.property(drawn, ({ units, skip }) => {
        let expected = 0n;
        let unpricedSlot = Infinity;
        for (const [index, value] of units.entries()) {
          const price = priceE4[Math.floor(((skip + index) * 15) / minutes)];
          if (Number.isNaN(value)) continue;
          if (price === null) unpricedSlot = Math.min(unpricedSlot, skip + index);
          else expected += BigInt(value) * price;
        }
        const firstSlot = january.firstSlot + skip;
        const { folds, sums } = accumulate(january, {
          import: Float64Array.from(units),
          firstSlot,
        });
        const { denominator } = january.spots[0];
        expect((folds?.spotSums[0] ?? 0n) * 10_000n).toBe(expected * denominator);
        expect(folds?.unpricedSlot).toEqual([unpricedSlot]);
        const whole = units.reduce((sum, value) => sum + (value >= 0 ? value : 0), 0);
        expect(sums.reduce((sum, value) => sum + value, 0)).toBe(whole);
      }),
      { numRuns: 400 },
    );
  });

  test('without a price is refused, with the instant; without data it needs none', () => {
    const column = new Float64Array(2_976);
    const bill = finish(
      compiled,
      accumulate(compiled, { import: column, firstSlot: compiled.firstSlot }),
      closed,
    );
    // Slot 700 is 7 days and 28 quarter hours after the first.
    expect(bill).toMatchObject({ ok: false, code: 'PRICE_MISSING' });
    expect(bill.ok ? '' : bill.message).toContain('2026-01-08T07:00:00.000Z');
    column[700] = Number.NaN;
    const energies = { import: column, firstSlot: compiled.firstSlot };
    expect(finish(compiled, accumulate(compiled, energies), closed).ok).toBe(true);
  });
});
