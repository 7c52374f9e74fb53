import { createHash } from 'node:crypto';
import { insertAuditOnce } from '../../db/audit.ts';
import type { Sql } from '../../db/connect.ts';
import { eventShardOf } from '../../db/events.ts';
import { findChannel } from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { webhookBytesMax } from '../../domain/payment/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import type {
  ChannelClosedCode,
  ProviderCode,
  ProviderNews,
  ReadNewsCode,
} from '../../domain/payment/providerNews.ts';
import type { AuditBudget } from '../auditBudget.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { applyPaymentEvent } from './applyPaymentEvent.ts';
import type { PaymentCode } from './applyPaymentEvent.ts';
import { channelViewer } from './channelViewer.ts';
import type { PaymentProvider, ProviderOf } from './provider.ts';
import { isUnanswered } from './providerWait.ts';
import { settlePayout } from './settlePayout.ts';
import type { PayoutCode } from './settlePayout.ts';

export type HearDeps = RequestDeps & {
  /** Under joulebook_writer: a channel is looked up before it is known whose it is. */
  readonly writer: Sql;
  readonly providerOf: ProviderOf;
};

export type ProviderMessage = {
  readonly channelId: number;
  /** Null: it is too large to be read. */
  readonly body: Uint8Array | null;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** The message was not listened to. */
export type UnheardCode =
  | ReadNewsCode
  | ChannelClosedCode
  | ProviderCode
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'PAYMENT_EVENT_TOO_LARGE';

export type HearCode = UnheardCode | PaymentCode | PayoutCode;

/** `refused`: it was heard, and moves nothing; a repeat would not either. */
export type Heard = { readonly result: 'applied' | 'replay' | 'ignored' };

function hashOf(body: Uint8Array | null): string {
  return body === null ? 'not read' : createHash('sha256').update(body).digest('hex');
}

/** At no channel: nobody's row, written by whoever looks channels up. */
async function auditUnknown(
  { writer, clock }: HearDeps,
  { channelId, body }: ProviderMessage,
  { code }: Refused<UnheardCode>,
): Promise<void> {
  const bodyHash = hashOf(body);
  await insertAuditOnce(writer, {
    id: derivedId('payment_unheard', String(channelId), code, bodyHash),
    companyId: null,
    atMs: clock.nowMs(),
    actor: 'unknown',
    action: 'payment.unheard',
    subject: `payment_channel/${channelId}`,
    before: null,
    after: { code, bodyHash },
  });
}

/** One row a message, however often it is sent again. */
async function auditUnheard(
  deps: HearDeps,
  channel: PaymentChannel,
  { body, refusal }: { body: Uint8Array | null; refusal: Refused<UnheardCode> },
): Promise<void> {
  const viewer = channelViewer(channel);
  const hash = hashOf(body);
  await asViewer(deps.sql, viewer, (tx) =>
    insertAuditOnce(tx, {
      id: derivedId('payment_unheard', String(channel.id), refusal.code, hash),
      companyId: channel.companyId,
      atMs: deps.clock.nowMs(),
      actor: viewer.actor,
      action: 'payment.unheard',
      subject: `payment_channel/${channel.id}`,
      before: null,
      after: { code: refusal.code, bodyHash: hash },
    }),
  );
}

async function apply(
  deps: HearDeps,
  channel: PaymentChannel,
  { news, provider }: { news: ProviderNews; provider: PaymentProvider },
): Promise<Outcome<Heard, HearCode>> {
  const viewer = channelViewer(channel);
  const { actor } = viewer;
  const nowMs = deps.clock.nowMs();
  const { bodyHash } = news;
  switch (news.kind) {
    case 'other':
      return accept({ result: 'ignored' });
    case 'payout': {
      const { payout } = news;
      // Asked before the transaction: nothing is locked while another system answers.
      const fees =
        payout.state === 'paid'
          ? await provider.readFees(payout.payoutId, payout.currency)
          : accept(0n);
      if (!fees.ok && isUnanswered(fees.code)) return fees;
      // Of a payout by hand the provider tells no entries: the money is in the bank all the same.
      const feesCode = fees.ok ? null : fees.code;
      const feeMicros = fees.ok ? fees.value : 0n;
      const settled = await asViewer(deps.sql, viewer, (tx) =>
        settlePayout(tx, { channel, payout, feeMicros, feesCode, bodyHash, actor, nowMs }),
      );
      return settled.ok
        ? accept({ result: settled.value.isReplay ? 'replay' : 'applied' })
        : settled;
    }
    case 'payment': {
      const { part, ...word } = news.word;
      const event = {
        ...word,
        ...(part !== null && { part }),
        companyId: channel.companyId,
        channelId: channel.id,
        receivedAtMs: nowMs,
        bodyHash,
        actor,
      };
      const applied = await asViewer(deps.sql, viewer, (tx) => applyPaymentEvent(tx, event));
      if (!applied.ok) return applied;
      const { isReplay, commandsRequested } = applied.value;
      if (!isReplay) deps.wake({ kind: 'events', shard: eventShardOf(channel.companyId) });
      if (commandsRequested) deps.wake({ kind: 'commands' });
      return accept({ result: isReplay ? 'replay' : 'applied' });
    }
  }
}

/**
 * Takes a message of a provider: whose channel, whose signature, how old, what it says; then hears
 * it in one transaction. `isAudited` false: refusals of this channel, or of unknown ones (0), have
 * filled the audit enough for now.
 */
export async function hearProvider(
  deps: HearDeps,
  message: ProviderMessage,
  isAudited: AuditBudget<number>,
): Promise<Outcome<Heard, HearCode>> {
  const channel = await findChannel(deps.writer, message.channelId);
  const { body, headers } = message;
  if (channel === null) {
    const refusal = refuse('PAYMENT_CHANNEL_UNKNOWN', 'There is no such payment channel.');
    if (isAudited(0)) await auditUnknown(deps, message, refusal);
    return refusal;
  }
  const provider = deps.providerOf(channel);
  if (!provider.ok) {
    if (isAudited(channel.id)) await auditUnheard(deps, channel, { body, refusal: provider });
    return provider;
  }
  const news =
    body === null
      ? refuse('PAYMENT_EVENT_TOO_LARGE', `An event has at most ${webhookBytesMax} bytes.`)
      : provider.value.readEvent(body, headers, deps.clock.nowMs());
  if (!news.ok) {
    if (isAudited(channel.id)) await auditUnheard(deps, channel, { body, refusal: news });
    return news;
  }
  return apply(deps, channel, { news: news.value, provider: provider.value });
}
