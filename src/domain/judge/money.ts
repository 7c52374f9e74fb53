import type { Decimal } from 'decimal.js';
import { assert } from '../assert.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { AttributesShape } from '../tariff/shape.ts';
import type { Bill, ComponentOf, DraftLine, JudgeRefusal } from './bill.ts';
import { amountOf, calendarNamed, linesOf, pointOf } from './bill.ts';
import { periodAt } from './calendarReading.ts';
import { highest, isBelow, isNought, lowest, Num, nought, one, rounded, sumOf } from './number.ts';

type Per = ComponentOf<'fixed'>['per'];
type Times = ComponentOf<'fixed'>['times'];
type Lines = Outcome<readonly DraftLine[], JudgeRefusal>;

/** Rule 32: how many of `per` so many days of the bill are. */
function countOf(bill: Bill, per: Per, over: { days: Decimal; proration: 'none' | 'days' }) {
  const { days, proration } = over;
  switch (per) {
    case 'bill':
      return one;
    case 'day':
      return days;
    case 'month':
      return proration === 'none' ? one : days.div(bill.monthDays);
    case 'year':
      return proration === 'none' ? one : days.div(bill.yearDays);
  }
}

/** Null where the agreement does not say it. */
function timesOf(attributes: AttributesShape, times: Times): Decimal | null {
  if (times === undefined) return one;
  const value = attributes[times];
  return value === undefined ? null : new Num(value);
}

function attributeMissing(name: string, times: Times): Lines {
  return refuse('ATTRIBUTE_MISSING', `${name} needs the attribute ${times}.`);
}

/** Rule 32: one amount, that of a period, or that of the first step not exceeded by the use. */
function fixedAmount(
  bill: Bill,
  { amount, amounts }: ComponentOf<'fixed'>,
  period: string | null,
): string {
  const step = (upTo: string | undefined): boolean =>
    upTo === undefined || !isBelow(new Num(upTo), bill.use);
  const found =
    typeof amount === 'string' ? amount : amount?.find(({ upTo }) => step(upTo))?.amount;
  const text = period === null ? found : amounts?.[period];
  assert(text !== undefined, 'a fixed charge has an amount for each step and period');
  return text;
}

/** Rule 32. */
export function judgeFixed(bill: Bill, component: ComponentOf<'fixed'>): Lines {
  const times = timesOf(bill.attributes, component.times);
  if (times === null) return attributeMissing(component.name, component.times);
  const calendar = calendarNamed(bill, component.calendar);
  const period = calendar === null ? null : periodAt(calendar, bill.first);
  const price = new Num(fixedAmount(bill, component, period));
  const share = isNought(bill.use) ? new Num(component.withoutUse ?? '1') : one;
  const over = { days: bill.standingDays, proration: component.proration };
  const quantity = countOf(bill, component.per, over).mul(times).mul(share);
  const exact = quantity.mul(price);
  return accept([{ period, quantity, unit: component.per, price, exact }]);
}

/** Rule 33. */
export function judgeMinimum(bill: Bill, component: ComponentOf<'minimum'>): Lines {
  const times = timesOf(bill.attributes, component.times);
  if (times === null) return attributeMissing(component.name, component.times);
  const full = new Num(component.amount).mul(times);
  const sum = amountOf(bill, component.of);
  const line = (shortfall: Decimal): DraftLine => {
    return { quantity: one, unit: 'bill', price: null, exact: highest(nought, shortfall) };
  };
  if (component.per !== 'year') {
    if (bill.isOpen) return accept([]);
    const least = full.mul(
      countOf(bill, component.per, { days: bill.days, proration: component.proration }),
    );
    return accept([line(least.minus(highest(nought, sum)))]);
  }
  const { minima } = bill.carry;
  const before = minima.get(component.name);
  const months = new Set([...(before?.months ?? []), bill.first.month]);
  const yearSum = (before?.sum ?? nought).plus(sum);
  minima.set(component.name, { sum: yearSum, months });
  if (!bill.endsMonth || bill.monthNumber !== component.month) return accept([]);
  minima.delete(component.name);
  if (bill.isOpen) return accept([]);
  const known = component.proration === 'days' ? Math.min(12, months.size) : 12;
  const least = full.mul(known).div(12);
  return accept([line(least.minus(highest(nought, yearSum)))]);
}

/** Rule 34. */
export function judgeAdjust(bill: Bill, component: ComponentOf<'adjust'>): Lines {
  const { perKwh, percent, of, loss } = component;
  if (perKwh !== undefined) {
    const exact = bill.use.mul(perKwh);
    return accept([{ quantity: bill.use, unit: 'kWh', price: new Num(perKwh), exact }]);
  }
  if (percent !== undefined && of !== undefined) {
    const quantity = amountOf(bill, of);
    const exact = quantity.mul(percent).div(100);
    return accept([{ quantity, unit: 'currency', price: new Num(percent), exact }]);
  }
  assert(loss !== undefined, 'an adjustment is by kWh, a percentage or losses');
  const noLoadKwh = bill.hours.mul(loss.noLoadKw);
  const quantity = noLoadKwh.plus(bill.use.mul(loss.loadPercent).div(100));
  const price = new Num(loss.price);
  return accept([{ quantity, unit: 'kWh', price, exact: quantity.mul(price) }]);
}

/** Rule 35. */
export function judgeDiscount(bill: Bill, component: ComponentOf<'discount'>): Lines {
  const { amount, percent, of, floor } = component;
  const base = amountOf(bill, of);
  const wanted = amount === undefined ? base.mul(percent ?? '0').div(100) : new Num(amount);
  const most = highest(nought, base.minus(floor ?? '0'));
  const exact = highest(nought, lowest(wanted, most)).neg();
  const price = new Num(amount ?? percent ?? '0').neg();
  return amount === undefined
    ? accept([{ quantity: base, unit: 'currency', price, exact }])
    : accept([{ quantity: one, unit: 'bill', price, exact }]);
}

/** Rule 36. */
export function judgeTax(bill: Bill, component: ComponentOf<'tax'>): Lines {
  const { percent, of, perKwh, exemptKwh, each } = component;
  const taxedKwh = highest(nought, bill.use.minus(exemptKwh ?? '0'));
  if (perKwh !== undefined) {
    const exact = taxedKwh.mul(perKwh);
    return accept([{ quantity: taxedKwh, unit: 'kWh', price: new Num(perKwh), exact }]);
  }
  assert(percent !== undefined && of !== undefined, 'a tax is by kWh or a percentage of a base');
  let share: Decimal = one;
  if (!isNought(new Num(exemptKwh ?? '0')))
    share = isNought(bill.use) ? nought : taxedKwh.div(bill.use);
  const taxOf = (amount: Decimal): Decimal => amount.mul(share).mul(percent).div(100);
  const quantity = amountOf(bill, of);
  const point = pointOf(bill, component);
  const byLine = linesOf(bill, of).map(({ amount }) => rounded(taxOf(amount), point));
  return accept([
    {
      quantity,
      unit: 'currency',
      price: new Num(percent),
      exact: taxOf(quantity),
      ...(each === 'line' ? { summed: sumOf(byLine) } : {}),
    },
  ]);
}
