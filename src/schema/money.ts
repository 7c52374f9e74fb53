import { assert } from '../domain/assert.ts';
import { formatMicros } from '../domain/exact.ts';
import { minorDigitsOf } from '../domain/tariff/currency.ts';
import { builder } from './builder.ts';

export type MoneyValue = { readonly micros: bigint; readonly currency: string };

/** Exact, with the currency's own digits kept and more where there is more: "5.00", "0.004". */
export function amountText({ micros, currency }: MoneyValue): string {
  const minorDigits = minorDigitsOf(currency);
  assert(minorDigits !== undefined, 'a stored currency is in use');
  return formatMicros(micros, minorDigits);
}

export const Money = builder.objectRef<MoneyValue>('Money').implement({
  description: 'An exact amount. Negative amounts are owed to or by the other side.',
  fields: (t) => ({
    amount: t.field({ type: 'Decimal', resolve: amountText }),
    currency: t.field({ type: 'CurrencyCode', resolve: (money) => money.currency }),
  }),
});
