import { readAccountRules } from '../../db/protections.ts';
import type { Statement } from '../../db/connect.ts';
import { assert } from '../../domain/assert.ts';
import { defaultPolicy, parsePolicy } from '../../domain/prepaid/policy.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';

/** What is promised to an account at an instant. */
export async function readPolicy(
  tx: Statement,
  { accountId, atMs }: { readonly accountId: number; readonly atMs: number },
): Promise<PrepaidPolicy> {
  const rules = (await readAccountRules(tx, { accountIds: [accountId], atMs })).get(accountId);
  if (rules === undefined || rules.policyId === null) return defaultPolicy();
  const policy = parsePolicy(rules.document);
  assert(policy.ok, 'a policy is checked when it is published');
  return policy.value;
}
