import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import type { Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import { deleteRecordedChange, findRecordedChange } from '../../db/modeChanges.ts';
import type { RecordedChange } from '../../db/modeChanges.ts';
import { holdPrices, insertAgreementDuties, insertPricingChange } from '../../db/tariffVersions.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { AgreementId } from '../../domain/ids.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';

export type TakeBackInput = {
  readonly idempotencyKey: string;
  /** The one that would end with the change. */
  readonly agreementId: AgreementId;
  readonly reason: string;
};

export type TakeBackCode =
  | StaffCode
  | 'AGREEMENT_CHANGE_NOT_FOUND'
  | 'AGREEMENT_CHANGE_BEGUN'
  | 'AGREEMENT_CHANGE_IN_USE';

export type TakenBack = { readonly agreementId: number; readonly isReplay: boolean };

async function findToTakeBack(
  tx: Transaction,
  of: { readonly companyId: number; readonly agreementId: number; readonly nowMs: number },
): Promise<Outcome<RecordedChange, TakeBackCode>> {
  const path = ['agreementId'];
  const change = await findRecordedChange(tx, of);
  if (change === null) {
    const message = 'No change is recorded with which this agreement ends. Check its id.';
    return refuse('AGREEMENT_CHANGE_NOT_FOUND', message, path);
  }
  if (change.isSettled || change.at.getTime() <= of.nowMs) {
    const begun = instantText(change.at.getTime());
    const message = `It has begun at ${begun}. Change the agreement that began there.`;
    return refuse('AGREEMENT_CHANGE_BEGUN', message, path);
  }
  if (change.isFollowed) {
    const message =
      'A later change is recorded of the agreement that begins with it: take that back first.';
    return refuse('AGREEMENT_CHANGE_IN_USE', message, path);
  }
  if (change.isUsed) {
    const message =
      'Something is written down of the agreement that begins with it, such as a simulation. ' +
      'Change that one in its turn, a quarter hour later at the earliest.';
    return refuse('AGREEMENT_CHANGE_IN_USE', message, path);
  }
  return accept(change);
}

function lockBoth(tx: Transaction, { companyId, accountId, nextAccountId }: RecordedChange) {
  return lockAccounts(tx, { companyId, accountIds: [...new Set([accountId, nextAccountId])] });
}

/** Each account that was told of the change hears that it does not come, and of its own alone. */
async function tell(
  tx: Transaction,
  {
    change,
    heads,
    nowMs,
  }: { change: RecordedChange; heads: readonly AccountHead[]; nowMs: number },
): Promise<void> {
  const { companyId, accountId, nextAccountId, endedId, nextId } = change;
  const at = instantText(change.at.getTime());
  const told = new Map([
    [nextAccountId, nextId],
    [accountId, endedId],
  ]);
  for (const head of heads) {
    const agreementId = told.get(head.accountId) ?? endedId;
    const block = plainEvent({
      companyId,
      kind: 'notice',
      atMs: nowMs,
      subjects: [{ ...companySubject, accountId: head.accountId }],
      detail: { what: 'change_taken_back', at, agreementId },
      balanceMicros: [head.balanceMicros],
    });
    await appendEvent(tx, block);
  }
}

/**
 * A recorded change of mode or of account that has not begun does not come: the agreement that it
 * would end goes on to the end that it had before.
 */
export async function takeBackChange(
  deps: RequestDeps,
  viewer: Viewer,
  input: TakeBackInput,
): Promise<Outcome<TakenBack, TakeBackCode>> {
  const { idempotencyKey, agreementId, reason } = input;
  const { companyId } = viewer;
  const outcome = await staffChange<TakeBackCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.takeBackAgreementChange',
      action: 'agreement.takeBackChange',
      idempotencyKey,
      input: [String(agreementId)],
      reason,
    },
    async (tx, nowMs) => {
      // A rating commit underway could close a bill meanwhile.
      await holdPrices(tx);
      const of = { companyId, agreementId, nowMs };
      const seen = await findToTakeBack(tx, of);
      if (!seen.ok) return seen;
      const heads = await lockBoth(tx, seen.value);
      // It may have begun while its accounts were waited for.
      const found = await findToTakeBack(tx, of);
      if (!found.ok) return found;
      const change = found.value;
      const { accountId, nextAccountId, nextId, mode, servicePointId, zone } = change;
      await tell(tx, { change, heads, nowMs });
      await deleteRecordedChange(tx, agreementId);
      // Raters forget the agreement that is gone; the bill of the month is longer again.
      await insertPricingChange(tx, { companyId, what: 'attributes', atMs: nowMs });
      await insertAgreementDuties(tx, {
        companyId,
        servicePointIds: [servicePointId],
        fromMs: billingPeriodAt(zone, change.at.getTime()).startMs,
        reason: 'agreement_added',
      });
      const at = instantText(change.at.getTime());
      return accept({
        answer: { agreementId: String(agreementId) },
        subject: `account/${accountId}`,
        before: { at, mode, accountId: nextAccountId, nextAgreementId: nextId },
        after: { agreementId },
      });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) {
    deps.wake({ kind: 'events', shard: eventShardOf(companyId) });
    deps.wake({ kind: 'rating' });
  }
  return accept({ agreementId: Number(textOf(answer, 'agreementId')), isReplay });
}
