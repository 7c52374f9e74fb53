import type { Statement } from './connect.ts';
import type { IdleSpan } from '../domain/rating/settlement.ts';

/** SQL of days on which a supply was off and carries no standing charge. */

/** All of an agreement. */
export async function readIdleDays(tx: Statement, agreementId: number): Promise<IdleSpan[]> {
  const rows = await tx<{ startsAt: Date; endsAt: Date }[]>`
    select starts_at as "startsAt", ends_at as "endsAt" from idle_day
    where agreement_id = ${agreementId} order by starts_at`;
  return rows.map(({ startsAt, endsAt }) => ({
    fromMs: startsAt.getTime(),
    toMs: endsAt.getTime(),
  }));
}

export type CutSpan = {
  readonly agreementId: number;
  readonly companyId: number;
  readonly accountId: number;
  readonly servicePointId: number;
  readonly zone: string;
  readonly validFrom: Date;
  readonly validTo: Date | null;
  /**
   * Of each supply of electricity at the place, through the meters that it had one after another:
   * until when one hangs there; null: still.
   */
  readonly suppliesUntilMs: readonly (number | null)[];
  readonly meterId: number;
  readonly from: Date;
  /** Null: it is off still. */
  readonly to: Date | null;
};

/**
 * How long the supplies of prepaid agreements were off, as verified commands left them, where that
 * touches the time since an instant. A meter that was taken away leaves the state to the one that
 * took its place then, and that to the next one, until one of them is switched; without one, and
 * not put back, it is off no longer. What was said of a meter and taken back counts for nothing.
 * Writer's role.
 */
export async function findCutSpans(
  statement: Statement,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): Promise<readonly CutSpan[]> {
  const since = new Date(sinceMs);
  return statement<CutSpan[]>`
    with recursive changes as (
      select c.meter_id, c.state, c.at,
             lead(c.at) over (partition by c.meter_id order by c.at) as until
      from supply_change c
      where c.meter_id in (select meter_id from supply where state = 'disconnected'
                           union select meter_id from supply_change where at > ${since})
    ), words as (
      select distinct on (k.meter_id, k.channel, k.at) k.meter_id, k.at, k.kind
      from meter m join meter x on x.service_point_id = m.service_point_id
      join register_mark k on k.meter_id = x.id
      where m.id in (select meter_id from changes)
      order by k.meter_id, k.channel, k.at, k.id desc
    ), gone as (
      select w.meter_id, min(w.at) as at from words w
      where w.kind = 'removed' and not exists (
        select from words b where b.meter_id = w.meter_id and b.kind = 'installed' and b.at > w.at)
      group by w.meter_id
    ), heirs as (
      select g.meter_id, g.at, (
        select min(x.id) from meter o join meter x on x.service_point_id = o.service_point_id
        join words w on w.meter_id = x.id and w.kind = 'installed' and w.at = g.at
        where o.id = g.meter_id and x.id <> o.id) as heir_id
      from gone g
    ), lines as (
      select distinct x.id as first_id, x.id as meter_id
      from changes c join meter m on m.id = c.meter_id
      join meter x on x.service_point_id = m.service_point_id
      union
      select l.first_id, h.heir_id from lines l join heirs h using (meter_id)
      where h.heir_id is not null
    ), ends as (
      select l.first_id, min(s.at) filter (where l.meter_id <> l.first_id) as switched_at,
             max(h.at) filter (where h.heir_id is null) as gone_at
      from lines l left join supply_change s using (meter_id) left join heirs h using (meter_id)
      group by l.first_id
    ), spans as (
      select c.meter_id, c.state, c.at, coalesce(c.until, e.switched_at, e.gone_at) as until
      from changes c join ends e on e.first_id = c.meter_id
    )
    select g.id as "agreementId", g.company_id as "companyId", g.account_id as "accountId",
           g.service_point_id as "servicePointId", p.time_zone as zone,
           g.valid_from as "validFrom", g.valid_to as "validTo", m.id as "meterId",
           s.at as "from", s.until as "to",
           (select jsonb_agg(extract(epoch from e.gone_at) * 1000)
            from meter x join ends e on e.first_id = x.id
            where x.service_point_id = m.service_point_id and x.medium = 'electricity'
              and x.id not in (select heir_id from heirs where heir_id is not null)
           ) as "suppliesUntilMs"
    from spans s
    join meter m on m.id = s.meter_id
    join service_point p on p.id = m.service_point_id
    join agreement g on g.company_id = m.company_id and g.service_point_id = m.service_point_id
      and g.mode = 'prepaid'
    where s.state = 'disconnected' and coalesce(s.until, 'infinity') > ${since}
      and g.valid_from < ${new Date(nowMs)} and coalesce(g.valid_to, 'infinity') > ${since}
    order by g.id, m.id, s.at`;
}

/** False when the day was known. Writer's role. */
export async function insertIdleDay(
  tx: Statement,
  day: IdleSpan & {
    readonly agreementId: number;
    readonly companyId: number;
    readonly accountId: number;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into idle_day (agreement_id, starts_at, ends_at, company_id, account_id, recorded_at)
    values (${day.agreementId}, ${new Date(day.fromMs)}, ${new Date(day.toMs)}, ${day.companyId},
            ${day.accountId}, ${new Date(day.nowMs)})
    on conflict do nothing`;
  return inserted.count > 0;
}
