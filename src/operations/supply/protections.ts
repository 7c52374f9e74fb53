import { hastenSupplyWaits } from '../../db/protections.ts';
import {
  findAdvisory,
  findProtections,
  insertAdvisory,
  insertProtection,
  insertProtectionEnd,
} from '../../db/protectionRecords.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { findWorkOrders, insertWorkOrderEnd } from '../../db/workOrders.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { AdvisoryKind, ProtectionKind } from '../../domain/command/supplyFacts.ts';
import type { AccountId } from '../../domain/ids.ts';
import { advisoryDaysMax, commandReasonLengthMax } from '../../domain/command/limits.ts';
import { instantMsMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { derivedId } from '../derivedId.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { refuseReason } from '../refuseReason.ts';
import { staffChange } from './staffChange.ts';
import type { StaffCode } from './staffChange.ts';

type Keyed = { readonly idempotencyKey: string };
export type Recorded = { readonly id: string; readonly isReplay: boolean };

export type AddProtectionCode =
  | StaffCode
  | 'ACCOUNT_NOT_FOUND'
  | 'PROTECTION_SPAN_WRONG'
  | 'LIFE_SUPPORT_HAS_NO_END';

/** From its instant on nobody of the account is cut by itself, and by people only by two. */
export async function addProtection(
  deps: RequestDeps,
  viewer: Viewer,
  input: Keyed & {
    readonly accountId: AccountId;
    readonly kind: ProtectionKind;
    readonly fromMs: number;
    readonly toMs: number | null;
    readonly reason: string;
  },
): Promise<Outcome<Recorded, AddProtectionCode>> {
  const { idempotencyKey, accountId, kind, fromMs, toMs, reason } = input;
  if (kind === 'life_support' && toMs !== null) {
    const message = 'What protects life has no end of its own: a person ends it, with proof.';
    return refuse('LIFE_SUPPORT_HAS_NO_END', message, ['to']);
  }
  if (!(fromMs >= 0 && fromMs <= instantMsMax && (toMs === null || toMs > fromMs))) {
    const message = 'A protection begins between 1970 and 2200 and ends after it began.';
    return refuse('PROTECTION_SPAN_WRONG', message, ['to']);
  }
  const { companyId, actor } = viewer;
  const outcome = await staffChange<AddProtectionCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.addProtection',
      action: 'protection.add',
      idempotencyKey,
      input: [String(accountId), kind, String(fromMs), String(toMs)],
      reason,
    },
    async (tx, nowMs) => {
      const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
      if (account === undefined) {
        return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check it.', ['accountId']);
      }
      const id = derivedId('protection', String(companyId), actor, idempotencyKey.toLowerCase());
      const span = { fromMs, toMs };
      const said = { reason: reason.trim(), actor, atMs: nowMs };
      await insertProtection(tx, { id, companyId, accountId, kind, ...span, ...said });
      const to = toMs === null ? null : instantText(toMs);
      const after = { protectionId: id, kind, from: instantText(fromMs), to };
      return accept({ answer: { id }, subject: `account/${accountId}`, before: null, after });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ id: textOf(answer, 'id'), isReplay });
}

export type EndProtectionCode =
  | StaffCode
  | 'PROTECTION_NOT_FOUND'
  | 'PROTECTION_ENDED'
  | 'CONTACT_PROOF_MISSING';

/** By a person alone, who says how the customer was reached (domain rule 61). */
export async function endProtection(
  deps: RequestDeps,
  viewer: Viewer,
  input: Keyed & {
    readonly protectionId: string;
    readonly contactProof: string;
    readonly reason: string;
  },
): Promise<Outcome<Recorded, EndProtectionCode>> {
  const { idempotencyKey, protectionId, contactProof, reason } = input;
  const proof = contactProof.trim();
  if (proof === '' || proof.length > commandReasonLengthMax) {
    const message =
      'Say how and when the customer was reached, such as "call of 3 May 10:20, spoke to her", ' +
      `in at most ${commandReasonLengthMax} characters. The protection stands.`;
    return refuse('CONTACT_PROOF_MISSING', message, ['contactProof']);
  }
  const { companyId, actor } = viewer;
  const outcome = await staffChange<EndProtectionCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.endProtection',
      action: 'protection.end',
      idempotencyKey,
      input: [protectionId, proof],
      reason,
    },
    async (tx, nowMs) => {
      const [found] = await findProtections(tx, [protectionId]);
      if (found === undefined) {
        const message = 'You have no such protection. List them: ems-cli supply protections.';
        return refuse('PROTECTION_NOT_FOUND', message, ['protectionId']);
      }
      const end = { protectionId, companyId, actor, contactProof: proof, atMs: nowMs };
      if (!(await insertProtectionEnd(tx, end))) {
        return refuse('PROTECTION_ENDED', 'It has ended before; nothing was changed.');
      }
      await hastenSupplyWaits(tx, { companyId, accountId: found.accountId, atMs: nowMs });
      const before = { protectionId, kind: found.kind, endedAt: null };
      const after = { protectionId, endedAt: instantText(nowMs), contactProof: proof };
      const subject = `account/${found.accountId}`;
      return accept({ answer: { id: protectionId }, subject, before, after });
    },
  );
  if (!outcome.ok) return outcome;
  return accept({ id: protectionId, isReplay: outcome.value.isReplay });
}

export type AdvisoryCode = StaffCode | 'ADVISORY_SPAN_WRONG' | 'ADVISORY_NOT_FOUND';

/** Weather of a region in which nobody is cut. A region of '' is all of the company's. */
export async function recordAdvisory(
  deps: RequestDeps,
  viewer: Viewer,
  input: Keyed & {
    readonly region: string;
    readonly kind: AdvisoryKind;
    readonly fromMs: number;
    readonly toMs: number;
    /** Who says so, such as the weather service's bulletin. */
    readonly source: string;
  },
): Promise<Outcome<Recorded, AdvisoryCode>> {
  const { idempotencyKey, region, kind, fromMs, toMs, source } = input;
  const lengthMs = toMs - fromMs;
  if (!(fromMs >= 0 && lengthMs > 0 && lengthMs <= advisoryDaysMax * dayMs)) {
    const message = `An advisory ends after it began, within ${advisoryDaysMax} days.`;
    return refuse('ADVISORY_SPAN_WRONG', message, ['to']);
  }
  const { companyId, actor } = viewer;
  const outcome = await staffChange<AdvisoryCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.recordWeatherAdvisory',
      action: 'weather_advisory.record',
      idempotencyKey,
      input: [region, kind, String(fromMs), String(toMs)],
      reason: source,
    },
    async (tx, nowMs) => {
      const id = derivedId('advisory', String(companyId), actor, idempotencyKey.toLowerCase());
      const what = { region, kind, fromMs, toMs, source: source.trim() };
      await insertAdvisory(tx, { id, companyId, ...what, actor, atMs: nowMs });
      const after = { id, region, kind, from: instantText(fromMs), to: instantText(toMs) };
      return accept({ answer: { id }, subject: `region/${region}`, before: null, after });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ id: textOf(answer, 'id'), isReplay });
}

/** A wrong advisory, or weather that is over sooner: the same one, shorter, counts from now on. */
export async function endAdvisory(
  deps: RequestDeps,
  viewer: Viewer,
  input: Keyed & { readonly advisoryId: string; readonly reason: string },
): Promise<Outcome<Recorded, AdvisoryCode>> {
  const { idempotencyKey, advisoryId, reason } = input;
  const { companyId, actor } = viewer;
  const outcome = await staffChange<AdvisoryCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.endWeatherAdvisory',
      action: 'weather_advisory.end',
      idempotencyKey,
      input: [advisoryId],
      reason,
    },
    async (tx, nowMs) => {
      const found = await findAdvisory(tx, { companyId, id: advisoryId });
      if (found === null) {
        const message = 'You have no such advisory. List them: ems-cli supply weather.';
        return refuse('ADVISORY_NOT_FOUND', message, ['advisoryId']);
      }
      const fromMs = found.from.getTime();
      // One that has not begun never was: a moment is the shortest that there is.
      const toMs = Math.max(fromMs + 1, Math.min(nowMs, found.to.getTime()));
      const id = derivedId('advisory', String(companyId), actor, idempotencyKey.toLowerCase());
      const { region, kind } = found;
      const what = { region, kind, fromMs, toMs, source: reason.trim() };
      await insertAdvisory(tx, { id, companyId, ...what, actor, atMs: nowMs });
      await hastenSupplyWaits(tx, { companyId, accountId: null, atMs: nowMs });
      const before = { id: advisoryId, to: found.to.toISOString() };
      const after = { id, to: instantText(toMs) };
      return accept({ answer: { id }, subject: `region/${region}`, before, after });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ id: textOf(answer, 'id'), isReplay });
}

export type EndWorkOrderCode = StaffCode | 'WORK_ORDER_NOT_FOUND' | 'WORK_ORDER_ENDED';

/** What was found and done stands in the order and in the audit. */
export async function endWorkOrder(
  deps: RequestDeps,
  viewer: Viewer,
  input: Keyed & { readonly workOrderId: string; readonly outcome: string },
): Promise<Outcome<Recorded, EndWorkOrderCode>> {
  const { idempotencyKey, workOrderId, outcome: told } = input;
  const refusedReason = refuseReason(told);
  if (refusedReason !== null) return refusedReason;
  const { companyId, actor } = viewer;
  const outcome = await staffChange<EndWorkOrderCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.endWorkOrder',
      action: 'work_order.end',
      idempotencyKey,
      input: [workOrderId],
      reason: told,
    },
    async (tx, nowMs) => {
      const [found] = await findWorkOrders(tx, [workOrderId]);
      if (found === undefined) {
        const message = 'You have no such work order. List them: ems-cli supply orders.';
        return refuse('WORK_ORDER_NOT_FOUND', message, ['workOrderId']);
      }
      const end = { workOrderId, companyId, actor, outcome: told.trim(), atMs: nowMs };
      if (!(await insertWorkOrderEnd(tx, end))) {
        return refuse('WORK_ORDER_ENDED', 'It has ended before; nothing was changed.');
      }
      const before = { workOrderId, kind: found.kind, endedAt: null };
      const after = { workOrderId, endedAt: instantText(nowMs) };
      const subject = `meter/${found.meterId}`;
      return accept({ answer: { id: workOrderId }, subject, before, after });
    },
  );
  if (!outcome.ok) return outcome;
  return accept({ id: workOrderId, isReplay: outcome.value.isReplay });
}
