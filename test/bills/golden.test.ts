import { Decimal } from 'decimal.js';
import { describe, expect, test } from 'vitest';
import { add, fraction, subtract, zero } from '../../src/domain/exact.ts';
import type { Fraction } from '../../src/domain/exact.ts';
import { judgeLoad } from '../../src/domain/judge/judge.ts';
import { explainLoad } from '../../src/domain/rating/explain.ts';
import { rateLoad } from '../../src/domain/rating/rateLoad.ts';
import type { RateInput } from '../../src/domain/rating/rateLoad.ts';
import { parseAttributes } from '../../src/domain/tariff/attributes.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import { goldenNames, ratioOf, readGoldenCase, whyOf } from './goldenCase.ts';
import type { GoldenBill, GoldenCase, GoldenLine, GoldenRun } from './goldenCase.ts';

/** What both engines answer, with numbers as texts: a refusal's code, or bills. */
type Told = string | readonly ToldBill[];
type ToldBill = {
  readonly label: string;
  readonly total: string;
  readonly lines: readonly ToldLine[];
  readonly warnings: readonly string[];
};
type ToldLine = {
  readonly component: string;
  readonly kind: string;
  readonly period: string | null;
  readonly tier: number | null;
  readonly quantity: string;
  readonly unit: string;
  readonly price: string | null;
  readonly exact: string;
  readonly amount: string;
};

function textOf(value: Fraction): string {
  const { numerator, denominator } = fraction(value.numerator, value.denominator);
  return denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`;
}

/** The judge's decimals have far more digits; a ratio without end is compared to so many. */
const judgedDecimals = 40;
const Wide = Decimal.clone({ precision: 120 });
function decimalTextOf(value: Fraction): string {
  return new Wide(value.numerator.toString())
    .div(value.denominator.toString())
    .toFixed(judgedDecimals);
}

function inputOf(golden: GoldenCase, run: GoldenRun): RateInput | string {
  const documents = parseTariffFile(
    run.documents.length === 1 ? run.documents[0] : { versions: run.documents },
  );
  if (!documents.ok) return documents.code;
  const attributes = parseAttributes(golden.attributes);
  if (!attributes.ok) return attributes.code;
  return {
    documents: documents.value,
    load: run.load,
    zone: golden.zone,
    fromMs: Date.parse(golden.from),
    toMs: Date.parse(golden.to),
    attributes: attributes.value,
  };
}

function rated(golden: GoldenCase, run: GoldenRun): Told {
  const input = inputOf(golden, run);
  if (typeof input === 'string') return input;
  const outcome = rateLoad(input);
  if (!outcome.ok) return outcome.code;
  return outcome.value.bills.map(({ label, total, lines, warnings }) => ({
    label,
    total: textOf(total),
    lines: lines.map((line) => ({
      ...line,
      quantity: textOf(line.quantity),
      price: line.price === null ? null : textOf(line.price),
      exact: textOf(line.exact),
      amount: textOf(line.amount),
    })),
    warnings: warnings.map(({ code }) => code),
  }));
}

function judged(golden: GoldenCase, run: GoldenRun): Told {
  const outcome = judgeLoad({
    documents: run.documents,
    load: run.load,
    zone: golden.zone,
    fromMs: Date.parse(golden.from),
    toMs: Date.parse(golden.to),
    attributes: golden.attributes,
  });
  if (!outcome.ok) return outcome.code;
  return outcome.value.bills.map(({ label, total, lines, warnings }) => ({
    label,
    total: total.toFixed(judgedDecimals),
    lines: lines.map((line) => ({
      ...line,
      quantity: line.quantity.toFixed(judgedDecimals),
      price: line.price?.toFixed(judgedDecimals) ?? null,
      exact: line.exact.toFixed(judgedDecimals),
      amount: line.amount.toFixed(judgedDecimals),
    })),
    warnings: [...warnings],
  }));
}

/** Components keep their order; lines of one component are told by period and tier. */
function inOrder<T extends GoldenLine | ToldLine>(lines: readonly T[]): readonly T[] {
  const order = [...new Set(lines.map(({ component }) => component))];
  const key = ({ component, period, tier }: T): string =>
    `${String(order.indexOf(component)).padStart(3, '0')} ${period} ${tier}`;
  return lines.toSorted((left, right) => (key(left) < key(right) ? -1 : 1));
}

/** Warnings that bill.json leaves out are taken from the answer. */
function expectedBills(
  expected: readonly GoldenBill[],
  answer: Told,
  text: (value: Fraction) => string,
): readonly ToldBill[] {
  return expected.map(({ label, total, lines, warnings }, index) => ({
    label,
    total: text(ratioOf(total)),
    warnings: warnings ?? (typeof answer === 'string' ? [] : (answer[index]?.warnings ?? [])),
    lines: inOrder(lines).map((line) => ({
      ...line,
      quantity: text(ratioOf(line.quantity)),
      price: line.price === null ? null : text(ratioOf(line.price)),
      exact: text(ratioOf(line.exact)),
      amount: text(ratioOf(line.amount)),
    })),
  }));
}

function expectAnswer(
  answer: Told,
  expected: string | readonly GoldenBill[],
  text: (value: Fraction) => string,
): void {
  const told =
    typeof answer === 'string'
      ? answer
      : answer.map((bill) => ({ ...bill, lines: inOrder(bill.lines) }));
  expect(told).toEqual(
    typeof expected === 'string' ? expected : expectedBills(expected, answer, text),
  );
}

/** Sections 28 to 55 of the rules; 31 and 34 are of late readings, 54 of landlords: no tariffs. */
const rulesElsewhere = [31, 34, 54];

test('each rule that is about a tariff has a golden bill that names it', () => {
  const named = new Set(
    goldenNames.flatMap((name) =>
      [...whyOf(name).matchAll(/\bRule ([0-9]+)/g)].map(([, number = '']) => Number(number)),
    ),
  );
  const rules = Array.from({ length: 28 }, (_, index) => 28 + index);
  expect(rules.filter((rule) => !named.has(rule))).toEqual(rulesElsewhere);
});

describe.each(goldenNames)('%s', (name) => {
  const golden = readGoldenCase(name);

  test('the kernel bills what was worked by hand', () => {
    expectAnswer(rated(golden, golden.run), golden.refused ?? golden.run.bills, textOf);
  });

  test('the second engine bills the same', () => {
    expectAnswer(judged(golden, golden.run), golden.refused ?? golden.run.bills, decimalTextOf);
  });

  test('each line is its intervals and what no interval made', () => {
    const input = inputOf(golden, golden.run);
    if (typeof input === 'string') throw new Error(input);
    const lines = golden.run.bills.flatMap(({ label, lines: ofBill }) =>
      ofBill.map((line) => ({ ...line, label })),
    );
    for (const line of lines.filter(({ component }) => component !== 'Rounding')) {
      const explained = explainLoad(input, line);
      if (!explained.ok) throw new Error(explained.message);
      const told = explained.value.map(({ intervals, rest }) =>
        textOf(intervals.reduce((sum, { exact }) => add(sum, exact), rest.exact)),
      );
      expect(told).toContain(textOf(ratioOf(line.exact)));
    }
  });

  test('the lines sum to the total, and the correction is the difference', () => {
    const sumOf = (bills: readonly GoldenBill[]): Fraction =>
      bills.map(({ total }) => ratioOf(total)).reduce((sum, next) => subtract(sum, next), zero);
    for (const bill of [...golden.run.bills, ...(golden.correction?.bills ?? [])]) {
      const rest = bill.lines.reduce(
        (left, { amount }) => subtract(left, ratioOf(amount)),
        ratioOf(bill.total),
      );
      expect(textOf(rest)).toBe('0');
    }
    if (golden.correction === null) return;
    const difference = subtract(sumOf(golden.run.bills), sumOf(golden.correction.bills));
    expect(textOf(difference)).toBe(textOf(golden.correction.difference));
    expectAnswer(rated(golden, golden.correction), golden.correction.bills, textOf);
    expectAnswer(judged(golden, golden.correction), golden.correction.bills, decimalTextOf);
  });
});

test('planted: a line that is off by a hundred-millionth is found, and a line too few', () => {
  const golden = readGoldenCase('block-edge-inside-an-interval');
  const [bill] = golden.run.bills;
  if (bill === undefined) throw new Error('The golden bill is missing.');
  const answer = rated(golden, golden.run);
  const [first, ...rest] = bill.lines;
  if (first === undefined) throw new Error('The golden bill has no lines.');
  const off = { ...bill, lines: [{ ...first, amount: '10.00000001' }, ...rest] };
  expect(() => expectAnswer(answer, [off], textOf)).toThrow(/deeply equal/);
  expect(() => expectAnswer(answer, [{ ...bill, lines: rest }], textOf)).toThrow(/deeply equal/);
  expect(() => expectAnswer(answer, 'PRICE_MISSING', textOf)).toThrow(/equal/);
});
