import type { Fraction } from '../domain/exact.ts';
import type { MarkKind } from '../domain/series/mark.ts';
import { marksOfMeter } from '../domain/series/meterMarks.ts';
import type { MeterMarks, RecordedMark } from '../domain/series/meterMarks.ts';
import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { DutyReason } from './dutyReason.ts';
import { holdPrices } from './tariffVersions.ts';

/** SQL of register marks: appended, and the latest word on a register and instant counts. */

export type MarkRow = {
  readonly meterId: number;
  /** `everyChannel` for all registers of the meter. */
  readonly channel: number;
  readonly atMs: number;
  readonly kind: MarkKind | 'withdrawn';
  readonly finalValue: bigint | null;
  readonly startValue: bigint | null;
  /** Null: not said. */
  readonly factor: Fraction | null;
};

export type MarkWord = MarkRow & Pick<RecordedMark, 'wasBound'>;

type StoredMark = {
  meter_id: number;
  channel: number;
  at: Date;
  kind: MarkRow['kind'];
  final_value: bigint | null;
  start_value: bigint | null;
  numerator: bigint | null;
  denominator: bigint | null;
};

function markOf(row: StoredMark): MarkRow {
  const { numerator, denominator } = row;
  return {
    meterId: row.meter_id,
    channel: row.channel,
    atMs: row.at.getTime(),
    kind: row.kind,
    finalValue: row.final_value,
    startValue: row.start_value,
    factor: numerator === null || denominator === null ? null : { numerator, denominator },
  };
}

/** The words that count, one a register and instant, in the order of time; withdrawn ones too. */
export async function readMarkRows(
  statement: Statement,
  meterIds: readonly number[],
): Promise<readonly MarkWord[]> {
  if (meterIds.length === 0) return [];
  const rows = await statement<(StoredMark & { was_bound: boolean })[]>`
    select distinct on (meter_id, channel, at) meter_id, channel, at, kind, final_value,
           start_value, numerator, denominator,
           bool_or(kind = 'removed' or coalesce(final_value, start_value) is not null)
             over (partition by meter_id, channel, at) as was_bound
    from register_mark where meter_id = any(${integersOf(meterIds)}::int4[])
    order by meter_id, channel, at, id desc`;
  return rows.map((row) => ({ ...markOf(row), wasBound: row.was_bound }));
}

/** By meter, what its registers' readings stand for; nothing of a meter without marks. */
export async function readMarks(
  statement: Statement,
  meterIds: readonly number[],
): Promise<ReadonlyMap<number, MeterMarks>> {
  const byMeter = new Map<number, RecordedMark[]>();
  for (const { meterId, ...mark } of await readMarkRows(statement, meterIds)) {
    const marks = byMeter.get(meterId) ?? [];
    byMeter.set(meterId, marks);
    marks.push(mark);
  }
  return new Map([...byMeter].map(([meterId, marks]) => [meterId, marksOfMeter(marks)]));
}

/**
 * Appends marks. Holds the prices, so that no rating commit underway misses them and their ids
 * become visible in their order: `registryMark` sees each one.
 */
export async function insertMarks(
  tx: Statement,
  rows: readonly MarkRow[],
  by: {
    readonly companyId: number;
    readonly author: string;
    readonly reason: string;
    readonly atMs: number;
  },
): Promise<void> {
  if (rows.length === 0) return;
  await holdPrices(tx);
  const of = <T>(pick: (row: MarkRow) => T): T[] => rows.map(pick);
  const kinds = JSON.stringify(rows.map(({ kind }, index) => ({ ordinal: index + 1, kind })));
  await tx`
    insert into register_mark (company_id, meter_id, channel, at, kind, final_value, start_value,
                               numerator, denominator, author, reason, recorded_at)
    select ${by.companyId}::int4, u.meter_id, u.channel, u.at, k.kind, u.final_value, u.start_value,
           u.numerator, u.denominator, ${by.author}::text, ${by.reason}::text, ${new Date(by.atMs)}
    from unnest(
      ${integersOf(of((row) => row.meterId))}::int4[],
      ${integersOf(of((row) => row.channel))}::int2[],
      ${instantsOf(of((row) => row.atMs))}::timestamptz[],
      ${integersOf(of((row) => row.finalValue))}::int8[],
      ${integersOf(of((row) => row.startValue))}::int8[],
      ${integersOf(of((row) => row.factor?.numerator ?? null))}::int8[],
      ${integersOf(of((row) => row.factor?.denominator ?? null))}::int8[]
    ) with ordinality as u(meter_id, channel, at, final_value, start_value, numerator, denominator,
                           ordinal)
    join json_to_recordset(${kinds}::text::json) as k(ordinal int8, kind text) using (ordinal)
    order by u.ordinal`;
}

/** The reason of a duty to walk and rate a meter again because of its marks. */
export const markedReason = 'register_marked' satisfies DutyReason;

/** The meters whose registers count otherwise from a day on are walked and rated again. */
export async function insertMarkDuties(
  tx: Statement,
  duties: readonly {
    readonly companyId: number;
    readonly meterId: number;
    readonly fromDay: number;
  }[],
): Promise<void> {
  if (duties.length === 0) return;
  await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select u.*, ${markedReason}::text from unnest(
      ${integersOf(duties.map((duty) => duty.companyId))}::int4[],
      ${integersOf(duties.map((duty) => duty.meterId))}::int4[],
      ${integersOf(duties.map((duty) => duty.fromDay))}::int4[]) as u`;
}

export type ClosedCharge = {
  readonly meterId: number;
  readonly periodStart: Date;
  readonly tariffVersionId: number;
  readonly energyWh: bigint;
  readonly amountMicros: bigint;
};

/**
 * Closed bills at a meter's service point whose month ends after an instant; those of nothing, too:
 * a mark that is withdrawn gives them back what it took.
 */
export async function readClosedCharges(
  tx: Statement,
  { meterId, fromMs }: { readonly meterId: number; readonly fromMs: number },
): Promise<readonly ClosedCharge[]> {
  return tx<ClosedCharge[]>`
    select c.meter_id as "meterId", c.period_start as "periodStart",
           c.tariff_version_id as "tariffVersionId", c.energy_wh as "energyWh",
           c.amount_micros as "amountMicros"
    from charge c
    join meter f on f.id = c.meter_id
    join meter m on m.company_id = f.company_id and m.service_point_id = f.service_point_id
    join service_point s on s.id = m.service_point_id
    where m.id = ${meterId} and c.open_until is null
      and (c.period_start at time zone s.time_zone + interval '1 month') at time zone s.time_zone
          > ${new Date(fromMs)}
    order by c.period_start, c.tariff_version_id`;
}

export type MarkView = MarkRow & {
  readonly id: bigint;
  readonly author: string;
  readonly reason: string;
  readonly recordedAt: Date;
  /** No later word on the same register and instant. */
  readonly isInForce: boolean;
};

/** All that was ever said of a meter's registers, in the order of the instants and words. */
export async function listMarks(
  tx: Statement,
  { meterId, limit }: { readonly meterId: number; readonly limit: number },
): Promise<readonly MarkView[]> {
  const rows = await tx<
    (StoredMark & {
      id: bigint;
      author: string;
      reason: string;
      recorded_at: Date;
      is_in_force: boolean;
    })[]
  >`
    select id, meter_id, channel, at, kind, final_value, start_value, numerator, denominator,
           author, reason, recorded_at,
           row_number() over (partition by channel, at order by id desc) = 1
             and kind <> 'withdrawn' as is_in_force
    from register_mark where meter_id = ${meterId}
    order by at, channel, id limit ${limit}`;
  return rows.map((row) => ({
    ...markOf(row),
    id: row.id,
    author: row.author,
    reason: row.reason,
    recordedAt: row.recorded_at,
    isInForce: row.is_in_force,
  }));
}
