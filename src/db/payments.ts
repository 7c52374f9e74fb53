import type { PaymentWord, PaymentWordKind } from '../domain/payment/standing.ts';
import { isUuid } from '../domain/uuid.ts';
import { eventShardOf } from './events.ts';
import type { Json } from './events.ts';
import type { Statement } from './connect.ts';
import { holdName } from './idempotency.ts';
import type { paymentStepKinds } from './tables/payment.ts';

/** SQL of payments: channels, what providers told, steps and receipts. */

export type ChannelKind = 'counter' | 'stripe' | 'bank' | 'cash' | 'voucher' | 'openpaygo';
export type PaymentStepKind = (typeof paymentStepKinds)[number];

export type PaymentChannel = {
  readonly id: number;
  readonly companyId: number;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly currency: string;
  readonly settings: unknown;
  readonly isActive: boolean;
};

function channelColumns(tx: Statement) {
  return tx`id, company_id as "companyId", name, kind, currency, settings,
            is_active as "isActive" from payment_channel`;
}

/** A channel by its id, of whichever company the caller may see. */
export async function findChannel(tx: Statement, id: number): Promise<PaymentChannel | null> {
  const [row] = await tx<PaymentChannel[]>`select ${channelColumns(tx)} where id = ${id}`;
  return row ?? null;
}

export async function listChannels(
  tx: Statement,
  companyId: number,
): Promise<readonly PaymentChannel[]> {
  return tx<PaymentChannel[]>`
    select ${channelColumns(tx)} where company_id = ${companyId} order by id`;
}

/** The company's first active channel of a kind and currency. */
export async function findChannelOfKind(
  tx: Statement,
  { companyId, kind, currency }: Pick<PaymentChannel, 'companyId' | 'kind' | 'currency'>,
): Promise<PaymentChannel | null> {
  const [row] = await tx<PaymentChannel[]>`
    select ${channelColumns(tx)}
    where company_id = ${companyId} and kind = ${kind} and currency = ${currency} and is_active
    order by id limit 1`;
  return row ?? null;
}

/** Null when the company has a channel of that name. */
export async function insertChannel(
  tx: Statement,
  channel: Pick<PaymentChannel, 'companyId' | 'name' | 'kind' | 'currency'> & {
    readonly settings: Json;
  },
): Promise<number | null> {
  const [row] = await tx<{ id: number }[]>`
    insert into payment_channel (company_id, name, kind, currency, settings)
    values (${channel.companyId}, ${channel.name}, ${channel.kind}, ${channel.currency},
            ${JSON.stringify(channel.settings)}::text::jsonb)
    on conflict do nothing returning id`;
  return row?.id ?? null;
}

/** Holds a payment until the transaction ends: its steps are written one after the other. */
export async function lockPayment(tx: Statement, paymentId: string): Promise<void> {
  await holdName(tx, `payment/${paymentId}`);
}

export type KnownEvent = {
  readonly paymentId: string | null;
  readonly bodyHash: Uint8Array;
  readonly outcome: 'applied' | 'ignored';
};

export async function findProviderEvent(
  tx: Statement,
  { channelId, eventId }: { channelId: number; eventId: string },
): Promise<KnownEvent | null> {
  const [row] = await tx<KnownEvent[]>`
    select payment_id as "paymentId", body_hash as "bodyHash", outcome from provider_event
    where channel_id = ${channelId} and event_id = ${eventId}`;
  return row ?? null;
}

export type ProviderEventRow = Omit<PaymentWord, 'kind'> & {
  readonly kind: PaymentWordKind | 'payout_paid' | 'payout_failed';
  readonly companyId: number;
  readonly channelId: number;
  readonly eventId: string;
  readonly paymentId: string;
  readonly bodyHash: Uint8Array;
  readonly outcome: 'applied' | 'ignored';
  readonly receivedAtMs: number;
};

/** False: the channel has an event of that id already. */
export async function insertProviderEvent(tx: Statement, row: ProviderEventRow): Promise<boolean> {
  const inserted = await tx`
    insert into provider_event (channel_id, event_id, company_id, kind, payment_id, part,
                                total_micros, body_hash, outcome, occurred_at, received_at)
    values (${row.channelId}, ${row.eventId}, ${row.companyId}, ${row.kind},
            ${row.paymentId}::uuid, ${row.part}, ${row.totalMicros.toString()}::int8,
            ${Buffer.from(row.bodyHash)}, ${row.outcome}, ${new Date(row.occurredAtMs)},
            ${new Date(row.receivedAtMs)})
    on conflict do nothing`;
  return inserted.count === 1;
}

/** All that was told of a payment. */
export async function readWords(tx: Statement, paymentId: string): Promise<PaymentWord[]> {
  const rows = await tx<
    { kind: PaymentWordKind; part: string | null; totalMicros: bigint; occurredAt: Date }[]
  >`
    select kind, part, total_micros as "totalMicros", occurred_at as "occurredAt"
    from provider_event where payment_id = ${paymentId}::uuid and total_micros is not null`;
  return rows.map(({ occurredAt, ...word }) => ({ ...word, occurredAtMs: occurredAt.getTime() }));
}

/** The kinds of all that was told of a payment or a payout. */
export async function readEventKinds(tx: Statement, paymentId: string): Promise<readonly string[]> {
  const rows = await tx<{ kind: string }[]>`
    select kind from provider_event where payment_id = ${paymentId}::uuid`;
  return rows.map(({ kind }) => kind);
}

export type PaymentRow = {
  readonly id: string;
  readonly companyId: number;
  readonly channelId: number;
  readonly reference: string;
  readonly currency: string;
  readonly accountId: number | null;
  readonly agentId: number | null;
  readonly startedAt: Date;
};

function paymentColumns(tx: Statement) {
  return tx`p.id, p.company_id as "companyId", p.channel_id as "channelId", p.reference,
            p.currency, p.account_id as "accountId", p.agent_id as "agentId",
            p.started_at as "startedAt" from payment p`;
}

/** Null also for what is no id at all. */
export async function findPayment(tx: Statement, id: string): Promise<PaymentRow | null> {
  if (!isUuid(id)) return null;
  const [row] = await tx<PaymentRow[]>`
    select ${paymentColumns(tx)} where p.id = ${id}::uuid`;
  return row ?? null;
}

/** Once for its id. */
export async function insertPayment(
  tx: Statement,
  row: Omit<PaymentRow, 'startedAt'> & { readonly startedAtMs: number },
): Promise<void> {
  await tx`
    insert into payment (id, company_id, channel_id, reference, currency, account_id, agent_id,
                         started_at)
    values (${row.id}::uuid, ${row.companyId}, ${row.channelId}, ${row.reference},
            ${row.currency}, ${row.accountId}, ${row.agentId}, ${new Date(row.startedAtMs)})
    on conflict do nothing`;
}

export type PaymentStepRow = {
  readonly paymentId: string;
  readonly ordinal: number;
  readonly companyId: number;
  readonly accountId: number | null;
  readonly kind: PaymentStepKind;
  readonly amountMicros: bigint;
  readonly transferId: string | null;
  readonly eventId: string | null;
  readonly at: Date;
  readonly detail: string;
};

export async function readSteps(
  tx: Statement,
  paymentIds: readonly string[],
): Promise<readonly PaymentStepRow[]> {
  return tx<PaymentStepRow[]>`
    select payment_id as "paymentId", ordinal, company_id as "companyId",
           account_id as "accountId", kind, amount_micros as "amountMicros",
           transfer_id as "transferId", event_id as "eventId", at, detail
    from payment_step
    where payment_id = any(string_to_array(${paymentIds.join(',')}, ',')::uuid[])
    order by payment_id, ordinal`;
}

/** Payments of an account of which a refund was ever asked for at their provider. */
export async function findRefundRequests(
  tx: Statement,
  accountId: number,
): Promise<readonly string[]> {
  const rows = await tx<{ paymentId: string }[]>`
    select distinct payment_id as "paymentId" from payment_step
    where account_id = ${accountId} and kind = 'refund_requested'`;
  return rows.map(({ paymentId }) => paymentId);
}

export async function insertStep(
  tx: Statement,
  { at, ...row }: Omit<PaymentStepRow, 'at'> & { readonly at: number },
): Promise<void> {
  await tx`
    insert into payment_step (payment_id, ordinal, company_id, account_id, kind, amount_micros,
                              transfer_id, event_id, at, detail)
    values (${row.paymentId}::uuid, ${row.ordinal}, ${row.companyId}, ${row.accountId}, ${row.kind},
            ${row.amountMicros.toString()}::int8, ${row.transferId}::uuid, ${row.eventId},
            ${new Date(at)}, ${row.detail})`;
}

/**
 * The next number of the company's receipts; nobody else gets one until the transaction ends. Call
 * it late: all payments of the company wait. It takes the lock of the company's events before its
 * own, because a transaction may have told something already.
 */
export async function takeReceiptNumber(tx: Statement, companyId: number): Promise<bigint> {
  const [row] = await tx<{ number: bigint }[]>`
    with held as materialized (
      select from event_head where shard = ${eventShardOf(companyId)} for update
    )
    insert into receipt_head (company_id, number) select ${companyId}::int4, 1 from held
    on conflict (company_id) do update set number = receipt_head.number + 1
    returning number`;
  if (row === undefined) throw new Error(`RECEIPT_HEAD_MISSING: company ${companyId}`);
  return row.number;
}

export type ReceiptRow = {
  readonly companyId: number;
  readonly number: bigint;
  readonly paymentId: string;
  readonly ordinal: number;
  readonly accountId: number;
  /** The meter whose keypad device counted the money; null: none did. */
  readonly keypadMeterId: number | null;
  readonly document: unknown;
  readonly issuedAt: Date;
};

export async function insertReceipt(
  tx: Statement,
  row: Omit<ReceiptRow, 'issuedAt' | 'document'> & {
    readonly issuedAtMs: number;
    readonly document: Json;
  },
): Promise<void> {
  await tx`
    insert into payment_receipt (company_id, number, payment_id, ordinal, account_id,
                                 keypad_meter_id, document, issued_at)
    values (${row.companyId}, ${row.number.toString()}::int8, ${row.paymentId}::uuid,
            ${row.ordinal}, ${row.accountId}, ${row.keypadMeterId},
            ${JSON.stringify(row.document)}::text::jsonb, ${new Date(row.issuedAtMs)})`;
}

export async function readReceipts(
  tx: Statement,
  paymentIds: readonly string[],
): Promise<readonly ReceiptRow[]> {
  return tx<ReceiptRow[]>`
    select company_id as "companyId", number, payment_id as "paymentId", ordinal,
           account_id as "accountId", keypad_meter_id as "keypadMeterId", document,
           issued_at as "issuedAt"
    from payment_receipt
    where payment_id = any(string_to_array(${paymentIds.join(',')}, ',')::uuid[])
    order by number`;
}
