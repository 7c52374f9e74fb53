import { retriableCodes } from '../domain/series/heldBack.ts';
import { instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** Rows of the log that rating holds back, and the duty to look at them again. */

export const retryReason = 'readings_retried';

export type HeldBackRow = {
  readonly edgeId: number;
  readonly stream: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly channel: number;
  readonly row: number;
  readonly companyId: number;
  readonly meterId: number;
};

/** Rows that a later look may take in, by the batches that hold them, the first of these. */
export async function readRetriable(
  tx: Statement,
  { meterIds, batchesMax }: { meterIds: readonly number[]; batchesMax: number },
): Promise<readonly HeldBackRow[]> {
  return tx<HeldBackRow[]>`
    with open as (
      select distinct x.edge_id, x.stream, x.epoch, x.sequence, x.channel, x.row, x.company_id,
             x.meter_id
      from reading_exception x
      where x.meter_id = any(${integersOf(meterIds)}::int4[])
        and x.code = any(${wordsOf(retriableCodes)}::text[])
        and not exists (
          select from exception_resolution r
          where (r.edge_id, r.stream, r.epoch, r.sequence, r.channel, r.row)
              = (x.edge_id, x.stream, x.epoch, x.sequence, x.channel, x.row)))
    select edge_id as "edgeId", stream, epoch, sequence, channel, row, company_id as "companyId",
           meter_id as "meterId"
    from open
    where (edge_id, stream, epoch, sequence) in (
      select distinct edge_id, stream, epoch, sequence from open
      order by edge_id, stream, epoch, sequence limit ${batchesMax})`;
}

/** In the transaction that took them into the series. */
export async function insertTaken(
  tx: Statement,
  rows: readonly HeldBackRow[],
  takenAtMs: number,
): Promise<void> {
  if (rows.length === 0) return;
  const of = <T>(pick: (row: HeldBackRow) => T): T[] => rows.map(pick);
  await tx`
    insert into exception_resolution (edge_id, stream, epoch, sequence, channel, row, company_id,
                                      meter_id, taken_at)
    select * from unnest(
      ${integersOf(of((row) => row.edgeId))}::int4[],
      ${integersOf(of((row) => row.stream))}::int2[],
      ${integersOf(of((row) => row.epoch))}::int4[],
      ${integersOf(of((row) => row.sequence))}::int8[],
      ${integersOf(of((row) => row.channel))}::int2[],
      ${integersOf(of((row) => row.row))}::int4[],
      ${integersOf(of((row) => row.companyId))}::int4[],
      ${integersOf(of((row) => row.meterId))}::int4[],
      ${instantsOf(of(() => takenAtMs))}::timestamptz[])
    on conflict do nothing`;
}

/**
 * Duties for meters with rows that may be taken in: a meter has one at a time. With `isUnasked`
 * only rows that waited for the meter to be registered and that nobody has looked at since.
 */
export async function insertRetryDuties(
  tx: Statement,
  {
    companyId,
    meterId,
    isUnasked,
  }: { companyId: number; meterId: number | null; isUnasked: boolean },
): Promise<readonly { readonly meterId: number; readonly rows: number }[]> {
  const codes = isUnasked ? ['METER_UNKNOWN'] : retriableCodes;
  return tx<{ meterId: number; rows: number }[]>`
    with held as (
      select x.meter_id, x.company_id, min(x.read_at) as first_at, count(*)::int4 as rows
      from reading_exception x
      join meter m on m.id = x.meter_id and m.company_id = x.company_id
      where x.company_id = ${companyId} and x.code = any(${wordsOf(codes)}::text[])
        and ${meterId === null ? tx`true` : tx`x.meter_id = ${meterId}`}
        and not exists (
          select from exception_resolution r
          where (r.edge_id, r.stream, r.epoch, r.sequence, r.channel, r.row)
              = (x.edge_id, x.stream, x.epoch, x.sequence, x.channel, x.row))
        and (not ${isUnasked}::bool or not exists (
          select from reading_exception y
          where (y.edge_id, y.stream, y.epoch, y.sequence, y.channel, y.row)
              = (x.edge_id, x.stream, x.epoch, x.sequence, x.channel, x.row)
            and y.code <> x.code))
      group by x.meter_id, x.company_id
    ), made as (
      insert into rerate_duty (company_id, meter_id, from_day, reason)
      select h.company_id, h.meter_id, floor(extract(epoch from h.first_at) / 86400)::int4,
             ${retryReason}
      from held h
      where not exists (select from rerate_duty d
                        where d.meter_id = h.meter_id and d.reason = ${retryReason})
    )
    select meter_id as "meterId", rows from held order by meter_id`;
}
