import { insertAudit, insertAuditOnce } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import {
  findChannel,
  findPayment,
  findProviderEvent,
  insertPayment,
  insertProviderEvent,
  insertStep,
  lockPayment,
  readSteps,
  readWords,
} from '../../db/payments.ts';
import type { PaymentChannel, PaymentRow, PaymentStepRow } from '../../db/payments.ts';
import { topUpMicrosMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import { isAboveCaptured, standingOf } from '../../domain/payment/standing.ts';
import type { PaymentWord, PaymentWordKind } from '../../domain/payment/standing.ts';
import { derivedId } from '../derivedId.ts';
import { nextOrdinal, postSteps } from './postSteps.ts';
import type { PostedStep, StepContext } from './postSteps.ts';
import { settleAccount } from './settleAccount.ts';

/** One word of a provider about one payment. */
export type PaymentEvent = {
  readonly companyId: number;
  readonly channelId: number;
  /** The provider's own: an event is heard once. */
  readonly eventId: string;
  /** The provider's name of the payment. */
  readonly reference: string;
  /** Whose payment it is, as far as this word says. */
  readonly accountId: number | null;
  /** Exactly for cash. */
  readonly agentId?: number;
  readonly currency: string;
  readonly kind: PaymentWordKind;
  /** The refund or dispute that the word is about, where a payment may have several. */
  readonly part?: string;
  /** In total, never this word's part alone; see PaymentWord. */
  readonly totalMicros: bigint;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** SHA-256 of what was said. */
  readonly bodyHash: Uint8Array;
  /** Who said it, for the audit. */
  readonly actor: string;
  /** Why, where a person had to say so. */
  readonly reason?: string;
};

export type PaymentCode =
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'PAYMENT_AMOUNT_INVALID'
  | 'PAYMENT_CURRENCY_MISMATCH'
  | 'PAYMENT_ACCOUNT_MISMATCH'
  | 'PAYMENT_EVENT_REUSED'
  | 'PAYMENT_REFUND_ABOVE_CAPTURED';

export type AppliedPayment = {
  readonly paymentId: string;
  /** The event was heard before: nothing is new. */
  readonly isReplay: boolean;
  /** What it moved; nothing for a word that was known by others, or that waits for its payment. */
  readonly steps: readonly PostedStep[];
  /** Null: nobody's yet. */
  readonly accountId: number | null;
  /** After it; null where no account was moved. */
  readonly balanceMicros: bigint | null;
  /** Somebody should ring for commands after the commit. */
  readonly commandsRequested: boolean;
};

/** The same for every word about a payment. */
export function paymentIdOf(payment: { channelId: number; reference: string }): string {
  return derivedId('payment', String(payment.channelId), payment.reference);
}

async function auditRefusal(
  tx: Transaction,
  event: PaymentEvent,
  refusal: Refused<PaymentCode>,
): Promise<Refused<PaymentCode>> {
  const { companyId, channelId, eventId, reference } = event;
  const hash = Buffer.from(event.bodyHash).toString('hex');
  await insertAuditOnce(tx, {
    id: derivedId('payment_refused', String(channelId), eventId, hash, refusal.code),
    companyId,
    atMs: event.receivedAtMs,
    actor: event.actor,
    action: 'payment.refused',
    subject: `payment_channel/${channelId}`,
    before: null,
    after: { code: refusal.code, eventId, reference, kind: event.kind },
  });
  return { ...refusal, isAudited: true };
}

function refuseContent(
  event: PaymentEvent,
  channel: PaymentChannel,
  known: { payment: PaymentRow | null; account: AccountHead | null },
): Refused<PaymentCode> | null {
  const { totalMicros, currency } = event;
  const isNothing = totalMicros === 0n && event.kind === 'failed';
  if (!isNothing && (totalMicros <= 0n || totalMicros > topUpMicrosMax)) {
    return refuse(
      'PAYMENT_AMOUNT_INVALID',
      'The amount of a payment is above zero and at most ten million; nothing was posted.',
    );
  }
  const kept = known.payment?.currency ?? channel.currency;
  if (currency !== kept || currency !== (known.account?.currency ?? currency)) {
    return refuse(
      'PAYMENT_CURRENCY_MISMATCH',
      `The payment is in ${currency}, which this channel or account is not kept in. ` +
        'Nothing was posted; return it at the provider.',
    );
  }
  const { accountId } = known.payment ?? {};
  if (event.accountId !== null && typeof accountId === 'number' && accountId !== event.accountId) {
    return refuse(
      'PAYMENT_ACCOUNT_MISMATCH',
      'The payment was begun for another account than this event names; nothing was posted.',
    );
  }
  return null;
}

const reused = refuse(
  'PAYMENT_EVENT_REUSED',
  'This event was told before with another content, which stands. Look at both at the provider.',
);

const aboveCaptured = refuse(
  'PAYMENT_REFUND_ABOVE_CAPTURED',
  'More is said to go back than this payment brought in. Nothing was posted; look at the provider.',
);

/** Whose the payment is by now: begun for it, told by it, or allocated by a person. */
function ownerOf(
  event: PaymentEvent,
  payment: PaymentRow | null,
  steps: readonly PaymentStepRow[],
): number | null {
  const allocated = steps.find((step) => step.kind === 'allocated');
  if (allocated !== undefined) return allocated.accountId;
  return payment === null ? event.accountId : payment.accountId;
}

function wordOf(event: PaymentEvent): PaymentWord {
  const { kind, totalMicros, occurredAtMs } = event;
  return { kind, part: event.part ?? null, totalMicros, occurredAtMs };
}

async function keepPayment(
  tx: Transaction,
  event: PaymentEvent,
  { payment, accountId }: { payment: PaymentRow | null; accountId: number | null },
): Promise<PaymentRow | null> {
  if (payment !== null) return payment;
  // A dispute or refund that comes first may not say whose it is: its payment will.
  if (event.kind !== 'captured' && accountId === null) return null;
  const { companyId, channelId, reference, currency } = event;
  const row = {
    id: paymentIdOf(event),
    companyId,
    channelId,
    reference,
    currency,
    accountId,
    agentId: event.agentId ?? null,
  };
  await insertPayment(tx, { ...row, startedAtMs: event.receivedAtMs });
  return { ...row, startedAt: new Date(event.receivedAtMs) };
}

/** A step that moved nothing: a failure, or what was told before the payment itself. */
async function noteStep(
  tx: Transaction,
  event: PaymentEvent,
  { steps, accountId }: { steps: readonly PaymentStepRow[]; accountId: number | null },
): Promise<PostedStep> {
  const step = {
    ordinal: nextOrdinal(steps),
    kind: event.kind,
    amountMicros: event.totalMicros,
    transferId: null,
  };
  await insertStep(tx, {
    ...step,
    paymentId: paymentIdOf(event),
    companyId: event.companyId,
    accountId,
    eventId: event.eventId,
    at: event.receivedAtMs,
    detail: event.kind === 'failed' ? (event.reason ?? '') : 'waits for its payment',
  });
  return step;
}

async function audit(
  tx: Transaction,
  event: PaymentEvent,
  told: {
    steps: readonly PostedStep[];
    accountId: number | null;
    isCounter: boolean;
    before: bigint | null;
    after: bigint | null;
  },
): Promise<void> {
  const { channelId, eventId, companyId } = event;
  await insertAudit(tx, {
    id: derivedId('payment_audit', String(channelId), eventId),
    companyId,
    atMs: event.receivedAtMs,
    actor: event.actor,
    action: told.isCounter && event.kind === 'captured' ? 'account.topUp' : `payment.${event.kind}`,
    subject:
      told.accountId === null ? `payment/${paymentIdOf(event)}` : `account/${told.accountId}`,
    before: told.before === null ? null : { balanceMicros: told.before.toString() },
    after: {
      ...(told.after !== null && { balanceMicros: told.after.toString() }),
      paymentId: paymentIdOf(event),
      eventId,
      steps: told.steps.map(({ kind, amountMicros, transferId }) => ({
        kind,
        amountMicros: amountMicros.toString(),
        transferId,
      })),
      ...(event.reason !== undefined && { reason: event.reason }),
    },
  });
}

/** What is known of a payment under its lock. */
type Known = { readonly payment: PaymentRow | null; readonly steps: readonly PaymentStepRow[] };

/** The answer to an event whose id was heard before; null when it is new. */
async function heardBefore(
  tx: Transaction,
  event: PaymentEvent,
  { payment, steps }: Known,
): Promise<Outcome<AppliedPayment, PaymentCode> | null> {
  const told = await findProviderEvent(tx, event);
  if (told === null) return null;
  const paymentId = paymentIdOf(event);
  const isSame = told.paymentId === paymentId && Buffer.from(told.bodyHash).equals(event.bodyHash);
  if (!isSame) return auditRefusal(tx, event, reused);
  if (told.outcome === 'ignored') return aboveCaptured;
  const nothing = { steps: [], balanceMicros: null };
  const accountId = ownerOf(event, payment, steps);
  return accept({ paymentId, isReplay: true, accountId, ...nothing, commandsRequested: false });
}

/** Posts what all words come to, and whatever follows from it. */
async function post(
  tx: Transaction,
  event: PaymentEvent,
  {
    context,
    account,
    words,
    steps,
  }: {
    context: StepContext;
    account: AccountHead | null;
    words: readonly PaymentWord[];
    steps: readonly PaymentStepRow[];
  },
): Promise<Omit<AppliedPayment, 'paymentId' | 'isReplay'>> {
  const { accountId } = context;
  const target = standingOf(words);
  const posted = await postSteps(tx, context, { steps, target });
  const isWaiting = posted.length === 0 && target.capturedMicros === 0n;
  const written = isWaiting ? [await noteStep(tx, event, { steps, accountId })] : posted;
  const moved =
    accountId === null || posted.length === 0
      ? null
      : await settleAccount(tx, { ...context, accountId, reference: event.reference }, posted);
  const balanceMicros = moved?.balanceMicros ?? null;
  await audit(tx, event, {
    steps: written,
    accountId,
    isCounter: context.channel.kind === 'counter',
    before: account?.balanceMicros ?? null,
    after: balanceMicros,
  });
  return {
    steps: written,
    accountId,
    balanceMicros,
    commandsRequested: moved?.commandsRequested ?? false,
  };
}

/**
 * Hears a provider's word about a payment, in the caller's transaction, and posts the difference
 * between what all words about it come to and what was posted: any order, repetition or
 * concurrency of the same words leaves the same balances. A refusal has moved nothing, but it has
 * its audit row: the caller commits it.
 */
export async function applyPaymentEvent(
  tx: Transaction,
  event: PaymentEvent,
): Promise<Outcome<AppliedPayment, PaymentCode>> {
  const { companyId, channelId } = event;
  const paymentId = paymentIdOf(event);
  const channel = await findChannel(tx, channelId);
  if (channel === null || channel.companyId !== companyId) {
    return refuse('PAYMENT_CHANNEL_UNKNOWN', 'The company has no such payment channel.');
  }
  await lockPayment(tx, paymentId);
  const payment = await findPayment(tx, paymentId);
  const steps = await readSteps(tx, [paymentId]);
  const heard = await heardBefore(tx, event, { payment, steps });
  if (heard !== null) return heard;
  const claimed = ownerOf(event, payment, steps);
  const accountIds = claimed === null ? [] : [claimed];
  const [found] = await lockAccounts(tx, { companyId, accountIds });
  const account = found ?? null;
  const refusal = refuseContent(event, channel, { payment, account });
  if (refusal !== null) return auditRefusal(tx, event, refusal);
  // An account that is not there, or is another company's: the money is nobody's yet.
  const accountId = account?.accountId ?? null;
  const word = wordOf(event);
  const words = [...(await readWords(tx, paymentId)), word];
  const isAbove = isAboveCaptured(words, word);
  const kept = await keepPayment(tx, event, { payment, accountId });
  const outcome = isAbove ? 'ignored' : 'applied';
  const row = { ...event, ...word, paymentId, outcome } as const;
  if (!(await insertProviderEvent(tx, row))) return auditRefusal(tx, event, reused);
  if (isAbove) return auditRefusal(tx, event, aboveCaptured);
  if (kept === null) {
    const nothing = { steps: [], balanceMicros: null };
    const told = { before: null, after: null, isCounter: false };
    await audit(tx, event, { steps: [], accountId, ...told });
    return accept({ paymentId, isReplay: false, accountId, ...nothing, commandsRequested: false });
  }
  const context = {
    channel,
    payment: kept,
    accountId,
    eventId: event.eventId,
    atMs: event.receivedAtMs,
  };
  const posted = await post(tx, event, { context, account, words, steps });
  return accept({ paymentId, isReplay: false, ...posted });
}
