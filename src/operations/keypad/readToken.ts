import type { Statement } from '../../db/connect.ts';
import {
  findCountedToken,
  findCountingKeypad,
  findIssuedToken,
  isChoiceOpen,
} from '../../db/keypads.ts';
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

export type ShownToken = Pick<
  IssuedToken,
  'serial' | 'tokenCount' | 'kind' | 'value' | 'issuedAt'
> & {
  /** As the customer types them in. */
  readonly digits: string;
};

export type TokenDigitsCode = DeviceKeysCode | SealedKeyCode;

/** Two before it is one of its kind, too, so that the provider makes this very one. */
function countBefore({ tokenCount, kind }: IssuedToken): number {
  const before = tokenCount - 2;
  assert(openPaygo.nextCount(before, kind) === tokenCount, 'a count is of the token’s kind');
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
  const { startingCode, digits, kind, value } = issued;
  const count = countBefore(issued);
  const made = openPaygo.makeToken({ key: key.value, startingCode, count, digits, kind, value });
  assert(made.ok, 'a value that was issued fits its token');
  return accept(made.value.token);
}

/** What a device counted and gave no token for is carried; what none counted buys no units. */
async function whyNone(tx: Statement, paymentId: string): Promise<string> {
  if (isUuid(paymentId) && (await isChoiceOpen(tx, paymentId))) {
    return 'This payment gave no token yet: its account has several keypads. Say for which it was.';
  }
  const countedBy = isUuid(paymentId) ? await findCountingKeypad(tx, paymentId) : null;
  return countedBy === null
    ? 'This payment gave no token: when it was paid, its account had no keypad device.'
    : 'This payment gave no token: with what was carried before it came to less than a unit. ' +
        'That is carried to the next payment.';
}

function shown(issued: IssuedToken, keysOf: DeviceKeysOf): Outcome<ShownToken, TokenDigitsCode> {
  const digits = digitsOf(issued, keysOf);
  if (!digits.ok) return digits;
  const { serial, tokenCount, kind, value, issuedAt } = issued;
  return accept({ digits: digits.value, serial, tokenCount, kind, value, issuedAt });
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
  return shown(issued, keysOf);
}

/** A token that a person gave. */
export async function readCountedToken(
  tx: Statement,
  of: { readonly meterId: number; readonly tokenCount: number },
  keysOf: DeviceKeysOf,
): Promise<Outcome<ShownToken, TokenDigitsCode>> {
  const issued = await findCountedToken(tx, of);
  assert(issued !== null, 'a token that was given is there');
  return shown(issued, keysOf);
}
