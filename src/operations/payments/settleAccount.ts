import type { Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, plainEvent } from '../../db/events.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { takeReceiptNumber } from '../../db/payments.ts';
import { assert } from '../../domain/assert.ts';
import { onCredit } from '../prepaid/onCredit.ts';
import { reviewSupply } from '../reviewSupply.ts';
import { netOf } from './postSteps.ts';
import type { PostedStep, StepContext } from './postSteps.ts';
import { issueReceipt } from './receipts.ts';

export type MovedAccount = {
  readonly balanceMicros: bigint;
  readonly receiptNumber: bigint | null;
  readonly commandsRequested: boolean;
};

/** Steps by which a customer is given money, each with a receipt. */
function isReceipted(step: PostedStep): boolean {
  return step.kind === 'captured' || step.kind === 'allocated';
}

/**
 * What follows from steps that moved an account's balance: debts and the supply, the receipt, the
 * news. The number of a receipt is taken before anything else, and the event is appended last:
 * all payments of a company take these two locks in this order.
 */
export async function settleAccount(
  tx: Transaction,
  context: StepContext & { readonly accountId: number; readonly reference: string },
  steps: readonly PostedStep[],
): Promise<MovedAccount> {
  const { channel, payment, accountId, atMs, reference } = context;
  const { companyId } = payment;
  const receipted = steps.find(isReceipted);
  const receiptNumber = receipted === undefined ? null : await takeReceiptNumber(tx, companyId);
  const allocated = steps.find((step) => step.kind === 'allocated')?.amountMicros ?? 0n;
  const amountMicros = netOf(steps) + allocated;
  let toDebtMicros = 0n;
  let commandsRequested: boolean;
  if (amountMicros > 0n) {
    const paymentId = payment.id;
    const part = String(steps.at(-1)?.ordinal ?? 0);
    const credit = { companyId, accountId, amountMicros, paymentId, part, nowMs: atMs };
    const effect = await onCredit(tx, credit);
    ({ toDebtMicros } = effect);
    ({ commandsRequested } = effect.review);
  } else {
    ({ commandsRequested } = await reviewSupply(tx, {
      companyId,
      accountIds: [accountId],
      nowMs: atMs,
    }));
  }
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  assert(account !== undefined, 'the account of a payment was locked before');
  const { balanceMicros } = account;
  if (receipted !== undefined && receiptNumber !== null) {
    await issueReceipt(tx, {
      number: receiptNumber,
      channel,
      payment: { ...payment, reference },
      ordinal: receipted.ordinal,
      accountId,
      paidMicros: receipted.amountMicros,
      toDebtMicros,
      balanceMicros,
      issuedAtMs: atMs,
    });
  }
  for (const { kind, amountMicros: moved, transferId } of steps) {
    await appendEvent(
      tx,
      plainEvent({
        companyId,
        kind: channel.kind === 'counter' && kind === 'captured' ? 'top_up' : 'payment',
        atMs,
        subjects: [{ ...companySubject, accountId }],
        detail: {
          paymentId: payment.id,
          step: kind,
          transferId,
          amountMicros: moved.toString(),
          currency: payment.currency,
          channel: channel.name,
          receiptNumber: receiptNumber?.toString() ?? null,
        },
        balanceMicros: [balanceMicros],
      }),
    );
  }
  return { balanceMicros, receiptNumber, commandsRequested };
}
