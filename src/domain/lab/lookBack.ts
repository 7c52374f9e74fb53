import { assertNever } from '../assert.ts';
import type { Component } from '../tariff/component.ts';
import type { TariffDocument } from '../tariff/document.ts';

/** Tiers that run through a year or a season, and a yearly minimum: the months before this one. */
const yearMonths = 11;
/** Credits without an end are followed for so long; older ones count as used up. */
const creditMonths = 24;

function monthsOf(component: Component): number {
  switch (component.kind) {
    case 'energy': {
      const reset = component.tierRule?.reset;
      return reset === 'year' || reset === 'season' ? yearMonths : 0;
    }
    case 'demand': {
      const mean = component.meanOfMonths === null ? 0 : component.meanOfMonths.months - 1;
      return Math.max(mean, ...component.ratchets.map(({ months }) => months));
    }
    case 'minimum':
      return component.per === 'year' ? yearMonths : 0;
    case 'netting':
      switch (component.method) {
        case 'interval':
        case 'buyAllSellAll':
          return 0;
        case 'energyCredits':
        case 'moneyCredits':
        case 'netBilling':
          return component.trueUp === null ? creditMonths : yearMonths;
        default:
          return assertNever(component);
      }
    case 'dynamic':
    case 'reactive':
    case 'fixed':
    case 'adjust':
    case 'discount':
    case 'tax':
      return 0;
    default:
      return assertNever(component);
  }
}

/**
 * How many months before a bill decide it with their own use: where rating has to begin, so that
 * what is carried into the bill is known from readings alone.
 */
export function monthsLookedBack(documents: readonly TariffDocument[]): number {
  return Math.max(0, ...documents.flatMap(({ components }) => components.map(monthsOf)));
}
