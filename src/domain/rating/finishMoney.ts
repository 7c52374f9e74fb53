import {
  add,
  compare,
  larger,
  negate,
  product,
  reduced,
  smaller,
  subtract,
  sumFractions,
  zero,
} from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type {
  AdjustComponent,
  AttributeName,
  DiscountComponent,
  FixedComponent,
  MinimumComponent,
  TaxComponent,
} from '../tariff/component.ts';
import type { LineUnit } from './bill.ts';
import {
  addLine,
  amountsOf,
  attributeOf,
  fractionE8,
  linePointOf,
  one,
  roundAt,
  refuseAttribute,
  shareOfDays,
  shareOfPercent,
} from './billDraft.ts';
import type { BillDraft, Finished } from './billDraft.ts';
import type { CompiledComponent } from './compiled.ts';

/** How much of a bill, day, month or year the bill is. */
function timesOf(
  draft: BillDraft,
  rule: { readonly per: LineUnit; readonly proration: 'none' | 'days' },
  days = draft.days,
): Fraction {
  const { monthDays, yearDays } = draft.compiled.facts;
  if (rule.per === 'day') return days;
  if (rule.per === 'month') {
    return rule.proration === 'none' ? one : shareOfDays({ days }, monthDays);
  }
  if (rule.per === 'year') return shareOfDays({ days }, yearDays);
  return one;
}

/** Null: the agreement does not say how often the amount is due. */
function attributeTimes(draft: BillDraft, times: AttributeName | null): Fraction | null {
  return times === null ? one : attributeOf(draft, times);
}

function fixedAmountE8(draft: BillDraft, each: CompiledComponent, fixed: FixedComponent): bigint {
  if (fixed.byPeriod !== null) return fixed.byPeriod.amountsE8[each.firstPeriod];
  const step = (fixed.steps ?? []).find(
    ({ upToE8 }) => upToE8 === null || compare(draft.useKwh, fractionE8(upToE8)) <= 0,
  );
  return step?.amountE8 ?? 0n;
}

export function finishFixed(
  draft: BillDraft,
  index: number,
  each: CompiledComponent,
  fixed: FixedComponent,
): Finished {
  const times = attributeTimes(draft, fixed.times);
  if (times === null) return refuseAttribute(fixed.name, fixed.times ?? '');
  let quantity = product(timesOf(draft, fixed, draft.standingDays), times);
  if (fixed.withoutUseE8 !== null && compare(draft.useKwh, zero) === 0) {
    quantity = product(quantity, fractionE8(fixed.withoutUseE8));
  }
  const price = fractionE8(fixedAmountE8(draft, each, fixed));
  addLine(draft, index, {
    kind: 'fixed',
    period: fixed.byPeriod === null ? null : each.periods[each.firstPeriod],
    tier: null,
    quantity: reduced(quantity),
    unit: fixed.per,
    price,
    exact: product(quantity, price),
  });
  return null;
}

function addMinimumLine(draft: BillDraft, index: number, exact: Fraction): void {
  const common = { kind: 'minimum', period: null, tier: null, unit: 'bill' } as const;
  addLine(draft, index, { ...common, quantity: one, price: null, exact: reduced(exact) });
}

/** What is missing to a minimum; what is counted towards it is not less than nothing. */
function shortfall(minimum: Fraction, counted: Fraction): Fraction {
  return larger(subtract(minimum, larger(counted, zero)), zero);
}

function finishYearlyMinimum(
  draft: BillDraft,
  index: number,
  minimum: MinimumComponent & { readonly due: Fraction },
): void {
  const { endsMonth, month } = draft.compiled.facts;
  const before = draft.settlement.carryIn.minimumBase.get(minimum.name);
  const counted = sumFractions(amountsOf(draft, minimum.of));
  const sum = reduced(add(before?.sum ?? zero, counted));
  const months = (before?.months ?? 0) + (endsMonth ? 1 : 0);
  if (!endsMonth || month !== minimum.month) {
    draft.carry.minimumBase.set(minimum.name, { sum, months });
    return;
  }
  draft.carry.minimumBase.delete(minimum.name);
  const isPart = months < 12 && minimum.proration === 'days';
  const share = isPart ? { numerator: BigInt(months), denominator: 12n } : one;
  if (!draft.isOpen) addMinimumLine(draft, index, shortfall(product(minimum.due, share), sum));
}

export function finishMinimum(
  draft: BillDraft,
  index: number,
  minimum: MinimumComponent,
): Finished {
  const times = attributeTimes(draft, minimum.times);
  if (times === null) return refuseAttribute(minimum.name, minimum.times ?? '');
  const due = product(fractionE8(minimum.amountE8), times);
  if (minimum.per === 'year') {
    finishYearlyMinimum(draft, index, { ...minimum, due });
    return null;
  }
  if (draft.isOpen) return null;
  const counted = sumFractions(amountsOf(draft, minimum.of));
  const whole = product(due, timesOf(draft, minimum));
  addMinimumLine(draft, index, shortfall(whole, counted));
  return null;
}

export function finishAdjust(draft: BillDraft, index: number, { by }: AdjustComponent): Finished {
  const common = { kind: 'adjustment', period: null, tier: null } as const;
  if (by.how === 'percent') {
    const quantity = sumFractions(amountsOf(draft, by.of));
    const exact = product(quantity, shareOfPercent(by.percentE8));
    const price = fractionE8(by.percentE8);
    addLine(draft, index, { ...common, quantity, unit: 'currency', price, exact });
    return null;
  }
  let quantity = draft.useKwh;
  if (by.how === 'loss') {
    const idle = product(fractionE8(by.noLoadE8), draft.hours);
    quantity = reduced(add(idle, product(draft.useKwh, shareOfPercent(by.loadPercentE8))));
  }
  const price = fractionE8(by.priceE8);
  addLine(draft, index, {
    ...common,
    quantity,
    unit: 'kWh',
    price,
    exact: product(quantity, price),
  });
  return null;
}

export function finishDiscount(
  draft: BillDraft,
  index: number,
  { by, of, floorE8 }: DiscountComponent,
): Finished {
  const common = { kind: 'discount', period: null, tier: null } as const;
  const base = sumFractions(amountsOf(draft, of));
  const most = larger(subtract(base, fractionE8(floorE8 ?? 0n)), zero);
  if (by.how === 'percent') {
    const wanted = larger(product(base, shareOfPercent(by.percentE8)), zero);
    const exact = negate(reduced(smaller(wanted, most)));
    const price = fractionE8(-by.percentE8);
    addLine(draft, index, { ...common, quantity: base, unit: 'currency', price, exact });
    return null;
  }
  const exact = negate(reduced(smaller(fractionE8(by.amountE8), most)));
  const price = fractionE8(-by.amountE8);
  addLine(draft, index, { ...common, quantity: one, unit: 'bill', price, exact });
  return null;
}

/** The share of the bill's use that is taxed. */
function taxedShare(draft: BillDraft, taxedKwh: Fraction, exemptE8: bigint): Fraction {
  if (exemptE8 === 0n) return one;
  const { numerator, denominator } = draft.useKwh;
  if (numerator <= 0n) return zero;
  return reduced(product(taxedKwh, { numerator: denominator, denominator: numerator }));
}

export function finishTax(draft: BillDraft, index: number, tax: TaxComponent): Finished {
  const common = { kind: 'tax', period: null, tier: null } as const;
  const { by, each, exemptE8 } = tax;
  const taxedKwh = larger(subtract(draft.useKwh, fractionE8(exemptE8)), zero);
  if (by.how === 'perKwh') {
    const price = fractionE8(by.priceE8);
    const exact = product(taxedKwh, price);
    addLine(draft, index, { ...common, quantity: reduced(taxedKwh), unit: 'kWh', price, exact });
    return null;
  }
  const factor = product(shareOfPercent(by.percentE8), taxedShare(draft, taxedKwh, exemptE8));
  const taxes = amountsOf(draft, by.of).map((amount) => product(amount, factor));
  const point = linePointOf(draft, tax);
  const exact = sumFractions(taxes);
  const rounded =
    each === 'line' ? sumFractions(taxes.map((amount) => roundAt(amount, point))) : exact;
  addLine(draft, index, {
    ...common,
    quantity: sumFractions(amountsOf(draft, by.of)),
    unit: 'currency',
    price: fractionE8(by.percentE8),
    exact,
    rounded,
  });
  return null;
}
