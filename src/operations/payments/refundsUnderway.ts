import type { Transaction } from '../../db/connect.ts';
import { findRefundRequests, readSteps } from '../../db/payments.ts';
import type { PaymentStepRow } from '../../db/payments.ts';

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
