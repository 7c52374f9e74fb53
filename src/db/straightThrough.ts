import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of how many bills nobody had to touch. */

/** Batches that people entered, of readings of some time; carried as they are in the log. */
export async function readOfficeBatches(
  tx: Statement,
  wanted: { readonly fromMs: number; readonly toMs: number; readonly limit: number },
): Promise<readonly Uint8Array[]> {
  const rows = await tx<{ carried: Uint8Array }[]>`
    select l.carried from edge e join batch_log l on l.edge_id = e.id
    where e.kind = 'office' and l.read_from < ${new Date(wanted.toMs)}
      and l.read_to >= ${new Date(wanted.fromMs)}
    order by l.received_at limit ${wanted.limit}`;
  return rows.map(({ carried }) => carried);
}

export type TouchedReading = { readonly meterId: number; readonly atMs: number };

export type StraightThroughMonth = {
  /** Local, such as 2026-06. */
  readonly month: string;
  readonly closedBills: number;
  /** Not held, no reading entered or edited, no register marked, no decision resolved. */
  readonly untouchedBills: number;
  readonly heldBills: number;
};

/** Of the viewer's company, closed bills by month, of months that begin in [fromMs, toMs). */
export async function countStraightThrough(
  tx: Statement,
  wanted: { readonly fromMs: number; readonly toMs: number },
  touched: readonly TouchedReading[],
): Promise<readonly StraightThroughMonth[]> {
  return tx<StraightThroughMonth[]>`
    with touched as (
      select m.service_point_id, t.at
      from unnest(${integersOf(touched.map((each) => each.meterId))}::int4[],
                  ${instantsOf(touched.map((each) => each.atMs))}::timestamptz[]) as t(meter_id, at)
      join meter m on m.id = t.meter_id
      union all
      select m.service_point_id, k.at from register_mark k join meter m on m.id = k.meter_id
      where k.at >= ${new Date(wanted.fromMs)}
    ), resolved as (
      select m.service_point_id, d.from_at, d.to_at
      from vee_resolution r join vee_decision d on d.id = r.decision_id
      join meter m on m.id = d.meter_id
      where d.to_at > ${new Date(wanted.fromMs)}
    ), bill as (
      select m.service_point_id, c.period_start,
             ((c.period_start at time zone s.time_zone) + interval '1 month')
               at time zone s.time_zone as period_end,
             to_char(c.period_start at time zone s.time_zone, 'YYYY-MM') as month,
             exists (
               select from charge_hold h
               where h.agreement_id = c.agreement_id and h.meter_id = c.meter_id
                 and h.period_start = c.period_start
                 and h.tariff_version_id = c.tariff_version_id) as is_held
      from charge c join meter m on m.id = c.meter_id
      join service_point s on s.id = m.service_point_id
      where c.open_until is null and (c.energy_wh <> 0 or c.amount_micros <> 0)
        and c.period_start >= ${new Date(wanted.fromMs)}
        and c.period_start < ${new Date(wanted.toMs)})
    select b.month, count(*)::int4 as "closedBills",
           count(*) filter (where not b.is_held and not t.is_touched)::int4 as "untouchedBills",
           count(*) filter (where b.is_held)::int4 as "heldBills"
    from bill b
    cross join lateral (
      select exists (
        select from touched t where t.service_point_id = b.service_point_id
          and t.at >= b.period_start and t.at <= b.period_end
      ) or exists (
        select from resolved r where r.service_point_id = b.service_point_id
          and r.from_at < b.period_end and r.to_at > b.period_start
      ) as is_touched) t
    group by b.month order by b.month`;
}
