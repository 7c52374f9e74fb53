import type { Base, Component, DynamicComponent, NettingComponent, Prices } from './component.ts';
import type { PriceSeries } from './priceSeries.ts';

function pricesCharge(prices: Prices): boolean {
  return prices.tiers.flat().some(({ priceE8, flatE8 }) => priceE8 !== 0n || flatE8 !== 0n);
}

function dynamicCharges(component: DynamicComponent, series: readonly PriceSeries[]): boolean {
  const { missing, capE8, floorE8 } = component;
  if (typeof missing === 'object' && missing.priceE8 !== 0n) return true;
  if (floorE8 !== null && floorE8 > 0n) return true;
  if (capE8 !== null && capE8 < 0n) return true;
  if (capE8 === 0n && floorE8 === 0n) return false;
  if (component.adderE8 !== 0n) return true;
  const own = series.find(({ name }) => name === component.series);
  const seriesCharges = own?.pricesE8.some((price) => price !== null && price !== 0n) ?? true;
  return component.factorE8 !== 0n && seriesCharges;
}

function nettingCharges(component: NettingComponent): boolean {
  return component.method === 'energyCredits' && (component.trueUp?.priceE8 ?? 0n) !== 0n;
}

/** Whether a component can ever cost or credit anything; a percentage of nothing is nothing. */
function charges(
  component: Component,
  above: readonly boolean[],
  series: readonly PriceSeries[],
): boolean {
  const anyOf = (base: Base): boolean => base.some((index) => above[index] ?? false);
  switch (component.kind) {
    case 'energy':
      return pricesCharge(component.prices) || component.surplusE8.some((price) => price !== 0n);
    case 'dynamic':
      return dynamicCharges(component, series);
    case 'demand':
      return pricesCharge(component.prices);
    case 'reactive':
      switch (component.measure) {
        case 'excess':
          return pricesCharge(component.prices);
        case 'powerFactor':
          return component.steps.some(({ percentE8 }) => percentE8 !== 0n) && anyOf(component.of);
        case 'kvaAdjustment':
          return component.priceE8 !== 0n;
      }
    case 'fixed':
      return (
        (component.steps ?? []).some(({ amountE8 }) => amountE8 !== 0n) ||
        (component.byPeriod?.amountsE8 ?? []).some((amountE8) => amountE8 !== 0n)
      );
    case 'minimum':
      return component.amountE8 !== 0n;
    case 'adjust':
    case 'tax':
      if (component.by.how === 'percent')
        return component.by.percentE8 !== 0n && anyOf(component.by.of);
      return component.by.priceE8 !== 0n;
    case 'discount':
      // Where nothing is charged, a discount takes nothing unless it may go below zero.
      return anyOf(component.of) || (component.floorE8 ?? 0n) < 0n;
    case 'netting':
      return nettingCharges(component);
  }
}

/** True when no bill of these components can be other than zero. */
export function isAllZero(
  components: readonly Component[],
  series: readonly PriceSeries[],
): boolean {
  const known: boolean[] = [];
  for (const component of components) known.push(charges(component, known, series));
  return !known.includes(true);
}
