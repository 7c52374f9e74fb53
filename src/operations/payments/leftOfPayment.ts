import type { Transaction } from '../../db/connect.ts';
import { standingOfTransfers } from '../../db/ledgerReads.ts';
import { findRefundRequests, readSteps } from '../../db/payments.ts';
import type { PaymentStepRow } from '../../db/payments.ts';
import { netOf } from './postSteps.ts';

/** What was asked for of one payment and has neither come nor failed. */
export function refundUnderway(steps: readonly PaymentStepRow[]): bigint {
  let micros = 0n;
  for (const { kind, amountMicros, transferId } of steps) {
    if (kind === 'refund_requested') micros += amountMicros;
    const isEnded = kind === 'refunded' || (kind === 'refund_failed' && transferId === null);
    if (isEnded) micros -= amountMicros;
    if (micros < 0n) micros = 0n; // of a refund that somebody made at the provider
  }
  return micros;
}

/** The same of all payments of an account: its balance still has it. Under the account's lock. */
export async function refundsUnderway(tx: Transaction, accountId: number): Promise<bigint> {
  const steps = await readSteps(tx, await findRefundRequests(tx, accountId));
  const byPayment = Map.groupBy(steps, ({ paymentId }) => paymentId);
  return [...byPayment.values()].reduce((sum, each) => sum + refundUnderway(each), 0n);
}

/** Steps by which a payment gave money to somebody. */
export function isGiving({ kind }: PaymentStepRow): boolean {
  switch (kind) {
    case 'captured':
    case 'allocated':
    case 'dispute_won':
      return true;
    case 'refund_requested':
    case 'refunded':
    case 'refund_failed':
    case 'disputed':
    case 'failed':
      return false;
  }
}

/**
 * What of a payment can still go back: what came in, less what went back, what was asked back and
 * what people have corrected of it. Under the payment's lock.
 */
export async function leftOfPayment(
  tx: Transaction,
  steps: readonly PaymentStepRow[],
): Promise<bigint> {
  let givenMicros = 0n;
  const ids: string[] = [];
  for (const step of steps) {
    if (!isGiving(step) || step.transferId === null) continue;
    givenMicros += step.amountMicros;
    ids.push(step.transferId);
  }
  const correctedMicros = givenMicros - (await standingOfTransfers(tx, ids));
  return netOf(steps) - refundUnderway(steps) - correctedMicros;
}
