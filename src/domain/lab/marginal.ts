import { assertNever } from '../assert.ts';
import { add, compare, fraction, multiply, negate, oneE8, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { AgreementAttributes } from '../rating/bill.ts';
import type { CompiledComponent, CompiledTariff } from '../rating/compiled.ts';
import type { Base, Component } from '../tariff/component.ts';

const percentE8 = 100n * oneE8;

/** What one component takes for the next kWh. */
export type MarginalPart = {
  readonly component: string;
  readonly kind: Component['kind'];
  /** Of the component's calendar; null where it has none. */
  readonly period: string | null;
  /** From 1; null where the component has no tiers. */
  readonly tier: number | null;
  /** Currency a kWh; null where it is not known. */
  readonly price: Fraction | null;
  /** It stands in for a price that is not known yet. */
  readonly isProvisional: boolean;
};

export type Marginal = {
  readonly parts: readonly MarginalPart[];
  /** Their sum; null where one of them is not known, which is not zero. */
  readonly price: Fraction | null;
};

/** Where the bill stands when the next kWh comes. */
export type BillPosition = {
  readonly attributes: AgreementAttributes;
  /** The bill's import so far. */
  readonly useKwh: Fraction;
  /** The tier that energy of a component's period goes to next, from 1. */
  tierOf(componentIndex: number, periodIndex: number): number;
};

type MarginalRefusal = 'ATTRIBUTE_MISSING';

function isOnBill(
  { name, when }: Component,
  { attributes, useKwh }: BillPosition,
): Outcome<boolean, MarginalRefusal> {
  if (when.customerClasses !== null) {
    const { customerClass } = attributes;
    if (customerClass === null) {
      const message = `${name} asks for the customer's class. Ask for an agreement that says it.`;
      return refuse('ATTRIBUTE_MISSING', message);
    }
    if (!when.customerClasses.includes(customerClass)) return accept(false);
  }
  // Of the use that the next kWh makes: "at most 200" holds while there is room below 200.
  const { useAtMostE8, useAboveE8 } = when;
  if (useAtMostE8 !== null && compare(useKwh, fraction(useAtMostE8, oneE8)) >= 0)
    return accept(false);
  return accept(useAboveE8 === null || compare(useKwh, fraction(useAboveE8, oneE8)) >= 0);
}

type Own = Pick<MarginalPart, 'period' | 'tier' | 'price' | 'isProvisional'>;

const known = (price: Fraction): Own => ({ period: null, tier: null, price, isProvisional: false });

/** Energy of one slot; a price of a tier that the position names. */
function energyPart(
  compiled: CompiledTariff,
  { each, index, slot }: { each: CompiledComponent; index: number; slot: number },
  position: BillPosition,
): Own | null {
  const { component, periods, periodOfSuper } = each;
  if (component.kind !== 'energy' || component.flow === 'export') return null;
  const at = periodOfSuper[compiled.superPeriodOfSlot[slot]];
  const tiers = component.prices.tiers[at];
  const tier = component.tierRule === null ? 1 : position.tierOf(index, at);
  const { priceE8 } = tiers[tier - 1];
  return {
    period: periods[at],
    tier: component.tierRule === null ? null : tier,
    price: fraction(priceE8, oneE8),
    isProvisional: false,
  };
}

function spotPart(
  compiled: CompiledTariff,
  { each, slot }: { each: CompiledComponent; slot: number },
): Own | null {
  const { component, spot: spotIndex } = each;
  if (component.kind !== 'dynamic' || component.flow === 'export' || spotIndex === null)
    return null;
  const spot = compiled.spots[spotIndex];
  const price = spot.prices[slot];
  const isKnown = !Number.isNaN(price);
  const whole = spot.wide === null ? BigInt(isKnown ? price : 0) : spot.wide[slot];
  return {
    period: null,
    tier: null,
    price: isKnown ? fraction(whole, spot.denominator) : null,
    isProvisional: spot.isProvisional?.[slot] === 1,
  };
}

function sumOf(base: Base, prices: readonly (Fraction | null)[]): Fraction | null {
  let sum: Fraction | null = zero;
  for (const index of base) {
    const price = prices[index];
    sum = sum === null || price === null ? null : add(sum, price);
  }
  return sum;
}

function shareOf(base: Fraction | null, percent: bigint): Own {
  return {
    ...known(zero),
    price: base === null ? null : multiply(base, fraction(percent, percentE8)),
  };
}

/** What follows from the kWh and from the prices of the components above. */
function derivedPart(
  component: Component,
  prices: readonly (Fraction | null)[],
  { useKwh }: BillPosition,
): Own | null {
  switch (component.kind) {
    case 'adjust':
      switch (component.by.how) {
        case 'perKwh':
          return known(fraction(component.by.priceE8, oneE8));
        case 'percent':
          return shareOf(sumOf(component.by.of, prices), component.by.percentE8);
        case 'loss':
          return known(
            multiply(
              fraction(component.by.loadPercentE8, percentE8),
              fraction(component.by.priceE8, oneE8),
            ),
          );
        default:
          return assertNever(component.by);
      }
    case 'discount': {
      if (component.by.how === 'amount') return null;
      const share = shareOf(sumOf(component.of, prices), component.by.percentE8);
      return { ...share, price: share.price === null ? null : negate(share.price) };
    }
    case 'tax': {
      // Below the exemption the next kWh is not taxed; beyond it, it is taxed as it costs.
      const { exemptE8 } = component;
      const isExempt = exemptE8 > 0n && compare(useKwh, fraction(exemptE8, oneE8)) < 0;
      if (isExempt) return known(zero);
      return component.by.how === 'perKwh'
        ? known(fraction(component.by.priceE8, oneE8))
        : shareOf(sumOf(component.by.of, prices), component.by.percentE8);
    }
    case 'energy':
    case 'dynamic':
    case 'demand':
    case 'reactive':
    case 'fixed':
    case 'minimum':
    case 'netting':
      return null;
    default:
      return assertNever(component);
  }
}

/**
 * What one more kWh of import costs in a slot of a bill, before rounding, component by component.
 * What does not follow from the kWh is not in it: standing charges, demand, minima, credits.
 */
export function marginalAt(
  compiled: CompiledTariff,
  slot: number,
  position: BillPosition,
): Outcome<Marginal, MarginalRefusal> {
  const prices: (Fraction | null)[] = [];
  const parts: MarginalPart[] = [];
  for (const [index, each] of compiled.components.entries()) {
    const { component } = each;
    const onBill = isOnBill(component, position);
    if (!onBill.ok) return onBill;
    const own = onBill.value
      ? (energyPart(compiled, { each, index, slot }, position) ??
        spotPart(compiled, { each, slot }) ??
        derivedPart(component, prices, position))
      : null;
    prices.push(own === null ? zero : own.price);
    if (own !== null) parts.push({ component: component.name, kind: component.kind, ...own });
  }
  return accept({ parts, price: sumOf([...prices.keys()], prices) });
}

/** Whether two slots cost the same and for the same reason. */
export function isSameMarginal(left: Marginal, right: Marginal): boolean {
  const isSamePrice = (one: Fraction | null, other: Fraction | null): boolean =>
    one === null || other === null ? one === other : compare(one, other) === 0;
  return (
    isSamePrice(left.price, right.price) &&
    left.parts.length === right.parts.length &&
    left.parts.every((part, index) => {
      const other = right.parts[index];
      return (
        part.period === other.period &&
        part.tier === other.tier &&
        part.isProvisional === other.isProvisional &&
        isSamePrice(part.price, other.price)
      );
    })
  );
}
