import {
  providerGiveUpMs,
  providerRetryFirstMs,
  providerRetryMsMax,
} from '../../domain/payment/limits.ts';
import { refuse } from '../../domain/outcome.ts';
import type { ChannelClosedCode, ProviderCode } from '../../domain/payment/providerNews.ts';

const isAnswer: Readonly<Record<ProviderCode | ChannelClosedCode, boolean>> = {
  PROVIDER_UNAVAILABLE: false,
  CHANNEL_SETTINGS_MALFORMED: false,
  CHANNEL_SECRET_MISSING: false,
  CHANNEL_SECRET_EXPOSED: false,
  CHANNEL_SECRET_MALFORMED: false,
  CHANNEL_WITHOUT_PROVIDER: true,
  PROVIDER_REFUSED: true,
  PAYMENT_DECLINED: true,
  PAYMENT_AMOUNT_UNSUPPORTED: true,
};

const withoutAnswer: ReadonlySet<string> = new Set(
  Object.entries(isAnswer).flatMap(([code, isOne]) => (isOne ? [] : [code])),
);

/** Whether the provider may have done it all the same, or was not asked at all. */
export function isUnanswered(code: string): boolean {
  return withoutAnswer.has(code);
}

/** When a call without an answer is made again; null: its key may be forgotten by then. */
export function nextTryMs(
  { askedAtMs, tries }: { readonly askedAtMs: number; readonly tries: number },
  nowMs: number,
): number | null {
  const waitMs = Math.min(providerRetryFirstMs * 2 ** Math.max(tries - 1, 0), providerRetryMsMax);
  const nextMs = nowMs + waitMs;
  return nextMs < askedAtMs + providerGiveUpMs ? nextMs : null;
}

/** Nobody was there to ask for so long that the provider may have forgotten the key. */
export function isForgotten({ askedAtMs }: { readonly askedAtMs: number }, nowMs: number): boolean {
  return nowMs >= askedAtMs + providerGiveUpMs;
}

export const forgotten = refuse(
  'PROVIDER_UNAVAILABLE',
  'The provider gave no answer for too long, so it is not asked again. Look at the payment there.',
);

/** Of a refund that is not asked for any more: what is known of it, which is nothing. */
export const unanswered = refuse(
  'REFUND_UNANSWERED',
  'It is not known whether the provider made this refund: it gave no answer for 20 hours and is ' +
    'not asked any more. The amount stays spoken for, and is posted when the provider tells it. ' +
    'Look at the payment there.',
);
