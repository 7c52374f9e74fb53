import type { CustomerClass } from '../domain/vee/classDefaults.ts';
import { powerOutage, voltageRestored } from '../domain/series/meterEvent.ts';
import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what validation and estimation look at beside the series. */

export type VeeMeterRow = {
  readonly meterId: number;
  readonly customerClass: CustomerClass;
  readonly isOccupied: boolean;
  readonly hasGeneration: boolean;
};

export async function readVeeMeters(
  statement: Statement,
  meterIds: readonly number[],
): Promise<ReadonlyMap<number, VeeMeterRow>> {
  if (meterIds.length === 0) return new Map();
  const rows = await statement<VeeMeterRow[]>`
    select m.id as "meterId", s.customer_class as "customerClass", s.is_occupied as "isOccupied",
           s.has_generation as "hasGeneration"
    from meter m join service_point s on s.id = m.service_point_id
    where m.id = any(${integersOf(meterIds)}::int4[])`;
  return new Map(rows.map((row) => [row.meterId, row]));
}

export type VeeSetRow = {
  readonly setId: number;
  readonly companyId: number;
  readonly customerClass: CustomerClass;
  readonly validFromMs: number;
  readonly document: unknown;
};

/** All sets of these companies in the order of their publishing. */
export async function readVeeSets(
  statement: Statement,
  companyIds: readonly number[],
): Promise<readonly VeeSetRow[]> {
  const rows = await statement<
    {
      id: number;
      company_id: number;
      customer_class: CustomerClass;
      valid_from: Date;
      document: unknown;
    }[]
  >`
    select id, company_id, customer_class, valid_from, document from vee_set
    where company_id = any(${integersOf(companyIds)}::int4[]) order by id`;
  return rows.map((row) => ({
    setId: row.id,
    companyId: row.company_id,
    customerClass: row.customer_class,
    validFromMs: row.valid_from.getTime(),
    document: row.document,
  }));
}

export type MeterSpan = {
  readonly meterId: number;
  readonly fromMs: number;
  readonly toMs: number;
};

/** Power outages of the meters' own logs that touch their spans, in time order. */
export function readOutages(
  statement: Statement,
  wanted: readonly MeterSpan[],
): Promise<readonly MeterSpan[]> {
  return readEvents(statement, wanted, powerOutage);
}

/** When voltage came back within their spans, by the same logs. */
export function readRestored(
  statement: Statement,
  wanted: readonly MeterSpan[],
): Promise<readonly MeterSpan[]> {
  return readEvents(statement, wanted, voltageRestored);
}

async function readEvents(
  statement: Statement,
  wanted: readonly MeterSpan[],
  code: number,
): Promise<readonly MeterSpan[]> {
  if (wanted.length === 0) return [];
  const rows = await statement<{ meter_id: number; from_at: Date; to_at: Date }[]>`
    select distinct e.meter_id, e.from_at, e.to_at
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[],
                ${instantsOf(wanted.map((each) => each.toMs))}::timestamptz[])
      as w(meter_id, from_at, to_at)
    join meter_event e on e.meter_id = w.meter_id and e.code = ${code}
      and e.from_at < w.to_at
      -- What has no length is within where it is not behind.
      and (e.to_at > w.from_at or e.from_at >= w.from_at)
    order by e.meter_id, e.from_at, e.to_at`;
  return rows.map((row) => ({
    meterId: row.meter_id,
    fromMs: row.from_at.getTime(),
    toMs: row.to_at.getTime(),
  }));
}

/** A local day or more became complete, or changed: to be validated from there. */
export async function upsertVeeDuties(
  tx: Statement,
  duties: readonly { meterId: number; companyId: number; fromMs: number }[],
): Promise<void> {
  if (duties.length === 0) return;
  await tx`
    insert into vee_duty (meter_id, company_id, from_at)
    select * from unnest(${integersOf(duties.map((duty) => duty.meterId))}::int4[],
                         ${integersOf(duties.map((duty) => duty.companyId))}::int4[],
                         ${instantsOf(duties.map((duty) => duty.fromMs))}::timestamptz[])
    on conflict (meter_id) where failed_at is null do update set from_at = excluded.from_at
    where excluded.from_at < vee_duty.from_at`;
}

export type VeeDuty = {
  readonly id: bigint;
  readonly meterId: number;
  readonly fromMs: number;
};

/**
 * Some meters of a shard that wait for validation, the longest stretch of time first. Locked until
 * the transaction ends, so that what another shard's rater finds meanwhile is a duty behind it;
 * those that are being left just now are for the next time.
 */
export async function readVeeDuties(
  statement: Statement,
  { shard, dutiesMax }: { shard: number; dutiesMax: number },
): Promise<readonly VeeDuty[]> {
  const rows = await statement<{ id: bigint; meter_id: number; from_at: Date }[]>`
    select d.id, d.meter_id, d.from_at from vee_duty d
    where d.log_shard = ${shard} and d.failed_at is null
    order by d.from_at, d.meter_id limit ${dutiesMax}
    for update of d skip locked`;
  return rows.map((row) => ({
    id: row.id,
    meterId: row.meter_id,
    fromMs: row.from_at.getTime(),
  }));
}

/**
 * What is left of the duties: nothing, or the time behind what was validated. Duties set aside
 * before that begin within it are made up for.
 */
export async function settleVeeDuties(
  tx: Statement,
  settled: readonly { meterId: number; fromMs: number; nextFromMs: number | null }[],
): Promise<void> {
  if (settled.length === 0) return;
  const done = tx`
    unnest(${integersOf(settled.map((each) => each.meterId))}::int4[],
           ${instantsOf(settled.map((each) => each.fromMs))}::timestamptz[],
           ${instantsOf(settled.map((each) => each.nextFromMs))}::timestamptz[])
      as u(meter_id, from_at, next_at)`;
  await tx`
    delete from vee_duty d using ${done}
    where d.meter_id = u.meter_id
      and case when d.failed_at is null then u.next_at is null
               else d.from_at >= u.from_at and (u.next_at is null or d.from_at < u.next_at) end`;
  await tx`
    update vee_duty d set from_at = u.next_at from ${done}
    where d.meter_id = u.meter_id and d.failed_at is null and u.next_at is not null`;
}
