import {
  providerGiveUpMs,
  providerRetryFirstMs,
  providerRetryMsMax,
} from '../../domain/payment/limits.ts';
import { refuse } from '../../domain/outcome.ts';
import type { ChannelClosedCode, ProviderCode } from '../../domain/payment/providerNews.ts';

/** Whether the provider may have done it all the same, or was not asked at all. */
export function isUnanswered(code: ProviderCode | ChannelClosedCode): boolean {
  switch (code) {
    case 'PROVIDER_UNAVAILABLE':
    case 'CHANNEL_SETTINGS_MALFORMED':
    case 'CHANNEL_SECRET_MISSING':
    case 'CHANNEL_SECRET_EXPOSED':
    case 'CHANNEL_SECRET_MALFORMED':
      return true;
    case 'CHANNEL_WITHOUT_PROVIDER':
    case 'PROVIDER_REFUSED':
    case 'PAYMENT_DECLINED':
    case 'PAYMENT_AMOUNT_UNSUPPORTED':
      return false;
  }
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
