import type { SeriesReading } from '../domain/series/day.ts';
import { instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what validation asks about the form in which readings were sent. */

/** A value that was told of an instant of which another one was told, too. */
export type ReadingVersion = Pick<SeriesReading, 'atMs' | 'wh' | 'revision'> & {
  readonly meterId: number;
  readonly companyId: number;
  readonly channel: number;
};

export type FactPlace = {
  readonly meterId: number;
  readonly companyId: number;
  readonly atMs: number;
};

/** Keeps what is new among these, and returns where. */
export async function insertVersions(
  tx: Statement,
  rows: readonly ReadingVersion[],
): Promise<readonly FactPlace[]> {
  if (rows.length === 0) return [];
  const fresh = await tx<{ meter_id: number; company_id: number; read_at: Date }[]>`
    insert into reading_version (meter_id, company_id, channel, read_at, revision, value)
    select * from unnest(
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${integersOf(rows.map((row) => row.channel))}::int2[],
      ${instantsOf(rows.map((row) => row.atMs))}::timestamptz[],
      ${integersOf(rows.map((row) => row.revision))}::int4[],
      ${integersOf(rows.map((row) => row.wh))}::int8[])
    on conflict do nothing
    returning meter_id, company_id, read_at`;
  return fresh.map((row) => ({
    meterId: row.meter_id,
    companyId: row.company_id,
    atMs: row.read_at.getTime(),
  }));
}

/** A ratio that came with readings of one register and UTC day. */
export type SentMultiplier = {
  readonly meterId: number;
  readonly companyId: number;
  readonly channel: number;
  readonly day: number;
  readonly thousandths: number;
  firstMs: number;
  lastMs: number;
};

/** Widens what is known. */
export async function upsertMultipliers(
  tx: Statement,
  rows: readonly SentMultiplier[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into sent_multiplier (meter_id, company_id, channel, day, thousandths, first_at, last_at)
    select * from unnest(
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${integersOf(rows.map((row) => row.channel))}::int2[],
      ${integersOf(rows.map((row) => row.day))}::int4[],
      ${integersOf(rows.map((row) => row.thousandths))}::int4[],
      ${instantsOf(rows.map((row) => row.firstMs))}::timestamptz[],
      ${instantsOf(rows.map((row) => row.lastMs))}::timestamptz[])
    on conflict (meter_id, channel, day, thousandths) do update
      set first_at = least(sent_multiplier.first_at, excluded.first_at),
          last_at = greatest(sent_multiplier.last_at, excluded.last_at)
      where excluded.first_at < sent_multiplier.first_at
         or excluded.last_at > sent_multiplier.last_at`;
}

/** From when on the facts of a meter are asked for. */
export type FactsFrom = { readonly meterId: number; readonly fromMs: number };

/** Rows of a local day that rating held back for one reason and that nobody has taken in. */
export type HeldRows = {
  readonly meterId: number;
  readonly channel: number;
  readonly code: string;
  /** DLMS unit code; null in rows of a time when it was not kept. */
  readonly unit: number | null;
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
};

export async function readHeldRows(
  tx: Statement,
  wanted: readonly FactsFrom[],
  codes: readonly string[],
): Promise<readonly HeldRows[]> {
  if (wanted.length === 0) return [];
  const rows = await tx<
    {
      meter_id: number;
      channel: number;
      code: string;
      unit: number | null;
      rows: number;
      first_at: Date;
      last_at: Date;
    }[]
  >`
    select x.meter_id, x.channel, x.code, x.unit, count(*)::int4 as rows,
           min(x.read_at) as first_at, max(x.read_at) as last_at
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      as w(meter_id, from_at)
    join meter m on m.id = w.meter_id
    join service_point s on s.id = m.service_point_id
    join reading_exception x on x.meter_id = w.meter_id and x.read_at >= w.from_at
      and x.company_id = m.company_id and x.code = any(${wordsOf(codes)}::text[])
    where not exists (
      select from exception_resolution r
      where (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row)
          = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row))
    group by x.meter_id, x.channel, x.code, x.unit, (x.read_at at time zone s.time_zone)::date
    order by x.meter_id, x.channel, first_at, x.code, x.unit`;
  return rows.map((row) => ({
    meterId: row.meter_id,
    channel: row.channel,
    code: row.code,
    unit: row.unit,
    rows: row.rows,
    firstMs: row.first_at.getTime(),
    lastMs: row.last_at.getTime(),
  }));
}

export async function readVersions(
  tx: Statement,
  wanted: readonly FactsFrom[],
): Promise<readonly Omit<ReadingVersion, 'companyId'>[]> {
  if (wanted.length === 0) return [];
  const rows = await tx<
    { meter_id: number; channel: number; read_at: Date; revision: number; value: bigint }[]
  >`
    select v.meter_id, v.channel, v.read_at, v.revision, v.value
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      as w(meter_id, from_at)
    join reading_version v on v.meter_id = w.meter_id and v.read_at >= w.from_at
    order by v.meter_id, v.channel, v.read_at, v.revision, v.value`;
  return rows.map((row) => ({
    meterId: row.meter_id,
    channel: row.channel,
    atMs: row.read_at.getTime(),
    revision: row.revision,
    wh: row.value,
  }));
}

export async function readMultipliers(
  tx: Statement,
  wanted: readonly FactsFrom[],
): Promise<readonly Omit<SentMultiplier, 'companyId'>[]> {
  if (wanted.length === 0) return [];
  const rows = await tx<
    {
      meter_id: number;
      channel: number;
      day: number;
      thousandths: number;
      first_at: Date;
      last_at: Date;
    }[]
  >`
    select u.meter_id, u.channel, u.day, u.thousandths, u.first_at, u.last_at
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      as w(meter_id, from_at)
    join sent_multiplier u on u.meter_id = w.meter_id and u.last_at >= w.from_at
    order by u.meter_id, u.channel, u.first_at, u.thousandths`;
  return rows.map((row) => ({
    meterId: row.meter_id,
    channel: row.channel,
    day: row.day,
    thousandths: row.thousandths,
    firstMs: row.first_at.getTime(),
    lastMs: row.last_at.getTime(),
  }));
}
