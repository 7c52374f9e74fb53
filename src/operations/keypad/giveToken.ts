import type { Transaction } from '../../db/connect.ts';
import {
  findCountingKeypad,
  hasTokenIssue,
  insertTokenIssue,
  lockKeypads,
  moveKeypad,
} from '../../db/keypads.ts';
import type { KeypadDevice } from '../../db/keypads.ts';
import { openPaygo } from '../../wire/openPaygo.ts';

export type PaidForKeypad = {
  readonly companyId: number;
  readonly accountId: number;
  readonly paymentId: string;
  readonly currency: string;
  /** What the account gained for energy, or lost again. */
  readonly amountMicros: bigint;
  /** Whether money came in that the customer gets a receipt for. */
  readonly isReceipted: boolean;
  readonly nowMs: number;
};

/** Without its digits: whoever has the device's key makes the same ones again. */
export type GivenToken = {
  readonly meterId: number;
  readonly count: number;
  /** Days or units, as the device counts. */
  readonly value: number;
};

/** Whole days or units of what is carried, and no more than a token holds. */
function valueOf({ unitMicros, digits }: KeypadDevice, carriedMicros: bigint): number {
  if (carriedMicros < unitMicros) return 0;
  const whole = carriedMicros / unitMicros;
  const max = openPaygo.valueMax(digits);
  return whole > BigInt(max) ? max : Number(whole);
}

/** What a device counted of a payment; without a token it carries it to the next one. */
export type CountedByKeypad = { readonly meterId: number; readonly token: GivenToken | null };

/**
 * The device of a payment: the one that counted it before, else the only one of its account. None,
 * or several, and nobody can say for which one was paid.
 */
async function lockPaidKeypad(tx: Transaction, paid: PaidForKeypad): Promise<KeypadDevice | null> {
  const { companyId, accountId, currency, paymentId, nowMs } = paid;
  const devices = await lockKeypads(tx, { companyId, accountId, atMs: nowMs });
  const countedBy = await findCountingKeypad(tx, paymentId);
  // What no device counted cannot be taken off the next token.
  if (countedBy === null && (!paid.isReceipted || devices.length > 1)) return null;
  const device = devices.find(({ meterId }) => countedBy === null || meterId === countedBy);
  return device?.currency === currency ? device : null;
}

/**
 * What a payment means to the keypad device of its account, in the payment's transaction: one
 * token a payment, and the device's count moves with it. What is less than a unit, or more than a
 * token holds, is carried to the next payment; money that goes back is carried as less. Null: no
 * device counts it.
 */
export async function giveToken(
  tx: Transaction,
  paid: PaidForKeypad,
): Promise<CountedByKeypad | null> {
  const { companyId, accountId, paymentId, amountMicros, nowMs } = paid;
  const device = await lockPaidKeypad(tx, paid);
  if (device === null) return null;
  const { meterId } = device;
  const carriedMicros = device.carriedMicros + amountMicros;
  const mayGive = paid.isReceipted && !(await hasTokenIssue(tx, paymentId));
  const value = mayGive ? valueOf(device, carriedMicros) : 0;
  if (value === 0) {
    await moveKeypad(tx, { meterId, tokenCount: device.tokenCount, carriedMicros });
    return { meterId, token: null };
  }
  const tokenCount = openPaygo.nextCount(device.tokenCount, 'add');
  const token = { meterId, tokenCount, companyId, accountId, paymentId, value };
  await insertTokenIssue(tx, { ...token, issuedAtMs: nowMs });
  const rest = carriedMicros - BigInt(value) * device.unitMicros;
  await moveKeypad(tx, { meterId, tokenCount, carriedMicros: rest });
  return { meterId, token: { meterId, count: tokenCount, value } };
}
