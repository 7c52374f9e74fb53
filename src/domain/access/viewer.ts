import type { AccountId, CompanyId } from '../ids.ts';

/** Requirement 004.11, and the subscriber beside them. */
export const roles = ['subscriber', 'operator', 'administrator', 'developer'] as const;
export type Role = (typeof roles)[number];

/** On whose behalf something happens. Made from a verified token, never from input. */
export type Viewer = {
  readonly companyId: CompanyId;
  readonly role: Role;
  /** Set exactly for a subscriber: the one account that it may see. */
  readonly accountId: AccountId | null;
  /** Stable and free of personal data: what the audit says did it. */
  readonly actor: string;
  /** A partner: registered documents only, over every transport. */
  readonly persistedOnly: boolean;
};
