import type { Statement } from './connect.ts';

/** What must not be: a bill that decisions of validation hold, and that is posted all the same. */

export type HoldFault = {
  readonly code: 'HOLD_IGNORED' | 'HELD_BILL_POSTED' | 'HOLD_UNFOUNDED';
  readonly agreementId: number;
  readonly meterId: number;
  readonly periodStart: Date;
  readonly amountMicros: bigint;
};

/**
 * Closed postpaid bills whose hold is not what the open decisions say; without those that wait to
 * be rated again. Reads only; empty when all is well.
 */
export async function findHoldFaults(statement: Statement): Promise<readonly HoldFault[]> {
  return statement<HoldFault[]>`
    with bill as (
      select c.agreement_id, c.meter_id, c.period_start, c.amount_micros, h.code,
             exists (
               select from meter own
               join vee_decision d on d.meter_id = own.id and d.outcome = 'hold'
                 and d.withdrawn_at is null and d.to_at > c.period_start
                 and d.from_at < ((c.period_start at time zone s.time_zone) + interval '1 month')
                                   at time zone s.time_zone
               where own.service_point_id = m.service_point_id
                 and not exists (
                   select from vee_resolution r
                   where r.decision_id = d.id and r.kind = 'released')) as is_doubted
      from charge c
      join agreement g on g.id = c.agreement_id and g.mode = 'postpaid'
      join meter m on m.id = c.meter_id
      join service_point s on s.id = m.service_point_id
      left join charge_hold h on h.agreement_id = c.agreement_id and h.meter_id = c.meter_id
        and h.period_start = c.period_start and h.tariff_version_id = c.tariff_version_id
      where c.open_until is null and (c.energy_wh <> 0 or c.amount_micros <> 0)
        and not exists (
          select from meter beside join rerate_duty w on w.meter_id = beside.id
          where beside.service_point_id = m.service_point_id)
        and not exists (
          select from meter beside join vee_duty v on v.meter_id = beside.id
          where beside.service_point_id = m.service_point_id))
    select f.code, agreement_id as "agreementId", meter_id as "meterId",
           period_start as "periodStart", amount_micros as "amountMicros"
    from bill cross join lateral (
      select case
        when is_doubted and code is null then 'HOLD_IGNORED'
        when code = 'VEE_HELD' and not is_doubted then 'HOLD_UNFOUNDED'
        when code = 'VEE_HELD' and amount_micros <> 0 then 'HELD_BILL_POSTED'
      end as code) f
    where f.code is not null
    order by agreement_id, period_start`;
}
