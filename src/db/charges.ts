import { bytesArrayOf, instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of charges and of energy without a price. */

export type ChargeKey = {
  readonly agreementId: number;
  readonly meterId: number;
  readonly periodStartMs: number;
  readonly tariffVersionId: number;
};

export type ChargeRow = ChargeKey & {
  readonly companyId: number;
  readonly accountId: number;
  readonly accumulator: Uint8Array;
  readonly energyWh: bigint;
  readonly amountMicros: bigint;
};

export type UnratedRow = {
  readonly meterId: number;
  readonly periodStartMs: number;
  readonly code: 'AGREEMENT_NOT_FOUND' | 'TARIFF_NOT_FOUND';
  readonly companyId: number;
  readonly energyWh: bigint;
  readonly slotCount: number;
};

type StoredCharge = {
  agreement_id: number;
  meter_id: number;
  period_start: Date;
  tariff_version_id: number;
  company_id: number;
  account_id: number;
  accumulator: Uint8Array;
  energy_wh: bigint;
  amount_micros: bigint;
};

function chargeOf(row: StoredCharge): ChargeRow {
  return {
    agreementId: row.agreement_id,
    meterId: row.meter_id,
    periodStartMs: row.period_start.getTime(),
    tariffVersionId: row.tariff_version_id,
    companyId: row.company_id,
    accountId: row.account_id,
    accumulator: row.accumulator,
    energyWh: row.energy_wh,
    amountMicros: row.amount_micros,
  };
}

/** The stored charges of these meters whose period begins at or after an instant of each. */
export async function readCharges(
  statement: Statement,
  wanted: readonly { readonly meterId: number; readonly fromMs: number }[],
): Promise<readonly ChargeRow[]> {
  if (wanted.length === 0) return [];
  const rows = await statement<StoredCharge[]>`
    select c.agreement_id, c.meter_id, c.period_start, c.tariff_version_id, c.company_id,
           c.account_id, c.accumulator, c.energy_wh, c.amount_micros
    from charge c
    join unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      as w(meter_id, from_at) on w.meter_id = c.meter_id and c.period_start >= w.from_at`;
  return rows.map(chargeOf);
}

export async function writeCharges(tx: Statement, rows: readonly ChargeRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into charge (agreement_id, meter_id, period_start, tariff_version_id, company_id,
                        account_id, accumulator, energy_wh, amount_micros, revision)
    select u.*, 1 from unnest(
      ${integersOf(rows.map((row) => row.agreementId))}::int4[],
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${instantsOf(rows.map((row) => row.periodStartMs))}::timestamptz[],
      ${integersOf(rows.map((row) => row.tariffVersionId))}::int4[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${integersOf(rows.map((row) => row.accountId))}::int4[],
      ${bytesArrayOf(rows.map((row) => row.accumulator))}::bytea[],
      ${integersOf(rows.map((row) => row.energyWh))}::int8[],
      ${integersOf(rows.map((row) => row.amountMicros))}::int8[]
    ) as u(agreement_id, meter_id, period_start, tariff_version_id, company_id, account_id,
           accumulator, energy_wh, amount_micros)
    on conflict (agreement_id, meter_id, period_start, tariff_version_id) do update set
      accumulator = excluded.accumulator, energy_wh = excluded.energy_wh,
      amount_micros = excluded.amount_micros, revision = charge.revision + 1`;
}

/** Adds energy that has no price to what its period has already. */
export async function addUnrated(tx: Statement, rows: readonly UnratedRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into unrated_energy (meter_id, period_start, code, company_id, energy_wh, slot_count)
    select * from unnest(
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${instantsOf(rows.map((row) => row.periodStartMs))}::timestamptz[],
      ${wordsOf(rows.map((row) => row.code))}::text[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${integersOf(rows.map((row) => row.energyWh))}::int8[],
      ${integersOf(rows.map((row) => row.slotCount))}::int4[])
    on conflict (meter_id, period_start, code) do update set
      energy_wh = unrated_energy.energy_wh + excluded.energy_wh,
      slot_count = unrated_energy.slot_count + excluded.slot_count`;
}

/** Forgets it for periods that are worked out again as a whole. */
export async function clearUnrated(
  tx: Statement,
  wanted: readonly { readonly meterId: number; readonly fromMs: number }[],
): Promise<void> {
  if (wanted.length === 0) return;
  await tx`
    delete from unrated_energy u
    using unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                 ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      as w(meter_id, from_at)
    where u.meter_id = w.meter_id and u.period_start >= w.from_at`;
}

export type Duty = { readonly id: bigint; readonly meterId: number; readonly fromDay: number };

/** The oldest duties of a shard's meters to rate again. */
export async function readDuties(
  statement: Statement,
  { shard, dutiesMax }: { shard: number; dutiesMax: number },
): Promise<readonly Duty[]> {
  const rows = await statement<{ id: bigint; meter_id: number; from_day: number }[]>`
    select d.id, d.meter_id, d.from_day from rerate_duty d
    join meter m on m.id = d.meter_id join edge e on e.id = m.edge_id
    where e.log_shard = ${shard} order by d.id limit ${dutiesMax}`;
  return rows.map((row) => ({ id: row.id, meterId: row.meter_id, fromDay: row.from_day }));
}

export async function dropDuties(tx: Statement, duties: readonly Duty[]): Promise<void> {
  if (duties.length === 0) return;
  await tx`
    delete from rerate_duty where id = any(${integersOf(duties.map((duty) => duty.id))}::int8[])`;
}
