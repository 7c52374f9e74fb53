import { hearReports } from '../operations/prepaid/hearReports.ts';
import type { HearReportsCode, HearReportsDeps } from '../operations/prepaid/hearReports.ts';
import { createWebhookEntrance } from './webhookEntrance.ts';
import type { WebhookEntrance } from './webhookEntrance.ts';

/** The entrance of the messaging gateway: `POST /v1/notices/<company id>/reports`. */

const address = /^\/v1\/notices\/([1-9]\d{0,8})\/reports$/;

/** The company that a path is of; null: it is no address of this entrance. */
export function companyOfPath(path: string): number | null {
  const digits = address.exec(path)?.[1];
  return digits === undefined ? null : Number(digits);
}

function statusOf(code: HearReportsCode): number {
  switch (code) {
    case 'NOTICE_SIGNATURE_WRONG':
    case 'NOTICE_REPORT_TOO_OLD':
    case 'NOTICE_REPORT_MALFORMED':
      return 400;
    case 'NOTICE_COMPANY_UNKNOWN':
      return 404;
    case 'NOTICE_REPORT_TOO_LARGE':
      return 413;
  }
}

export function createReportEntrance(deps: HearReportsDeps): WebhookEntrance {
  return createWebhookEntrance(
    () => deps.clock.nowMs(),
    async (companyId, message, isAudited) => {
      const heard = await hearReports(deps, { companyId, ...message }, isAudited);
      if (heard.ok) return { status: 200, told: { results: heard.value } };
      const { code, message: words } = heard;
      return { status: statusOf(code), told: { result: 'refused', code, message: words } };
    },
  );
}
