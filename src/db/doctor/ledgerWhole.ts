import { doctorRowsPerPage } from '../../domain/limits.ts';
import type { Statement } from '../connect.ts';
import type { LedgerCode } from '../tables/ledger.ts';

/** SQL of checks of the ledger as a whole: what may be done to it, what stands in it too long. */

export type Loosening = {
  readonly relation: string;
  readonly code: 'ROLE_MAY_REWRITE' | 'APPEND_ONLY_OFF';
  readonly detail: string;
};

/** Ledger tables that a role may rewrite, or whose guard against rewriting is off. */
export function findLoosenings(tx: Statement, tables: readonly string[]): Promise<Loosening[]> {
  const names = tables.join(',');
  return tx<Loosening[]>`
    with ledger as (select unnest(string_to_array(${names}, ',')) as relation)
    select relation, 'ROLE_MAY_REWRITE' as code, role || ' may ' || privilege as detail
    from ledger, unnest(array['joulebook_api', 'joulebook_writer']) role,
         unnest(array['UPDATE', 'DELETE', 'TRUNCATE']) privilege
    where has_table_privilege(role, relation, privilege)
       or (privilege = 'UPDATE' and has_any_column_privilege(role, relation, privilege))
    union all
    select relation, 'APPEND_ONLY_OFF', guard
    from ledger, unnest(array['append_only', 'append_only_truncate']) guard
    where not exists (select from pg_trigger g
                      where g.tgrelid = relation::regclass and g.tgname = guard
                        and g.tgenabled in ('O', 'A'))
    order by 1, 2, 3`;
}

/** Columns of money that could hold a fraction. */
export function findFractionColumns(tx: Statement): Promise<{ name: string; type: string }[]> {
  return tx<{ name: string; type: string }[]>`
    select table_name || '.' || column_name as name, data_type as type
    from information_schema.columns
    where table_schema = 'public' and column_name like '%\_micros'
      and data_type not in ('bigint', 'ARRAY')
    order by 1`;
}

export type AgedClearing = {
  readonly ledgerId: number;
  readonly companyId: number;
  readonly code: LedgerCode;
  readonly currency: string;
  readonly openMicros: bigint;
  readonly newMicros: bigint;
};

/**
 * Clearing accounts that hold more than came in since `sinceMs`: some of it is older than that.
 * What is owed to the company stands there as a debit, what nobody knows as a credit.
 */
export function findAgedClearing(
  tx: Statement,
  { codes, sinceMs }: { codes: readonly LedgerCode[]; sinceMs: number },
): Promise<AgedClearing[]> {
  return tx<AgedClearing[]>`
    with held as (
      select l.id, l.company_id, l.code, l.currency,
             case when l.code = 'suspense' then 1 else -1 end as side
      from ledger_account l where l.code = any(string_to_array(${codes.join(',')}, ','))
    ), moved as (
      select h.id, h.company_id, h.code, h.currency,
             sum(h.side * case when t.credit_id = h.id then t.amount_micros
                               else -t.amount_micros end) as open,
             sum(t.amount_micros) filter (
               where t.posted_at >= ${new Date(sinceMs)}
                 and (t.credit_id = h.id) = (h.side = 1)) as fresh
      from held h join transfer t on h.id in (t.debit_id, t.credit_id)
      group by 1, 2, 3, 4
    )
    select id as "ledgerId", company_id as "companyId", code, currency, open::int8 as "openMicros",
           coalesce(fresh, 0)::int8 as "newMicros"
    from moved where open > coalesce(fresh, 0) order by id`;
}

export type KeyPosition = { readonly key: string; readonly companyId: number };
export type WrongKey = {
  readonly key: string;
  readonly companyId: number;
  readonly transferId: string;
};

/** A page of idempotency keys whose answer names a transfer that is not there so. */
export async function wrongKeys(tx: Statement, after: KeyPosition) {
  const [stretch] = await tx<{ keys: number; key: string | null; companyId: number | null }[]>`
    with page as (
      select company_id, key from idempotency_key
      where (company_id, key) > (${after.companyId}, ${after.key}::uuid)
      order by company_id, key limit ${doctorRowsPerPage}
    )
    select count(*)::int4 as keys,
           (array_agg(key::text order by company_id desc, key desc))[1] as key,
           max(company_id) as "companyId" from page`;
  if (stretch === undefined || stretch.key === null || stretch.companyId === null) {
    return { lastKey: null, looked: 0, rows: [] };
  }
  const lastKey = { key: stretch.key, companyId: stretch.companyId };
  const rows = await tx<WrongKey[]>`
    select k.key::text as key, k.company_id as "companyId",
           k.result->>'transferId' as "transferId"
    from idempotency_key k left join transfer t
      on t.id = (k.result->>'transferId')::uuid and t.company_id = k.company_id
    where (k.company_id, k.key) > (${after.companyId}, ${after.key}::uuid)
      and (k.company_id, k.key) <= (${lastKey.companyId}, ${lastKey.key}::uuid)
      and k.result ? 'transferId'
      and (t.id is null or t.amount_micros::text is distinct from
           coalesce(k.result->>'amountMicros', t.amount_micros::text))
    order by 1`;
  return { lastKey, looked: stretch.keys, rows };
}

/** Companies whose receipts are not numbered 1, 2, 3 up to their head. */
export function findReceiptGaps(
  tx: Statement,
): Promise<{ companyId: number; head: bigint; highest: bigint; receipts: bigint }[]> {
  return tx<{ companyId: number; head: bigint; highest: bigint; receipts: bigint }[]>`
    select company_id as "companyId", coalesce(h.number, 0) as head,
           coalesce(r.highest, 0) as highest, coalesce(r.receipts, 0) as receipts
    from receipt_head h full join (
      select company_id, max(number) as highest, count(*) as receipts
      from payment_receipt group by company_id
    ) r using (company_id)
    where coalesce(h.number, 0) <> coalesce(r.highest, 0)
       or coalesce(r.highest, 0) <> coalesce(r.receipts, 0)
    order by 1`;
}
