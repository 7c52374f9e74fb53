import { assert } from '../domain/assert.ts';
import { bytesArrayOf, instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { DutyReason } from './dutyReason.ts';
import { markedReason } from './registerMarks.ts';
import type { Json } from './events.ts';
import type { IdleSpan } from '../domain/rating/settlement.ts';

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
  /** The accumulator is the very one that is stored: it is not written again. */
  readonly isSumStored?: boolean;
  readonly energyWh: bigint;
  readonly amountMicros: bigint;
  /** Up to when the bill has run; null once it is closed. */
  readonly openUntilMs: number | null;
  /** Null where the tariff carries nothing, and of a charge that was withdrawn. */
  readonly carryIn: Json;
  readonly carryOut: Json;
};

export type UnratedRow = {
  readonly meterId: number;
  readonly periodStartMs: number;
  readonly code: string;
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
  open_until: Date | null;
  carry_in: Json;
  carry_out: Json;
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
    openUntilMs: row.open_until?.getTime() ?? null,
    carryIn: row.carry_in,
    carryOut: row.carry_out,
  };
}

/** An agreement's charges from a billing period on, and how far time alone is charged to it. */
export type StoredCharges = {
  readonly agreementId: number;
  readonly accruedUntilMs: number | null;
  /** Days of then without a standing charge. */
  readonly idle: readonly IdleSpan[];
  readonly charges: readonly ChargeRow[];
};

/** Of each agreement the charges whose period begins at or after an instant. */
export async function readCharges(
  statement: Statement,
  wanted: readonly { readonly agreementId: number; readonly fromMs: number }[],
): Promise<readonly StoredCharges[]> {
  if (wanted.length === 0) return [];
  type Row = { wanted_id: number; accrued_until: Date | null; idle: [number, number][] | null } & (
    | StoredCharge
    | { agreement_id: null }
  );
  const rows = await statement<Row[]>`
    with w as (
      select * from unnest(${integersOf(wanted.map((each) => each.agreementId))}::int4[],
                           ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
        as u(agreement_id, from_at)
    ), i as (
      select w.agreement_id,
             json_agg(json_build_array(extract(epoch from d.starts_at) * 1000,
                                       extract(epoch from d.ends_at) * 1000)
                      order by d.starts_at) as idle
      from w join idle_day d on d.agreement_id = w.agreement_id and d.ends_at > w.from_at
      group by w.agreement_id
    )
    select w.agreement_id as wanted_id, a.accrued_until, i.idle,
           c.agreement_id, c.meter_id, c.period_start, c.tariff_version_id, c.company_id,
           c.account_id, c.accumulator, c.energy_wh, c.amount_micros, c.open_until, c.carry_in,
           c.carry_out
    from w
    left join accrual a on a.agreement_id = w.agreement_id
    left join i on i.agreement_id = w.agreement_id
    left join charge c on c.agreement_id = w.agreement_id and c.period_start >= w.from_at`;
  type Found = Pick<StoredCharges, 'accruedUntilMs' | 'idle'> & { charges: ChargeRow[] };
  const found = new Map<number, Found>();
  for (const row of rows) {
    const known = found.get(row.wanted_id) ?? {
      accruedUntilMs: row.accrued_until?.getTime() ?? null,
      idle: (row.idle ?? []).map(([fromMs, toMs]) => ({ fromMs, toMs })),
      charges: [],
    };
    found.set(row.wanted_id, known);
    if (row.agreement_id !== null) known.charges.push(chargeOf(row));
  }
  return [...found].map(([agreementId, each]) => ({ agreementId, ...each }));
}

/** What the last bill before each agreement's period left; nothing where none carried. */
export async function readCarriesBefore(
  statement: Statement,
  wanted: readonly { readonly agreementId: number; readonly fromMs: number }[],
): Promise<ReadonlyMap<number, Json>> {
  if (wanted.length === 0) return new Map();
  const rows = await statement<{ agreement_id: number; carry_out: Json }[]>`
    select distinct on (c.agreement_id) c.agreement_id, c.carry_out
    from unnest(${integersOf(wanted.map((each) => each.agreementId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      as w(agreement_id, from_at)
    join charge c on c.agreement_id = w.agreement_id and c.period_start < w.from_at
    join tariff_version v on v.id = c.tariff_version_id
    where c.carry_out is not null
    order by c.agreement_id, greatest(c.period_start, v.valid_from) desc`;
  return new Map(rows.map((row) => [row.agreement_id, row.carry_out]));
}

/** Where the chain of an agreement's bills begins. */
export async function findFirstCharge(
  statement: Statement,
  agreementId: number,
): Promise<number | null> {
  const [row] = await statement<{ first: Date | null }[]>`
    select min(period_start) as first from charge where agreement_id = ${agreementId}`;
  return row?.first?.getTime() ?? null;
}

/** Null: the one that is stored stays. */
function changedSum({ isSumStored, accumulator }: ChargeRow): Uint8Array | null {
  return isSumStored === true ? null : accumulator;
}

function chargeColumns(tx: Statement, rows: readonly ChargeRow[]) {
  return tx`unnest(
      ${integersOf(rows.map((row) => row.agreementId))}::int4[],
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${instantsOf(rows.map((row) => row.periodStartMs))}::timestamptz[],
      ${integersOf(rows.map((row) => row.tariffVersionId))}::int4[],
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${integersOf(rows.map((row) => row.accountId))}::int4[],
      ${bytesArrayOf(rows.map(changedSum))}::bytea[],
      ${integersOf(rows.map((row) => row.energyWh))}::int8[],
      ${integersOf(rows.map((row) => row.amountMicros))}::int8[],
      ${instantsOf(rows.map((row) => row.openUntilMs))}::timestamptz[]
    ) as u(agreement_id, meter_id, period_start, tariff_version_id, company_id, account_id,
           accumulator, energy_wh, amount_micros, open_until)`;
}

/**
 * Nearly all charges of a commit are there already: an insert that updates on conflict would lock
 * each row before it writes it, and write the lock to the log of the server, too. Nobody else
 * writes them meanwhile: the rater has its shard, and the service points that two shards share.
 */
export async function writeCharges(tx: Statement, rows: readonly ChargeRow[]): Promise<void> {
  if (rows.length === 0) return;
  const updated = await tx`
    update charge c set
      accumulator = coalesce(u.accumulator, c.accumulator), energy_wh = u.energy_wh,
      amount_micros = u.amount_micros, open_until = u.open_until, carry_in = null, carry_out = null,
      revision = c.revision + 1
    from ${chargeColumns(tx, rows)}
    where c.agreement_id = u.agreement_id and c.meter_id = u.meter_id
      and c.period_start = u.period_start and c.tariff_version_id = u.tariff_version_id`;
  if (updated.count < rows.length) {
    // Those with a stored sum are there, and have none to be inserted with.
    const absent = rows.filter(({ isSumStored }) => isSumStored !== true);
    const inserted = await tx`
      insert into charge (agreement_id, meter_id, period_start, tariff_version_id, company_id,
                          account_id, accumulator, energy_wh, amount_micros, open_until, revision)
      select u.*, 1 from ${chargeColumns(tx, absent)}
      on conflict (agreement_id, meter_id, period_start, tariff_version_id) do nothing`;
    const written = updated.count + inserted.count;
    assert(written === rows.length, 'a commit writes each charge once');
  }
  await writeCarries(
    tx,
    rows.filter((row) => row.carryOut !== null),
  );
}

/** Apart from the rest: most tariffs carry nothing. */
async function writeCarries(tx: Statement, rows: readonly ChargeRow[]): Promise<void> {
  if (rows.length === 0) return;
  const records = rows.map((row) => ({
    a: row.agreementId,
    m: row.meterId,
    p: new Date(row.periodStartMs).toISOString(),
    v: row.tariffVersionId,
    i: row.carryIn,
    o: row.carryOut,
  }));
  await tx`
    update charge c set carry_in = r.i, carry_out = r.o
    from json_to_recordset(${JSON.stringify(records)}::text::json)
      as r(a int4, m int4, p timestamptz, v int4, i jsonb, o jsonb)
    where c.agreement_id = r.a and c.meter_id = r.m and c.period_start = r.p
      and c.tariff_version_id = r.v`;
}

/** Two engines differ on it, or validation doubts the readings behind it. */
export type HoldCode = 'CHARGE_HELD' | 'VEE_HELD';

export type HeldRow = ChargeKey & {
  readonly companyId: number;
  readonly code: HoldCode;
  readonly message: string;
  /** What the second engine bills more; null where it refused the bill. */
  readonly differenceMicros: bigint | null;
};

/** Charges that may not be posted are held; those that may are released. */
export async function writeHolds(
  tx: Statement,
  { held, released }: { held: readonly HeldRow[]; released: readonly ChargeKey[] },
  nowMs: number,
): Promise<void> {
  if (released.length > 0) {
    await tx`
      delete from charge_hold h
      using unnest(${integersOf(released.map((row) => row.agreementId))}::int4[],
                   ${integersOf(released.map((row) => row.meterId))}::int4[],
                   ${instantsOf(released.map((row) => row.periodStartMs))}::timestamptz[],
                   ${integersOf(released.map((row) => row.tariffVersionId))}::int4[])
        as r(agreement_id, meter_id, period_start, tariff_version_id)
      where h.agreement_id = r.agreement_id and h.meter_id = r.meter_id
        and h.period_start = r.period_start and h.tariff_version_id = r.tariff_version_id`;
  }
  for (const row of held) {
    await tx`
      insert into charge_hold (agreement_id, meter_id, period_start, tariff_version_id, company_id,
                               code, message, held_at, difference_micros)
      values (${row.agreementId}, ${row.meterId}, ${new Date(row.periodStartMs)},
              ${row.tariffVersionId}, ${row.companyId}, ${row.code}, ${row.message},
              ${new Date(nowMs)}, ${row.differenceMicros}::int8)
      on conflict (agreement_id, meter_id, period_start, tariff_version_id) do update set
        code = excluded.code, message = excluded.message,
        difference_micros = excluded.difference_micros`;
  }
}

/**
 * Says anew what the rating refused in some periods: what is given stands, and whatever else it
 * refused there is gone. Energy without an agreement or a tariff is not touched.
 */
export async function setRefused(
  tx: Statement,
  periods: readonly { readonly meterId: number; readonly periodStartMs: number }[],
  rows: readonly UnratedRow[],
): Promise<void> {
  if (periods.length === 0) return;
  await tx`
    delete from unrated_energy u
    using unnest(${integersOf(periods.map((each) => each.meterId))}::int4[],
                 ${instantsOf(periods.map((each) => each.periodStartMs))}::timestamptz[])
      as p(meter_id, period_start)
    where u.meter_id = p.meter_id and u.period_start = p.period_start
      and u.code not in ('AGREEMENT_NOT_FOUND', 'TARIFF_NOT_FOUND')`;
  await addUnrated(tx, rows);
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

export type Duty = {
  readonly id: bigint;
  readonly meterId: number;
  readonly fromDay: number;
  readonly reason: string;
};

/** Duties of some of a shard's meters whose registers were marked otherwise than they were. */
export async function readMarkDuties(
  statement: Statement,
  { shard, meterIds }: { shard: number; meterIds: readonly number[] },
): Promise<readonly Duty[]> {
  const rows = await statement<
    { id: bigint; meter_id: number; from_day: number; reason: string }[]
  >`
    select d.id, d.meter_id, d.from_day, d.reason from rerate_duty d
    where d.meter_id = any(${integersOf(meterIds)}::int4[]) and d.log_shard = ${shard}
      and d.reason = ${markedReason} and d.failed_at is null order by d.id`;
  return rows.map((row) => ({
    id: row.id,
    meterId: row.meter_id,
    fromDay: row.from_day,
    reason: row.reason,
  }));
}

/** The oldest duties of a shard's meters to rate again. */
export async function readDuties(
  statement: Statement,
  { shard, dutiesMax }: { shard: number; dutiesMax: number },
): Promise<readonly Duty[]> {
  const rows = await statement<
    { id: bigint; meter_id: number; from_day: number; reason: string }[]
  >`
    select d.id, d.meter_id, d.from_day, d.reason from rerate_duty d
    where d.log_shard = ${shard} and d.failed_at is null order by d.id limit ${dutiesMax}`;
  return rows.map((row) => ({
    id: row.id,
    meterId: row.meter_id,
    fromDay: row.from_day,
    reason: row.reason,
  }));
}

/** The meters wait to be rated again from a day on. */
export async function insertDuties(
  tx: Statement,
  duties: readonly { readonly meterId: number; readonly fromDay: number }[],
  reason: DutyReason,
): Promise<void> {
  if (duties.length === 0) return;
  await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select m.company_id, m.id, d.from_day, ${reason}
    from unnest(${integersOf(duties.map((duty) => duty.meterId))}::int4[],
                ${integersOf(duties.map((duty) => duty.fromDay))}::int4[])
      as d(meter_id, from_day)
    join meter m on m.id = d.meter_id order by m.id, d.from_day`;
}
