import type { PaymentWord } from './standing.ts';

/** What a payment provider tells by itself, in our words. */

/** A word about one payment. */
export type ProviderWord = PaymentWord & {
  readonly eventId: string;
  /** The provider's name of the payment. */
  readonly reference: string;
  /** Whose payment it is, where the provider gives back what it was told at the start. */
  readonly accountId: number | null;
  readonly currency: string;
  /** The provider's code of a failure; never its words, which may name a person. */
  readonly reason?: string;
};

/** Money that the provider sent to the bank, or that the bank sent back. */
export type ProviderPayout = {
  readonly eventId: string;
  readonly payoutId: string;
  readonly state: 'paid' | 'failed';
  readonly amountMicros: bigint;
  readonly currency: string;
  readonly occurredAtMs: number;
};

export type ProviderNews = (
  | { readonly kind: 'payment'; readonly word: ProviderWord }
  | { readonly kind: 'payout'; readonly payout: ProviderPayout }
  /** Nothing that moves money here. */
  | { readonly kind: 'other'; readonly eventId: string }
) & {
  /** SHA-256 of what was said, without what changes from one delivery to the next. */
  readonly bodyHash: Uint8Array;
};

/** Why a message of a provider is not listened to. */
export type ReadNewsCode =
  | 'PAYMENT_SIGNATURE_WRONG'
  | 'PAYMENT_EVENT_TOO_OLD'
  | 'PAYMENT_EVENT_MALFORMED'
  | 'PAYMENT_EVENT_FOREIGN';

/** Why a provider did not do what it was asked. */
export type ProviderCode =
  /** Its end is unknown: the same request under the same key may be sent again. */
  'PROVIDER_UNAVAILABLE' | 'PROVIDER_REFUSED' | 'PAYMENT_DECLINED' | 'PAYMENT_AMOUNT_UNSUPPORTED';

/** Why nobody can speak for a channel in this process. */
export type ChannelClosedCode =
  | 'CHANNEL_WITHOUT_PROVIDER'
  | 'CHANNEL_SETTINGS_MALFORMED'
  | 'CHANNEL_SECRET_MISSING'
  | 'CHANNEL_SECRET_EXPOSED'
  | 'CHANNEL_SECRET_MALFORMED';
