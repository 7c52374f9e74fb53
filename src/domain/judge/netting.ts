import type { Decimal } from 'decimal.js';
import type { Bill, ComponentOf, DraftLine } from './bill.ts';
import { amountOf } from './bill.ts';
import { isBelow, isNought, lowest, Num, nought, sumOf } from './number.ts';

type Netting = ComponentOf<'netting'>;
type Method<Name extends Netting['method']> = Extract<Netting, { method: Name }>;
type TrueUp = Method<'energyCredits'>['trueUp'];

/** True in the bill that ends the month of the true-up. */
function settles(bill: Bill, trueUp: TrueUp): trueUp is NonNullable<TrueUp> {
  return (
    trueUp !== undefined && !bill.isOpen && bill.endsMonth && bill.monthNumber === trueUp.month
  );
}

/** Rule 37, the bill's begin: credits of periods that do not occur go where `carry` says. */
export function moveEnergyCredits(
  bill: Bill,
  component: ComponentOf<'energy'>,
  occurring: readonly (string | null)[],
): void {
  const credits = bill.carry.energyCredits.get(component.name);
  const netting = bill.document.components.find((each) => each.kind === 'netting');
  if (credits === undefined || netting?.kind !== 'netting') return;
  if (netting.method !== 'energyCredits' || component.flow !== 'net') return;
  const moved = new Map<string, Decimal>();
  for (const [period, kwh] of credits) {
    const to = occurring.includes(period) ? period : (netting.carry[period] ?? period);
    moved.set(to, (moved.get(to) ?? nought).plus(kwh));
  }
  bill.carry.energyCredits.set(component.name, moved);
}

/** Rule 37, the end of the year: what is left is paid for. */
function energyTrueUp(bill: Bill, component: Method<'energyCredits'>): readonly DraftLine[] {
  const { trueUp } = component;
  if (!settles(bill, trueUp)) return [];
  const left = sumOf([...bill.carry.energyCredits.values()].flatMap((map) => [...map.values()]));
  bill.carry.energyCredits.clear();
  if (isNought(left)) return [];
  const price = new Num(trueUp.price ?? '0');
  return [{ quantity: left, unit: 'kWh', price, exact: left.mul(price).neg() }];
}

function moneyLine(exact: Decimal): DraftLine {
  return { quantity: exact, unit: 'currency', price: null, exact };
}

/** Rule 38. */
function moneyCredits(
  bill: Bill,
  component: Method<'moneyCredits'> | Method<'netBilling'>,
): readonly DraftLine[] {
  const sum = amountOf(bill, component.of);
  const before = bill.carry.moneyCredits.get(component.name) ?? nought;
  const used = isBelow(sum, nought) ? sum : lowest(before, sum);
  const lines = isNought(used) ? [] : [moneyLine(used.neg())];
  let credit: Decimal = before.minus(used);
  const { trueUp } = component;
  if (settles(bill, trueUp)) {
    const paid = credit.mul(trueUp.share ?? '0');
    if (!isNought(paid)) lines.push(moneyLine(paid.neg()));
    credit = nought;
  }
  bill.carry.moneyCredits.set(component.name, credit);
  return lines;
}

/** Rules 37 to 39; netting by interval has happened before anything else (rule 7). */
export function judgeNetting(bill: Bill, component: Netting): readonly DraftLine[] {
  switch (component.method) {
    case 'interval':
    case 'buyAllSellAll':
      return [];
    case 'energyCredits':
      return energyTrueUp(bill, component);
    case 'moneyCredits':
      return moneyCredits(bill, component);
    case 'netBilling': {
      if (component.unused === 'applyNow') return [];
      if (component.unused === 'carryOver') return moneyCredits(bill, component);
      const sum = amountOf(bill, component.of);
      return isBelow(sum, nought) ? [moneyLine(sum.neg())] : [];
    }
  }
}
