import { assertNever } from '../assert.ts';
import type { Component, Prices, Tier } from './component.ts';

/** The prices of a component as a list to show. What has no price of its own has an empty one. */
export type PriceList = {
  /** What a price is for: `kWh`, `kW`, `day`; null where there is none. */
  readonly unit: string | null;
  /** Of the limits of tiers; null where there are none. */
  readonly tierUnit: string | null;
  readonly prices: readonly {
    /** Of the component's calendar; null where it has none. */
    readonly period: string | null;
    readonly tiers: readonly Tier[];
  }[];
};

function plain(unit: string, priceE8: bigint): PriceList {
  const tiers = [{ upToE8: null, priceE8, flatE8: 0n }];
  return { unit, tierUnit: null, prices: [{ period: null, tiers }] };
}

function byPeriod({ periods, tiers }: Prices): PriceList['prices'] {
  return periods.map((period, index) => ({ period, tiers: tiers[index] ?? [] }));
}

const none: PriceList = { unit: null, tierUnit: null, prices: [] };

/** `periodNames` are the calendar's, for a component that has no list of its own. */
export function priceListOf(component: Component, periodNames: readonly string[]): PriceList {
  switch (component.kind) {
    case 'energy':
      return {
        unit: 'kWh',
        tierUnit: component.tierRule?.unit ?? null,
        prices: byPeriod(component.prices),
      };
    case 'demand':
      return { unit: component.unit, tierUnit: component.unit, prices: byPeriod(component.prices) };
    case 'reactive':
      return component.measure === 'excess'
        ? { unit: 'kvarh', tierUnit: null, prices: byPeriod(component.prices) }
        : none;
    case 'fixed': {
      const unit = component.per;
      const { steps, byPeriod: amounts } = component;
      if (amounts !== null) {
        const prices = amounts.amountsE8.map((priceE8, index) => ({
          period: periodNames[index] ?? null,
          tiers: [{ upToE8: null, priceE8, flatE8: 0n }],
        }));
        return { unit, tierUnit: null, prices };
      }
      const tiers = (steps ?? []).map(({ upToE8, amountE8 }) => ({
        upToE8,
        priceE8: amountE8,
        flatE8: 0n,
      }));
      return { unit, tierUnit: tiers.length > 1 ? 'kWh' : null, prices: [{ period: null, tiers }] };
    }
    case 'minimum':
      return plain(component.per, component.amountE8);
    case 'adjust':
      return component.by.how === 'perKwh' ? plain('kWh', component.by.priceE8) : none;
    case 'tax':
      return component.by.how === 'perKwh' ? plain('kWh', component.by.priceE8) : none;
    case 'dynamic':
    case 'discount':
    case 'netting':
      return none;
    default:
      return assertNever(component);
  }
}

/** By which calendar a component's price changes with the time; null where it does not. */
export function calendarIndexOf(component: Component): number | null {
  switch (component.kind) {
    case 'energy':
    case 'demand':
      return component.prices.calendarIndex;
    case 'reactive':
      return component.measure === 'excess' ? component.prices.calendarIndex : null;
    case 'fixed':
      return component.byPeriod?.calendarIndex ?? null;
    case 'dynamic':
    case 'minimum':
    case 'adjust':
    case 'discount':
    case 'tax':
    case 'netting':
      return null;
    default:
      return assertNever(component);
  }
}
