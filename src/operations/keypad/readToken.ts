import type { Statement } from '../../db/connect.ts';
import { findCountingKeypad, findIssuedToken } from '../../db/keypads.ts';
import type { IssuedToken } from '../../db/keypads.ts';
import { assert } from '../../domain/assert.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type {
  DeviceKeysCode,
  DeviceKeysOf,
  SealedKeyCode,
} from '../../domain/payment/deviceKeys.ts';
import { isUuid } from '../../domain/uuid.ts';
import { openPaygo } from '../../wire/openPaygo.ts';

export type ShownToken = Pick<IssuedToken, 'serial' | 'tokenCount' | 'value' | 'issuedAt'> & {
  /** As the customer types them in. */
  readonly digits: string;
};

export type TokenDigitsCode = DeviceKeysCode | SealedKeyCode;

/** Two before it is one that adds, too, so that the provider makes this very one. */
function countBefore({ tokenCount }: IssuedToken): number {
  const before = tokenCount - 2;
  assert(openPaygo.nextCount(before, 'add') === tokenCount, 'tokens of payments add');
  return before;
}

/**
 * The same digits however often they are asked for: they are kept nowhere, and made from the
 * device's key, which is in clear only here.
 */
export function digitsOf(
  issued: IssuedToken,
  keysOf: DeviceKeysOf,
): Outcome<string, TokenDigitsCode> {
  const keys = keysOf(false);
  if (!keys.ok) return keys;
  const key = keys.value.open(issued.sealedKey, issued);
  if (!key.ok) return key;
  const { startingCode, digits, value } = issued;
  const count = countBefore(issued);
  const of = { key: key.value, startingCode, count, digits, value } as const;
  const made = openPaygo.makeToken({ ...of, kind: 'add' });
  assert(made.ok, 'a value that was issued fits its token');
  return accept(made.value.token);
}

/** What a device counted and gave no token for is carried; what none counted buys no units. */
async function whyNone(tx: Statement, paymentId: string): Promise<string> {
  const countedBy = isUuid(paymentId) ? await findCountingKeypad(tx, paymentId) : null;
  return countedBy === null
    ? 'This payment gave no token: when it was paid, its account had no keypad device, or several.'
    : 'This payment gave no token: with what was carried before it came to less than a unit. ' +
        'That is carried to the next payment.';
}

/** The token that a payment gave. */
export async function readToken(
  tx: Statement,
  paymentId: string,
  keysOf: DeviceKeysOf,
): Promise<Outcome<ShownToken, TokenDigitsCode | 'TOKEN_NOT_ISSUED'>> {
  const issued = await findIssuedToken(tx, paymentId);
  if (issued === null) {
    return refuse('TOKEN_NOT_ISSUED', await whyNone(tx, paymentId));
  }
  const digits = digitsOf(issued, keysOf);
  if (!digits.ok) return digits;
  const { serial, tokenCount, value, issuedAt } = issued;
  return accept({ digits: digits.value, serial, tokenCount, value, issuedAt });
}
