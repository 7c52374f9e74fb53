import type { Outcome } from '../outcome.ts';
import type { ArmKind } from './thresholds.ts';

/** What a customer is told, without names and addresses: the messaging gateway knows those. */
export type NoticeMessage = {
  /** The same whenever it is sent again, so that a gateway tells it once. */
  readonly id: string;
  readonly companyId: number;
  readonly accountId: number;
  readonly kind: ArmKind;
  readonly threshold: string;
  /** Amounts, days and instants as text. */
  readonly detail: unknown;
  readonly atMs: number;
};

/** `sent`: on its way, its arrival is reported later. */
export type NoticeAnswer = {
  readonly state: 'sent' | 'delivered' | 'failed';
  /** The sender's own id of it, or why it failed. */
  readonly detail: string;
};

/** The way to customers. It never throws for what the far end does: that is `failed`. */
export type NoticeSender = {
  send(message: NoticeMessage): Promise<NoticeAnswer>;
};

/** What the gateway tells later of a notice that it took. */
export type NoticeReport = {
  readonly noticeId: string;
  readonly state: 'delivered' | 'failed';
  /** The gateway's own word: its id of it, or why it failed. */
  readonly detail: string;
};

export type ReportCode =
  | 'NOTICE_SIGNATURE_WRONG'
  | 'NOTICE_REPORT_TOO_OLD'
  | 'NOTICE_REPORT_MALFORMED';

/** Reads a message of reports as far as it is to be believed. */
export type ReadReports = (
  body: Uint8Array,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  nowMs: number,
) => Outcome<readonly NoticeReport[], ReportCode>;
