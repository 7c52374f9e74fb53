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
