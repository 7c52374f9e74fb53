import { readAheadMsMax } from '../domain/limits.ts';
import {
  formCodes,
  heldBackCodes,
  inFutureCode,
  retriableCodes,
} from '../domain/series/heldBack.ts';
import { dayMs } from '../domain/time/civil.ts';
import { flagsOf, instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { DutyReason } from './dutyReason.ts';
import { lockSeries } from './log.ts';
import type { BatchPlace } from './logReads.ts';
import { upsertVeeDuties } from './veeFacts.ts';

/** Rows of the log that rating holds back, and the duty to look at them again. */

export const retryReason = 'readings_retried' satisfies DutyReason;

/** A row's place in the log. */
export type RowPlace = BatchPlace & {
  /** A line of a meter's own log, by its number among these of the batch: channel 0. */
  readonly isEvent: boolean;
  readonly channel: number;
  readonly row: number;
};

export type HeldBackRow = RowPlace & {
  readonly companyId: number;
  readonly meterId: number;
};

const columnsOfPlace = (tx: Statement) =>
  tx`edge_id as "edgeId", stream, epoch, sequence, is_event as "isEvent", channel, row`;

/** A cause that we can mend, or an instant that has come by now. */
function isRetriable(tx: Statement, nowMs: number) {
  return tx`(
    x.code = any(${wordsOf(retriableCodes)}::text[])
    or x.code = ${inFutureCode} and x.read_at <= ${new Date(nowMs + readAheadMsMax)})`;
}

function isUnresolved(tx: Statement) {
  return tx`not exists (
    select from exception_resolution r
    where (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row)
        = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row))`;
}

/**
 * Rows that a later look may take in, by the batches that hold them in the order of their places:
 * so many batches behind the place where each duty's last look ended.
 */
export async function readRetriable(
  tx: Statement,
  { dutyIds, nowMs, batchesMax }: { dutyIds: readonly bigint[]; nowMs: number; batchesMax: number },
): Promise<readonly HeldBackRow[]> {
  return tx<HeldBackRow[]>`
    with open as (
      select distinct x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row,
             x.company_id, x.meter_id
      from rerate_duty d join reading_exception x on x.meter_id = d.meter_id
      where d.id = any(${integersOf(dutyIds)}::int8[])
        and (d.after is null
             or array[x.edge_id, x.stream, x.epoch, x.sequence]::int8[] > d.after)
        and ${isRetriable(tx, nowMs)} and ${isUnresolved(tx)})
    select ${columnsOfPlace(tx)}, company_id as "companyId", meter_id as "meterId"
    from open
    where (edge_id, stream, epoch, sequence) in (
      select distinct edge_id, stream, epoch, sequence from open
      order by edge_id, stream, epoch, sequence limit ${batchesMax})
    order by edge_id, stream, epoch, sequence`;
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
    insert into exception_resolution (edge_id, stream, epoch, sequence, is_event, channel, row,
                                      company_id, meter_id, resolved_at)
    select * from unnest(
      ${integersOf(of((row) => row.edgeId))}::int4[],
      ${integersOf(of((row) => row.stream))}::int2[],
      ${integersOf(of((row) => row.epoch))}::int4[],
      ${integersOf(of((row) => row.sequence))}::int8[],
      ${flagsOf(of((row) => row.isEvent))}::bool[],
      ${integersOf(of((row) => row.channel))}::int2[],
      ${integersOf(of((row) => row.row))}::int4[],
      ${integersOf(of((row) => row.companyId))}::int4[],
      ${integersOf(of((row) => row.meterId))}::int4[],
      ${instantsOf(of(() => takenAtMs))}::timestamptz[])
    on conflict do nothing`;
}

function placesOf(tx: Statement, places: readonly RowPlace[]) {
  const of = <T>(pick: (place: RowPlace) => T): T[] => places.map(pick);
  return tx`unnest(
      ${integersOf(of((place) => place.edgeId))}::int4[],
      ${integersOf(of((place) => place.stream))}::int2[],
      ${integersOf(of((place) => place.epoch))}::int4[],
      ${integersOf(of((place) => place.sequence))}::int8[],
      ${flagsOf(of((place) => place.isEvent))}::bool[],
      ${integersOf(of((place) => place.channel))}::int2[],
      ${integersOf(of((place) => place.row))}::int4[]
    ) as p(edge_id, stream, epoch, sequence, is_event, channel, row)`;
}

/** Of these rows those that were taken in later. */
export async function readTaken(
  tx: Statement,
  places: readonly RowPlace[],
): Promise<readonly RowPlace[]> {
  if (places.length === 0) return [];
  return tx<RowPlace[]>`
    select ${columnsOfPlace(tx)} from exception_resolution join ${placesOf(tx, places)}
      using (edge_id, stream, epoch, sequence, is_event, channel, row)
    where kind = 'taken'`;
}

/** Rows of these batches that somebody left out for good. */
export async function readDismissed(
  tx: Statement,
  batches: readonly BatchPlace[],
): Promise<readonly RowPlace[]> {
  if (batches.length === 0) return [];
  const of = <T>(pick: (place: BatchPlace) => T): T[] => batches.map(pick);
  return tx<RowPlace[]>`
    select ${columnsOfPlace(tx)} from exception_resolution
    join unnest(
      ${integersOf(of((place) => place.edgeId))}::int4[],
      ${integersOf(of((place) => place.stream))}::int2[],
      ${integersOf(of((place) => place.epoch))}::int4[],
      ${integersOf(of((place) => place.sequence))}::int8[]
    ) as p(edge_id, stream, epoch, sequence) using (edge_id, stream, epoch, sequence)
    where kind = 'dismissed'`;
}

/** All of them, for whoever rates the log anew. */
export async function readEveryDismissed(tx: Statement): Promise<readonly RowPlace[]> {
  return tx<RowPlace[]>`
    select ${columnsOfPlace(tx)} from exception_resolution where kind = 'dismissed'`;
}

/** Which rows that are held back; null: whatever it is. */
export type HeldBackFilter = {
  readonly meterId: number | null;
  readonly code: string | null;
  readonly fromMs: number | null;
  /** Exclusive. */
  readonly toMs: number | null;
  readonly batch: BatchPlace | null;
};

function fits(tx: Statement, { meterId, code, fromMs, toMs, batch }: HeldBackFilter) {
  const place = batch === null ? null : [batch.edgeId, batch.stream, batch.epoch, batch.sequence];
  return tx`(
    ${meterId === null ? tx`true` : tx`x.meter_id = ${meterId}`}
    and ${code === null ? tx`true` : tx`x.code = ${code}`}
    and ${fromMs === null ? tx`true` : tx`x.read_at >= ${new Date(fromMs)}`}
    and ${toMs === null ? tx`true` : tx`x.read_at < ${new Date(toMs)}`}
    and ${
      place === null
        ? tx`true`
        : tx`array[x.edge_id, x.stream, x.epoch, x.sequence]::int8[]
                                         = ${integersOf(place)}::int8[]`
    })`;
}

/** What validation told of the form of these rows follows from them no longer. */
async function judgeAgain(
  tx: Statement,
  companyId: number,
  places: readonly RowPlace[],
): Promise<void> {
  if (places.length === 0) return;
  const rows = await tx<{ meterId: number; day: number }[]>`
    select x.meter_id as "meterId",
           floor(extract(epoch from min(x.read_at)) / 86400)::int4 as day
    from reading_exception x join ${placesOf(tx, places)}
      using (edge_id, stream, epoch, sequence, is_event, channel, row)
    join meter m on m.id = x.meter_id and m.company_id = x.company_id
    where x.company_id = ${companyId} and x.code = any(${wordsOf(formCodes)}::text[])
    group by x.meter_id order by x.meter_id`;
  await upsertVeeDuties(
    tx,
    rows.map(({ meterId, day }) => ({ meterId, companyId, fromMs: day * dayMs })),
  );
}

/**
 * Leaves rows that are held back out for good, the first so many of those that fit, and says how
 * many; what validation told of them is judged again. Under the lock that keeps rating commits
 * back, so that none of them is taken in meanwhile.
 */
export async function dismissHeldBack(
  tx: Statement,
  {
    companyId,
    filter,
    rowsMax,
    actor,
    reason,
    atMs,
  }: {
    companyId: number;
    filter: HeldBackFilter;
    rowsMax: number;
    actor: string;
    reason: string;
    atMs: number;
  },
): Promise<number> {
  await lockSeries(tx, { isAlone: true });
  const dismissed = await tx<RowPlace[]>`
    insert into exception_resolution (edge_id, stream, epoch, sequence, is_event, channel, row,
                                      company_id, meter_id, resolved_at, kind, actor, reason)
    select distinct on (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row)
           x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row, x.company_id,
           x.meter_id, ${new Date(atMs)}::timestamptz, 'dismissed', ${actor}, ${reason}
    from reading_exception x
    where x.company_id = ${companyId} and x.code = any(${wordsOf(heldBackCodes)}::text[])
      and ${fits(tx, filter)} and ${isUnresolved(tx)}
    order by x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row
    limit ${rowsMax}
    returning ${columnsOfPlace(tx)}`;
  await judgeAgain(tx, companyId, dismissed);
  return dismissed.length;
}

/**
 * Duties for meters with rows that may be taken in. One that stands already is no reason to leave
 * it: it may be worked off just now by somebody who has not seen what changed. With `isUnasked`
 * only rows that waited for the meter to be registered and that nobody has looked at since.
 */
export async function insertRetryDuties(
  tx: Statement,
  {
    companyId,
    meterId,
    nowMs,
    isUnasked,
  }: { companyId: number; meterId: number | null; nowMs: number; isUnasked: boolean },
): Promise<readonly { readonly meterId: number; readonly rows: number }[]> {
  return tx<{ meterId: number; rows: number }[]>`
    with held as (
      select x.meter_id, x.company_id, min(x.read_at) as first_at, count(*)::int4 as rows
      from reading_exception x
      join meter m on m.id = x.meter_id and m.company_id = x.company_id
      where x.company_id = ${companyId}
        and ${isUnasked ? tx`x.code = 'METER_UNKNOWN'` : isRetriable(tx, nowMs)}
        and ${meterId === null ? tx`true` : tx`x.meter_id = ${meterId}`}
        and ${isUnresolved(tx)}
        and (not ${isUnasked}::bool or not exists (
          select from reading_exception y
          where (y.edge_id, y.stream, y.epoch, y.sequence, y.is_event, y.channel, y.row)
              = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row)
            and y.code <> x.code))
      group by x.meter_id, x.company_id
    ), made as (
      insert into rerate_duty (company_id, meter_id, from_day, reason)
      select h.company_id, h.meter_id, floor(extract(epoch from h.first_at) / 86400)::int4,
             ${retryReason}
      from held h
    )
    select meter_id as "meterId", rows from held order by meter_id`;
}
