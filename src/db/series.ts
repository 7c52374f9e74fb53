import { assert } from '../domain/assert.ts';
import { withNewest } from '../domain/series/newestReading.ts';
import { bytesArrayOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { copyInto } from './copy.ts';

/**
 * The door to how the series is written: a row a meter, channel and UTC day, and a head row a meter
 * and channel, which has the newest reading of the day in which it stands.
 */

export type DayRow = {
  readonly meterId: number;
  readonly channel: number;
  readonly day: number;
  readonly companyId: number;
  /** Of the head's day without the newest reading: that stands in the head. */
  readonly storedBytes: Uint8Array;
  readonly carryIn: Uint8Array | null;
  /** Zero for a row that is not stored yet. */
  readonly revision: number;
};

export type StoredDay = DayRow & {
  /** All of the day; the very array that is stored where the head has nothing of it. */
  readonly bytes: Uint8Array;
};

/** What flowed at an instant; shown and watched, not billed. */
export type Power = { readonly atMs: number; readonly powerW: number };

export type HeadRow = {
  readonly meterId: number;
  readonly channel: number;
  readonly companyId: number;
  readonly carry: Uint8Array;
  /** The carry is the very one that is stored: it is not written again. */
  readonly isCarryStored?: boolean;
  readonly lastReadAtMs: number;
  readonly lastValueWh: bigint;
  readonly lastPower: Power | null;
  /** Of the day of `lastReadAtMs` (domain/series/newestReading); null where it has no row. */
  readonly newest: Uint8Array | null;
};

type StoredRow = {
  meter_id: number;
  channel: number;
  day: number;
  company_id: number;
  bytes: Uint8Array;
  carry_in: Uint8Array | null;
  revision: number;
  newest: Uint8Array | null;
};

function dayOfRow(row: StoredRow): StoredDay {
  return {
    meterId: row.meter_id,
    channel: row.channel,
    day: row.day,
    companyId: row.company_id,
    bytes: withNewest(row, row.newest),
    storedBytes: row.bytes,
    carryIn: row.carry_in,
    revision: row.revision,
  };
}

/** The stored days among these keys. */
export async function readDays(
  statement: Statement,
  keys: { meterId: readonly number[]; channel: readonly number[]; day: readonly number[] },
): Promise<readonly StoredDay[]> {
  if (keys.day.length === 0) return [];
  const rows = await statement<StoredRow[]>`
    select d.meter_id, d.channel, d.day, d.company_id, d.bytes, d.carry_in, d.revision,
           h.newest
    from series_day d
    join unnest(${integersOf(keys.meterId)}::int4[], ${integersOf(keys.channel)}::int2[],
                ${integersOf(keys.day)}::int4[]) as k(meter_id, channel, day)
      using (meter_id, channel, day)
    left join series_head h using (meter_id, channel)`;
  return rows.map(dayOfRow);
}

/** A meter's days of one channel in time order, from the last day at or before `fromDay` on. */
export async function readDaysFrom(
  statement: Statement,
  { meterId, channel, fromDay }: { meterId: number; channel: number; fromDay: number },
): Promise<readonly StoredDay[]> {
  const rows = await statement<StoredRow[]>`
    select d.meter_id, d.channel, d.day, d.company_id, d.bytes, d.carry_in, d.revision, h.newest
    from series_day d left join series_head h using (meter_id, channel)
    where d.meter_id = ${meterId} and d.channel = ${channel} and d.day >= coalesce(
      (select max(day) from series_day
       where meter_id = ${meterId} and channel = ${channel} and day <= ${fromDay}), ${fromDay})
    order by d.day`;
  return rows.map(dayOfRow);
}

/** Writes days back: new ones by COPY, changed ones by their key. */
export async function writeDays(tx: Statement, rows: readonly DayRow[]): Promise<void> {
  const fresh = rows.filter((row) => row.revision === 0);
  const changed = rows.filter((row) => row.revision > 0);
  await copyInto(
    tx,
    'series_day',
    [
      { name: 'meter_id', type: 'int4', values: fresh.map((row) => row.meterId) },
      { name: 'channel', type: 'int2', values: fresh.map((row) => row.channel) },
      { name: 'day', type: 'int4', values: fresh.map((row) => row.day) },
      { name: 'company_id', type: 'int4', values: fresh.map((row) => row.companyId) },
      { name: 'bytes', type: 'bytea', values: fresh.map((row) => row.storedBytes) },
      { name: 'carry_in', type: 'bytea', values: fresh.map((row) => row.carryIn) },
      { name: 'revision', type: 'int4', values: fresh.map(() => 1) },
    ],
    fresh.length,
  );
  if (changed.length === 0) return;
  const updated = await tx`
    update series_day d
    set bytes = u.bytes, carry_in = u.carry_in, revision = d.revision + 1
    from unnest(
      ${integersOf(changed.map((row) => row.meterId))}::int4[],
      ${integersOf(changed.map((row) => row.channel))}::int2[],
      ${integersOf(changed.map((row) => row.day))}::int4[],
      ${bytesArrayOf(changed.map((row) => row.storedBytes))}::bytea[],
      ${bytesArrayOf(changed.map((row) => row.carryIn))}::bytea[],
      ${integersOf(changed.map((row) => row.revision))}::int4[]
    ) as u(meter_id, channel, day, bytes, carry_in, revision)
    where d.meter_id = u.meter_id and d.channel = u.channel and d.day = u.day
      and d.revision = u.revision`;
  if (updated.count !== changed.length) {
    throw new Error('SERIES_FENCED: another writer changed a day; this transaction is repeated');
  }
}

function powerOf(powerW: number | null, at: Date | null): Power | null {
  return powerW === null || at === null ? null : { atMs: at.getTime(), powerW };
}

export async function readHeads(
  statement: Statement,
  { meterIds, channel }: { meterIds: readonly number[]; channel: number },
): Promise<readonly HeadRow[]> {
  const rows = await statement<
    {
      meter_id: number;
      company_id: number;
      carry: Uint8Array;
      last_read_at: Date;
      last_value_wh: bigint;
      last_power_w: number | null;
      last_power_at: Date | null;
      newest: Uint8Array | null;
    }[]
  >`
    select meter_id, company_id, carry, last_read_at, last_value_wh, last_power_w, last_power_at,
           newest
    from series_head
    where meter_id = any(${integersOf(meterIds)}::int4[]) and channel = ${channel}`;
  return rows.map((row) => ({
    meterId: row.meter_id,
    channel,
    companyId: row.company_id,
    carry: row.carry,
    lastReadAtMs: row.last_read_at.getTime(),
    lastValueWh: row.last_value_wh,
    lastPower: powerOf(row.last_power_w, row.last_power_at),
    newest: row.newest,
  }));
}

/** The power of meters whose registers were not read with it, where no newer one is known. */
export async function writePowers(
  tx: Statement,
  rows: readonly (Power & { readonly meterId: number; readonly channel: number })[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    update series_head h
    set last_power_w = u.power_w, last_power_at = to_timestamp(u.at_ms / 1000.0::float8)
    from unnest(${integersOf(rows.map((row) => row.meterId))}::int4[],
                ${integersOf(rows.map((row) => row.channel))}::int2[],
                ${integersOf(rows.map((row) => row.powerW))}::int4[],
                ${integersOf(rows.map((row) => row.atMs))}::int8[])
      as u(meter_id, channel, power_w, at_ms)
    where h.meter_id = u.meter_id and h.channel = u.channel
      and (h.last_power_at is null
           or h.last_power_at <= to_timestamp(u.at_ms / 1000.0::float8))`;
}

/** Of registers of which nothing is accepted any more. */
export async function dropHeads(
  tx: Statement,
  keys: readonly { readonly meterId: number; readonly channel: number }[],
): Promise<void> {
  if (keys.length === 0) return;
  await tx`
    delete from series_head h
    using unnest(${integersOf(keys.map((key) => key.meterId))}::int4[],
                 ${integersOf(keys.map((key) => key.channel))}::int2[]) as k(meter_id, channel)
    where h.meter_id = k.meter_id and h.channel = k.channel`;
}

/** The channels that these meters have days of. */
export async function readStoredChannels(
  statement: Statement,
  meterIds: readonly number[],
): Promise<readonly { readonly meterId: number; readonly channel: number }[]> {
  if (meterIds.length === 0) return [];
  return statement<{ meterId: number; channel: number }[]>`
    select distinct meter_id as "meterId", channel from series_day
    where meter_id = any(${integersOf(meterIds)}::int4[])
    order by meter_id, channel`;
}

/** Null: the one that is stored stays. */
function changedCarry({ isCarryStored, carry }: HeadRow): Uint8Array | null {
  return isCarryStored === true ? null : carry;
}

function headColumns(tx: Statement, rows: readonly HeadRow[]) {
  return tx`unnest(
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${integersOf(rows.map((row) => row.channel))}::int2[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${bytesArrayOf(rows.map(changedCarry))}::bytea[],
      ${integersOf(rows.map((row) => row.lastReadAtMs))}::int8[],
      ${integersOf(rows.map((row) => row.lastValueWh))}::int8[],
      ${integersOf(rows.map(({ lastPower }) => lastPower?.powerW ?? null))}::int4[],
      ${integersOf(rows.map(({ lastPower }) => lastPower?.atMs ?? null))}::int8[],
      ${bytesArrayOf(rows.map((row) => row.newest))}::bytea[]
    ) as u(meter_id, channel, company_id, carry, read_at_ms, value_wh, power_w, power_at_ms,
           newest)`;
}

/** Updated first, and not inserted with an update on conflict: see `writeCharges`. */
export async function writeHeads(tx: Statement, rows: readonly HeadRow[]): Promise<void> {
  if (rows.length === 0) return;
  const updated = await tx`
    update series_head h set
      carry = coalesce(u.carry, h.carry),
      last_read_at = to_timestamp(u.read_at_ms / 1000.0::float8),
      last_value_wh = u.value_wh, newest = u.newest,
      last_power_w = coalesce(u.power_w, h.last_power_w),
      last_power_at = coalesce(to_timestamp(u.power_at_ms / 1000.0::float8), h.last_power_at)
    from ${headColumns(tx, rows)}
    where h.meter_id = u.meter_id and h.channel = u.channel`;
  if (updated.count === rows.length) return;
  // Those with a stored carry are there, and have none to be inserted with.
  const absent = rows.filter(({ isCarryStored }) => isCarryStored !== true);
  const inserted = await tx`
    insert into series_head
      (meter_id, channel, company_id, carry, last_read_at, last_value_wh, last_power_w,
       last_power_at, newest)
    select u.meter_id, u.channel, u.company_id, u.carry,
           to_timestamp(u.read_at_ms / 1000.0::float8), u.value_wh, u.power_w,
           to_timestamp(u.power_at_ms / 1000.0::float8), u.newest
    from ${headColumns(tx, absent)}
    on conflict (meter_id, channel) do nothing`;
  const written = updated.count + inserted.count;
  assert(written === rows.length, 'a commit writes each head once');
}
