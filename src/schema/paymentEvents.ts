import { hearProvider } from '../operations/payments/hearProvider.ts';
import type { HearCode, HearDeps } from '../operations/payments/hearProvider.ts';
import { createWebhookEntrance } from './webhookEntrance.ts';
import type { WebhookEntrance } from './webhookEntrance.ts';

/** The entrance of payment providers: `POST /v1/payments/<channel id>/events`. */

const address = /^\/v1\/payments\/([1-9]\d{0,8})\/events$/;

/** The channel that a path is of; null: it is no address of this entrance. */
export function channelOfPath(path: string): number | null {
  const digits = address.exec(path)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Below 300: the provider need not send it again; it was heard, whatever came of it. */
function statusOf(code: HearCode): number {
  switch (code) {
    case 'PAYMENT_CURRENCY_MISMATCH':
    case 'PAYMENT_ACCOUNT_MISMATCH':
    case 'PAYMENT_AMOUNT_INVALID':
    case 'PAYMENT_EVENT_REUSED':
    case 'PAYMENT_EVENT_FOREIGN':
    case 'PAYMENT_REFUND_ABOVE_CAPTURED':
      return 200;
    case 'PAYMENT_SIGNATURE_WRONG':
    case 'PAYMENT_EVENT_TOO_OLD':
    case 'PAYMENT_EVENT_MALFORMED':
      return 400;
    case 'PAYMENT_CHANNEL_UNKNOWN':
    case 'CHANNEL_WITHOUT_PROVIDER':
      return 404;
    case 'PAYMENT_EVENT_TOO_LARGE':
      return 413;
    case 'CHANNEL_SETTINGS_MALFORMED':
    case 'CHANNEL_SECRET_MISSING':
    case 'CHANNEL_SECRET_EXPOSED':
    case 'CHANNEL_SECRET_MALFORMED':
    case 'PROVIDER_UNAVAILABLE':
    case 'PROVIDER_REFUSED':
    case 'PAYMENT_DECLINED':
    case 'PAYMENT_AMOUNT_UNSUPPORTED':
      return 503;
  }
}

export function createPaymentEntrance(deps: HearDeps): WebhookEntrance {
  return createWebhookEntrance(
    () => deps.clock.nowMs(),
    async (channelId, message, isAudited) => {
      const heard = await hearProvider(deps, { channelId, ...message }, isAudited);
      if (heard.ok) return { status: 200, told: { result: heard.value.result } };
      const { code, message: words } = heard;
      return { status: statusOf(code), told: { result: 'refused', code, message: words } };
    },
  );
}
