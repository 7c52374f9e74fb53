import { assert } from '../domain/assert.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { LedgerCode, TransferCode } from './tables/ledger.ts';

/** SQL of balances and single transfers; those of rating are posted by its own statements. */

export type AccountHead = {
  readonly accountId: number;
  readonly companyId: number;
  readonly currency: string;
  readonly balanceMicros: bigint;
  /** Spoken for by pending debits; available is balance less this. */
  readonly reservedMicros: bigint;
};

/**
 * Accounts with their balances, locked in the order of their ids until the transaction ends; one
 * that the viewer may not see is absent.
 */
export async function lockAccounts(
  tx: Statement,
  { companyId, accountIds }: { companyId: number; accountIds: readonly number[] },
): Promise<readonly AccountHead[]> {
  return tx<AccountHead[]>`
    select b.account_id as "accountId", b.company_id as "companyId", a.currency,
           b.balance_micros as "balanceMicros", b.reserved_micros as "reservedMicros"
    from account_balance b join account a on a.id = b.account_id
    where b.company_id = ${companyId} and b.account_id = any(${integersOf(accountIds)}::int4[])
    order by b.account_id for update of b`;
}

/** The key of a ledger account: of a customer's account, of an agent, or of the company itself. */
export type LedgerAccountKey = {
  readonly companyId: number;
  readonly currency: string;
  readonly code: LedgerCode;
  /** Exactly for codes customer, debt and deposit. */
  readonly accountId?: number;
  /** Exactly for code agent_cash. */
  readonly agentId?: number;
};

async function selectLedgerAccount(
  tx: Statement,
  { companyId, currency, code, accountId, agentId }: LedgerAccountKey,
): Promise<number | undefined> {
  // "is not distinct from" cannot use the index, and a company has one row a customer.
  const ofAccount =
    accountId === undefined ? tx`account_id is null` : tx`account_id = ${accountId}`;
  const ofAgent = agentId === undefined ? tx`agent_id is null` : tx`agent_id = ${agentId}`;
  const [row] = await tx<{ id: number }[]>`
    select id from ledger_account
    where company_id = ${companyId} and code = ${code} and currency = ${currency}
      and ${ofAccount} and ${ofAgent}`;
  return row?.id;
}

/** The id of a ledger account, which is made when it is asked for the first time. */
export async function findLedgerAccount(tx: Statement, key: LedgerAccountKey): Promise<number> {
  const known = await selectLedgerAccount(tx, key);
  if (known !== undefined) return known;
  await tx`
    insert into ledger_account (company_id, code, currency, account_id, agent_id)
    values (${key.companyId}, ${key.code}, ${key.currency}, ${key.accountId ?? null},
            ${key.agentId ?? null})
    on conflict (company_id, code, currency, account_id, agent_id) do nothing`;
  // A statement of its own: it sees what another transaction made in between.
  const made = await selectLedgerAccount(tx, key);
  assert(made !== undefined, 'a ledger account that was made or met is there');
  return made;
}

export type SingleTransfer = {
  /** Made by the client or derived from what caused it: a repeat finds itself. */
  readonly id: string;
  readonly companyId: number;
  /** The customer's; null when neither side is a customer's. */
  readonly accountId: number | null;
  readonly currency: string;
  readonly debitId: number;
  readonly creditId: number;
  /** Above zero. */
  readonly amountMicros: bigint;
  readonly code: TransferCode;
  readonly postedAtMs: number;
  readonly paymentId?: string;
  /** The transfer that this one takes back, wholly or in part; then with a reason. */
  readonly corrects?: string;
  readonly reasonCode?: string;
};

export type PostedTransfer = {
  /** The customer's balance now; null when neither side is a customer's. */
  readonly balanceMicros: bigint | null;
  /** It was posted before, with the same content: nothing moved. */
  readonly isReplay: boolean;
};

type PostedRow = {
  readonly posted: number;
  readonly ofCustomer: number;
  readonly balanceMicros: bigint | null;
};

/**
 * Posts a transfer, and moves the balance of the customer's ledger account in the same statement,
 * so that neither is written without the other. The caller has locked the account (lockAccounts).
 * Each stands behind the account's last one, whichever clock that was posted by, so that a
 * statement shows balances that there were.
 * @throws TRANSFER_REUSED when the id belongs to a transfer of other content: ids are derived, so
 * that is a fault of the caller.
 */
export async function postTransfer(
  tx: Statement,
  transfer: SingleTransfer,
): Promise<PostedTransfer> {
  const { id, companyId, accountId, currency, debitId, creditId, code } = transfer;
  assert(transfer.amountMicros > 0n, 'a transfer is above zero; its direction is in its accounts');
  const amount = transfer.amountMicros.toString();
  const at = tx`${new Date(transfer.postedAtMs)}::timestamptz`;
  const [row] = await tx<PostedRow[]>`
    with place as (
      select greatest(max(posted_at) + interval '1 microsecond', ${at}) as posted_at
      from account_balance where account_id = ${accountId}
    ), posted as (
      insert into transfer (id, company_id, currency, debit_id, credit_id, amount_micros, code,
                            account_id, posted_at, payment_id, corrects, reason_code)
      select ${id}::uuid, ${companyId}, ${currency}, ${debitId}, ${creditId}, ${amount}::int8,
             ${code}, ${accountId}, place.posted_at, ${transfer.paymentId ?? null}::uuid,
             ${transfer.corrects ?? null}::uuid, ${transfer.reasonCode ?? null}
      from place
      on conflict (id) do nothing
      returning account_id, credit_id, amount_micros, posted_at
    ), customer as (
      select p.account_id,
             case when l.id = p.credit_id then p.amount_micros else -p.amount_micros end as delta
      from posted p join ledger_account l
        on l.id in (${debitId}, ${creditId}) and l.code = 'customer'
    ), moved as (
      update account_balance b
      set balance_micros = b.balance_micros + coalesce(c.delta, 0), posted_at = p.posted_at
      from posted p left join customer c on c.account_id = p.account_id
      where b.account_id = p.account_id
      returning b.balance_micros
    )
    select (select count(*)::int4 from posted) as posted,
           (select count(*)::int4 from customer) as "ofCustomer",
           (select balance_micros from moved) as "balanceMicros"`;
  assert(row !== undefined, 'counts are always there');
  const isReplay = row.posted === 0;
  if (isReplay) await refuseOtherContent(tx, transfer);
  if (row.balanceMicros !== null) return { balanceMicros: row.balanceMicros, isReplay };
  assert(row.ofCustomer === 0, `account ${accountId} has no balance row that this role may move`);
  if (accountId === null) return { balanceMicros: null, isReplay };
  return { balanceMicros: await readBalance(tx, accountId), isReplay };
}

async function refuseOtherContent(tx: Statement, transfer: SingleTransfer): Promise<void> {
  const [known] = await tx`
    select from transfer
    where id = ${transfer.id}::uuid and company_id = ${transfer.companyId}
      and currency = ${transfer.currency} and debit_id = ${transfer.debitId}
      and credit_id = ${transfer.creditId}
      and amount_micros = ${transfer.amountMicros.toString()}::int8 and code = ${transfer.code}
      and account_id is not distinct from ${transfer.accountId}::int4
      and payment_id is not distinct from ${transfer.paymentId ?? null}::uuid
      and corrects is not distinct from ${transfer.corrects ?? null}::uuid
      and reason_code is not distinct from ${transfer.reasonCode ?? null}::text`;
  if (known === undefined) {
    throw new Error(`TRANSFER_REUSED: transfer ${transfer.id} is there with other content`);
  }
}

async function readBalance(tx: Statement, accountId: number): Promise<bigint> {
  const [row] = await tx<{ balanceMicros: bigint }[]>`
    select balance_micros as "balanceMicros" from account_balance where account_id = ${accountId}`;
  assert(row !== undefined, `account ${accountId} has a balance row`);
  return row.balanceMicros;
}
