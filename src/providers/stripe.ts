import { Stripe } from 'stripe';
import { z } from 'zod';
import {
  providerCallMsMax,
  providerRetriesMax,
  settledEntriesMax,
  webhookAgeMsMax,
} from '../domain/payment/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import type { ProviderCode, ProviderNews, ReadNewsCode } from '../domain/payment/providerNews.ts';
import type { ChannelSecret } from './channelSecret.ts';
import { toMinor, fromMinor } from './stripeAmount.ts';
import { accountTag, channelTag, readStripeEvent } from './stripeEvent.ts';

const loopback = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])$/;

/** Settings of a channel of kind `stripe`. */
export const stripeSettings = z.strictObject({
  /** Another address than Stripe's own; without TLS on this machine alone. */
  apiBase: z
    .url()
    .refine((text) => {
      const { protocol, hostname } = new URL(text);
      return protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
    }, 'must be https, or http on this machine')
    .optional(),
  /** The connected account that the money is for. */
  account: z
    .string()
    .regex(/^acct_\w{1,60}$/)
    .optional(),
});
export type StripeSettings = z.infer<typeof stripeSettings>;

type Request = {
  readonly idempotencyKey: string;
  readonly accountId: number;
  readonly amountMicros: bigint;
  readonly currency: string;
};

function addressOf(apiBase: string | undefined): Stripe.StripeConfig {
  if (apiBase === undefined) return {};
  const { hostname, port, protocol } = new URL(apiBase);
  const isTls = protocol === 'https:';
  const portDefault = isTls ? 443 : 80;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? portDefault : Number(port),
    protocol: isTls ? 'https' : 'http',
  };
}

/** The provider's words are not passed on: they may name a person or a card. */
function refusalOf(error: unknown): Refused<ProviderCode> {
  if (error instanceof Stripe.errors.StripeCardError) {
    const message = 'The payer’s bank declined. The payer chooses another way to pay.';
    return refuse('PAYMENT_DECLINED', message);
  }
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  if (
    error instanceof Stripe.errors.StripeAuthenticationError ||
    error instanceof Stripe.errors.StripePermissionError
  ) {
    // No answer to what was asked: under this key an earlier try may have been done.
    const message =
      'The provider does not take the key of this channel. Put the right one in its place, and ' +
      'send the same request again.';
    return refuse('PROVIDER_UNAVAILABLE', message);
  }
  const isTransient =
    error instanceof Stripe.errors.StripeConnectionError ||
    error instanceof Stripe.errors.StripeRateLimitError ||
    // The same key is in use at this moment, or the object is: its end is not known yet.
    error.statusCode === 409 ||
    (error.statusCode ?? 500) >= 500;
  if (isTransient) {
    const message = 'The provider does not answer. Send the same request again under its key.';
    return refuse('PROVIDER_UNAVAILABLE', message);
  }
  const code = /^[\w.-]{1,60}$/.exec(error.code ?? error.type)?.[0] ?? 'no code';
  return refuse('PROVIDER_REFUSED', `The provider refused (${code}). Look at the channel there.`);
}

async function calling<T>(work: () => Promise<T>): Promise<Outcome<T, ProviderCode>> {
  try {
    return accept(await work());
  } catch (error) {
    return refusalOf(error);
  }
}

/** Seconds of the one timestamp of a signature header; the SDK would take the last of several. */
function signedAtMs(header: string): number | null {
  const stamps = header.split(',').filter((item) => item.startsWith('t='));
  const digits = /^t=(\d{1,12})$/.exec(stamps[0] ?? '')?.[1];
  return stamps.length === 1 && digits !== undefined ? Number(digits) * 1_000 : null;
}

const signatureWrong = refuse(
  'PAYMENT_SIGNATURE_WRONG',
  'The signature is not of this channel’s secret. Compare the secret with the provider’s.',
);

/** One channel at Stripe: calls with keys, bounded in time, and events that are verified. */
export function createStripe({
  channelId,
  settings,
  secret,
}: {
  readonly channelId: number;
  readonly settings: StripeSettings;
  readonly secret: ChannelSecret;
}) {
  const stripe = new Stripe(secret.apiKey, {
    ...addressOf(settings.apiBase),
    ...(settings.account !== undefined && { stripeAccount: settings.account }),
    maxNetworkRetries: providerRetriesMax,
    timeout: providerCallMsMax,
    telemetry: false,
  });
  const receiver = {
    channelId,
    isLive: /^[sr]k_live_/.test(secret.apiKey),
    account: settings.account ?? null,
  };
  const intentOf = ({ accountId, currency }: Request, amount: number) => ({
    amount,
    currency: currency.toLowerCase(),
    metadata: { [channelTag]: String(channelId), [accountTag]: String(accountId) },
  });
  const startedOf = (intent: Stripe.PaymentIntent) => ({
    reference: intent.id,
    clientSecret: intent.client_secret,
    redirectUrl: intent.next_action?.redirect_to_url?.url ?? null,
  });

  return {
    async startPayment(request: Request) {
      const minor = toMinor(request.amountMicros, request.currency);
      if (!minor.ok) return minor;
      const { idempotencyKey } = request;
      return calling(async () =>
        startedOf(
          await stripe.paymentIntents.create(
            { ...intentOf(request, minor.value), automatic_payment_methods: { enabled: true } },
            { idempotencyKey },
          ),
        ),
      );
    },

    async resumePayment(reference: string) {
      return calling(async () => startedOf(await stripe.paymentIntents.retrieve(reference)));
    },

    async readPayment(reference: string, currency: string) {
      const read = await calling(() => stripe.paymentIntents.retrieve(reference));
      if (!read.ok) return read;
      const { status, amount_received: minor, last_payment_error: lastError } = read.value;
      if (status === 'canceled' || status === 'requires_payment_method') {
        return accept({ state: 'failed' as const, reason: lastError?.code ?? status });
      }
      if (status !== 'succeeded') return accept({ state: 'pending' as const });
      const amount = fromMinor(minor, currency);
      if (!amount.ok) return amount;
      return accept({ state: 'captured' as const, amountMicros: amount.value });
    },

    async chargeInstrument(request: Request & { readonly instrument: string }) {
      const minor = toMinor(request.amountMicros, request.currency);
      if (!minor.ok) return minor;
      const { idempotencyKey } = request;
      const [method, customer] = request.instrument.split('/').toReversed();
      return calling(async () => {
        const intent = await stripe.paymentIntents.create(
          {
            ...intentOf(request, minor.value),
            ...(method !== undefined && { payment_method: method }),
            // A method that is kept for later belongs to a customer there.
            ...(customer !== undefined && { customer }),
            off_session: true,
            confirm: true,
          },
          { idempotencyKey },
        );
        const state = intent.status === 'succeeded' ? ('captured' as const) : ('pending' as const);
        return { reference: intent.id, state };
      });
    },

    async refund(request: Omit<Request, 'accountId'> & { readonly reference: string }) {
      const minor = toMinor(request.amountMicros, request.currency);
      if (!minor.ok) return minor;
      const { idempotencyKey, reference } = request;
      return calling(async () => {
        const made = await stripe.refunds.create(
          { payment_intent: reference, amount: minor.value },
          { idempotencyKey },
        );
        return { refundId: made.id };
      });
    },

    async readFees(payoutId: string, currency: string): Promise<Outcome<bigint, ProviderCode>> {
      const read = await calling(async () => {
        let [minor, count] = [0, 0];
        const entries = stripe.balanceTransactions.list({ payout: payoutId, limit: 100 });
        for await (const { type, fee, amount } of entries) {
          count += 1;
          if (count > settledEntriesMax) return null;
          // What the provider bills on its own is a row of its own, below zero.
          minor += type === 'stripe_fee' ? -amount : fee;
        }
        return minor;
      });
      if (!read.ok) return read;
      if (read.value !== null) return fromMinor(read.value, currency);
      const message = `The payout has more than ${settledEntriesMax} entries; read its fees there.`;
      return refuse('PROVIDER_REFUSED', message);
    },

    readEvent(
      body: Uint8Array,
      headers: Readonly<Record<string, string | readonly string[] | undefined>>,
      nowMs: number,
    ): Outcome<ProviderNews, ReadNewsCode> {
      const header = headers['stripe-signature'];
      const atMs = typeof header === 'string' ? signedAtMs(header) : null;
      if (typeof header !== 'string' || atMs === null) return signatureWrong;
      let event: unknown;
      try {
        // Zero: the age is checked below in both directions, the SDK does it in one.
        const bytes = Buffer.from(body);
        event = stripe.webhooks.constructEvent(bytes, header, secret.webhookSecret, 0);
      } catch (error) {
        if (error instanceof Stripe.errors.StripeSignatureVerificationError) return signatureWrong;
        const message = 'What was signed is no JSON of an event; nothing was posted.';
        return refuse('PAYMENT_EVENT_MALFORMED', message);
      }
      if (Math.abs(nowMs - atMs) > webhookAgeMsMax) {
        const message = 'The event was signed too long ago, or ahead of our clock. Send it again.';
        return refuse('PAYMENT_EVENT_TOO_OLD', message);
      }
      return readStripeEvent(event, receiver);
    },
  };
}
