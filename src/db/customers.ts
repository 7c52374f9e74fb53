import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what is known of persons: their names, and what they or their banks wrote. */

export type CustomerRow = {
  readonly id: number;
  readonly name: string;
  /** All that are kept under this name. */
  readonly accountIds: readonly number[];
};

/** The customer of an account, as far as the viewer may see it; held until the end. */
export async function lockCustomerOf(
  tx: Statement,
  { companyId, accountId }: { readonly companyId: number; readonly accountId: number },
): Promise<CustomerRow | null> {
  const [row] = await tx<Pick<CustomerRow, 'id' | 'name'>[]>`
    select c.id, c.name from customer c join account a on a.customer_id = c.id
    where a.company_id = ${companyId} and a.id = ${accountId} for update of c`;
  if (row === undefined) return null;
  const accounts = await tx<{ id: number }[]>`
    select id from account where customer_id = ${row.id} order by id`;
  return { ...row, accountIds: accounts.map(({ id }) => id) };
}

/** Whether a provider was asked for something of these accounts and has not answered. */
export async function hasOpenCalls(tx: Statement, accountIds: readonly number[]): Promise<boolean> {
  const [row] = await tx<{ found: boolean }[]>`
    select exists(
      select from provider_call c left join payment p on p.id = c.payment_id
      where c.ended_at is null
        and coalesce(c.account_id, p.account_id) = any(${integersOf(accountIds)}::int4[])
    ) as found`;
  return row?.found ?? false;
}

export async function renameCustomer(
  tx: Statement,
  { id, name }: { readonly id: number; readonly name: string },
): Promise<void> {
  await tx`update customer set name = ${name} where id = ${id}`;
}

/** Names of cards and mandates at providers; a standing order ends with its own. */
export async function eraseInstruments(
  tx: Statement,
  accountIds: readonly number[],
): Promise<void> {
  const ids = integersOf(accountIds);
  await tx`
    update auto_top_up set instrument = '', is_active = false, paused_code = null
    where account_id = any(${ids}::int4[]) and instrument <> ''`;
  await tx`
    update provider_call set instrument = ''
    where account_id = any(${ids}::int4[]) and instrument <> ''`;
}

/** What payers wrote of payments to these accounts, reversals too; of how many entries. */
export async function eraseRemittances(
  tx: Statement,
  { companyId, accountIds }: Pick<CustomerRow, 'accountIds'> & { readonly companyId: number },
): Promise<number> {
  const ids = integersOf(accountIds);
  const erased = await tx`
    with paid as (
      select p.id from payment p where p.account_id = any(${ids}::int4[])
      union
      select s.payment_id from payment_step s where s.account_id = any(${ids}::int4[]))
    update bank_entry e set remittance = ''
    where e.company_id = ${companyId} and e.remittance <> ''
      and (e.payment_id in (select id from paid)
           or exists (select from provider_event v join paid on paid.id = v.payment_id
                      where v.channel_id = e.channel_id and v.event_id = e.entry_ref))`;
  return erased.count;
}
