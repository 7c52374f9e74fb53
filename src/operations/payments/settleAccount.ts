import { atClosing } from '../../db/closing.ts';
import type { Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, plainEvent } from '../../db/events.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { takeReceiptNumber } from '../../db/payments.ts';
import { assert } from '../../domain/assert.ts';
import { giveToken } from '../keypad/giveToken.ts';
import type { CountedByKeypad } from '../keypad/giveToken.ts';
import { onCredit } from '../prepaid/onCredit.ts';
import { reviewSupply } from '../reviewSupply.ts';
import { endChargebackDebt, setAsideChargeback } from './chargeback.ts';
import { netOf } from './postSteps.ts';
import type { PostedStep, StepContext } from './postSteps.ts';
import { issueReceipt } from './receipts.ts';

export type MovedAccount = {
  readonly balanceMicros: bigint;
  readonly commandsRequested: boolean;
};

/** Steps by which a customer is given money, each with a receipt. */
function isReceipted(step: PostedStep): boolean {
  return step.kind === 'captured' || step.kind === 'allocated';
}

function sumOf(steps: readonly PostedStep[], kind: PostedStep['kind']): bigint {
  return steps.reduce((sum, step) => (step.kind === kind ? sum + step.amountMicros : sum), 0n);
}

type SettledContext = StepContext & { readonly accountId: number; readonly reference: string };

type Gained = {
  /** By all steps together; below zero it was lost. */
  readonly amountMicros: bigint;
  readonly toDebtMicros: bigint;
  /** What a dispute took that had been used. */
  readonly setAsideMicros: bigint;
  readonly commandsRequested: boolean;
};

/** Debts and the supply, after steps that moved the balance. */
async function followMoney(
  tx: Transaction,
  { payment, accountId, atMs }: StepContext & { readonly accountId: number },
  steps: readonly PostedStep[],
): Promise<Gained> {
  const { companyId, id: paymentId, currency } = payment;
  const ordinal = steps.at(-1)?.ordinal ?? 0;
  const amountMicros = netOf(steps) + sumOf(steps, 'allocated');
  const of = { companyId, accountId, currency, paymentId, ordinal, nowMs: atMs };
  const wonMicros = sumOf(steps, 'dispute_won');
  const returnedMicros =
    wonMicros > 0n ? await endChargebackDebt(tx, { ...of, amountMicros: wonMicros }) : 0n;
  const gainedMicros = amountMicros - returnedMicros;
  if (gainedMicros > 0n) {
    const credit = { companyId, accountId, amountMicros: gainedMicros, paymentId };
    const effect = await onCredit(tx, { ...credit, part: String(ordinal), nowMs: atMs });
    const toDebtMicros = returnedMicros + effect.toDebtMicros;
    const { commandsRequested } = effect.review;
    return { amountMicros, toDebtMicros, setAsideMicros: 0n, commandsRequested };
  }
  const disputedMicros = sumOf(steps, 'disputed');
  const isDisputed = disputedMicros > 0n && gainedMicros < 0n;
  const lostMicros = disputedMicros < -gainedMicros ? disputedMicros : -gainedMicros;
  const setAsideMicros = isDisputed
    ? await setAsideChargeback(tx, { ...of, amountMicros: lostMicros })
    : 0n;
  const { commandsRequested } = await reviewSupply(tx, {
    companyId,
    accountIds: [accountId],
    nowMs: atMs,
    // What is due after a dispute is decided by the sweep, as after a payment.
    mayCut: !isDisputed,
  });
  return { amountMicros, toDebtMicros: returnedMicros, setAsideMicros, commandsRequested };
}

type Told = {
  readonly steps: readonly PostedStep[];
  readonly toDebtMicros: bigint;
  readonly setAsideMicros: bigint;
  readonly keypad: CountedByKeypad | null;
  readonly balanceMicros: bigint;
};

/** The receipt and the news. All payments of a company wait for both of their numbers. */
async function tellMoved(
  tx: Transaction,
  context: SettledContext,
  { steps, toDebtMicros, setAsideMicros, keypad, balanceMicros }: Told,
): Promise<void> {
  const { channel, payment, accountId, atMs, reference } = context;
  const { companyId } = payment;
  const receipted = steps.find(isReceipted);
  const receiptNumber = receipted === undefined ? null : await takeReceiptNumber(tx, companyId);
  if (receipted !== undefined && receiptNumber !== null) {
    await issueReceipt(tx, {
      number: receiptNumber,
      channel,
      payment: { ...payment, reference },
      ordinal: receipted.ordinal,
      accountId,
      paidMicros: receipted.amountMicros,
      toDebtMicros,
      keypad,
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
          ...(kind === 'disputed' && { toDebtMicros: setAsideMicros.toString() }),
        },
        balanceMicros: [balanceMicros],
      }),
    );
  }
}

/**
 * What follows from steps that moved an account's balance: debts and the supply, and at the end of
 * the transaction the receipt and the news.
 */
export async function settleAccount(
  tx: Transaction,
  context: SettledContext,
  steps: readonly PostedStep[],
): Promise<MovedAccount> {
  const { payment, accountId, atMs } = context;
  const { companyId, id: paymentId, currency } = payment;
  const gained = await followMoney(tx, context, steps);
  const { toDebtMicros, setAsideMicros, commandsRequested } = gained;
  const keypad = await giveToken(tx, {
    companyId,
    accountId,
    paymentId,
    currency,
    // A debt that a dispute made is paid off without units, so it takes none off either.
    amountMicros: gained.amountMicros - toDebtMicros + setAsideMicros,
    isReceipted: steps.some(isReceipted),
    nowMs: atMs,
  });
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  assert(account !== undefined, 'the account of a payment was locked before');
  const { balanceMicros } = account;
  const told = { steps, toDebtMicros, setAsideMicros, keypad, balanceMicros };
  await atClosing(tx, () => tellMoved(tx, context, told));
  return { balanceMicros, commandsRequested };
}
