import { insertAudit, insertAuditOnce } from '../../db/audit.ts';
import type { Sql, Transaction } from '../../db/connect.ts';
import { findPayment, insertStep, lockPayment, readSteps } from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { endCall, postponeCall } from '../../db/providerCalls.ts';
import type { RefundCall } from '../../db/providerCalls.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { ChannelClosedCode, ProviderCode } from '../../domain/payment/providerNews.ts';
import { derivedId } from '../derivedId.ts';
import { forgotten, isForgotten, isUnanswered, nextTryMs, unanswered } from './providerWait.ts';
import { nextOrdinal } from './postSteps.ts';
import type { ProviderOf } from './provider.ts';

/** The provider will not: what was spoken for is free again. */
async function noteFailure(
  tx: Transaction,
  { id, paymentId, ordinal }: RefundCall,
  { actor, code, atMs }: { readonly actor: string; readonly code: string; readonly atMs: number },
): Promise<void> {
  await lockPayment(tx, paymentId);
  if (!(await endCall(tx, { id, outcome: 'failed', detail: code, atMs }))) return;
  const steps = await readSteps(tx, [paymentId]);
  const requested = steps.find((step) => step.ordinal === ordinal);
  assert(requested !== undefined, 'a call is of a step that asked for it');
  const { companyId, amountMicros, accountId } = requested;
  await insertStep(tx, {
    paymentId,
    companyId,
    accountId,
    amountMicros,
    transferId: null,
    eventId: null,
    ordinal: nextOrdinal(steps),
    kind: 'refund_failed',
    at: atMs,
    detail: `request ${ordinal}: ${code}`,
  });
  await insertAudit(tx, {
    id: derivedId('refund_failed', id),
    companyId,
    atMs,
    actor,
    action: 'payment.refundFailed',
    subject: `payment/${paymentId}`,
    before: null,
    after: { code, amountMicros: amountMicros.toString() },
  });
}

/** Nobody knows whether it was made: it stays spoken for, and a person looks at the provider. */
async function giveUp(
  tx: Transaction,
  { id, companyId, paymentId, amountMicros }: RefundCall,
  { actor, code, atMs }: { readonly actor: string; readonly code: string; readonly atMs: number },
): Promise<void> {
  if (!(await endCall(tx, { id, outcome: 'failed', detail: code, atMs }))) return;
  await insertAuditOnce(tx, {
    id: derivedId('refund_unanswered', id),
    companyId,
    atMs,
    actor,
    action: 'payment.refundUnanswered',
    subject: `payment/${paymentId}`,
    before: null,
    after: { code, amountMicros: amountMicros.toString() },
  });
}

export type RefundCallCode = ProviderCode | ChannelClosedCode | 'REFUND_UNANSWERED';

/**
 * Asks the provider for a refund that was written down before, under the key that follows from it:
 * asked again after a crash it is made once. It is posted when the provider tells it. Not sent is
 * not refused: without an answer, or without the channel's secret here, the sweep sends it.
 */
export async function sendRefund(
  {
    sql,
    clock,
    providerOf,
  }: {
    readonly sql: Sql;
    readonly clock: { nowMs(): number };
    readonly providerOf: ProviderOf;
  },
  { viewer, channel }: { readonly viewer: Viewer; readonly channel: PaymentChannel },
  call: RefundCall & { readonly askedAtMs: number; readonly tries: number },
): Promise<Outcome<{ readonly isSent: boolean }, RefundCallCode>> {
  const { id: idempotencyKey, paymentId, amountMicros, currency } = call;
  const payment = await asViewer(sql, viewer, (tx) => findPayment(tx, paymentId));
  assert(payment !== null, 'a refund was asked of a payment');
  const { reference } = payment;
  const provider = isForgotten(call, clock.nowMs()) ? forgotten : providerOf(channel);
  const made = provider.ok
    ? await provider.value.refund({ idempotencyKey, reference, amountMicros, currency })
    : provider;
  const atMs = clock.nowMs();
  if (made.ok) {
    const end = { id: call.id, outcome: 'accepted', detail: made.value.refundId, atMs } as const;
    await asViewer(sql, viewer, (tx) => endCall(tx, end));
    return accept({ isSent: true });
  }
  const { code } = made;
  const by = { actor: viewer.actor, code, atMs };
  if (!isUnanswered(code)) {
    await asViewer(sql, viewer, (tx) => noteFailure(tx, call, by));
    return made;
  }
  const nextTryAtMs = nextTryMs(call, atMs);
  if (nextTryAtMs !== null) {
    const postponed = { id: call.id, nextTryAtMs, detail: code };
    await asViewer(sql, viewer, (tx) => postponeCall(tx, postponed));
    return accept({ isSent: false });
  }
  await asViewer(sql, viewer, (tx) => giveUp(tx, call, by));
  return unanswered;
}
