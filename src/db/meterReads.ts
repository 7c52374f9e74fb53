import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { idBounds } from './page.ts';
import { hadPlaceAt } from './tenancies.ts';
import type { IdPage } from './page.ts';

/** Meters as a viewer sees them: every statement belongs within `asViewer`. */

export type MeterView = {
  readonly id: number;
  readonly serial: string;
  readonly mapName: string;
  readonly powerMaxW: number;
  readonly registerModulusWh: bigint | null;
  readonly servicePointId: number;
  readonly servicePointName: string;
  readonly timeZone: string;
  readonly canSwitch: boolean;
};

function columnsOf(tx: Statement) {
  return tx`
    m.id, m.serial, m.map_name as "mapName", m.power_max_w as "powerMaxW",
    m.register_modulus_wh as "registerModulusWh", m.service_point_id as "servicePointId",
    s.name as "servicePointName", s.time_zone as "timeZone",
    m.contactor_unit_id is not null as "canSwitch"`;
}

export async function findMeters(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly MeterView[]> {
  return tx<MeterView[]>`
    select ${columnsOf(tx)} from meter m join service_point s on s.id = m.service_point_id
    where m.id = any(${integersOf(ids)}::int4[])`;
}

export async function pageMeters(tx: Statement, page: IdPage): Promise<MeterView[]> {
  const { after, before } = idBounds(page);
  return tx<MeterView[]>`
    select ${columnsOf(tx)} from meter m join service_point s on s.id = m.service_point_id
    where m.id > ${after} and m.id < ${before}::int8
    order by m.id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

export async function countMeters(tx: Statement): Promise<number> {
  const [row] = await tx<{ count: number }[]>`select count(*)::int4 as count from meter`;
  return row?.count ?? 0;
}

/** The meters at these service points. */
export async function findMetersAt(
  tx: Statement,
  servicePointIds: readonly number[],
): Promise<readonly MeterView[]> {
  return tx<MeterView[]>`
    select ${columnsOf(tx)} from meter m join service_point s on s.id = m.service_point_id
    where m.service_point_id = any(${integersOf(servicePointIds)}::int4[]) order by m.id`;
}

export type LiveRegister = {
  readonly meterId: number;
  readonly readAt: Date;
  readonly registerWh: bigint;
  readonly powerW: number | null;
};

const newestOfHead = { meterId: 'h.meter_id', at: 'h.last_read_at' };

/** The last import reading of each of these meters; a meter that was never read is absent. */
export async function findLiveRegisters(
  tx: Statement,
  { meterIds, channel }: { meterIds: readonly number[]; channel: number },
): Promise<readonly LiveRegister[]> {
  return tx<LiveRegister[]>`
    select meter_id as "meterId", last_read_at as "readAt", last_value_wh as "registerWh",
           last_power_w as "powerW"
    from series_head h
    where meter_id = any(${integersOf(meterIds)}::int4[]) and channel = ${channel}
      and ${hadPlaceAt(tx, newestOfHead)}`;
}

export type SupplyView = {
  readonly meterId: number;
  readonly state: 'connected' | 'disconnected';
  readonly cause: 'automatic' | 'manual';
  readonly since: Date;
};

/** A meter without a row has always been connected. */
export async function findSupplies(
  tx: Statement,
  meterIds: readonly number[],
): Promise<readonly SupplyView[]> {
  return tx<SupplyView[]>`
    select meter_id as "meterId", state, cause, since from supply
    where meter_id = any(${integersOf(meterIds)}::int4[])`;
}

export type UnratedView = {
  readonly meterId: number;
  readonly periodStart: Date;
  readonly code: 'AGREEMENT_NOT_FOUND' | 'TARIFF_NOT_FOUND';
  readonly energyWh: bigint;
  readonly slotCount: number;
};

/** Newest period first; a meter has a few at most. */
export async function findUnrated(
  tx: Statement,
  meterIds: readonly number[],
): Promise<readonly UnratedView[]> {
  return tx<UnratedView[]>`
    select meter_id as "meterId", period_start as "periodStart", code, energy_wh as "energyWh",
           slot_count as "slotCount"
    from unrated_energy where meter_id = any(${integersOf(meterIds)}::int4[])
    order by meter_id, period_start desc, code`;
}

/** A meter's live state and the event number that it is of: one statement, one snapshot. */
export async function snapshotMeter(
  tx: Statement,
  { shard, meterId, channel }: { shard: number; meterId: number; channel: number },
): Promise<{ readonly sequence: bigint; readonly live: LiveRegister | null } | null> {
  const [row] = await tx<
    {
      sequence: bigint;
      readAt: Date | null;
      registerWh: bigint | null;
      powerW: number | null;
    }[]
  >`
    select e.sequence, h.last_read_at as "readAt", h.last_value_wh as "registerWh",
           h.last_power_w as "powerW"
    from event_head e cross join meter m
    left join series_head h on h.meter_id = m.id and h.channel = ${channel}
      and ${hadPlaceAt(tx, newestOfHead)}
    where e.shard = ${shard} and m.id = ${meterId}`;
  if (row === undefined) return null;
  const { sequence, readAt, registerWh, powerW } = row;
  if (readAt === null || registerWh === null) return { sequence, live: null };
  return { sequence, live: { meterId, readAt, registerWh, powerW } };
}
