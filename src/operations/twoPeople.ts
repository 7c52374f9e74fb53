import { createHash } from 'node:crypto';
import {
  addApproval,
  findApprovedMicros,
  findFirstApproval,
  findOtherApproval,
} from '../db/approvals.ts';
import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';
import { approvalAgeMsMax, correctionMicrosMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { moneyText } from '../domain/tariff/currency.ts';
import { derivedId } from './derivedId.ts';

export type TwoPeopleCode =
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'APPROVAL_EXPIRED'
  | 'APPROVED_AMOUNT_CHANGED';

/** Money that is to move, and who says so now. */
export type MoneyAsked = {
  readonly viewer: Viewer;
  /** Of the request, which both send under one key, such as `transfer/UUID`. */
  readonly name: string;
  /** All that a yes is about: who says yes to another amount says yes to something else. */
  content(amountMicros: bigint): readonly (string | number)[];
  readonly amountMicros: bigint;
  readonly currency: string;
  /** Otherwise it is all there is, which may change between two people. */
  readonly isAmountNamed: boolean;
  readonly reason: string;
  readonly nowMs: number;
};

function subjectOf({ name, content }: MoneyAsked, amountMicros: bigint): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(content(amountMicros)))
    .digest('hex');
  return `${name}/${hash.slice(0, 16)}`;
}

function auditIdOf(subject: string, actor: string): string {
  return derivedId('audit', 'approval', subject, actor);
}

/** The name belongs to other content, which waits for its second person. */
async function refuseOther(
  tx: Transaction,
  asked: MoneyAsked,
  subject: string,
): Promise<Refused<TwoPeopleCode> | null> {
  const { viewer, name, amountMicros, currency } = asked;
  const other = await findOtherApproval(tx, { companyId: viewer.companyId, name, subject });
  if (other === null) return null;
  const seenMicros = await findApprovedMicros(tx, auditIdOf(other.subject, other.actor));
  assert(seenMicros !== null, 'a yes to money has its audit row with the amount');
  if (asked.isAmountNamed || subjectOf(asked, seenMicros) !== other.subject) {
    const message = 'This key belongs to a request with other input, which stands. Use a new key.';
    return refuse('IDEMPOTENCY_KEY_REUSED', message);
  }
  const [seen, now] = [seenMicros, amountMicros].map((micros) => moneyText(micros, currency));
  const message =
    `The first person has said yes to ${seen}, which was all there was; by now it is ${now}. ` +
    'Nothing was moved: begin it again under a new key.';
  return refuse('APPROVED_AMOUNT_CHANGED', message, ['amount']);
}

/**
 * Whether enough people have said yes to it: one up to the limit, two above it. This one says it
 * now, with an audit row. Under a lock of the name.
 */
export async function isApproved(
  tx: Transaction,
  asked: MoneyAsked,
): Promise<Outcome<boolean, TwoPeopleCode>> {
  const { viewer, amountMicros, nowMs } = asked;
  const { companyId, actor } = viewer;
  const subject = subjectOf(asked, amountMicros);
  const other = await refuseOther(tx, asked, subject);
  if (other !== null) return other;
  if (amountMicros <= correctionMicrosMax) return accept(true);
  const firstAt = await findFirstApproval(tx, { companyId, subject });
  if (firstAt !== null && nowMs - firstAt.getTime() >= approvalAgeMsMax) {
    const message =
      'The first person has said yes to it more than a week ago. Nothing was moved: begin it ' +
      'again under a new key.';
    return refuse('APPROVAL_EXPIRED', message);
  }
  const reason = asked.reason.trim();
  const said = { companyId, subject, actor, reason, atMs: nowMs };
  const { isNew, actors } = await addApproval(tx, said);
  if (isNew) {
    await insertAudit(tx, {
      id: auditIdOf(subject, actor),
      companyId,
      atMs: nowMs,
      actor,
      action: 'approval.give',
      subject,
      before: null,
      after: { reason, amountMicros: amountMicros.toString() },
    });
  }
  return accept(actors.length >= 2);
}
