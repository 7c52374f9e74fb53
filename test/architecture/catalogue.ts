import type { ISql } from 'postgres';
import { z } from 'zod';

/** Tables of no company, and why that is right. A further one must be named here. */
export const tablesOfNobody: Readonly<Record<string, string>> = {
  log_head: 'a position a shard',
  quarantine_quota: 'counts of refusals, most of nobody known',
  rating_cursor: 'a position a shard',
  event_head: 'a number a shard',
  relay_cursor: 'a number a shard',
  log_dropped: 'runs of positions a shard and day',
  signing_key: 'public keys of the house',
  seal: 'hashes of all companies in one chain a shard',
  restore_mark: 'what the server said of itself',
};

/** Enabled but not forced: the view subject_event reads it with its owner's rights. */
const notForced = ['event'];

/** What was written there is never rewritten; a correction is a further row. */
const appendOnly = [
  'batch_log',
  'batch_guard',
  'transfer',
  'tariff_version',
  'command_step',
  'audit_entry',
  'price_point',
  'pricing_change',
  'office_batch',
  'quarantine_resolution',
  'register_mark',
  'meter_event',
  'vee_set',
  'vee_resolution',
  'reading_version',
  'exception_resolution',
  'log_dropped',
  'pending_transfer',
  'pending_end',
  'provider_event',
  'payment',
  'payment_step',
  'payment_receipt',
  'bank_statement',
  'bank_entry',
  'voucher_batch',
  'voucher_end',
  'token_issue',
  'keypad_claim',
  'keypad_choice',
  'prepaid_policy',
  'account_policy',
  'notice',
  'notice_step',
  'emergency_credit',
  'emergency_credit_end',
  'debt_plan',
  'debt_day',
  'protection',
  'protection_end',
  'weather_advisory',
  'command_certificate',
  'breaker_trip',
  'approval',
  'work_order',
  'work_order_end',
  'supply_change',
  'idle_day',
  'signing_key',
  'seal',
  'restore_mark',
];

/** What a person wrote there may be emptied; a trigger holds that it is nothing else. */
const erasable = ['bank_entry.remittance'];

/**
 * A step names its command alone. Steps are written only by the statement that moves the command,
 * under the command's own policy.
 */
const knownCrossings: readonly string[] = [];

const nameRows = z.array(z.object({ name: z.string() }));

async function names(rows: Promise<unknown>): Promise<string[]> {
  return nameRows.parse(await rows).map(({ name }) => name);
}

function rowLevelSecurity(sql: ISql) {
  return sql`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition
      and (c.relname = 'company' or exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'company_id'))
      and not (c.relrowsecurity and (c.relforcerowsecurity or c.relname = any(${notForced})))`;
}

function ownerless(sql: ISql) {
  return sql`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition and c.relname <> 'company'
      and c.relname <> all(${Object.keys(tablesOfNobody)})
      and not exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'company_id')`;
}

/** A partition has policies of its own, that is none: it is reached through its parent only. */
function openPartitions(sql: ISql) {
  return sql`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relispartition and c.relkind = 'r'
      and has_table_privilege('joulebook_api', c.oid, 'SELECT, INSERT, UPDATE, DELETE')`;
}

function openToPublic(sql: ISql) {
  return sql`
    select c.relname as name from pg_class c, aclexplode(c.relacl) g
    where c.relnamespace = 'public'::regnamespace and g.grantee = 0
    union all
    select p.proname from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prosecdef
      and has_function_privilege('public', p.oid, 'EXECUTE')`;
}

/** The triggers bind the owner too; the grants are the first line. */
function rewritable(sql: ISql) {
  return sql`
    select t.name from unnest(${appendOnly}::text[]) as t(name)
    where 2 <> (select count(*) from pg_trigger g
                where g.tgrelid = t.name::regclass and g.tgenabled in ('O', 'A')
                  and g.tgname in ('append_only', 'append_only_truncate'))
    union
    select t.name from unnest(${appendOnly}::text[]) as t(name),
      unnest(array['joulebook_api', 'joulebook_writer']) as r(role)
    where has_table_privilege(r.role, t.name, 'UPDATE, DELETE, TRUNCATE')
       or exists (select from pg_attribute a
                  where a.attrelid = t.name::regclass and a.attnum > 0 and not a.attisdropped
                    and t.name || '.' || a.attname <> all(${erasable})
                    and has_column_privilege(r.role, a.attrelid, a.attnum, 'UPDATE'))`;
}

/** Between two tables of companies a reference repeats the company, so it cannot cross over. */
function crossingReferences(sql: ISql) {
  return sql`
    select k.conname as name from pg_constraint k
    join pg_attribute own on own.attrelid = k.conrelid and own.attname = 'company_id'
    join pg_attribute other on other.attrelid = k.confrelid and other.attname = 'company_id'
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.conparentid = 0
      and k.conname <> all(${knownCrossings})
      and not (own.attnum = any(k.conkey) and other.attnum = any(k.confkey))`;
}

/** What the tables of a database lack of what every table of ours must have. */
export async function catalogueFaults(sql: ISql): Promise<Readonly<Record<string, string[]>>> {
  return {
    withoutRowLevelSecurity: await names(rowLevelSecurity(sql)),
    withoutCompany: await names(ownerless(sql)),
    partitionsOpenToTheApi: await names(openPartitions(sql)),
    openToPublic: await names(openToPublic(sql)),
    rewritable: await names(rewritable(sql)),
    referencesWithoutCompany: await names(crossingReferences(sql)),
  };
}
