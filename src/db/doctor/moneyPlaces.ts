import type { Statement } from '../connect.ts';
import type { Wrong } from './lifePages.ts';

/** SQL of checks of vouchers, agents and receipts. */

/** Vouchers whose use and credit are not one to one, or that nobody could have used. */
export function findWrongVouchers(tx: Statement, limit: number): Promise<Wrong[]> {
  return tx<Wrong[]>`
    select * from (
      select 'VOUCHER_USE_NOT_ITS_CREDIT' as code,
             'voucher/' || v.company_id || '/' || v.serial as subject
      from voucher_end v join voucher_batch b on b.id = v.batch_id
      left join payment p on p.id = v.payment_id
      where v."end" = 'used' and (
        p.id is null or p.reference <> 'voucher ' || v.serial or p.channel_id <> b.channel_id
        or 1 <> (select count(*) from payment_step s where s.payment_id = p.id
                 and s.kind = 'captured' and s.transfer_id is not null
                 and s.amount_micros = b.amount_micros))
      union all
      select 'VOUCHER_CREDIT_WITHOUT_USE', 'payment/' || p.id
      from payment_channel c join payment p on p.channel_id = c.id
      where c.kind = 'voucher'
        and exists (select from payment_step s where s.payment_id = p.id
                    and s.kind = 'captured' and s.transfer_id is not null)
        and not exists (select from voucher_end v where v.company_id = p.company_id
                        and v.payment_id = p.id and v."end" = 'used')
      union all
      select 'VOUCHER_NOT_OF_ITS_BATCH', 'voucher/' || v.company_id || '/' || v.serial
      from voucher_end v join voucher_batch b on b.id = v.batch_id
      where v.company_id <> b.company_id or v.serial < b.first_serial
         or v.serial >= b.first_serial + b.count
      union all
      select 'VOUCHER_USED_LATE', 'voucher/' || v.company_id || '/' || v.serial
      from voucher_end v join voucher_batch b on b.id = v.batch_id
      where v."end" = 'used' and v.ended_at >= b.expires_at
      union all
      select 'VOUCHERS_SOLD_BELOW_ZERO', 'ledger-account/' || l.id
      from ledger_account l join transfer t on l.id in (t.debit_id, t.credit_id)
      where l.code = 'vouchers_sold' group by l.id
      having sum(case when t.credit_id = l.id then t.amount_micros else -t.amount_micros end) < 0
    ) w order by 1, 2 limit ${limit}`;
}

export type AgentCash = {
  readonly currency: string;
  readonly agentId: number;
  readonly ledgerId: number;
  readonly floatLimitMicros: bigint;
  /** By every transfer of the agent's ledger account. */
  readonly heldMicros: bigint;
};

/** What stands against each agent, added up from the ledger whole. */
export function readAgentCash(tx: Statement): Promise<AgentCash[]> {
  return tx<AgentCash[]>`
    select a.id as "agentId", l.id as "ledgerId", l.currency,
           a.float_limit_micros as "floatLimitMicros",
           coalesce(sum(case when t.debit_id = l.id then t.amount_micros
                             when t.credit_id = l.id then -t.amount_micros end), 0)::int8
             as "heldMicros"
    from payment_agent a join ledger_account l on l.agent_id = a.id and l.code = 'agent_cash'
    left join transfer t on l.id in (t.debit_id, t.credit_id)
    group by a.id, l.id order by a.id, l.id`;
}

/** Receipts of no credit, and credits of customers without a receipt. */
export function findWrongReceipts(tx: Statement, limit: number): Promise<Wrong[]> {
  return tx<Wrong[]>`
    select * from (
      select 'RECEIPT_NOT_ITS_CREDIT' as code,
             'receipt/' || r.company_id || '/' || r.number as subject
      from payment_receipt r left join payment_step s
        on s.payment_id = r.payment_id and s.ordinal = r.ordinal
      where s.kind is null or s.kind not in ('captured', 'allocated')
         or s.account_id is distinct from r.account_id
         or s.amount_micros::text is distinct from r.document->>'paidMicros'
         or r.number::text is distinct from r.document->>'number'
      union all
      select 'CREDIT_WITHOUT_RECEIPT', 'payment/' || s.payment_id
      from payment_step s
      where s.kind in ('captured', 'allocated') and s.transfer_id is not null
        and s.account_id is not null
        and not exists (select from payment_receipt r where r.payment_id = s.payment_id
                        and r.ordinal = s.ordinal)
    ) w order by 1, 2 limit ${limit}`;
}
