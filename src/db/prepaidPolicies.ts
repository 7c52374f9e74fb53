import type { Statement } from './connect.ts';
import { idBounds } from './page.ts';
import type { IdPage } from './page.ts';

/** Published policies: publishing them, who is under which, and as a viewer sees them. */

export type PolicyView = {
  readonly id: number;
  readonly name: string;
  readonly validFrom: Date;
  readonly document: unknown;
  readonly publishedAt: Date;
  readonly publishedBy: string;
};

/** Its id; null when the name has a policy from this instant on already. */
export async function insertPolicy(
  tx: Statement,
  policy: {
    readonly companyId: number;
    readonly name: string;
    readonly validFromMs: number;
    readonly document: unknown;
    readonly actor: string;
    readonly atMs: number;
  },
): Promise<number | null> {
  const [row] = await tx<{ id: number }[]>`
    insert into prepaid_policy (company_id, name, valid_from, document, published_at, published_by)
    values (${policy.companyId}, ${policy.name}, ${new Date(policy.validFromMs)},
            ${JSON.stringify(policy.document)}::text::jsonb, ${new Date(policy.atMs)},
            ${policy.actor})
    on conflict do nothing returning id`;
  return row?.id ?? null;
}

function selected(tx: Statement) {
  return tx`
    select id, name, valid_from as "validFrom", document, published_at as "publishedAt",
           published_by as "publishedBy" from prepaid_policy`;
}

export async function findPolicies(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly PolicyView[]> {
  return tx<PolicyView[]>`
    ${selected(tx)} where id = any(string_to_array(${ids.join(',')}, ',')::int4[])`;
}

/** What a name means at an instant: the last published of those that have begun. */
export async function findPolicyAt(
  tx: Statement,
  at: { readonly companyId: number; readonly name: string; readonly atMs: number },
): Promise<PolicyView | null> {
  const [row] = await tx<PolicyView[]>`
    ${selected(tx)}
    where company_id = ${at.companyId} and name = ${at.name}
      and valid_from <= ${new Date(at.atMs)}
    order by id desc limit 1`;
  return row ?? null;
}

/** In the order of publication. */
export async function pagePolicies(tx: Statement, page: IdPage): Promise<PolicyView[]> {
  const { after, before } = idBounds(page);
  return tx<PolicyView[]>`
    ${selected(tx)} where id > ${after} and id < ${before}::int8
    order by id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

/** False when the account was put somewhere from this very instant on. */
export async function insertAccountPolicy(
  tx: Statement,
  row: {
    readonly accountId: number;
    readonly companyId: number;
    readonly policyName: string;
    readonly validFromMs: number;
    readonly actor: string;
    readonly atMs: number;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into account_policy (account_id, valid_from, company_id, policy_name, recorded_at,
                                recorded_by)
    values (${row.accountId}, ${new Date(row.validFromMs)}, ${row.companyId}, ${row.policyName},
            ${new Date(row.atMs)}, ${row.actor})
    on conflict do nothing`;
  return inserted.count > 0;
}
