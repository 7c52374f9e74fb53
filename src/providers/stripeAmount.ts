import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { minorDigitsOf } from '../domain/tariff/currency.ts';

/**
 * Amounts at Stripe are integers of a smallest unit that is not always ISO 4217's: the króna keeps
 * two decimals, the ariary has none. Source: docs.stripe.com/currencies, zero-decimal and
 * three-decimal currencies, special cases.
 */
const zeroDecimal = 'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' ');
const threeDecimal = 'BHD JOD KWD OMR TND'.split(' ');
/** The same page calls it zero-decimal and, below, to be written with two decimals. */
const contradictory = ['UGX'];

/** Of three decimals the last is zero, because the card networks carry two. */
const threeDecimalStep = 10n;

type AmountCode = 'PAYMENT_AMOUNT_UNSUPPORTED';

function unitOf(currency: string): Outcome<bigint, AmountCode> {
  if (minorDigitsOf(currency) === undefined || contradictory.includes(currency)) {
    const message = `Amounts in ${currency} cannot be told to this provider without doubt.`;
    return refuse('PAYMENT_AMOUNT_UNSUPPORTED', message, ['currency']);
  }
  if (zeroDecimal.includes(currency)) return accept(1_000_000n);
  return accept(threeDecimal.includes(currency) ? 1_000n : 10_000n);
}

/** Micros as the provider's integer; what it cannot carry exactly is refused. */
export function toMinor(micros: bigint, currency: string): Outcome<number, AmountCode> {
  const unit = unitOf(currency);
  if (!unit.ok) return unit;
  const minor = micros / unit.value;
  const step = threeDecimal.includes(currency) ? threeDecimalStep : 1n;
  if (minor * unit.value !== micros || minor % step !== 0n || minor > Number.MAX_SAFE_INTEGER) {
    const message = `The provider cannot carry this amount of ${currency} exactly; round it.`;
    return refuse('PAYMENT_AMOUNT_UNSUPPORTED', message, ['amount']);
  }
  return accept(Number(minor));
}

/** The provider's integer as micros, exactly. */
export function fromMinor(minor: number, currency: string): Outcome<bigint, AmountCode> {
  const unit = unitOf(currency);
  if (!unit.ok) return unit;
  if (!Number.isSafeInteger(minor)) {
    return refuse('PAYMENT_AMOUNT_UNSUPPORTED', 'The provider tells an amount that is no integer.');
  }
  return accept(BigInt(minor) * unit.value);
}
