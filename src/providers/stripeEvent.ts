import { createHash } from 'node:crypto';
import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type {
  ProviderNews,
  ProviderPayout,
  ProviderWord,
  ReadNewsCode,
} from '../domain/payment/providerNews.ts';
import { fromMinor } from './stripeAmount.ts';

/** Events of Stripe as words about payments. Source: docs.stripe.com/api/events/types. */

const id = z.string().min(1).max(255);
const amount = z.number().int().min(0);
const currency = z
  .string()
  .regex(/^[a-z]{3}$/)
  .transform((code) => code.toUpperCase());
const metadata = z.record(z.string(), z.string()).nullish();
/** An id, or the object itself where the account has asked for it to be expanded. */
const reference = z.union([id, z.object({ id }).transform((object) => object.id)]).nullish();

const intentShape = z.object({
  id,
  currency,
  amount,
  amount_received: amount,
  metadata,
  last_payment_error: z.object({ code: z.string().max(100).nullish() }).nullish(),
});
const chargeShape = z.object({
  currency,
  amount_refunded: amount,
  payment_intent: reference,
  metadata,
});
const refundShape = z.object({ id, currency, amount, payment_intent: reference });
const disputeShape = z.object({
  id,
  currency,
  amount,
  payment_intent: reference,
  status: z.string(),
});
const payoutShape = z.object({ id, currency, amount });

const eventShape = z.looseObject({
  id,
  object: z.literal('event'),
  type: z.string(),
  /** Seconds. */
  created: z.number().int().min(0).max(4_102_444_800),
  livemode: z.boolean(),
  account: z.string().nullish(),
  data: z.object({ object: z.unknown() }),
});
type StripeEvent = z.infer<typeof eventShape>;

export type StripeReceiver = {
  readonly channelId: number;
  /** Whether the key is of real money. */
  readonly isLive: boolean;
  /** The connected account of the channel, where it has one. */
  readonly account: string | null;
};

/** What we put on each payment, and get back on its events. */
export const channelTag = 'joulebook_channel';
export const accountTag = 'joulebook_account';

type Tags = z.infer<typeof metadata>;

function isForeign(event: StripeEvent, tags: Tags, receiver: StripeReceiver): boolean {
  const channel = tags?.[channelTag];
  return (
    event.livemode !== receiver.isLive ||
    (event.account ?? null) !== receiver.account ||
    (channel !== undefined && channel !== String(receiver.channelId))
  );
}

function accountOf(tags: Tags): number | null {
  const text = tags?.[accountTag] ?? '';
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : null;
}

type Told = {
  readonly kind: ProviderWord['kind'];
  readonly reference: string;
  readonly part?: string;
  readonly minor: number;
  readonly currency: string;
  readonly tags?: Tags;
  readonly reason?: string | null | undefined;
};

/** A dispute that only asks takes no money: `warning_needs_response` and its like. */
function isInquiry(status: string): boolean {
  return status.startsWith('warning_');
}

function disputeWord(event: StripeEvent): Told | null {
  const dispute = disputeShape.parse(event.data.object);
  const { payment_intent: payment, status } = dispute;
  if (typeof payment !== 'string' || isInquiry(status)) return null;
  const isClosed = event.type === 'charge.dispute.closed';
  const isBack = event.type === 'charge.dispute.funds_reinstated' || (isClosed && status === 'won');
  return {
    kind: isBack ? 'dispute_won' : 'disputed',
    reference: payment,
    part: dispute.id,
    minor: dispute.amount,
    currency: dispute.currency,
  };
}

/** Throws where the object is not of the shape of its type; null: it moves nothing. */
function wordOf(event: StripeEvent): Told | null {
  const { object } = event.data;
  switch (event.type) {
    case 'payment_intent.succeeded': {
      const intent = intentShape.parse(object);
      const { id: of, amount_received: minor, metadata: tags } = intent;
      return { kind: 'captured', reference: of, minor, currency: intent.currency, tags };
    }
    case 'payment_intent.payment_failed': {
      const intent = intentShape.parse(object);
      const { id: of, amount: minor, metadata: tags, last_payment_error: error } = intent;
      const reason = error?.code;
      return { kind: 'failed', reference: of, minor, currency: intent.currency, tags, reason };
    }
    case 'charge.refunded': {
      const charge = chargeShape.parse(object);
      const { payment_intent: of, amount_refunded: minor, metadata: tags } = charge;
      if (typeof of !== 'string') return null;
      return { kind: 'refunded', reference: of, minor, currency: charge.currency, tags };
    }
    case 'refund.failed': {
      const refund = refundShape.parse(object);
      const { payment_intent: of, amount: minor } = refund;
      if (typeof of !== 'string') return null;
      const part = refund.id;
      return { kind: 'refund_failed', reference: of, part, minor, currency: refund.currency };
    }
    case 'charge.dispute.created':
    case 'charge.dispute.funds_withdrawn':
    case 'charge.dispute.funds_reinstated':
    case 'charge.dispute.closed':
      return disputeWord(event);
    default:
      return null;
  }
}

type Content = { word: ProviderWord } | { payout: ProviderPayout } | null;

function contentOf(event: StripeEvent, receiver: StripeReceiver): Outcome<Content, ReadNewsCode> {
  const malformed = refuse(
    'PAYMENT_EVENT_MALFORMED',
    `An event ${event.type} of another shape than the provider documents; nothing was posted.`,
  );
  const occurredAtMs = event.created * 1_000;
  const foreign = refuse(
    'PAYMENT_EVENT_FOREIGN',
    'The event is of another channel, account or mode than this address; nothing was posted.',
  );
  try {
    if (event.type === 'payout.paid' || event.type === 'payout.failed') {
      const payout = payoutShape.parse(event.data.object);
      if (isForeign(event, null, receiver)) return foreign;
      const micros = fromMinor(payout.amount, payout.currency);
      if (!micros.ok) return malformed;
      const state = event.type === 'payout.paid' ? 'paid' : 'failed';
      const of = { eventId: event.id, payoutId: payout.id, state, occurredAtMs } as const;
      return accept({ payout: { ...of, amountMicros: micros.value, currency: payout.currency } });
    }
    const told = wordOf(event);
    if (isForeign(event, told?.tags, receiver)) return foreign;
    if (told === null) return accept(null);
    const micros = fromMinor(told.minor, told.currency);
    if (!micros.ok) return malformed;
    return accept({
      word: {
        eventId: event.id,
        reference: told.reference,
        kind: told.kind,
        part: told.part ?? null,
        totalMicros: micros.value,
        currency: told.currency,
        accountId: accountOf(told.tags),
        occurredAtMs,
        ...(typeof told.reason === 'string' && { reason: told.reason }),
      },
    });
  } catch (error) {
    if (error instanceof z.ZodError) return malformed;
    throw error;
  }
}

/** `pending_webhooks` counts deliveries that are under way: it differs each time. */
function hashOf(said: object): Uint8Array {
  const entries = Object.entries(said).filter(([name]) => name !== 'pending_webhooks');
  return createHash('sha256').update(JSON.stringify(entries)).digest();
}

/** What a verified event says to a channel. */
export function readStripeEvent(
  raw: unknown,
  receiver: StripeReceiver,
): Outcome<ProviderNews, ReadNewsCode> {
  const parsed = eventShape.safeParse(raw);
  if (!parsed.success) {
    const message = 'What was signed is no event of the provider; nothing was posted.';
    return refuse('PAYMENT_EVENT_MALFORMED', message);
  }
  const event = parsed.data;
  const content = contentOf(event, receiver);
  if (!content.ok) return content;
  const bodyHash = hashOf(event);
  if (content.value === null) return accept({ kind: 'other', eventId: event.id, bodyHash });
  return 'word' in content.value
    ? accept({ kind: 'payment', word: content.value.word, bodyHash })
    : accept({ kind: 'payout', payout: content.value.payout, bodyHash });
}
