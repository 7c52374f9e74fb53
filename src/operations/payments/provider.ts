import type { PaymentChannel } from '../../db/payments.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type {
  ChannelClosedCode,
  ProviderCode,
  ProviderNews,
  ReadNewsCode,
} from '../../domain/payment/providerNews.ts';

/** What a provider is asked for. The key makes a repeat find the first answer. */
export type PaymentRequest = {
  readonly idempotencyKey: string;
  readonly accountId: number;
  readonly amountMicros: bigint;
  readonly currency: string;
};

export type StartedAtProvider = {
  /** The provider's name of the payment. */
  readonly reference: string;
  /** For the payer's browser alone: neither kept nor logged. */
  readonly clientSecret: string | null;
  readonly redirectUrl: string | null;
};

export type ChargedInstrument = {
  readonly reference: string;
  /** Captured is told by an event, too; pending ends by one. */
  readonly state: 'captured' | 'pending';
};

/** How a payment stands at the provider; pending may still end either way. */
export type PaymentAtProvider =
  | { readonly state: 'captured'; readonly amountMicros: bigint }
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly reason: string };

/** One channel at its provider. Calls are bounded in time and tried again under their keys. */
export type PaymentProvider = {
  startPayment(request: PaymentRequest): Promise<Outcome<StartedAtProvider, ProviderCode>>;
  /** A payment that was started before: what the payer needs to go on. */
  resumePayment(reference: string): Promise<Outcome<StartedAtProvider, ProviderCode>>;
  /** Asked where its word does not come. */
  readPayment(
    reference: string,
    currency: string,
  ): Promise<Outcome<PaymentAtProvider, ProviderCode>>;
  /** Takes money from an instrument that the customer has left with the provider. */
  chargeInstrument(
    request: PaymentRequest & { readonly instrument: string },
  ): Promise<Outcome<ChargedInstrument, ProviderCode>>;
  refund(request: {
    readonly idempotencyKey: string;
    readonly reference: string;
    readonly amountMicros: bigint;
    readonly currency: string;
  }): Promise<Outcome<{ readonly refundId: string }, ProviderCode>>;
  /** What the provider kept for itself of the money that it paid out. */
  readFees(payoutId: string, currency: string): Promise<Outcome<bigint, ProviderCode>>;
  /** Signature, age both ways and content of a message, as bytes. */
  readEvent(
    body: Uint8Array,
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    nowMs: number,
  ): Outcome<ProviderNews, ReadNewsCode>;
};

/** Who speaks for a channel, with its secrets. */
export type ProviderOf = (channel: PaymentChannel) => Outcome<PaymentProvider, ChannelClosedCode>;
