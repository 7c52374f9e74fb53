import type { Statement } from '../connect.ts';
import type { Wrong } from './lifePages.ts';

/** SQL of checks of changed modes and of days on which a supply was off. Both are rare. */

/**
 * Changes of mode or account whose two agreements do not meet, that bill a time twice, that nobody
 * closed, or that left lent credit open although nothing of the account is prepaid any more.
 */
export function findWrongModes(
  tx: Statement,
  { nowMs, overdueMs }: { readonly nowMs: number; readonly overdueMs: number },
): Promise<Wrong[]> {
  return tx<Wrong[]>`
    select v.code, 'agreement/' || c.ended_id as subject
    from mode_change c
    left join agreement e on e.company_id = c.company_id and e.id = c.ended_id
    left join agreement n on n.company_id = c.company_id and n.id = c.next_id
    cross join lateral (values
      ('MODE_CHANGE_TORN', e.valid_to is distinct from c.at or n.valid_from is distinct from c.at
        or n.mode is distinct from c.mode or e.mode = c.mode and e.account_id = n.account_id
        or (e.service_point_id, e.tariff_id)
           is distinct from (n.service_point_id, n.tariff_id)
        or c.account_id is distinct from e.account_id),
      ('MODE_BILLED_TWICE', exists (
        select from charge h where h.agreement_id = c.ended_id and h.period_start >= c.at
          and (h.amount_micros <> 0 or h.energy_wh <> 0))),
      ('MODE_CHANGE_OVERDUE', c.settled_at is null
        and c.at <= ${new Date(nowMs - overdueMs)}),
      ('MODE_LEFT_A_LOAN', not exists (
          select from agreement g where g.account_id = c.account_id and g.mode = 'prepaid'
            and g.valid_from <= c.settled_at and (g.valid_to is null or g.valid_to > c.settled_at))
        and exists (
        select from emergency_credit k
        left join emergency_credit_end x on x.credit_id = k.id
        where k.account_id = c.account_id and k.taken_at < c.settled_at
          and (x.ended_at is null or x.ended_at > c.settled_at)))
    ) as v(code, holds)
    where v.holds order by 1, 2`;
}

/**
 * Days that carry no standing charge although they are not days of a prepaid agreement that were
 * over, or somebody there had light. A meter that nothing ever switched says nothing here.
 */
export function findWrongIdleDays(tx: Statement): Promise<Wrong[]> {
  return tx<Wrong[]>`
    select v.code, 'agreement/' || i.agreement_id as subject
    from idle_day i
    left join agreement g on g.company_id = i.company_id and g.id = i.agreement_id
    cross join lateral (
      select bool_or(s.state = 'disconnected') as is_cut,
             bool_or(s.state <> 'disconnected' and not exists (
               select from register_mark k where k.meter_id = s.meter_id and k.kind = 'removed'
                 and k.at < i.ends_at)) as is_lit
      from (select distinct on (h.meter_id) h.meter_id, h.state
            from meter m join supply_change h on h.meter_id = m.id
            where m.service_point_id = g.service_point_id and h.at <= i.starts_at
            order by h.meter_id, h.at desc) s) before
    cross join lateral (values
      ('IDLE_DAY_NOT_OF_ITS_AGREEMENT', g.mode is distinct from 'prepaid'
        or g.account_id <> i.account_id or g.valid_from > i.starts_at
        or g.valid_to < i.ends_at or i.recorded_at < i.ends_at
        or i.ends_at - i.starts_at not between interval '22 hours' and interval '26 hours'
        or exists (select from idle_day o where o.agreement_id = i.agreement_id
                   and o.starts_at > i.starts_at and o.starts_at < i.ends_at)),
      ('IDLE_DAY_WITH_LIGHT', before.is_cut is not true or before.is_lit or exists (
        select from meter m join supply_change h on h.meter_id = m.id
        where m.service_point_id = g.service_point_id
          and h.at > i.starts_at and h.at < i.ends_at))
    ) as v(code, holds)
    where v.holds group by 1, 2 order by 1, 2`;
}
