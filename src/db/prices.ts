import { dayMs } from '../domain/time/civil.ts';
import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of price series: points are appended, and the latest word on an instant counts. */

export type PriceSeriesRow = {
  readonly id: number;
  readonly companyId: number;
  readonly name: string;
  readonly currency: string;
  readonly unit: 'kWh' | 'MWh';
  readonly stepMinutes: number;
};

export type PricePointRow = {
  readonly startMs: number;
  /** At 10^-8 currency a kWh; null: there is no price. */
  readonly priceE8: bigint | null;
};

/** The series as it stands, made if it was not there. */
export async function ensurePriceSeries(
  tx: Statement,
  series: Omit<PriceSeriesRow, 'id'>,
): Promise<PriceSeriesRow> {
  const { companyId, name } = series;
  await tx`
    insert into price_series (company_id, name, currency, unit, step_minutes)
    values (${companyId}, ${name}, ${series.currency}, ${series.unit}, ${series.stepMinutes})
    on conflict do nothing`;
  const [row] = await readPriceSeries(tx, { companyIds: [companyId], name });
  if (row === undefined) throw new Error('SERIES_MISSING: the row just written cannot be read');
  return row;
}

/** All series of these companies, or the one of a name. */
export async function readPriceSeries(
  tx: Statement,
  { companyIds, name = null }: { companyIds: readonly number[]; name?: string | null },
): Promise<readonly PriceSeriesRow[]> {
  return tx<PriceSeriesRow[]>`
    select id, company_id as "companyId", name, currency, unit, step_minutes as "stepMinutes"
    from price_series
    where company_id = any(${integersOf(companyIds)}::int4[])
      and (${name}::text is null or name = ${name}::text)
    order by id`;
}

/** What is known now of the prices of [fromMs, toMs), in the order of time. */
export async function readPricePoints(
  tx: Statement,
  { seriesId, fromMs, toMs }: { seriesId: number; fromMs: number; toMs: number },
): Promise<readonly PricePointRow[]> {
  const rows = await tx<{ starts_at: Date; price_e8: bigint | null }[]>`
    select distinct on (starts_at) starts_at, price_e8 from price_point
    where series_id = ${seriesId} and starts_at >= ${new Date(fromMs)}
      and starts_at < ${new Date(toMs)}
    order by starts_at, id desc`;
  return rows.map((row) => ({ startMs: row.starts_at.getTime(), priceE8: row.price_e8 }));
}

/** The newest instant before another one that has a price: what `last` goes on with. */
export async function findPriceBefore(
  tx: Statement,
  { seriesId, beforeMs }: { seriesId: number; beforeMs: number },
): Promise<PricePointRow | null> {
  const [row] = await tx<{ starts_at: Date; price_e8: bigint }[]>`
    select starts_at, price_e8 from (
      select distinct on (starts_at) starts_at, price_e8 from price_point
      where series_id = ${seriesId} and starts_at < ${new Date(beforeMs)}
      order by starts_at desc, id desc) as latest
    where price_e8 is not null order by starts_at desc limit 1`;
  return row === undefined ? null : { startMs: row.starts_at.getTime(), priceE8: row.price_e8 };
}

export async function insertPricePoints(
  tx: Statement,
  given: {
    readonly companyId: number;
    readonly seriesId: number;
    readonly knownAtMs: number;
    readonly points: readonly PricePointRow[];
  },
): Promise<void> {
  const { points } = given;
  await tx`
    insert into price_point (company_id, series_id, starts_at, price_e8, known_at)
    select ${given.companyId}::int4, ${given.seriesId}::int4, u.starts_at, u.price_e8,
           ${new Date(given.knownAtMs)}
    from unnest(${instantsOf(points.map((point) => point.startMs))}::timestamptz[],
                ${integersOf(points.map((point) => point.priceE8))}::int8[])
      as u(starts_at, price_e8)
    order by u.starts_at`;
}

/**
 * Duties for the meters whose agreements have a version that names the series, and data there. A
 * day early, as with tariffs. The caller holds the prices.
 */
export async function insertPriceDuties(
  tx: Statement,
  duty: { readonly companyId: number; readonly series: string; readonly fromMs: number },
): Promise<number> {
  const fromDay = Math.floor(duty.fromMs / dayMs) - 1;
  const named = JSON.stringify([{ kind: 'dynamic', series: duty.series }]);
  const inserted = await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select distinct m.company_id, m.id, ${fromDay}::int4, 'price_changed'
    from tariff_version v
    join agreement g on g.company_id = v.company_id and g.tariff_id = v.tariff_id
    join meter m on m.company_id = g.company_id and m.service_point_id = g.service_point_id
    where v.company_id = ${duty.companyId} and v.document->'components' @> ${named}::text::jsonb
      and exists (select from series_day d where d.meter_id = m.id and d.day >= ${fromDay})`;
  return inserted.count;
}
