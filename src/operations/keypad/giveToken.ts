import type { Transaction } from '../../db/connect.ts';
import { hasTokenIssue, insertTokenIssue, lockKeypads, moveKeypad } from '../../db/keypads.ts';
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

/**
 * What a payment means to the keypad device of its account, in the payment's transaction: one
 * token a payment, and the device's count moves with it. What is less than a unit, or more than a
 * token holds, is carried to the next payment; money that goes back is carried as less. Null: the
 * account has no device, or several, and then nobody can say for which one was paid.
 */
export async function giveToken(tx: Transaction, paid: PaidForKeypad): Promise<GivenToken | null> {
  const { companyId, accountId, paymentId, amountMicros, nowMs } = paid;
  const [device, another] = await lockKeypads(tx, { companyId, accountId, atMs: nowMs });
  if (device === undefined || another !== undefined) return null;
  if (device.currency !== paid.currency) return null;
  const isGiven = await hasTokenIssue(tx, paymentId);
  // Of a payment without a token nothing was handed out that could be taken off the next one.
  if (!paid.isReceipted && !isGiven) return null;
  const { meterId } = device;
  const carriedMicros = device.carriedMicros + amountMicros;
  const value = isGiven ? 0 : valueOf(device, carriedMicros);
  if (value === 0) {
    await moveKeypad(tx, { meterId, tokenCount: device.tokenCount, carriedMicros });
    return null;
  }
  const tokenCount = openPaygo.nextCount(device.tokenCount, 'add');
  const token = { meterId, tokenCount, companyId, accountId, paymentId, value };
  await insertTokenIssue(tx, { ...token, issuedAtMs: nowMs });
  const rest = carriedMicros - BigInt(value) * device.unitMicros;
  await moveKeypad(tx, { meterId, tokenCount, carriedMicros: rest });
  return { meterId, count: tokenCount, value };
}
