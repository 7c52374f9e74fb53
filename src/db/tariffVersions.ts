import { dayMs } from '../domain/time/civil.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of publishing: tariff versions and the duty to rate again what they change. */

export type TariffHead = {
  readonly tariffId: number;
  readonly companyId: number;
  readonly name: string;
  readonly currency: string;
  /** A prepaid agreement has it. */
  readonly isPrepaid: boolean;
};

/** The tariff as far as the viewer may see it. */
export async function findTariff(
  tx: Statement,
  { companyId, tariffId }: { companyId: number; tariffId: number },
): Promise<TariffHead | null> {
  const [row] = await tx<TariffHead[]>`
    select id as "tariffId", company_id as "companyId", name, currency,
           exists(select from agreement g
                  where g.tariff_id = tariff.id and g.mode = 'prepaid') as "isPrepaid"
    from tariff where id = ${tariffId} and company_id = ${companyId}`;
  return row ?? null;
}

export type ClosedBills = {
  readonly periodStartMs: number;
  readonly zone: string;
  /** Where the bill ends before its month does; null: with it. */
  readonly cutMs: number | null;
};

/** The periods from an instant on in which bills of the tariff are closed. */
export async function readClosedBills(
  tx: Statement,
  {
    companyId,
    tariffId,
    fromMs,
  }: { readonly companyId: number; readonly tariffId: number; readonly fromMs: number },
): Promise<readonly ClosedBills[]> {
  const rows = await tx<{ period_start: Date; zone: string; cut: Date | null }[]>`
    select distinct c.period_start, coalesce(v.document->>'zone', s.time_zone) as zone,
           least(g.valid_to, (select min(n.valid_from) from tariff_version n
                              where n.tariff_id = v.tariff_id
                                and n.valid_from > v.valid_from)) as cut
    from agreement g
    join charge c on c.agreement_id = g.id
    join tariff_version v on v.id = c.tariff_version_id
    join service_point s on s.id = g.service_point_id
    where g.company_id = ${companyId} and g.tariff_id = ${tariffId} and c.open_until is null
      and (c.amount_micros <> 0 or c.energy_wh <> 0)
      and c.period_start >= ${new Date(fromMs)}`;
  return rows.map((row) => ({
    periodStartMs: row.period_start.getTime(),
    zone: row.zone,
    cutMs: row.cut?.getTime() ?? null,
  }));
}

/** Any number: held shared by every rating commit, and alone by whoever changes what prices. */
export const pricesLock = 7_425_300_912;

/**
 * Waits for the rating commits underway and keeps others back until the transaction ends. Without
 * it a commit that read the old prices could write a day after the duties were looked up: nobody
 * would rate it again. Taken before a version gets its id, so that ids become visible in their
 * order and `registryMark` sees each one.
 */
export async function holdPrices(tx: Statement): Promise<void> {
  await tx`select pg_advisory_xact_lock(${pricesLock})`;
}

/** The new version's id, or null when one begins at that instant already. */
export async function insertTariffVersion(
  tx: Statement,
  version: {
    readonly companyId: number;
    readonly tariffId: number;
    readonly validFromMs: number;
    readonly document: unknown;
    readonly publishedAtMs: number;
    readonly publishedBy: string;
  },
): Promise<number | null> {
  await holdPrices(tx);
  const [row] = await tx<{ id: number }[]>`
    insert into tariff_version
      (company_id, tariff_id, valid_from, document, published_at, published_by)
    values (${version.companyId}, ${version.tariffId}, ${new Date(version.validFromMs)},
            ${JSON.stringify(version.document)}::text::jsonb, ${new Date(version.publishedAtMs)},
            ${version.publishedBy})
    on conflict (tariff_id, valid_from) do nothing
    returning id`;
  return row?.id ?? null;
}

/** A day early: a local day, and the slot before the instant, may begin in the UTC day before. */
function fromDayOf(instantMs: number): number {
  return Math.floor(instantMs / dayMs) - 1;
}

/** The first of the month: a version that begins within it shortens the bill of the one before. */
function monthDayOf(instantMs: number): number {
  const at = new Date(instantMs);
  return fromDayOf(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
}

/**
 * Duties for the meters whose agreements use the tariff and that have data, or time that was
 * charged, from the begin of its month on; their count. After `insertTariffVersion`, which holds
 * the prices.
 */
export async function insertTariffDuties(
  tx: Statement,
  duty: { readonly companyId: number; readonly tariffId: number; readonly fromMs: number },
): Promise<number> {
  const fromDay = fromDayOf(duty.fromMs);
  const inserted = await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select distinct m.company_id, m.id, ${fromDay}::int4, 'tariff_changed'
    from agreement g
    join meter m on m.company_id = g.company_id and m.service_point_id = g.service_point_id
    where g.company_id = ${duty.companyId} and g.tariff_id = ${duty.tariffId}
      and (exists (select from series_day d
                   where d.meter_id = m.id and d.day >= ${monthDayOf(duty.fromMs)})
           or exists (select from accrual a
                      where a.agreement_id = g.id
                        and a.accrued_until > ${new Date(duty.fromMs)}))`;
  return inserted.count;
}

/** Duties for the meters at service points whose agreement is new or says more, with data there. */
export async function insertAgreementDuties(
  tx: Statement,
  duty: {
    readonly companyId: number;
    readonly servicePointIds: readonly number[];
    readonly fromMs: number;
    readonly reason: 'agreement_added' | 'attributes_added';
  },
): Promise<number> {
  await holdPrices(tx);
  const fromDay = fromDayOf(duty.fromMs);
  const inserted = await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select m.company_id, m.id, ${fromDay}::int4, ${duty.reason}::text from meter m
    where m.company_id = ${duty.companyId}
      and m.service_point_id = any(${integersOf(duty.servicePointIds)}::int4[])
      and exists (select from series_day d where d.meter_id = m.id and d.day >= ${fromDay})`;
  return inserted.count;
}

/**
 * So that every rater forgets what it remembers of prices and agreements. Holds the prices, so
 * that these ids too become visible in their order.
 */
export async function insertPricingChange(
  tx: Statement,
  change: {
    readonly companyId: number;
    readonly what: 'prices' | 'attributes' | 'key_zone';
    readonly atMs: number;
  },
): Promise<void> {
  await holdPrices(tx);
  await tx`
    insert into pricing_change (company_id, what, at)
    values (${change.companyId}, ${change.what}, ${new Date(change.atMs)})`;
}
