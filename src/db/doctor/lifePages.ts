import type { Statement } from '../connect.ts';
import type { IdStretch } from './accountPages.ts';

/** SQL of checks of what prepaid accounts owe, were lent and were told, by accounts. */

export type Wrong = { readonly code: string; readonly subject: string };

/** Debts below zero, and days of a weekly plan that are not what they took. */
export function findWrongDebts(tx: Statement, { after, last }: IdStretch): Promise<Wrong[]> {
  return tx<Wrong[]>`
    select 'DEBT_BELOW_ZERO' as code, 'account/' || l.account_id as subject
    from ledger_account l
    join transfer t on t.account_id = l.account_id and l.id in (t.debit_id, t.credit_id)
    where l.code = 'debt' and l.account_id > ${after} and l.account_id <= ${last}
    group by l.id, l.account_id
    having sum(case when t.debit_id = l.id then t.amount_micros else -t.amount_micros end) < 0
    union all
    select 'DEBT_DAY_NOT_ITS_TRANSFER', 'account/' || d.account_id
    from debt_day d left join transfer t on t.id = d.transfer_id
    where d.account_id > ${after} and d.account_id <= ${last} and d.transfer_id is not null
      and (t.id is null or t.account_id <> d.account_id or t.code <> 'debt_recovered')
    union all
    select 'DEBT_TAKEN_WITHOUT_CAUSE', 'transfer/' || t.id
    from transfer t
    where t.account_id > ${after} and t.account_id <= ${last} and t.code = 'debt_recovered'
      and t.payment_id is null
      and not exists (select from debt_day d where d.account_id = t.account_id
                      and d.transfer_id = t.id)
    order by 1, 2`;
}

/**
 * Credit that was lent twice at once, or not paid back by a payment that left the balance at zero
 * or above. A payment that went back in the same breath pays nothing back.
 */
export function findWrongLoans(tx: Statement, { after, last }: IdStretch): Promise<Wrong[]> {
  return tx<Wrong[]>`
    with lent as (
      select e.id, e.account_id, e.taken_at, x.ended_at, x.account_id as ended_for
      from emergency_credit e left join emergency_credit_end x on x.credit_id = e.id
      where e.account_id > ${after} and e.account_id <= ${last}
    )
    select 'EMERGENCY_CREDIT_TWICE' as code, 'account/' || b.account_id as subject
    from lent a join lent b on b.account_id = a.account_id and b.id <> a.id
      and (a.taken_at, a.id) < (b.taken_at, b.id)
    where a.ended_at is null or a.ended_at > b.taken_at
    union all
    select 'EMERGENCY_END_NOT_ITS_CREDIT', 'account/' || account_id
    from lent where ended_for <> account_id or ended_at < taken_at
    union all
    select 'EMERGENCY_NOT_REPAID', 'account/' || l.account_id
    from lent l join payment_receipt r on r.account_id = l.account_id
      and r.issued_at > l.taken_at and (l.ended_at is null or r.issued_at < l.ended_at)
    where (r.document->>'balanceMicros')::numeric >= 0
      and not exists (select from payment_step s where s.payment_id = r.payment_id
                      and s.at = r.issued_at and s.kind in ('refunded', 'disputed'))
    group by l.id, l.account_id
    order by 1, 2`;
}

/** Notices told twice or of no breach, and steps that no notice goes through. */
export function findWrongNotices(tx: Statement, { after, last }: IdStretch): Promise<Wrong[]> {
  return tx<Wrong[]>`
    with told as (
      select * from notice where account_id > ${after} and account_id <= ${last}
    ), steps as (
      select n.id, count(s.ordinal) as steps, max(s.ordinal) as highest,
             (array_agg(s.state order by s.ordinal))[1] as first,
             count(*) filter (where s.state = 'delivered') as arrived,
             (array_agg(s.state order by s.ordinal desc))[1] as newest
      from told n left join notice_step s on s.notice_id = n.id group by n.id
    )
    select 'NOTICE_TWICE' as code, 'account/' || account_id as subject
    from told group by account_id, kind, threshold, breach having count(*) > 1
    union all
    select 'NOTICE_WITHOUT_BREACH', 'notice/' || n.id
    from told n left join notice_arm m on m.account_id = n.account_id and m.kind = n.kind
      and m.threshold = n.threshold
    where n.kind in ('low_days', 'low_balance', 'cut_notice', 'emergency_offered')
      and (m.breach is null or n.breach > m.breach)
    union all
    select 'NOTICE_STEPS_BROKEN', 'notice/' || id from steps
    where steps = 0 or highest <> steps - 1 or first <> 'queued' or arrived > 1
       or arrived = 1 and newest <> 'delivered'
    order by 1, 2`;
}
