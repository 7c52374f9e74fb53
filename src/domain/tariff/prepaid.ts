import { refuse } from '../outcome.ts';
import type { Refused } from '../outcome.ts';
import type { Component } from './component.ts';
import type { TariffDocument } from './document.ts';

/** Null where the component can be posted while its bill is open; else what cannot. */
function unsupported(component: Component): { field: string; what: string } | null {
  const { useAtMostE8, useAboveE8 } = component.when;
  if (useAtMostE8 !== null || useAboveE8 !== null) {
    return { field: 'when', what: 'asks for the use of the whole bill' };
  }
  if (component.kind === 'reactive' && component.measure === 'powerFactor') {
    return { field: 'measure', what: 'asks for the power factor of the whole bill' };
  }
  if (component.kind === 'demand' && component.meanOfMonths !== null) {
    return { field: 'meanOfMonths', what: 'bills the mean of whole months' };
  }
  if (component.kind !== 'netting') return null;
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
