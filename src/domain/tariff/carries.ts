import type { Component } from './component.ts';

/**
 * Whether a component reads or leaves anything beyond its bill (docs/tariff-rules.md 15, 25, 26,
 * 33, 37 to 39).
 */
export function carries(component: Component): boolean {
  switch (component.kind) {
    case 'energy': {
      const reset = component.tierRule?.reset ?? 'bill';
      return reset !== 'bill' && reset !== 'day';
    }
    case 'demand':
      return component.measure !== 'contracted';
    case 'minimum':
      // Two bills of one month count as one.
      return component.per === 'year';
    case 'netting':
      return component.method !== 'interval' && component.method !== 'buyAllSellAll';
    case 'dynamic':
    case 'reactive':
    case 'fixed':
    case 'adjust':
    case 'discount':
    case 'tax':
      return false;
  }
}
