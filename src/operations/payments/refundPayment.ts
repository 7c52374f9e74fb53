import { createHash } from 'node:crypto';
import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { eventShardOf } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import { findCall, insertCall } from '../../db/providerCalls.ts';
import { findChannel, findPayment, insertStep, lockPayment, readSteps } from '../../db/payments.ts';
import type { PaymentChannel, PaymentRow, PaymentStepRow } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { providerLeaseMs } from '../../domain/payment/limits.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, sameAmount, textOf } from '../onceByKey.ts';
import type { KeyCode } from '../onceByKey.ts';
import { refuseReason } from '../refuseReason.ts';
import type { ReasonCode } from '../refuseReason.ts';
import { applyPaymentEvent } from './applyPaymentEvent.ts';
import type { PaymentCode } from './applyPaymentEvent.ts';
import { parsePaid } from './paidAmount.ts';
import type { AmountCode } from './paidAmount.ts';
import { nextOrdinal, postedOf } from './postSteps.ts';
import { isUnanswered, unanswered } from './providerWait.ts';
import { sendRefund } from './refundCall.ts';
import type { RefundCallCode } from './refundCall.ts';
import { leftOfPayment, refundsUnderway, refundUnderway } from './leftOfPayment.ts';
import type { ProviderDeps } from './startPayment.ts';

export type RefundInput = {
  readonly idempotencyKey: string;
  readonly paymentId: string;
  /** Plain decimal text; null: all that is left of it. */
  readonly amount: string | null;
  readonly reason: string;
};

export type RefundCode =
  | KeyCode
  | ReasonCode
  | AmountCode
  | PaymentCode
  | RefundCallCode
  | 'NOT_PERMITTED'
  | 'PAYMENT_NOT_FOUND'
  | 'PAYMENT_CREDIT_SPENT';

export type RequestedRefund = {
  readonly paymentId: string;
  readonly amountMicros: bigint;
  /** Otherwise it is asked for, and posted when the provider tells it. */
  readonly isPosted: boolean;
  /** Whether the provider has taken it on; otherwise the server goes on asking. */
  readonly isSent: boolean;
  readonly isReplay: boolean;
};

type Owned = {
  readonly payment: PaymentRow;
  readonly channel: PaymentChannel;
  readonly steps: readonly PaymentStepRow[];
  readonly accountId: number | null;
};

async function amountOf(
  tx: Transaction,
  { payment, steps }: Owned,
  { amount }: RefundInput,
): Promise<Outcome<bigint, RefundCode>> {
  const left = await leftOfPayment(tx, steps);
  const asked = amount === null ? accept(left) : parsePaid({ amount, currency: payment.currency });
  if (!asked.ok) return asked;
  if (asked.value <= 0n || asked.value > left) {
    return refuse(
      'PAYMENT_REFUND_ABOVE_CAPTURED',
      'More is asked back than is left of this payment. Nothing was refunded.',
      ['amount'],
    );
  }
  return asked;
}

async function owned(tx: Transaction, paymentId: string): Promise<Owned | null> {
  await lockPayment(tx, paymentId);
  const payment = await findPayment(tx, paymentId);
  if (payment === null) return null;
  const channel = await findChannel(tx, payment.channelId);
  assert(channel !== null, 'a payment has its channel');
  const steps = await readSteps(tx, [paymentId]);
  const allocated = steps.find((step) => step.kind === 'allocated');
  return { payment, channel, steps, accountId: allocated?.accountId ?? payment.accountId };
}

/** A person's word at a channel that no provider speaks for is the refund itself. */
async function refundHere(
  tx: Transaction,
  viewer: Viewer,
  { of, amountMicros, input, nowMs }: Asked,
): Promise<Outcome<boolean, RefundCode>> {
  const { payment, steps, accountId } = of;
  const eventId = derivedId('refund', payment.id, viewer.actor, input.idempotencyKey.toLowerCase());
  const applied = await applyPaymentEvent(tx, {
    companyId: viewer.companyId,
    channelId: payment.channelId,
    eventId,
    reference: payment.reference,
    accountId: payment.accountId === null ? null : accountId,
    currency: payment.currency,
    kind: 'refunded',
    totalMicros: postedOf(steps).refundedMicros + amountMicros,
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    bodyHash: createHash('sha256').update(eventId).digest(),
    actor: viewer.actor,
    reason: input.reason,
  });
  return applied.ok ? accept(applied.value.commandsRequested) : applied;
}

type Asked = {
  readonly of: Owned;
  readonly amountMicros: bigint;
  readonly input: RefundInput;
  readonly nowMs: number;
};

async function requestThere(
  tx: Transaction,
  viewer: Viewer,
  { of, amountMicros, input, nowMs }: Asked,
): Promise<number> {
  const { payment, steps, accountId } = of;
  const ordinal = nextOrdinal(steps);
  await insertStep(tx, {
    paymentId: payment.id,
    ordinal,
    companyId: viewer.companyId,
    accountId,
    kind: 'refund_requested',
    amountMicros,
    transferId: null,
    eventId: null,
    at: nowMs,
    detail: input.reason,
  });
  await insertCall(tx, {
    id: refundKeyOf(payment.id, ordinal),
    companyId: viewer.companyId,
    channelId: payment.channelId,
    kind: 'refund',
    paymentId: payment.id,
    ordinal,
    amountMicros,
    currency: payment.currency,
    askedAtMs: nowMs,
    // This request asks itself; when it dies the sweep does.
    nextTryAtMs: nowMs + providerLeaseMs,
  });
  await insertAudit(tx, {
    id: derivedId('refund_requested', payment.id, String(ordinal)),
    companyId: viewer.companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'payment.refundRequested',
    subject: `payment/${payment.id}`,
    before: null,
    after: { amountMicros: amountMicros.toString(), reason: input.reason },
  });
  return ordinal;
}

/** Less what is spoken for: by pending transfers, and by refunds that the provider will tell. */
async function availableOf(
  tx: Transaction,
  { accountId, balanceMicros, reservedMicros }: AccountHead,
): Promise<bigint> {
  return balanceMicros - reservedMicros - (await refundsUnderway(tx, accountId));
}

async function ask(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: RefundInput; nowMs: number },
): Promise<Outcome<{ answer: KeyedAnswer; commandsRequested: boolean }, RefundCode>> {
  const of = await owned(tx, input.paymentId);
  if (of === null) return refuse('PAYMENT_NOT_FOUND', 'There is no such payment.');
  const amount = await amountOf(tx, of, input);
  if (!amount.ok) return amount;
  const accountIds = of.accountId === null ? [] : [of.accountId];
  const [account] = await lockAccounts(tx, { companyId: viewer.companyId, accountIds });
  if (account !== undefined && (await availableOf(tx, account)) < amount.value) {
    const message =
      'The account has less than this left: what was used is not refunded. Ask for less.';
    return refuse('PAYMENT_CREDIT_SPENT', message, ['amount']);
  }
  const asked = { of, amountMicros: amount.value, input, nowMs };
  const told = { amountMicros: amount.value.toString() };
  if (of.channel.kind !== 'stripe') {
    const here = await refundHere(tx, viewer, asked);
    if (!here.ok) return here;
    return accept({ answer: { ...told, ordinal: '' }, commandsRequested: here.value });
  }
  const ordinal = await requestThere(tx, viewer, asked);
  return accept({ answer: { ...told, ordinal: String(ordinal) }, commandsRequested: false });
}

/** The key at the provider follows from the request: asked again, it is made once. */
function refundKeyOf(paymentId: string, ordinal: number): string {
  return derivedId('refund_requested', paymentId, String(ordinal));
}

async function askProvider(
  deps: ProviderDeps,
  viewer: Viewer,
  of: { readonly paymentId: string; readonly ordinal: number; readonly amountMicros: bigint },
): Promise<Outcome<Pick<RequestedRefund, 'isSent' | 'isPosted'>, RefundCode>> {
  const { paymentId, ordinal } = of;
  const id = refundKeyOf(paymentId, ordinal);
  const found = await asViewer(deps.sql, viewer, async (tx) => ({
    owned: await owned(tx, paymentId),
    call: await findCall(tx, id),
  }));
  const { owned: known, call } = found;
  assert(known !== null, 'a refund was asked of a payment');
  const isUnknown = call?.outcome === 'failed' && isUnanswered(call.detail);
  if (call?.outcome === 'accepted' || isUnknown) {
    const { steps } = known;
    const isBack = postedOf(steps).refundedMicros >= of.amountMicros;
    const isPosted = isBack && refundUnderway(steps) === 0n;
    return isUnknown && !isPosted ? unanswered : accept({ isSent: true, isPosted });
  }
  if (call?.outcome === 'failed') {
    const message = `The provider refused it before (${call.detail}). Ask anew under a new key.`;
    return refuse('PROVIDER_REFUSED', message);
  }
  const { companyId, currency, channelId } = known.payment;
  const head = { id, companyId, channelId, kind: 'refund', currency } as const;
  const askedAtMs = call?.askedAt.getTime() ?? deps.clock.nowMs();
  const asked = { askedAtMs, tries: call?.tries ?? 0 };
  const { channel } = known;
  const sent = await sendRefund(deps, { viewer, channel }, { ...head, ...of, ...asked });
  return sent.ok ? accept({ ...sent.value, isPosted: false }) : sent;
}

/**
 * Gives money back, never more than is left of the payment and of the account's balance. At a
 * provider the request is written first and sent then, under a key that follows from it; the
 * refund is posted when the provider tells it. What is written is accepted, whether or not it can
 * be sent from here: the sweep goes on, and so does the same request again.
 */
export async function refundPayment(
  deps: ProviderDeps,
  viewer: Viewer,
  input: RefundInput,
): Promise<Outcome<RequestedRefund, RefundCode>> {
  if (!isAllowed(viewer.role, 'Mutation.refundPayment')) {
    return refuse('NOT_PERMITTED', 'Your role may not refund payments. Ask an operator.');
  }
  const badReason = refuseReason(input.reason);
  if (badReason !== null) return badReason;
  const nowMs = deps.clock.nowMs();
  const { paymentId } = input;
  let commandsRequested = false;
  const outcome = await asViewer(deps.sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'refundPayment',
        input: [paymentId, sameAmount(input.amount ?? ''), input.reason],
        nowMs,
      },
      async (): Promise<Outcome<KeyedAnswer, RefundCode>> => {
        const asked = await ask(tx, viewer, { input, nowMs });
        if (!asked.ok) return asked;
        ({ commandsRequested } = asked.value);
        return accept(asked.value.answer);
      },
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  const amountMicros = BigInt(textOf(answer, 'amountMicros'));
  const ordinal = textOf(answer, 'ordinal');
  const done = { paymentId, amountMicros, isReplay };
  if (ordinal !== '') {
    const of = { paymentId, ordinal: Number(ordinal), amountMicros };
    const sent = await askProvider(deps, viewer, of);
    return sent.ok ? accept({ ...done, ...sent.value }) : sent;
  }
  if (!isReplay) {
    deps.wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
    if (commandsRequested) deps.wake({ kind: 'commands' });
  }
  return accept({ ...done, isPosted: true, isSent: true });
}
