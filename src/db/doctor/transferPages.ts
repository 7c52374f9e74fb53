import { doctorRowsPerPage } from '../../domain/limits.ts';
import type { Statement } from '../connect.ts';

/** SQL of checks that go through transfers and pending transfers in the order of their ids. */

export const firstUuid = '00000000-0000-0000-0000-000000000000';

type Stretch = { readonly lastKey: string | null; readonly looked: number };

async function nextIds(
  tx: Statement,
  table: 'transfer' | 'pending_transfer' | 'payment',
  after: string,
): Promise<Stretch> {
  // max() of uuid came with Postgres 18 alone.
  const [row] = await tx<Stretch[]>`
    select (array_agg(id order by id desc))[1] as "lastKey", count(*)::int4 as looked from (
      select id from ${tx(table)} where id > ${after}::uuid order by id
      limit ${doctorRowsPerPage}) t`;
  return row ?? { lastKey: null, looked: 0 };
}

export type WrongTransfer = { readonly id: string; readonly code: string };

/** A page of transfers whose two sides do not belong together. */
export async function wrongTransfers(tx: Statement, after: string) {
  const stretch = await nextIds(tx, 'transfer', after);
  if (stretch.lastKey === null) return { ...stretch, rows: [] };
  const rows = await tx<WrongTransfer[]>`
    select t.id, case
        when t.amount_micros <= 0 or t.debit_id = t.credit_id then 'TRANSFER_MOVES_NOTHING'
        when d.id is null or c.id is null then 'TRANSFER_WITHOUT_ACCOUNT'
        when d.company_id <> t.company_id or c.company_id <> t.company_id
          then 'TRANSFER_OF_ANOTHER_COMPANY'
        when d.currency <> t.currency or c.currency <> t.currency
          then 'TRANSFER_ACROSS_CURRENCIES'
        else 'TRANSFER_IN_ANOTHER_NAME' end as code
    from transfer t
    left join ledger_account d on d.id = t.debit_id
    left join ledger_account c on c.id = t.credit_id
    where t.id > ${after}::uuid and t.id <= ${stretch.lastKey}::uuid
      and (t.amount_micros <= 0 or t.debit_id = t.credit_id or d.id is null or c.id is null
           or d.company_id <> t.company_id or c.company_id <> t.company_id
           or d.currency <> t.currency or c.currency <> t.currency
           or t.account_id is distinct from coalesce(d.account_id, c.account_id)
           or d.account_id <> c.account_id)
    order by t.id`;
  return { ...stretch, rows };
}

type Overcorrected = {
  readonly id: string;
  /** Null: it is not there. */
  readonly currency: string | null;
  readonly micros: bigint;
};

/** Transfers of which more was taken back than they moved. */
export function findOvercorrected(tx: Statement): Promise<Overcorrected[]> {
  return tx<Overcorrected[]>`
    with recursive corrected as (
      select distinct corrects as id from transfer where corrects is not null
    ), chain as (
      select c.id as root, c.id, t.amount_micros, 1 as sign
      from corrected c join transfer t on t.id = c.id
      union all
      select chain.root, t.id, t.amount_micros, -chain.sign
      from chain join transfer t on t.corrects = chain.id
    )
    select c.id, (select currency from transfer t where t.id = c.id) as currency,
           coalesce(sum(chain.sign * chain.amount_micros), -1)::int8 as micros
    from corrected c left join chain on chain.root = c.id
    group by c.id having coalesce(sum(chain.sign * chain.amount_micros), -1) < 0 order by c.id`;
}

export type WrongPending = { readonly id: string; readonly code: string };

/** A page of pending transfers that should have ended, or ended otherwise than they say. */
export async function wrongPendings(tx: Statement, after: string, overdueMs: number) {
  const stretch = await nextIds(tx, 'pending_transfer', after);
  if (stretch.lastKey === null) return { ...stretch, rows: [] };
  const rows = await tx<WrongPending[]>`
    select id, code from (
      select p.id, case
          when e.pending_id is null and t.id is not null then 'PENDING_POSTED_WITHOUT_END'
          when e.pending_id is null and p.expires_at <= ${new Date(overdueMs)}
            then 'PENDING_OVERDUE'
          when e."end" = 'posted' and (t.id is null or t.amount_micros > p.amount_micros
               or t.debit_id <> p.debit_id or t.credit_id <> p.credit_id or t.code <> p.code)
            then 'PENDING_END_NOT_ITS_TRANSFER'
          when e."end" <> 'posted' and t.id is not null then 'PENDING_ENDED_TWICE' end as code
      from pending_transfer p
      left join pending_end e on e.pending_id = p.id
      left join transfer t on t.id = coalesce(e.transfer_id, p.id)
      where p.id > ${after}::uuid and p.id <= ${stretch.lastKey}::uuid
    ) w where code is not null order by id`;
  return { ...stretch, rows };
}

export type WrongPayment = { readonly id: string; readonly code: string; readonly detail: string };

/** A page of payments whose steps, transfers and provider's words do not say the same. */
export async function wrongPayments(tx: Statement, after: string) {
  const stretch = await nextIds(tx, 'payment', after);
  if (stretch.lastKey === null) return { ...stretch, rows: [] };
  const rows = await tx<WrongPayment[]>`
    with steps as (
      select s.* from payment_step s
      where s.payment_id > ${after}::uuid and s.payment_id <= ${stretch.lastKey}::uuid
    )
    select s.payment_id as id, 'PAYMENT_STEP_NOT_ITS_TRANSFER' as code,
           'step ' || s.ordinal as detail
    from steps s left join transfer t on t.id = s.transfer_id
    where s.transfer_id is not null
      and (t.id is null or t.payment_id is distinct from s.payment_id
           or t.amount_micros <> s.amount_micros)
    union all
    select s.payment_id, 'PAYMENT_CREDIT_WITHOUT_EVENT', 'step ' || s.ordinal
    from steps s join payment p on p.id = s.payment_id
    where s.kind = 'captured' and s.transfer_id is not null
      and 1 <> (select count(*) from provider_event e
                where e.channel_id = p.channel_id and e.event_id = s.event_id
                  and e.outcome = 'applied')
    union all
    select s.payment_id, 'PAYMENT_TRANSFER_IN_TWO_STEPS', s.transfer_id::text
    from steps s where s.transfer_id is not null
    group by s.payment_id, s.transfer_id having count(*) > 1
    order by 1, 2, 3`;
  return { ...stretch, rows };
}

/** Transfers that name a payment of which no step knows them. Codes of people's own aside. */
export function findTransfersWithoutStep(tx: Statement, limit: number): Promise<{ id: string }[]> {
  return tx<{ id: string }[]>`
    select t.id from transfer t
    where t.code in ('payment', 'refund', 'dispute', 'dispute_won', 'voucher_used', 'unallocated',
                     'allocated')
      and t.payment_id is not null
      and not exists (select from payment_step s where s.payment_id = t.payment_id
                      and s.transfer_id = t.id)
    order by t.id limit ${limit}`;
}
