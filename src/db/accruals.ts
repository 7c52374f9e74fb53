import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of time that is charged without a reading. */

/** By service point, up to when time alone is charged at the latest, over its agreements. */
export async function readAccruals(
  statement: Statement,
  servicePointIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (servicePointIds.length === 0) return new Map();
  const rows = await statement<{ service_point_id: number; until: Date }[]>`
    select g.service_point_id, max(a.accrued_until) as until
    from accrual a join agreement g on g.id = a.agreement_id
    where g.service_point_id = any(${integersOf(servicePointIds)}::int4[])
    group by g.service_point_id`;
  return new Map(rows.map((row) => [row.service_point_id, row.until.getTime()]));
}

export type SilentAgreement = {
  readonly agreementId: number;
  readonly companyId: number;
  readonly servicePointId: number;
  readonly timeZone: string;
  /** Null: not yet. */
  readonly accruedUntilMs: number | null;
  readonly lastReadAtMs: number;
};

/**
 * Agreements in force whose service point has been read before and not since an instant, and whose
 * time is not charged up to there; by their ids, after one.
 */
export async function readSilentAgreements(
  statement: Statement,
  { sinceMs, after, limit }: { sinceMs: number; after: number; limit: number },
): Promise<readonly SilentAgreement[]> {
  const since = new Date(sinceMs);
  const rows = await statement<
    {
      id: number;
      company_id: number;
      service_point_id: number;
      time_zone: string;
      accrued_until: Date | null;
      last_read_at: Date;
    }[]
  >`
    select g.id, g.company_id, g.service_point_id, s.time_zone, a.accrued_until, h.last_read_at
    from agreement g
    join service_point s on s.id = g.service_point_id
    left join accrual a on a.agreement_id = g.id
    cross join lateral (
      select max(e.last_read_at) as last_read_at from meter m
      join series_head e on e.meter_id = m.id and e.channel = 1
      where m.service_point_id = g.service_point_id) h
    where g.id > ${after} and h.last_read_at < ${since}
      and (a.accrued_until is null or a.accrued_until < ${since})
      and g.valid_from < ${since} and coalesce(g.valid_to, 'infinity') > h.last_read_at
    order by g.id limit ${limit}`;
  return rows.map((row) => ({
    agreementId: row.id,
    companyId: row.company_id,
    servicePointId: row.service_point_id,
    timeZone: row.time_zone,
    accruedUntilMs: row.accrued_until?.getTime() ?? null,
    lastReadAtMs: row.last_read_at.getTime(),
  }));
}

/** Moves forward only. */
export async function writeAccruals(
  tx: Statement,
  rows: readonly {
    readonly agreementId: number;
    readonly companyId: number;
    readonly accruedUntilMs: number;
  }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into accrual (agreement_id, company_id, accrued_until)
    select * from unnest(
      ${integersOf(rows.map((row) => row.agreementId))}::int4[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${instantsOf(rows.map((row) => row.accruedUntilMs))}::timestamptz[])
    on conflict (agreement_id) do update
      set accrued_until = greatest(accrual.accrued_until, excluded.accrued_until)`;
}

/** Duties for the meters of a service point that were ever read. */
export async function insertTimeDuties(
  tx: Statement,
  points: readonly { readonly servicePointId: number; readonly fromDay: number }[],
): Promise<void> {
  if (points.length === 0) return;
  await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select m.company_id, m.id, min(p.from_day), 'time_passed'
    from unnest(${integersOf(points.map((point) => point.servicePointId))}::int4[],
                ${integersOf(points.map((point) => point.fromDay))}::int4[])
      as p(service_point_id, from_day)
    join meter m on m.service_point_id = p.service_point_id
    where exists (select from series_head h where h.meter_id = m.id and h.channel = 1)
    group by m.company_id, m.id order by m.id`;
}
