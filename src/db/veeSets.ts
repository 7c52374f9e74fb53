import { dayMs } from '../domain/time/civil.ts';
import type { CustomerClass } from '../domain/vee/classDefaults.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { DutyReason } from './dutyReason.ts';
import { idBounds } from './page.ts';
import type { IdPage } from './page.ts';
import { holdPrices } from './tariffVersions.ts';

/** Published sets of validation rules: publishing them, and as a viewer sees them. */

/**
 * Appends a set; its id. Holds the prices, so that no rating commit underway walks on by the old
 * rules after the duties were looked up.
 */
export async function insertVeeSet(
  tx: Statement,
  set: {
    readonly companyId: number;
    readonly customerClass: CustomerClass;
    readonly validFromMs: number;
    readonly document: unknown;
    readonly author: string;
    readonly recordedAtMs: number;
  },
): Promise<number | null> {
  await holdPrices(tx);
  const [row] = await tx<{ id: number }[]>`
    insert into vee_set (company_id, customer_class, valid_from, document, author, recorded_at)
    values (${set.companyId}, ${set.customerClass}, ${new Date(set.validFromMs)},
            ${JSON.stringify(set.document)}::text::jsonb, ${set.author},
            ${new Date(set.recordedAtMs)})
    returning id`;
  return row?.id ?? null;
}

/** The reason of a duty to lay out gaps anew, by another set of rules. */
export const setPublishedReason = 'vee_set_published' satisfies DutyReason;

type Duty = {
  readonly companyId: number;
  readonly customerClass: CustomerClass;
  readonly fromMs: number;
};

/**
 * Meters of the class with data from an instant on are walked again, for other estimates, and
 * validated again; their count. A day early: a local day may begin in the UTC day before.
 */
export async function insertVeeSetDuties(tx: Statement, duty: Duty): Promise<number> {
  const fromDay = Math.floor(duty.fromMs / dayMs) - 1;
  const meters = tx`
    select m.company_id, m.id from meter m
    join service_point s on s.id = m.service_point_id
    where m.company_id = ${duty.companyId} and s.customer_class = ${duty.customerClass}
      and exists (select from series_day d where d.meter_id = m.id and d.day >= ${fromDay})`;
  const inserted = await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select company_id, id, ${fromDay}::int4, ${setPublishedReason} from (${meters}) as m`;
  // A meter without readings is missed in the bills of those beside it.
  const beside = tx`
    select m.company_id, m.id from meter m
    join service_point s on s.id = m.service_point_id
    join meter b on b.company_id = m.company_id and b.service_point_id = m.service_point_id
    where m.company_id = ${duty.companyId} and s.customer_class = ${duty.customerClass}
      and exists (select from series_day d where d.meter_id = b.id and d.day >= ${fromDay})`;
  // Readings that came in a form in which they could not be taken are judged, too.
  const heldBack = tx`
    select m.company_id, m.id from meter m
    join service_point s on s.id = m.service_point_id
    where m.company_id = ${duty.companyId} and s.customer_class = ${duty.customerClass}
      and exists (select from reading_exception x
                  where x.meter_id = m.id and x.read_at >= ${new Date(duty.fromMs)})`;
  // Before the first reading, bill or row held back there is nothing to judge: a set may be valid
  // since long before. A register with days has a head.
  const first = tx`
    select least(
      (select to_timestamp(min(d.day) * 86400.0) from meter b
       join series_head h on h.meter_id = b.id
       cross join lateral (
         select day from series_day s where s.meter_id = h.meter_id and s.channel = h.channel
         order by day limit 1) d
       where b.company_id = m.company_id and b.service_point_id = m.service_point_id),
      (select min(c.period_start) from meter b join charge c on c.meter_id = b.id
       where b.company_id = m.company_id and b.service_point_id = m.service_point_id),
      (select min(x.read_at) from reading_exception x where x.meter_id = m.id)) as at`;
  await tx`
    insert into vee_duty (meter_id, company_id, from_at)
    select m.id, m.company_id, greatest(${new Date(duty.fromMs)}::timestamptz, f.at)
    from (select d.*, p.service_point_id from (${beside} union ${heldBack}) as d
          join meter p using (id)) as m
    cross join lateral (${first}) as f order by m.id
    on conflict (meter_id) where failed_at is null do update set from_at = excluded.from_at
    where excluded.from_at < vee_duty.from_at`;
  return inserted.count;
}

export type VeeSetView = {
  readonly id: number;
  readonly customerClass: CustomerClass;
  readonly validFrom: Date;
  readonly document: unknown;
  readonly author: string;
  readonly recordedAt: Date;
};

function columnsOf(tx: Statement) {
  return tx`id, customer_class as "customerClass", valid_from as "validFrom", document, author,
            recorded_at as "recordedAt" from vee_set`;
}

export async function findVeeSets(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly VeeSetView[]> {
  return tx<VeeSetView[]>`
    select ${columnsOf(tx)} where id = any(${integersOf(ids)}::int4[])`;
}

/** The latest published of those that have begun; null: the defaults of the class hold. */
export async function findVeeSetAt(
  tx: Statement,
  at: {
    readonly companyId: number;
    readonly customerClass: CustomerClass;
    readonly atMs: number;
  },
): Promise<VeeSetView | null> {
  const [row] = await tx<VeeSetView[]>`
    select ${columnsOf(tx)}
    where company_id = ${at.companyId} and customer_class = ${at.customerClass}
      and valid_from <= ${new Date(at.atMs)}
    order by id desc limit 1`;
  return row ?? null;
}

/** In the order of publication; of one class when it is given. */
export async function pageVeeSets(
  tx: Statement,
  customerClass: CustomerClass | null,
  page: IdPage,
): Promise<VeeSetView[]> {
  const { after, before } = idBounds(page);
  return tx<VeeSetView[]>`
    select ${columnsOf(tx)}
    where (${customerClass}::text is null or customer_class = ${customerClass})
      and id > ${after} and id < ${before}::int8
    order by id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}
