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
import type { Base, NettingComponent, TrueUp } from '../tariff/component.ts';
import { addLine, amountsOf, fractionE8 } from './billDraft.ts';
import type { BillDraft, Finished } from './billDraft.ts';
import { meteredKwh } from './energyLine.ts';

/** Credits of periods that do not occur in the bill go where the tariff carries them. */
function carriedOver(
  credits: ReadonlyMap<string | null, Fraction>,
  carry: ReadonlyMap<string, string>,
  occurring: ReadonlySet<string | null>,
): ReadonlyMap<string | null, Fraction> {
  const moved = new Map<string | null, Fraction>();
  for (const [period, kwh] of credits) {
    const target = period === null || occurring.has(period) ? undefined : carry.get(period);
    const name = target ?? period;
    moved.set(name, reduced(add(moved.get(name) ?? zero, kwh)));
  }
  return moved;
}

/** Use of credits in the bank, and what is paid in: by span and period, what is left to bill. */
function spendCredits(
  credits: ReadonlyMap<string | null, Fraction>,
  use: readonly (readonly Fraction[])[],
  context: { readonly names: readonly (string | null)[]; readonly occurring: readonly number[] },
): {
  readonly billed: readonly (readonly Fraction[])[];
  readonly credits: ReadonlyMap<string | null, Fraction>;
} {
  const left = new Map(credits);
  const billed = use.map((quantities) =>
    quantities.map((kwh, period) => {
      if (!context.occurring.includes(period)) return zero;
      const name = context.names[period];
      const held = left.get(name) ?? zero;
      // A surplus is a negative use: it takes a negative part, so the bank grows by it.
      const taken = smaller(kwh, larger(held, zero));
      left.set(name, reduced(subtract(held, taken)));
      return reduced(subtract(kwh, taken));
    }),
  );
  return { billed, credits: left };
}

/**
 * Spends the bank of credits in kWh before any component is worked out, because what is left of it
 * may be settled by a component that stands above the energy.
 */
export function spendBank(draft: BillDraft, isOnBill: (index: number) => boolean): void {
  const { components } = draft.compiled;
  const bank = components
    .map(({ component }) => component)
    .find((each) => each.kind === 'netting' && each.method === 'energyCredits');
  if (bank?.kind !== 'netting' || bank.method !== 'energyCredits') return;
  for (const [index, each] of components.entries()) {
    const { component } = each;
    if (component.kind !== 'energy' || component.flow !== 'net' || !isOnBill(index)) continue;
    const names = component.prices.periods;
    const occurring = new Set(each.occurring.map((period) => names[period]));
    const held = draft.settlement.carryIn.energyCredits.get(component.name) ?? new Map();
    const use = each.spans.map((span) => meteredKwh(draft, { ...each, component }, span));
    const spent = spendCredits(carriedOver(held, bank.carry, occurring), use, {
      names,
      occurring: each.occurring,
    });
    draft.creditedKwh.set(index, spent.billed);
    const left = new Map([...spent.credits].filter(([, kwh]) => compare(kwh, zero) > 0));
    if (left.size > 0) draft.carry.energyCredits.set(component.name, left);
    else draft.carry.energyCredits.delete(component.name);
  }
}

function settlesNow(draft: BillDraft, trueUp: TrueUp | null): trueUp is TrueUp {
  const { endsMonth, month } = draft.compiled.facts;
  return !draft.isOpen && trueUp !== null && endsMonth && month === trueUp.month;
}

function settleBank(draft: BillDraft, index: number, trueUp: TrueUp): void {
  const held = [...draft.carry.energyCredits.values()].flatMap((credits) => [...credits.values()]);
  const quantity = sumFractions(held);
  draft.carry.energyCredits.clear();
  if (quantity.numerator === 0n) return;
  const price = fractionE8(trueUp.priceE8);
  const exact = negate(product(quantity, price));
  const common = { kind: 'credit', period: null, tier: null, unit: 'kWh' } as const;
  addLine(draft, index, { ...common, quantity, price, exact });
}

/** Nothing to credit is no line. */
function addMoneyLine(draft: BillDraft, index: number, exact: Fraction): void {
  if (exact.numerator === 0n) return;
  const common = { kind: 'credit', period: null, tier: null, unit: 'currency' } as const;
  addLine(draft, index, { ...common, quantity: exact, price: null, exact });
}

function finishMoneyCredits(
  draft: BillDraft,
  index: number,
  netting: { readonly name: string; readonly of: Base; readonly trueUp: TrueUp | null },
): void {
  const { name, of, trueUp } = netting;
  const sum = sumFractions(amountsOf(draft, of));
  let credit = draft.settlement.carryIn.moneyCredits.get(name) ?? zero;
  if (compare(sum, zero) < 0) {
    addMoneyLine(draft, index, negate(sum));
    credit = subtract(credit, sum);
  } else if (compare(sum, zero) > 0) {
    const used = smaller(credit, sum);
    addMoneyLine(draft, index, negate(used));
    credit = subtract(credit, used);
  }
  if (settlesNow(draft, trueUp)) {
    const paid = product(credit, fractionE8(trueUp.shareE8));
    addMoneyLine(draft, index, negate(reduced(paid)));
    credit = zero;
  }
  if (compare(credit, zero) > 0) draft.carry.moneyCredits.set(name, reduced(credit));
  else draft.carry.moneyCredits.delete(name);
}

export function finishNetting(
  draft: BillDraft,
  index: number,
  netting: NettingComponent,
): Finished {
  switch (netting.method) {
    case 'interval':
    case 'buyAllSellAll':
      return null;
    case 'energyCredits':
      if (settlesNow(draft, netting.trueUp)) settleBank(draft, index, netting.trueUp);
      return null;
    case 'moneyCredits':
      finishMoneyCredits(draft, index, netting);
      return null;
    case 'netBilling': {
      if (netting.unused === 'applyNow') return null;
      if (netting.unused === 'carryOver') {
        finishMoneyCredits(draft, index, netting);
        return null;
      }
      const sum = sumFractions(amountsOf(draft, netting.of));
      if (compare(sum, zero) < 0) addMoneyLine(draft, index, negate(sum));
      return null;
    }
  }
}
