import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { idBounds, timeBounds } from './page.ts';
import type { IdPage, TimePage } from './page.ts';
import type { LedgerCode, TransferCode } from './tables/ledger.ts';

/** Accounts and their money as a viewer sees them: statements for `asViewer`. */

export type AccountView = {
  readonly id: number;
  readonly number: string;
  readonly currency: string;
  readonly customerName: string;
  readonly balanceMicros: bigint;
};

function columnsOf(tx: Statement) {
  // An account that was never posted to has no balance row: the sum of no entries is zero.
  return tx`
    a.id, a.number, a.currency, c.name as "customerName",
    coalesce(b.balance_micros, 0) as "balanceMicros"
    from account a join customer c on c.id = a.customer_id
    left join account_balance b on b.account_id = a.id`;
}

export async function findAccounts(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly AccountView[]> {
  return tx<AccountView[]>`
    select ${columnsOf(tx)} where a.id = any(${integersOf(ids)}::int4[])`;
}

export async function pageAccounts(tx: Statement, page: IdPage): Promise<AccountView[]> {
  const { after, before } = idBounds(page);
  return tx<AccountView[]>`
    select ${columnsOf(tx)} where a.id > ${after} and a.id < ${before}::int8
    order by a.id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

export async function countAccounts(tx: Statement): Promise<number> {
  const [row] = await tx<{ count: number }[]>`select count(*)::int4 as count from account`;
  return row?.count ?? 0;
}

export type TransferView = {
  readonly id: string;
  /** Its place within its millisecond. */
  readonly key: string;
  /** Null: of nobody yet, or between the company's own. */
  readonly accountId: number | null;
  readonly currency: string;
  readonly code: TransferCode;
  readonly postedAt: Date;
  readonly debit: LedgerCode;
  readonly credit: LedgerCode;
  readonly movedMicros: bigint;
  /** As the account's balance sees it: a charge is negative, a top-up positive. */
  readonly amountMicros: bigint;
  /** What the account's debt gained: negative when some was set aside. */
  readonly debtMicros: bigint;
  /** What the account's deposit gained: negative when some was given back. */
  readonly depositMicros: bigint;
  readonly corrects: string | null;
  readonly reasonCode: string | null;
  readonly paymentId: string | null;
  readonly meterId: number | null;
  readonly periodStart: Date | null;
  readonly tariffVersionId: number | null;
};

/**
 * Microseconds first, which postings of one millisecond differ by. Rows of one microsecond, as
 * they were once written, stand in the order in which an operation posts their codes.
 */
function keyOf(tx: Statement) {
  return tx`(
    lpad((extract(microseconds from t.posted_at)::int8 % 1000)::text, 3, '0') ||
    case t.code when 'deposit_netted' then '.0.' when 'debt_netted' then '.2.'
                when 'credit_paid_out' then '.3.' when 'dispute' then '.2.'
                when 'debt_recovered' then '.3.' when 'debt_set_aside' then '.3.'
                else '.1.' end || t.id::text) collate "C"`;
}

function transferColumnsOf(tx: Statement) {
  return tx`
    t.id, ${keyOf(tx)} as key, t.account_id as "accountId", t.currency, t.code,
    t.posted_at as "postedAt",
    case when c.code = 'customer' then t.amount_micros when d.code = 'customer'
         then -t.amount_micros else 0 end as "amountMicros",
    case when c.code = 'debt' then t.amount_micros when d.code = 'debt'
         then -t.amount_micros else 0 end as "debtMicros",
    case when c.code = 'deposit' then t.amount_micros when d.code = 'deposit'
         then -t.amount_micros else 0 end as "depositMicros",
    d.code as debit, c.code as credit, t.amount_micros as "movedMicros", t.corrects,
    t.reason_code as "reasonCode", t.payment_id as "paymentId",
    t.meter_id as "meterId", t.period_start as "periodStart",
    t.tariff_version_id as "tariffVersionId"
    from transfer t join ledger_account c on c.id = t.credit_id
    join ledger_account d on d.id = t.debit_id`;
}

/** The account's statement, newest first. */
export async function pageTransfers(
  tx: Statement,
  accountId: number,
  page: TimePage,
): Promise<TransferView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const direction = page.inverted ? tx`` : tx`desc`;
  return tx<TransferView[]>`
    select ${transferColumnsOf(tx)}
    where t.account_id = ${accountId}
      and t.posted_at < ${afterAt}::text::timestamptz + interval '1 millisecond'
      and t.posted_at >= ${beforeAt}::text::timestamptz
      and (date_trunc('milliseconds', t.posted_at), ${keyOf(tx)})
          < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (date_trunc('milliseconds', t.posted_at), ${keyOf(tx)})
          > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by t.posted_at ${direction}, ${keyOf(tx)} ${direction}
    limit ${page.limit}`;
}

export async function findTransfers(
  tx: Statement,
  ids: readonly string[],
): Promise<readonly TransferView[]> {
  return tx<TransferView[]>`
    select ${transferColumnsOf(tx)}
    where t.id = any(string_to_array(${ids.join(',')}, ',')::uuid[])`;
}

export async function countTransfers(tx: Statement, accountId: number): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int4 as count from transfer where account_id = ${accountId}`;
  return row?.count ?? 0;
}

/** The balance and the event number that it is of: one statement, one snapshot. */
export async function snapshotBalance(
  tx: Statement,
  { shard, accountId }: { shard: number; accountId: number },
): Promise<{
  readonly sequence: bigint;
  readonly balanceMicros: bigint;
  readonly currency: string;
} | null> {
  const [row] = await tx<{ sequence: bigint; balanceMicros: bigint; currency: string }[]>`
    select e.sequence, coalesce(b.balance_micros, 0) as "balanceMicros", a.currency
    from event_head e cross join account a
    left join account_balance b on b.account_id = a.id
    where e.shard = ${shard} and a.id = ${accountId}`;
  return row ?? null;
}
