import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fraction } from '../../src/domain/exact.ts';
import type { Fraction } from '../../src/domain/exact.ts';
import { emptyCarry } from '../../src/domain/rating/bill.ts';
import type { Carry } from '../../src/domain/rating/bill.ts';
import { decodeBillCarry, encodeBillCarry } from '../../src/domain/rating/carryCodec.ts';
import { rateLoad } from '../../src/domain/rating/rateLoad.ts';
import type { MonthBill, RateInput } from '../../src/domain/rating/rateLoad.ts';
import { parseAttributes } from '../../src/domain/tariff/attributes.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import { randomCase } from './randomCase.ts';

function textOf(value: Fraction | null): string {
  if (value === null) return 'none';
  const { numerator, denominator } = fraction(value.numerator, value.denominator);
  return `${numerator}/${denominator}`;
}

/** Bills as texts: fractions of one value need not have one form. */
function told(bills: readonly MonthBill[]): unknown {
  return bills.map(({ label, fromMs, toMs, total, lines, carryOut }) => ({
    label,
    fromMs,
    toMs,
    total: textOf(total),
    lines: lines.map(({ quantity, price, exact, amount, ...names }) => ({
      ...names,
      values: [quantity, price, exact, amount].map(textOf),
    })),
    carryOut: encodeBillCarry(carryOut),
  }));
}

/** Each month by itself, from what the one before left as it is stored. */
function monthByMonth(
  input: RateInput,
  whole: readonly MonthBill[],
  store: (carry: Carry) => unknown,
): readonly MonthBill[] {
  const bills: MonthBill[] = [];
  let carryIn: Carry = emptyCarry;
  for (const { fromMs, toMs } of whole) {
    const rated = rateLoad({ ...input, fromMs, toMs, carryIn });
    if (!rated.ok) throw new Error(rated.message);
    bills.push(...rated.value.bills);
    const stored = decodeBillCarry(store(rated.value.carryOut));
    if (!stored.ok) throw new Error(stored.message);
    carryIn = stored.value;
  }
  return bills;
}

function inputOf(seed: number): RateInput | null {
  const { documents: texts, attributes: said, ...drawn } = randomCase(seed);
  const documents = parseTariffFile(texts.length === 1 ? texts[0] : { versions: texts });
  const attributes = parseAttributes(said);
  if (!documents.ok || !attributes.ok) return null; // nothing but zeros
  return { ...drawn, documents: documents.value, attributes: attributes.value };
}

const seeds = fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 - 1 }));
const runs = Number(process.env['BILLS_RUNS'] ?? 150);

describe('a chain of months', () => {
  test(
    'rated one by one from what is stored of the month before bills as the whole',
    () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const input = inputOf(seed);
          const whole = input === null ? null : rateLoad(input);
          if (input === null || whole === null || !whole.ok) return;
          const { bills } = whole.value;
          expect(told(monthByMonth(input, bills, encodeBillCarry))).toEqual(told(bills));
        }),
        { numRuns: runs },
      );
    },
    Math.max(60_000, runs * 200),
  );

  test('a planted fault is found: a month that forgets the one before', () => {
    const isFound = (seed: number): boolean => {
      const input = inputOf(seed);
      const whole = input === null ? null : rateLoad(input);
      if (input === null || whole === null || !whole.ok) return false;
      const { bills } = whole.value;
      const forgetful = monthByMonth(input, bills, () => encodeBillCarry(emptyCarry));
      return JSON.stringify(told(forgetful)) !== JSON.stringify(told(bills));
    };
    expect(Array.from({ length: 40 }, (_, seed) => seed).filter(isFound).length).toBeGreaterThan(3);
  });
});
