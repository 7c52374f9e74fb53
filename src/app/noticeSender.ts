import type { Logger } from 'pino';
import type { NoticeSender, ReadReports } from '../domain/prepaid/notice.ts';
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import {
  createNoticeWebhook,
  createReportReader,
  readNoticeSecret,
} from '../providers/noticeWebhook.ts';
import type { NoticeSecretCode } from '../providers/noticeWebhook.ts';
import type { Config } from './config.ts';

/** The demonstration's customers look at its screen: what was written there has arrived. */
function loggedNotices(log: Logger): NoticeSender {
  return {
    async send(notice) {
      log.info({ notice }, 'NOTICE');
      return { state: 'delivered', detail: 'shown on the screen' };
    },
  };
}

/** The gateway that was configured; null: there is none. */
export function gatewayNotices(
  { notices }: Pick<Config, 'notices'>,
  clock: { nowMs(): number },
): Outcome<NoticeSender | null, NoticeSecretCode> {
  if (notices === null) return accept(null);
  const secret = readNoticeSecret(notices.secretFile);
  if (!secret.ok) return secret;
  const nowMs = () => clock.nowMs();
  return accept(createNoticeWebhook({ url: notices.url, secret: secret.value, nowMs }));
}

/** What the gateway reports later; null: there is none. */
export function gatewayReports({
  notices,
}: Pick<Config, 'notices'>): Outcome<ReadReports | null, NoticeSecretCode> {
  if (notices === null) return accept(null);
  const secret = readNoticeSecret(notices.secretFile);
  return secret.ok ? accept(createReportReader(secret.value)) : secret;
}

/** Of the demonstration: the gateway if there is one, else its screen. */
export function demoNotices(
  config: Pick<Config, 'notices'>,
  { clock, log }: { readonly clock: { nowMs(): number }; readonly log: Logger },
): Outcome<NoticeSender, NoticeSecretCode> {
  const gateway = gatewayNotices(config, clock);
  return gateway.ok ? accept(gateway.value ?? loggedNotices(log)) : gateway;
}
