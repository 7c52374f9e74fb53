import { lockAccounts } from '../../db/ledger.ts';
import { findDebtPlan, insertDebtPlan } from '../../db/prepaidLife.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { parseDecimal, parseMicros } from '../../domain/exact.ts';
import type { AccountId } from '../../domain/ids.ts';
import { topUpMicrosMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { sameAmount, textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';

export type PlanDebtInput = {
  readonly idempotencyKey: string;
  readonly accountId: AccountId;
  /** Of each top-up, such as "0.25"; "0": none. */
  readonly share: string;
  /** Of the currency, each local week; "0": none. */
  readonly weekly: string;
  /** The most in a local week by both together; without it there is no cap. */
  readonly weeklyCap?: string;
  readonly reason: string;
};

export type PlanDebtCode =
  | StaffCode
  | 'ACCOUNT_NOT_FOUND'
  | 'SHARE_MALFORMED'
  | 'AMOUNT_MALFORMED'
  | 'PLAN_BEGINS_TWICE';

export type PlannedDebt = {
  readonly planId: string;
  readonly accountId: AccountId;
  readonly isReplay: boolean;
};

function readAmount(text: string, name: string): Outcome<bigint, PlanDebtCode> {
  const micros = parseMicros(text);
  if (micros.ok && micros.value >= 0n && micros.value <= topUpMicrosMax) return micros;
  return refuse('AMOUNT_MALFORMED', 'Write an amount of zero or more, such as "4.25".', [name]);
}

/**
 * How a debt is paid off from now on. Plans are never changed: the newest one holds, and one of
 * nothing ends it.
 */
export async function planDebt(
  deps: RequestDeps,
  viewer: Viewer,
  input: PlanDebtInput,
): Promise<Outcome<PlannedDebt, PlanDebtCode>> {
  const { idempotencyKey, accountId, reason } = input;
  const share = parseDecimal(input.share, 6);
  if (!share.ok || share.value < 0n || share.value > 1_000_000n) {
    return refuse('SHARE_MALFORMED', 'Write a share from 0 to 1, such as "0.25".', ['share']);
  }
  const weekly = readAmount(input.weekly, 'weekly');
  if (!weekly.ok) return weekly;
  const cap = input.weeklyCap === undefined ? null : readAmount(input.weeklyCap, 'weeklyCap');
  if (cap !== null && !cap.ok) return cap;
  const { companyId, actor } = viewer;
  const sharePpm = Number(share.value);
  const amounts = [input.share, input.weekly, input.weeklyCap ?? ''];
  const outcome = await staffChange<PlanDebtCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.planDebt',
      action: 'debt.plan',
      idempotencyKey,
      input: [String(accountId), ...amounts.map(sameAmount)],
      reason,
    },
    async (tx, nowMs) => {
      const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
      if (account === undefined) {
        return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check it.', ['accountId']);
      }
      const before = await findDebtPlan(tx, { accountId, atMs: nowMs });
      const planId = derivedId('debt_plan', String(companyId), actor, idempotencyKey.toLowerCase());
      const isNew = await insertDebtPlan(tx, {
        id: planId,
        companyId,
        accountId,
        sharePpm,
        weeklyMicros: weekly.value,
        weeklyCapMicros: cap?.value ?? null,
        validFromMs: nowMs,
        atMs: nowMs,
        actor,
        reason: reason.trim(),
      });
      if (!isNew) {
        const message = 'Another plan of the account begins at this very instant. Try again.';
        return refuse('PLAN_BEGINS_TWICE', message);
      }
      const { share: ofTopUp, weekly: aWeek, weeklyCap = null } = input;
      const after = { planId, share: ofTopUp, weekly: aWeek, weeklyCap };
      const was = before === null ? null : { planId: before.id };
      return accept({ answer: { planId }, subject: `account/${accountId}`, before: was, after });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ planId: textOf(answer, 'planId'), accountId, isReplay });
}
