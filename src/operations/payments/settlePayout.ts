import { insertAudit, insertAuditOnce } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { findLedgerAccount, postTransfer } from '../../db/ledger.ts';
import {
  findProviderEvent,
  insertProviderEvent,
  lockPayment,
  readEventKinds,
} from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import type { LedgerCode, TransferCode } from '../../db/tables/ledger.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import type { ProviderPayout } from '../../domain/payment/providerNews.ts';
import { derivedId } from '../derivedId.ts';

export type PayoutCode = 'PAYMENT_EVENT_REUSED' | 'PAYMENT_CURRENCY_MISMATCH';

export type SettledPayout = { readonly isReplay: boolean };

type Leg = {
  readonly name: string;
  readonly debit: LedgerCode;
  readonly credit: LedgerCode;
  readonly amountMicros: bigint;
  readonly code: TransferCode;
};

/** What the provider owes goes down by what it paid out and by what it kept. */
function paidLegs({ amountMicros }: ProviderPayout, feeMicros: bigint): readonly Leg[] {
  const credit = 'card_clearing';
  return [
    { name: 'paid', debit: 'bank', credit, amountMicros, code: 'settled' },
    { name: 'fee', debit: 'payment_fees', credit, amountMicros: feeMicros, code: 'payment_fee' },
  ];
}

/** Its fees are gone. */
function failedLegs({ amountMicros }: ProviderPayout): readonly Leg[] {
  const between = { debit: 'card_clearing', credit: 'bank' } as const;
  return [{ name: 'failed', ...between, amountMicros, code: 'settled' }];
}

const paidKind = 'payout_paid';
const failedKind = 'payout_failed';

/** The legs that a state newly told adds to those that were told before. */
function legsOf(
  payout: ProviderPayout,
  feeMicros: bigint,
  known: readonly string[],
): readonly Leg[] {
  const isPaid = payout.state === 'paid';
  if (known.includes(isPaid ? paidKind : failedKind)) return [];
  const isBoth = known.includes(isPaid ? failedKind : paidKind);
  const legs = [
    ...(isPaid ? paidLegs(payout, feeMicros) : []),
    ...(isBoth ? failedLegs(payout) : []),
  ];
  return legs.filter((leg) => leg.amountMicros > 0n);
}

async function postLegs(
  tx: Transaction,
  {
    channel,
    payoutId,
    legs,
    nowMs,
  }: { channel: PaymentChannel; payoutId: string; legs: readonly Leg[]; nowMs: number },
): Promise<void> {
  const { id, companyId, currency } = channel;
  for (const { name, debit, credit, amountMicros, code } of legs) {
    await postTransfer(tx, {
      id: derivedId('payout', String(id), payoutId, name),
      companyId,
      accountId: null,
      currency,
      debitId: await findLedgerAccount(tx, { companyId, currency, code: debit }),
      creditId: await findLedgerAccount(tx, { companyId, currency, code: credit }),
      amountMicros,
      code,
      postedAtMs: nowMs,
    });
  }
}

/** It was heard and moves nothing: once for what it said. */
async function auditRefusal(
  tx: Transaction,
  told: {
    readonly channel: PaymentChannel;
    readonly payout: ProviderPayout;
    readonly bodyHash: Uint8Array;
    readonly actor: string;
    readonly nowMs: number;
  },
  refusal: Refused<PayoutCode>,
): Promise<Refused<PayoutCode>> {
  const { channel, payout, bodyHash, actor, nowMs } = told;
  const { eventId, payoutId, state } = payout;
  const hash = Buffer.from(bodyHash).toString('hex');
  await insertAuditOnce(tx, {
    id: derivedId('payout_refused', String(channel.id), eventId, hash, refusal.code),
    companyId: channel.companyId,
    atMs: nowMs,
    actor,
    action: 'payout.refused',
    subject: `payment_channel/${channel.id}`,
    before: null,
    after: { code: refusal.code, eventId, payoutId, state },
  });
  return { ...refusal, isAudited: true };
}

/**
 * Hears that a provider paid out, or that the bank sent it back, in the caller's transaction: the
 * money moves from what the provider owes into the bank, its fees into `payment_fees`. In any
 * order: a payout that failed stands as failed.
 */
export async function settlePayout(
  tx: Transaction,
  {
    channel,
    payout,
    feeMicros,
    feesCode,
    bodyHash,
    actor,
    nowMs,
  }: {
    channel: PaymentChannel;
    payout: ProviderPayout;
    feeMicros: bigint;
    /** Why nobody knows the fees: they stay in `card_clearing`. Null: they are known. */
    feesCode: string | null;
    bodyHash: Uint8Array;
    actor: string;
    nowMs: number;
  },
): Promise<Outcome<SettledPayout, PayoutCode>> {
  const { id: channelId, companyId, currency } = channel;
  const { eventId, payoutId, state, amountMicros } = payout;
  // Not a payment: its id only gathers what is told of this payout.
  const paymentId = derivedId('payout', String(channelId), payoutId);
  await lockPayment(tx, paymentId);
  const told = await findProviderEvent(tx, { channelId, eventId });
  const isSame = told?.paymentId === paymentId && Buffer.from(told.bodyHash).equals(bodyHash);
  const about = { channel, payout, bodyHash, actor, nowMs };
  const reused = refuse('PAYMENT_EVENT_REUSED', 'This event was told with another content before.');
  if (told !== null) return isSame ? accept({ isReplay: true }) : auditRefusal(tx, about, reused);
  if (payout.currency !== currency) {
    const message = `The payout is in ${payout.currency}, the channel in ${currency}.`;
    return auditRefusal(tx, about, refuse('PAYMENT_CURRENCY_MISMATCH', message));
  }
  const legs = legsOf(payout, feeMicros, await readEventKinds(tx, paymentId));
  const isInserted = await insertProviderEvent(tx, {
    companyId,
    channelId,
    eventId,
    paymentId,
    kind: state === 'paid' ? paidKind : failedKind,
    part: payoutId,
    totalMicros: amountMicros,
    bodyHash,
    outcome: 'applied',
    occurredAtMs: payout.occurredAtMs,
    receivedAtMs: nowMs,
  });
  if (!isInserted) return auditRefusal(tx, about, reused);
  await postLegs(tx, { channel, payoutId, legs, nowMs });
  await insertAudit(tx, {
    id: derivedId('payment_audit', String(channelId), eventId),
    companyId,
    atMs: nowMs,
    actor,
    action: `payout.${state}`,
    subject: `payment_channel/${channelId}`,
    before: null,
    after: {
      eventId,
      payoutId,
      ...(feesCode !== null && { feesUnknown: feesCode }),
      legs: legs.map(({ name, amountMicros: micros }) => ({ name, micros: micros.toString() })),
    },
  });
  return accept({ isReplay: false });
}
