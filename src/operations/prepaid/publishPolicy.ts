import { hastenSupplyWaits } from '../../db/protections.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { findPolicyAt, insertAccountPolicy, insertPolicy } from '../../db/prepaidPolicies.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { AccountId } from '../../domain/ids.ts';
import { instantMsMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import { parsePolicy, standardPolicy } from '../../domain/prepaid/policy.ts';
import type { PolicyCode } from '../../domain/prepaid/policy.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';

export type PublishPolicyCode =
  | StaffCode
  | PolicyCode
  | 'VALIDITY_OUT_OF_RANGE'
  | 'POLICY_BEGINS_TWICE';

export type PublishedPolicy = {
  readonly policyId: number;
  readonly name: string;
  readonly isReplay: boolean;
};

function refuseInstant(validFromMs: number): Refused<'VALIDITY_OUT_OF_RANGE'> | null {
  if (validFromMs >= 0 && validFromMs <= instantMsMax) return null;
  const message = 'It begins between 1970 and 2200; correct the instant.';
  return refuse('VALIDITY_OUT_OF_RANGE', message, ['validFrom']);
}

/**
 * Publishes what is promised under a name. Policies are never changed: of those of a name that
 * have begun the last published counts, so a correction is another one.
 */
export async function publishPolicy(
  deps: RequestDeps,
  viewer: Viewer,
  input: {
    readonly idempotencyKey: string;
    readonly validFromMs: number;
    /** JSON as it came: kept as written. */
    readonly document: unknown;
    readonly reason: string;
  },
): Promise<Outcome<PublishedPolicy, PublishPolicyCode>> {
  const { idempotencyKey, validFromMs, document, reason } = input;
  const refused = refuseInstant(validFromMs);
  if (refused !== null) return refused;
  const parsed = parsePolicy(document);
  if (!parsed.ok) return { ...parsed, path: ['document', ...(parsed.path ?? [])] };
  const { name } = parsed.value;
  const { companyId, actor } = viewer;
  const outcome = await staffChange<PublishPolicyCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.publishPrepaidPolicy',
      action: 'prepaid_policy.publish',
      idempotencyKey,
      input: [String(validFromMs), JSON.stringify(document)],
      reason,
    },
    async (tx, nowMs) => {
      const before = await findPolicyAt(tx, { companyId, name, atMs: validFromMs });
      const row = { companyId, name, validFromMs, document, actor, atMs: nowMs };
      const policyId = await insertPolicy(tx, row);
      if (policyId === null) {
        const message =
          `A policy "${name}" begins at ${instantText(validFromMs)} already, and none is ever ` +
          'changed. Publish this one a moment later.';
        return refuse('POLICY_BEGINS_TWICE', message, ['validFrom']);
      }
      await hastenSupplyWaits(tx, { companyId, accountId: null, atMs: nowMs });
      const after = { policyId, validFrom: instantText(validFromMs) };
      const was = before === null ? null : { policyId: before.id };
      const subject = `prepaidPolicy/${name}`;
      return accept({ answer: { policyId: String(policyId) }, subject, before: was, after });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ policyId: Number(textOf(answer, 'policyId')), name, isReplay });
}

export type PutUnderPolicyCode =
  | StaffCode
  | 'ACCOUNT_NOT_FOUND'
  | 'POLICY_NOT_FOUND'
  | 'VALIDITY_OUT_OF_RANGE'
  | 'POLICY_BEGINS_TWICE';

export type PutUnder = {
  readonly accountId: AccountId;
  readonly policyName: string;
  readonly isReplay: boolean;
};

/** From an instant on the account is under the policy of this name, whatever it says by then. */
export async function putUnderPolicy(
  deps: RequestDeps,
  viewer: Viewer,
  input: {
    readonly idempotencyKey: string;
    readonly accountId: AccountId;
    readonly policyName: string;
    readonly validFromMs: number;
    readonly reason: string;
  },
): Promise<Outcome<PutUnder, PutUnderPolicyCode>> {
  const { idempotencyKey, accountId, policyName, validFromMs, reason } = input;
  const refused = refuseInstant(validFromMs);
  if (refused !== null) return refused;
  const { companyId, actor } = viewer;
  const outcome = await staffChange<PutUnderPolicyCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.putUnderPolicy',
      action: 'account.putUnderPolicy',
      idempotencyKey,
      input: [String(accountId), policyName, String(validFromMs)],
      reason,
    },
    async (tx, nowMs) => {
      const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
      if (account === undefined) {
        return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check it.', ['accountId']);
      }
      const known = await findPolicyAt(tx, { companyId, name: policyName, atMs: validFromMs });
      if (known === null && policyName !== standardPolicy) {
        const message = `No policy "${policyName}" holds then. List them: ems-cli prepaid show.`;
        return refuse('POLICY_NOT_FOUND', message, ['policyName']);
      }
      const row = { accountId, companyId, policyName, validFromMs, actor, atMs: nowMs };
      if (!(await insertAccountPolicy(tx, row))) {
        const message = 'The account changes its policy at this very instant; take a later one.';
        return refuse('POLICY_BEGINS_TWICE', message, ['validFrom']);
      }
      await hastenSupplyWaits(tx, { companyId, accountId, atMs: nowMs });
      const after = { policyName, validFrom: instantText(validFromMs) };
      return accept({ answer: {}, subject: `account/${accountId}`, before: null, after });
    },
  );
  if (!outcome.ok) return outcome;
  return accept({ accountId, policyName, isReplay: outcome.value.isReplay });
}
