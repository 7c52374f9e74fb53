import { assertNever } from '../assert.ts';
import { refuse } from '../outcome.ts';
import type { Refused } from '../outcome.ts';
import type { Component, NettingComponent } from './component.ts';
import type { TariffDocument } from './document.ts';

type Unsupported = { readonly field: string; readonly what: string };

function unsupportedNetting(component: NettingComponent): Unsupported | null {
  switch (component.method) {
    case 'interval':
    case 'buyAllSellAll':
      return null;
    case 'energyCredits':
    case 'moneyCredits':
      return { field: 'method', what: 'keeps credits that only a whole bill has' };
    case 'netBilling':
      return component.unused === 'applyNow'
        ? null
        : { field: 'unused', what: 'keeps or drops credits that only a whole bill has' };
    default:
      return assertNever(component);
  }
}

/** Null where the component can be posted while its bill is open; else what cannot. */
function unsupported(component: Component): Unsupported | null {
  const { useAtMostE8, useAboveE8 } = component.when;
  if (useAtMostE8 !== null || useAboveE8 !== null) {
    return { field: 'when', what: 'asks for the use of the whole bill' };
  }
  switch (component.kind) {
    case 'energy':
    case 'dynamic':
    case 'fixed':
    case 'minimum':
    case 'adjust':
    case 'discount':
    case 'tax':
      return null;
    case 'reactive':
      return component.measure === 'powerFactor'
        ? { field: 'measure', what: 'asks for the power factor of the whole bill' }
        : null;
    case 'demand':
      return component.meanOfMonths === null
        ? null
        : { field: 'meanOfMonths', what: 'bills the mean of whole months' };
    case 'netting':
      return unsupportedNetting(component);
    default:
      return assertNever(component);
  }
}

/** A prepaid balance follows every reading; what only a closed bill knows has no place in it. */
export function refusePrepaid(document: TariffDocument): Refused<'PREPAID_UNSUPPORTED'> | null {
  for (const [index, component] of document.components.entries()) {
    const found = unsupported(component);
    if (found === null) continue;
    const path = ['components', String(index), found.field];
    const message =
      `${path.join('.')}: ${component.name} ${found.what}, so that a prepaid balance cannot ` +
      'follow it; bill the agreement after the month, or use another tariff.';
    return refuse('PREPAID_UNSUPPORTED', message, path);
  }
  return null;
}
