import { assert } from '../domain/assert.ts';
import { isUuid } from '../domain/uuid.ts';
import type { Statement } from './connect.ts';
import type { LedgerCode, TransferCode } from './tables/ledger.ts';

/** SQL that reads the ledger as such: single transfers, sums of an account, the trial balance. */

export type LedgerTransfer = {
  readonly id: string;
  readonly companyId: number;
  readonly accountId: number | null;
  readonly currency: string;
  readonly debitId: number;
  readonly creditId: number;
  readonly amountMicros: bigint;
  readonly code: TransferCode;
  readonly agreementId: number | null;
  readonly paymentId: string | null;
  readonly corrects: string | null;
  readonly reasonCode: string | null;
  readonly postedAt: Date;
};

export async function findLedgerTransfer(
  tx: Statement,
  { companyId, id }: { companyId: number; id: string },
): Promise<LedgerTransfer | null> {
  if (!isUuid(id)) return null;
  const [row] = await tx<LedgerTransfer[]>`
    select id, company_id as "companyId", account_id as "accountId", currency,
           debit_id as "debitId", credit_id as "creditId", amount_micros as "amountMicros", code,
           agreement_id as "agreementId", payment_id as "paymentId", corrects,
           reason_code as "reasonCode", posted_at as "postedAt"
    from transfer where id = ${id}::uuid and company_id = ${companyId}`;
  return row ?? null;
}

/** What the two ledger accounts of a transfer are. */
export async function findSides(
  tx: Statement,
  { debitId, creditId }: { debitId: number; creditId: number },
): Promise<{ readonly debit: LedgerCode; readonly credit: LedgerCode }> {
  const [row] = await tx<{ debit: LedgerCode; credit: LedgerCode }[]>`
    select d.code as debit, c.code as credit from ledger_account d, ledger_account c
    where d.id = ${debitId} and c.id = ${creditId}`;
  assert(row !== undefined, 'ledger accounts are never deleted');
  return row;
}

/**
 * What of transfers still stands: their amounts less what stands of each correction of them. A
 * correction that was corrected gives back, so the signs change with each step down.
 */
export async function standingOfTransfers(tx: Statement, ids: readonly string[]): Promise<bigint> {
  const [row] = await tx<{ micros: bigint }[]>`
    with recursive chain as (
      select id, amount_micros, 1 as sign from transfer
      where id = any(string_to_array(${ids.join(',')}, ',')::uuid[])
      union all
      select t.id, t.amount_micros, -c.sign from transfer t join chain c on t.corrects = c.id
    )
    select coalesce(sum(sign * amount_micros), 0)::int8 as micros from chain`;
  return row?.micros ?? 0n;
}

/** Credits less debits of a ledger account, from its transfers. Its account's index is used. */
export async function sumOfAccountLedger(
  tx: Statement,
  { accountId, ledgerId }: { accountId: number; ledgerId: number },
): Promise<bigint> {
  const [row] = await tx<{ micros: bigint }[]>`
    select coalesce(sum(case when credit_id = ${ledgerId} then amount_micros
                             when debit_id = ${ledgerId} then -amount_micros else 0 end), 0)::int8
             as micros
    from transfer where account_id = ${accountId}`;
  return row?.micros ?? 0n;
}

export type TrialRow = {
  readonly companyId: number;
  readonly currency: string;
  readonly code: LedgerCode;
  readonly accounts: number;
  readonly debitMicros: bigint;
  readonly creditMicros: bigint;
};

/** By currency and code of the ledger accounts, so that a transfer across currencies shows. */
export async function readTrialRows(
  tx: Statement,
  companyId: number | null,
): Promise<readonly TrialRow[]> {
  const ofCompany = companyId === null ? tx`true` : tx`company_id = ${companyId}`;
  return tx<TrialRow[]>`
    with sums as (
      select ledger_id, sum(debit) as debit, sum(credit) as credit from (
        select debit_id as ledger_id, sum(amount_micros) as debit, 0 as credit
        from transfer where ${ofCompany} group by debit_id
        union all
        select credit_id, 0, sum(amount_micros) from transfer where ${ofCompany}
        group by credit_id
      ) s group by ledger_id
    )
    select l.company_id as "companyId", l.currency, l.code, count(*)::int4 as accounts,
           coalesce(sum(s.debit), 0)::int8 as "debitMicros",
           coalesce(sum(s.credit), 0)::int8 as "creditMicros"
    from ledger_account l left join sums s on s.ledger_id = l.id
    where ${companyId === null ? tx`true` : tx`l.company_id = ${companyId}`}
    group by l.company_id, l.currency, l.code
    order by l.company_id, l.currency, l.code`;
}

/** An account's balance as its row says, without locking it. */
export async function readBalanceHead(
  tx: Statement,
  accountId: number,
): Promise<{
  readonly balanceMicros: bigint;
  readonly reservedMicros: bigint;
  readonly currency: string;
}> {
  const [row] = await tx<{ balanceMicros: bigint; reservedMicros: bigint; currency: string }[]>`
    select b.balance_micros as "balanceMicros", b.reserved_micros as "reservedMicros", a.currency
    from account_balance b join account a on a.id = b.account_id
    where b.account_id = ${accountId}`;
  assert(row !== undefined, `account ${accountId} has a balance row`);
  return row;
}

/** What disputes of a payment have set aside as a debt, and what is left of it uncorrected. */
export async function findSetAside(
  tx: Statement,
  { accountId, paymentId }: { readonly accountId: number; readonly paymentId: string },
): Promise<readonly { readonly id: string; readonly leftMicros: bigint }[]> {
  return tx<{ id: string; leftMicros: bigint }[]>`
    select t.id, (t.amount_micros - coalesce((
             select sum(c.amount_micros) from transfer c where c.corrects = t.id), 0))::int8
             as "leftMicros"
    from transfer t
    where t.account_id = ${accountId} and t.payment_id = ${paymentId}::uuid
      and t.code = 'debt_set_aside' and t.reason_code = 'chargeback'
    order by t.posted_at, t.id`;
}
