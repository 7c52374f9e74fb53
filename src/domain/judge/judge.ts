import type { Decimal } from 'decimal.js';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { BillWarning } from '../rating/bill.ts';
import type { Load } from '../rating/load.ts';
import type { ComponentShape } from '../tariff/componentShape.ts';
import { tariffShape } from '../tariff/shape.ts';
import type { AttributesShape, PriceSeriesShape, TariffShape } from '../tariff/shape.ts';
import type { Bill, DraftLine, JudgedLine, JudgeRefusal, Prices } from './bill.ts';
import { emptyJudgeCarry, finishedLine } from './bill.ts';
import { billSpans, openBill } from './cutting.ts';
import { judgeDemand } from './demand.ts';
import { judgeDynamic } from './dynamic.ts';
import { judgeEnergy } from './energy.ts';
import { judgeAdjust, judgeDiscount, judgeFixed, judgeMinimum, judgeTax } from './money.ts';
import { judgeNetting } from './netting.ts';
import { isBelow, isNought, Num, one, rounded, sumOf } from './number.ts';
import { judgeReactive } from './reactive.ts';
import { isZone, minuteMs } from './wallClock.ts';

/**
 * The second engine: it reads a tariff document by the rules of docs/tariff-rules.md, slowly and
 * interval by interval, and shares nothing with the first one but the types of what goes in. It
 * judges key zones and property tests; it is written to be checked by eye against the rules.
 */
export type JudgeInput = {
  /** As people write them, in order of validFrom. */
  readonly documents: readonly unknown[];
  readonly load: Load;
  /** Of the service point. */
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly attributes: AttributesShape;
  /** Stored series by name; they go before those of the document. */
  readonly prices?: ReadonlyMap<string, StoredPrices>;
  /** Rule 40: the bill that holds this instant is open, and there are none after it. */
  readonly openUntilMs?: number;
  /** Local days that carry no standing charge. */
  readonly idle?: readonly { readonly fromMs: number; readonly toMs: number }[];
};

/** Consecutive prices at 10^-8 currency a kWh; null where there is none. */
type StoredPrices = {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly pricesE8: readonly (bigint | null)[];
};

function storedPrices({ fromMs, stepMs, pricesE8 }: StoredPrices): Prices {
  const values = pricesE8.map((price) =>
    price === null ? null : new Num(price.toString()).div(100_000_000),
  );
  return { fromMs, stepMs, values };
}

export type JudgedBill = {
  /** The local month, `2026-03`. */
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly lines: readonly JudgedLine[];
  readonly total: Decimal;
  readonly warnings: readonly BillWarning['code'][];
};

function seriesOf(text: PriceSeriesShape): Prices {
  const kwhAUnit = text.unit === 'MWh' ? 1_000 : 1;
  return {
    fromMs: Date.parse(text.from),
    stepMs: text.minutes * minuteMs,
    values: text.prices.map((price) => (price === null ? null : new Num(price).div(kwhAUnit))),
  };
}

/**
 * Rule 11: whether the component is on the bill; null where the class is asked for and not known.
 */
function applies(bill: Bill, component: ComponentShape): boolean | null {
  const { when } = component;
  if (when === undefined) return true;
  const { useAtMostKwh, useAboveKwh, customerClasses } = when;
  if (customerClasses !== undefined) {
    const { customerClass } = bill.attributes;
    if (customerClass === undefined) return null;
    if (!customerClasses.includes(customerClass)) return false;
  }
  if (useAtMostKwh !== undefined && isBelow(new Num(useAtMostKwh), bill.use)) return false;
  return useAboveKwh === undefined || isBelow(new Num(useAboveKwh), bill.use);
}

function judgeComponent(
  bill: Bill,
  component: ComponentShape,
): Outcome<readonly DraftLine[], JudgeRefusal> {
  switch (component.kind) {
    case 'energy':
      return judgeEnergy(bill, component);
    case 'dynamic':
      return judgeDynamic(bill, component);
    case 'demand':
      return judgeDemand(bill, component);
    case 'reactive':
      return judgeReactive(bill, component);
    case 'fixed':
      return judgeFixed(bill, component);
    case 'minimum':
      return judgeMinimum(bill, component);
    case 'adjust':
      return judgeAdjust(bill, component);
    case 'discount':
      return judgeDiscount(bill, component);
    case 'tax':
      return judgeTax(bill, component);
    case 'netting':
      return accept(judgeNetting(bill, component));
  }
}

/** Rule 9: what rounding the bill changes is a line that everybody sees. */
function roundingLine(bill: Bill): readonly JudgedLine[] {
  if (bill.isOpen) return [];
  const sum = sumOf(bill.lines.map(({ amount }) => amount));
  const exact = rounded(sum, bill.document.rounding.bill).minus(sum);
  if (isNought(exact)) return [];
  const name = { component: 'Rounding', kind: 'adjustment', period: null, tier: null } as const;
  return [{ ...name, quantity: one, unit: 'bill', price: null, exact, amount: exact }];
}

function judgeBill(bill: Bill): Outcome<readonly JudgedLine[], JudgeRefusal> {
  const { components } = bill.document;
  const unknown = components.find((component) => applies(bill, component) === null);
  if (unknown !== undefined) {
    return refuse('ATTRIBUTE_MISSING', `${unknown.name} needs the customer class.`);
  }
  for (const component of components) {
    if (applies(bill, component) !== true) continue;
    const drafts = judgeComponent(bill, component);
    if (!drafts.ok) return drafts;
    bill.lines.push(...drafts.value.map((draft) => finishedLine(bill, component, draft)));
  }
  return accept([...bill.lines, ...roundingLine(bill)]);
}

function readDocuments(raw: readonly unknown[]): readonly TariffShape[] | null {
  const parsed = raw.map((document) => tariffShape.safeParse(document));
  const documents = parsed.flatMap(({ data }) => (data === undefined ? [] : [data]));
  const areZones = documents.every(({ zone }) => zone === undefined || isZone(zone));
  return documents.length === raw.length && areZones ? documents : null;
}

export function judgeLoad(
  input: JudgeInput,
): Outcome<{ readonly bills: readonly JudgedBill[] }, JudgeRefusal> {
  const documents = readDocuments(input.documents);
  if (documents === null || !isZone(input.zone)) {
    return refuse('TARIFF_MALFORMED', 'The judge cannot read the document; lint it.');
  }
  const spans = billSpans(documents, input);
  if (spans === null) {
    return refuse('TARIFF_NOT_VALID', 'No version of the tariff covers all of the time.');
  }
  const carry = emptyJudgeCarry();
  const stored = [...(input.prices ?? [])].map(
    ([name, series]) => [name, storedPrices(series)] as const,
  );
  const bills: JudgedBill[] = [];
  const { openUntilMs = null } = input;
  for (const span of spans) {
    if (openUntilMs !== null && openUntilMs <= span.fromMs) break;
    const own = span.document.priceSeries.map((each) => [each.name, seriesOf(each)] as const);
    const prices = new Map([...own, ...stored]);
    const { load, attributes, idle = [] } = input;
    const bill = openBill({ span, load, attributes, prices, carry, openUntilMs, idle });
    const judged = judgeBill(bill);
    if (!judged.ok) return judged;
    const before = bills.at(-1);
    const isSameMonth = before?.label === span.label;
    if (isSameMonth) bills.pop();
    const lines = [...(isSameMonth ? before.lines : []), ...judged.value];
    bills.push({
      label: span.label,
      fromMs: isSameMonth ? before.fromMs : span.fromMs,
      toMs: span.toMs,
      lines,
      total: sumOf(lines.map(({ amount }) => amount)),
      warnings: [...new Set([...(isSameMonth ? before.warnings : []), ...bill.warnings])],
    });
  }
  return accept({ bills });
}
