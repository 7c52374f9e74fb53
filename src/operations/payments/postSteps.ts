import type { Transaction } from '../../db/connect.ts';
import { findLedgerAccount, postTransfer } from '../../db/ledger.ts';
import { insertStep } from '../../db/payments.ts';
import type {
  PaymentChannel,
  PaymentRow,
  PaymentStepKind,
  PaymentStepRow,
} from '../../db/payments.ts';
import type { LedgerCode, TransferCode } from '../../db/tables/ledger.ts';
import { assert } from '../../domain/assert.ts';
import type { PaymentStanding } from '../../domain/payment/standing.ts';
import { derivedId } from '../derivedId.ts';

/** A step as it was written; without a transfer nothing moved. */
export type PostedStep = {
  readonly ordinal: number;
  readonly kind: PaymentStepKind;
  readonly amountMicros: bigint;
  readonly transferId: string | null;
};

export type StepContext = {
  readonly channel: PaymentChannel;
  readonly payment: Pick<PaymentRow, 'id' | 'companyId' | 'currency' | 'agentId'>;
  /** Whose money it is; null: nobody's yet, it is in suspense. */
  readonly accountId: number | null;
  readonly eventId: string | null;
  readonly atMs: number;
};

/** Where the money of a channel stands until it is in the bank. */
function clearingCodeOf(channel: PaymentChannel): LedgerCode {
  switch (channel.kind) {
    case 'counter':
    case 'openpaygo':
      return 'payments_clearing';
    case 'stripe':
      return 'card_clearing';
    case 'bank':
      return 'bank';
    case 'cash':
      return 'agent_cash';
    case 'voucher':
      return 'vouchers_sold';
  }
}

export async function findClearing(
  tx: Transaction,
  { channel, payment }: Pick<StepContext, 'channel' | 'payment'>,
): Promise<number> {
  const code = clearingCodeOf(channel);
  const { companyId, currency, agentId } = payment;
  assert(code !== 'agent_cash' || agentId !== null, 'cash is taken by an agent');
  return findLedgerAccount(tx, {
    companyId,
    currency,
    code,
    ...(code === 'agent_cash' && agentId !== null && { agentId }),
  });
}

/** The customer's ledger account, or the company's suspense while nobody knows whose it is. */
export async function findHolder(
  tx: Transaction,
  { payment, accountId }: Pick<StepContext, 'payment' | 'accountId'>,
): Promise<number> {
  const { companyId, currency } = payment;
  return accountId === null
    ? findLedgerAccount(tx, { companyId, currency, code: 'suspense' })
    : findLedgerAccount(tx, { companyId, currency, code: 'customer', accountId });
}

function captureCode({ channel, accountId }: StepContext): TransferCode {
  if (accountId === null) return 'unallocated';
  switch (channel.kind) {
    case 'counter':
      return 'top_up';
    case 'voucher':
      return 'voucher_used';
    case 'stripe':
    case 'bank':
    case 'cash':
    case 'openpaygo':
      return 'payment';
  }
}

type Move = {
  readonly kind: PaymentStepKind;
  readonly amountMicros: bigint;
  readonly code: TransferCode;
  /** To the customer, or back to where it came from. */
  readonly isCredit: boolean;
  readonly reasonCode?: string;
};

/** What has been posted of a payment, by its steps. */
export function postedOf(steps: readonly PostedStep[]): PaymentStanding {
  const of = (kind: PaymentStepKind) =>
    steps.reduce(
      (sum, step) =>
        step.kind === kind && step.transferId !== null ? sum + step.amountMicros : sum,
      0n,
    );
  return {
    capturedMicros: of('captured'),
    refundedMicros: of('refunded') - of('refund_failed'),
    disputedMicros: of('disputed') - of('dispute_won'),
  };
}

/** The moves that lead from what is posted to what should be. */
function movesBetween(
  context: StepContext,
  posted: PaymentStanding,
  target: PaymentStanding,
): readonly Move[] {
  const captured = target.capturedMicros - posted.capturedMicros;
  const refunded = target.refundedMicros - posted.refundedMicros;
  const disputed = target.disputedMicros - posted.disputedMicros;
  assert(captured >= 0n, 'what was captured in total never goes down');
  const moves: Move[] = [
    { kind: 'captured', amountMicros: captured, code: captureCode(context), isCredit: true },
    refunded >= 0n
      ? { kind: 'refunded', amountMicros: refunded, code: 'refund', isCredit: false }
      : {
          kind: 'refund_failed',
          amountMicros: -refunded,
          code: 'refund',
          isCredit: true,
          reasonCode: 'refund_failed',
        },
    disputed >= 0n
      ? { kind: 'disputed', amountMicros: disputed, code: 'dispute', isCredit: false }
      : { kind: 'dispute_won', amountMicros: -disputed, code: 'dispute_won', isCredit: true },
  ];
  return moves.filter((move) => move.amountMicros > 0n);
}

export function nextOrdinal(steps: readonly { readonly ordinal: number }[]): number {
  return steps.reduce((last, step) => Math.max(last, step.ordinal), 0) + 1;
}

/**
 * Posts the difference between what was posted and what should be, a step and a transfer each. The
 * caller holds the locks of the payment and of its account.
 */
export async function postSteps(
  tx: Transaction,
  context: StepContext,
  { steps, target }: { steps: readonly PaymentStepRow[]; target: PaymentStanding },
): Promise<readonly PostedStep[]> {
  const { payment, accountId, atMs } = context;
  const moves = movesBetween(context, postedOf(steps), target);
  if (moves.length === 0) return [];
  const [clearingId, holderId] = [await findClearing(tx, context), await findHolder(tx, context)];
  const posted: PostedStep[] = [];
  let ordinal = nextOrdinal(steps);
  for (const { kind, amountMicros, code, isCredit, reasonCode } of moves) {
    const transferId = derivedId('payment_step', payment.id, String(ordinal));
    await postTransfer(tx, {
      id: transferId,
      companyId: payment.companyId,
      accountId,
      currency: payment.currency,
      debitId: isCredit ? clearingId : holderId,
      creditId: isCredit ? holderId : clearingId,
      amountMicros,
      code,
      postedAtMs: atMs,
      paymentId: payment.id,
      ...(reasonCode !== undefined && { reasonCode }),
    });
    await insertStep(tx, {
      paymentId: payment.id,
      ordinal,
      companyId: payment.companyId,
      accountId,
      kind,
      amountMicros,
      transferId,
      eventId: context.eventId,
      at: atMs,
      detail: '',
    });
    posted.push({ ordinal, kind, amountMicros, transferId });
    ordinal += 1;
  }
  return posted;
}

/** What an account gained by these steps; negative when it lost. */
export function netOf(steps: readonly PostedStep[]): bigint {
  const { capturedMicros, refundedMicros, disputedMicros } = postedOf(steps);
  return capturedMicros - refundedMicros - disputedMicros;
}
