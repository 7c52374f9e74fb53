import { parseMicros } from '../../domain/exact.ts';
import { topUpMicrosMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';

export type AmountCode =
  | 'AMOUNT_MALFORMED'
  | 'AMOUNT_NOT_POSITIVE'
  | 'AMOUNT_TOO_PRECISE'
  | 'AMOUNT_TOO_LARGE'
  | 'CURRENCY_UNKNOWN';

/** Micro-units of a payment that the currency can carry. */
export function parsePaid(input: {
  /** Plain decimal text. */
  readonly amount: string;
  readonly currency: string;
}): Outcome<bigint, AmountCode> {
  const minorDigits = minorDigitsOf(input.currency);
  if (minorDigits === undefined) {
    return refuse(
      'CURRENCY_UNKNOWN',
      'The currency is not an ISO 4217 code in use; write one such as EUR.',
      ['currency'],
    );
  }
  const path = ['amount'];
  const decimals = /^-?\d+\.(\d+)$/.exec(input.amount)?.[1]?.length ?? 0;
  if (decimals > minorDigits) {
    const message = `${input.currency} has ${minorDigits} decimals, not ${decimals}; round it.`;
    return refuse('AMOUNT_TOO_PRECISE', message, path);
  }
  const amount = parseMicros(input.amount);
  if (!amount.ok) return refuse('AMOUNT_MALFORMED', amount.message, path);
  if (amount.value <= 0n) {
    return refuse('AMOUNT_NOT_POSITIVE', 'An amount is above zero; nothing was posted.', path);
  }
  if (amount.value > topUpMicrosMax) {
    return refuse(
      'AMOUNT_TOO_LARGE',
      `A payment is at most ${topUpMicrosMax / 1_000_000n} ${input.currency}; pay in parts.`,
      path,
    );
  }
  return accept(amount.value);
}
