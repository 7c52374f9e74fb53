import type { FleetServicePoint } from '../domain/fleet.ts';
import { formCodes } from '../domain/series/heldBack.ts';
import { dayMs } from '../domain/time/civil.ts';
import { integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { holdPrices } from './tariffVersions.ts';
import { upsertVeeDuties } from './veeFacts.ts';
import { setPublishedReason } from './veeSets.ts';

/** What a service point is like, as far as validation asks: its class, who and what is there. */

function declaredOtherwise(tx: Statement, companyId: number, points: readonly FleetServicePoint[]) {
  return tx`(
    select p.id, n.*, n.customer_class <> p.customer_class as is_other_class
    from service_point p
    join json_to_recordset(${JSON.stringify(points)}::text::json)
      as r(name text, "customerClass" text, "isOccupied" boolean, "hasGeneration" boolean)
      on r.name = p.name
    cross join lateral (
      select coalesce(r."customerClass", p.customer_class) as customer_class,
             coalesce(r."isOccupied", p.is_occupied) as is_occupied,
             coalesce(r."hasGeneration", p.has_generation) as has_generation) n
    where p.company_id = ${companyId}
      and (n.customer_class, n.is_occupied, n.has_generation)
          <> (p.customer_class, p.is_occupied, p.has_generation))`;
}

/** Another class has other rules: gaps are laid out anew by them, from the first reading on. */
async function insertClassDuties(tx: Statement, pointIds: readonly number[]): Promise<void> {
  await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select m.company_id, m.id, min(d.day), ${setPublishedReason}
    from meter m join series_day d on d.meter_id = m.id
    where m.service_point_id = any(${integersOf(pointIds)}::int4[])
    group by m.id order by m.id`;
}

/**
 * From the first day on of which there is something to judge: a meter without readings is missed in
 * the bills of those beside it, and rows that could not be taken in are told of.
 */
async function insertJudgingDuties(tx: Statement, pointIds: readonly number[]): Promise<void> {
  const rows = await tx<
    { meterId: number; companyId: number; day: number | null; heldAt: Date | null }[]
  >`
    select m.id as "meterId", m.company_id as "companyId", (
             select min(d.day) from meter b join series_day d on d.meter_id = b.id
             where b.company_id = m.company_id and b.service_point_id = m.service_point_id
           ) as day, (
             select min(x.read_at) from reading_exception x
             where x.meter_id = m.id and x.company_id = m.company_id
               and x.code = any(${wordsOf(formCodes)}::text[])
           ) as "heldAt"
    from meter m where m.service_point_id = any(${integersOf(pointIds)}::int4[]) order by m.id`;
  const duties = rows.flatMap(({ meterId, companyId, day, heldAt }) => {
    const fromMs = Math.min(day === null ? Infinity : day * dayMs, heldAt?.getTime() ?? Infinity);
    return fromMs === Infinity ? [] : { meterId, companyId, fromMs };
  });
  await upsertVeeDuties(tx, duties);
}

/**
 * Points that are declared of another class, or occupied or with generation or no longer so, become
 * it, and their meters are judged again. Holds the prices, so that no rating commit underway walks
 * on by the old rules after the duties were looked up.
 */
export async function setCircumstances(
  tx: Statement,
  companyId: number,
  points: readonly FleetServicePoint[],
): Promise<void> {
  const other = await tx`select from ${declaredOtherwise(tx, companyId, points)} as d limit 1`;
  if (other.length === 0) return;
  await holdPrices(tx);
  const moved = await tx<{ id: number; isOtherClass: boolean }[]>`
    update service_point p
    set customer_class = d.customer_class, is_occupied = d.is_occupied,
        has_generation = d.has_generation
    from ${declaredOtherwise(tx, companyId, points)} as d where p.id = d.id
    returning p.id, d.is_other_class as "isOtherClass"`;
  const ids = moved.map(({ id }) => id);
  const ofClass = moved.flatMap(({ id, isOtherClass }) => (isOtherClass ? id : []));
  await insertClassDuties(tx, ofClass);
  await insertJudgingDuties(tx, ids);
}
