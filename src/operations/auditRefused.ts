import { insertAuditOnce } from '../db/audit.ts';
import { asViewer } from '../db/viewer.ts';
import type { AccessRule } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { isUuid } from '../domain/uuid.ts';
import { derivedId } from './derivedId.ts';
import type { RequestDeps } from './onceByKey.ts';

/** What moves money or supply: who tries it in vain leaves a row in the audit, too. */
const auditedRules: ReadonlySet<string> = new Set([
  'Mutation.topUp',
  'Mutation.startPayment',
  'Mutation.refundPayment',
  'Mutation.allocatePayment',
  'Mutation.registerKeypad',
  'Mutation.instructKeypad',
  'Mutation.chooseKeypad',
  'Mutation.setAutoTopUp',
  'Mutation.stopAutoTopUp',
  'Mutation.takeCash',
  'Mutation.handOverCash',
  'Mutation.changeAgentLimit',
  'Mutation.useVoucher',
  'Mutation.correctTransfer',
  'Mutation.adjustBalance',
  'Mutation.writeOffDebt',
  'Mutation.setAsideDebt',
  'Mutation.planDebt',
  'Mutation.eraseCustomer',
  'Mutation.changeAgreementMode',
  'Mutation.changeAgreementAccount',
  'Mutation.takeBackAgreementChange',
  'Mutation.payOutAccount',
  'Mutation.takeDeposit',
  'Mutation.takeEmergencyCredit',
  'Mutation.publishPrepaidPolicy',
  'Mutation.putUnderPolicy',
  'Mutation.requestDisconnect',
  'Mutation.requestReconnect',
  'Mutation.approveDisconnect',
  'Mutation.approveBreaker',
  'Mutation.addProtection',
  'Mutation.endProtection',
  'Mutation.recordWeatherAdvisory',
  'Mutation.endWeatherAdvisory',
  'Mutation.endWorkOrder',
] as const satisfies readonly AccessRule[]);

export function isAuditedInVain(rule: string): boolean {
  return auditedRules.has(rule);
}

export type RefusedRequest = {
  /** By the mutation's name, whichever way it came: `topUp`. */
  readonly operation: string;
  readonly code: string;
  /** What it was to be done to, such as `account/12`; null where the request does not say. */
  readonly subject: string | null;
  /** The client's: a request that repeats is one row. */
  readonly idempotencyKey: string | null;
  /** All that was asked for: under one key, other input is another row. It is not kept. */
  readonly input: unknown;
};

/**
 * One row of a refused request, in a transaction of its own: that of the request has come to
 * nothing. Of the input it tells what it was about and nothing else.
 */
export async function auditRefused(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  { operation, code, subject: about, idempotencyKey, input }: RefusedRequest,
): Promise<void> {
  const { companyId, actor } = viewer;
  const atMs = clock.nowMs();
  const subject = about ?? `company/${companyId}`;
  const isKeyed = idempotencyKey !== null && isUuid(idempotencyKey);
  const once = isKeyed ? idempotencyKey.toLowerCase() : String(atMs);
  const asked = JSON.stringify(input, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  await asViewer(sql, viewer, (tx) =>
    insertAuditOnce(tx, {
      id: derivedId('refused', String(companyId), actor, operation, code, subject, once, asked),
      companyId,
      atMs,
      actor,
      action: `${operation}.refused`,
      subject,
      before: null,
      after: { code },
    }),
  );
}
