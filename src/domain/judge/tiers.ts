import type { Decimal } from 'decimal.js';
import { assert } from '../assert.ts';
import type { Bill, ComponentOf } from './bill.ts';
import { highest, isBelow, lowest, Num, nought, boundless, one } from './number.ts';
import { powerOf, windowsOf } from './windows.ts';

export type PriceText = NonNullable<ComponentOf<'energy'>['price']>;

/** Tiers with numbers; a plain price is one open tier. */
export type Tier = { readonly upTo: Decimal; readonly price: Decimal; readonly flat: Decimal };

export function tiersOf(price: PriceText): readonly Tier[] {
  if (typeof price === 'string') {
    return [{ upTo: boundless, price: new Num(price), flat: nought }];
  }
  return price.map(({ upTo, price, flat }) => ({
    upTo: upTo === undefined ? boundless : new Num(upTo),
    price: new Num(price),
    flat: new Num(flat ?? '0'),
  }));
}

/** What a component says of a period: its price; `price` where there is no calendar. */
export function priceTextOf(
  component: { readonly price?: PriceText | undefined; readonly prices?: PricesText | undefined },
  period: string | null,
): PriceText {
  const text = period === null ? component.price : component.prices?.[period];
  assert(text !== undefined, `every period has a price, ${period ?? 'none'} too`);
  return text;
}
type PricesText = Readonly<Record<string, PriceText>>;

/** How much of [from, to) lies in each tier. */
export function sharesOf(
  limits: readonly Decimal[],
  span: { readonly from: Decimal; readonly to: Decimal },
): readonly Decimal[] {
  let below: Decimal = new Num(Number.NEGATIVE_INFINITY);
  return limits.map((limit) => {
    const from = highest(span.from, below);
    const to = lowest(span.to, limit);
    below = limit;
    return isBelow(from, to) ? to.minus(from) : nought;
  });
}

/** The tier in which a position ends: a limit belongs to the tier below it. */
export function tierAt(limits: readonly Decimal[], position: Decimal): number {
  const index = limits.findIndex((limit) => !isBelow(limit, position));
  return index === -1 ? limits.length - 1 : index;
}

type TierRule = NonNullable<ComponentOf<'energy'>['tiers']>;

/**
 * Rule 14: the highest demand of import in windows of the load's interval, of 15 minutes at least.
 */
function peakKw(bill: Bill): Decimal {
  const windows = windowsOf(bill, {
    unit: 'kW',
    minutes: 15,
    sliding: false,
    countsEstimates: false,
  });
  return windows.map((window) => powerOf(window, 'kW')).reduce(highest, nought);
}

/** Rule 14: what an `upTo` is multiplied with; null where the contracted kW are not known. */
export function limitFactor(bill: Bill, rule: TierRule): Decimal | null {
  let factor: Decimal = one;
  if (rule.unit === 'kWh/kW' || rule.unit === 'kWh/kW/day') {
    if (rule.kw === 'contracted') {
      if (bill.attributes.contractedKw === undefined) return null;
      factor = new Num(bill.attributes.contractedKw);
    } else factor = peakKw(bill);
  }
  const days = daysOf(bill, rule);
  if (rule.unit === 'kWh/day' || rule.unit === 'kWh/kW/day') return factor.mul(days);
  const proration = rule.proration ?? 'days';
  if (proration === 'none') return factor;
  if (proration === 'days') {
    return rule.reset === 'bill' ? factor.mul(bill.billedDays).div(bill.monthDays) : factor;
  }
  // For other resets nothing else is prorated.
  const isByDays = rule.reset === 'bill' || rule.reset === 'month' || rule.reset === 'day';
  return isByDays ? factor.mul(days).div(proration.perDays) : factor;
}

function daysOf(bill: Bill, rule: TierRule): Decimal {
  switch (rule.reset) {
    case 'bill':
      return bill.billedDays;
    case 'month':
      return new Num(bill.monthDays);
    case 'day':
    case 'season':
    case 'year':
      return one;
  }
}
