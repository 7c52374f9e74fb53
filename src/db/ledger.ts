import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of balances and single transfers; those of rating are posted by its own statements. */

export type AccountHead = {
  readonly accountId: number;
  readonly companyId: number;
  readonly currency: string;
  readonly balanceMicros: bigint;
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
           b.balance_micros as "balanceMicros"
    from account_balance b join account a on a.id = b.account_id
    where b.company_id = ${companyId} and b.account_id = any(${integersOf(accountIds)}::int4[])
    order by b.account_id for update of b`;
}

/** The ledger accounts of a payment. */
export async function findPaymentAccounts(
  tx: Statement,
  account: Pick<AccountHead, 'companyId' | 'accountId' | 'currency'>,
): Promise<{ readonly clearingId: number; readonly customerId: number }> {
  const [row] = await tx<{ clearingId: number; customerId: number }[]>`
    select p.id as "clearingId", c.id as "customerId"
    from ledger_account p
    join ledger_account c on c.company_id = p.company_id and c.currency = p.currency
      and c.code = 'customer' and c.account_id = ${account.accountId}
    where p.company_id = ${account.companyId} and p.currency = ${account.currency}
      and p.code = 'payments_clearing'`;
  if (row === undefined) {
    throw new Error(`LEDGER_ACCOUNT_MISSING: account ${account.accountId} has no ledger accounts`);
  }
  return row;
}

export type SingleTransfer = {
  readonly id: string;
  readonly companyId: number;
  readonly accountId: number;
  readonly currency: string;
  readonly debitId: number;
  readonly creditId: number;
  readonly amountMicros: bigint;
  readonly code: 'top_up';
  readonly postedAtMs: number;
};

/**
 * Credits a customer: the transfer and the balance's projection in one place, so that neither is
 * written without the other. The account is locked by the caller. Returns the new balance.
 */
export async function postCredit(tx: Statement, transfer: SingleTransfer): Promise<bigint> {
  const amount = transfer.amountMicros.toString();
  await tx`
    insert into transfer (id, company_id, currency, debit_id, credit_id, amount_micros, code,
                          account_id, posted_at)
    values (${transfer.id}::uuid, ${transfer.companyId}, ${transfer.currency}, ${transfer.debitId},
            ${transfer.creditId}, ${amount}::int8, ${transfer.code}, ${transfer.accountId},
            ${new Date(transfer.postedAtMs)})`;
  const [row] = await tx<{ balanceMicros: bigint }[]>`
    update account_balance set balance_micros = balance_micros + ${amount}::int8
    where account_id = ${transfer.accountId}
    returning balance_micros as "balanceMicros"`;
  if (row === undefined) {
    throw new Error(`BALANCE_MISSING: account ${transfer.accountId} has no balance row`);
  }
  return row.balanceMicros;
}
