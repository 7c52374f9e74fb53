import type { Statement } from './connect.ts';

/** SQL of what payment providers are asked for, and of the standing orders that ask. */

type CallHead = {
  /** The key of the request at the provider: asked twice, it is done once. */
  readonly id: string;
  readonly companyId: number;
  readonly channelId: number;
  readonly amountMicros: bigint;
  readonly currency: string;
};

export type RefundCall = CallHead & {
  readonly kind: 'refund';
  readonly paymentId: string;
  readonly ordinal: number;
};

export type ChargeCall = CallHead & {
  readonly kind: 'charge';
  readonly accountId: number;
  readonly breach: number;
  readonly instrument: string;
};

export type ProviderCall = RefundCall | ChargeCall;
export type ClaimedCall = ProviderCall & { readonly askedAt: Date; readonly tries: number };

/** Once for its id. */
export async function insertCall(
  tx: Statement,
  call: (RefundCall | (ChargeCall & { readonly localDay: number })) & {
    readonly askedAtMs: number;
    readonly nextTryAtMs: number;
  },
): Promise<void> {
  const isCharge = call.kind === 'charge';
  await tx`
    insert into provider_call (id, company_id, channel_id, kind, account_id, payment_id, ordinal,
                               breach, instrument, local_day, amount_micros, currency, asked_at,
                               tries, next_try_at, detail)
    values (${call.id}::uuid, ${call.companyId}, ${call.channelId}, ${call.kind},
            ${isCharge ? call.accountId : null}, ${isCharge ? null : call.paymentId}::uuid,
            ${isCharge ? null : call.ordinal}, ${isCharge ? call.breach : null},
            ${isCharge ? call.instrument : null}, ${isCharge ? call.localDay : null},
            ${call.amountMicros.toString()}::int8, ${call.currency}, ${new Date(call.askedAtMs)},
            0, ${new Date(call.nextTryAtMs)}, '')
    on conflict do nothing`;
}

/** Takes calls that are due, so that nobody else asks for them until the lease is over. */
export async function claimCalls(
  statement: Statement,
  query: { readonly nowMs: number; readonly leaseMs: number; readonly limit: number },
): Promise<readonly ClaimedCall[]> {
  // The check of the table says which columns a kind has.
  return statement<ClaimedCall[]>`
    update provider_call set tries = tries + 1,
                             next_try_at = ${new Date(query.nowMs + query.leaseMs)}
    where id in (
      select id from provider_call
      where ended_at is null and next_try_at <= ${new Date(query.nowMs)}
      order by next_try_at, id limit ${query.limit} for update skip locked)
    returning id, company_id as "companyId", channel_id as "channelId", kind,
              account_id as "accountId", payment_id as "paymentId", ordinal, breach, instrument,
              amount_micros as "amountMicros", currency, asked_at as "askedAt", tries`;
}

export async function postponeCall(
  statement: Statement,
  call: { readonly id: string; readonly nextTryAtMs: number; readonly detail: string },
): Promise<void> {
  await statement`
    update provider_call set next_try_at = ${new Date(call.nextTryAtMs)}, detail = ${call.detail}
    where id = ${call.id}::uuid and ended_at is null`;
}

/** False: somebody has ended it before, and that stands. */
export async function endCall(
  tx: Statement,
  end: {
    readonly id: string;
    readonly outcome: 'accepted' | 'failed';
    /** What the provider made of a charge. */
    readonly paymentId?: string;
    readonly detail: string;
    readonly atMs: number;
  },
): Promise<boolean> {
  const ended = await tx`
    update provider_call set ended_at = ${new Date(end.atMs)}, outcome = ${end.outcome},
      payment_id = coalesce(${end.paymentId ?? null}::uuid, payment_id), detail = ${end.detail}
    where id = ${end.id}::uuid and ended_at is null`;
  return ended.count > 0;
}

export type EndedCall = {
  readonly askedAt: Date;
  readonly tries: number;
  readonly outcome: 'accepted' | 'failed' | null;
  readonly detail: string;
};

export async function findCall(tx: Statement, id: string): Promise<EndedCall | null> {
  const [row] = await tx<EndedCall[]>`
    select outcome, detail, asked_at as "askedAt", tries from provider_call where id = ${id}::uuid`;
  return row ?? null;
}

/** A charge that the provider had taken on, and whose payment then failed. */
export async function failAccepted(
  tx: Statement,
  { id, detail }: { readonly id: string; readonly detail: string },
): Promise<boolean> {
  const failed = await tx`
    update provider_call set outcome = 'failed', detail = ${detail}
    where id = ${id}::uuid and outcome = 'accepted'`;
  return failed.count > 0;
}
