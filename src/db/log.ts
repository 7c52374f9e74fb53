import { bytesPerRatingMax, readingsPerRatingMax } from '../domain/limits.ts';
import { bytesArrayOf, flagsOf, instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { copyInto } from './copy.ts';
import { moveProgress, readProgress } from './edgeProgress.ts';
import type { EdgeProgress } from './edgeProgress.ts';
import { pricesLock } from './tariffVersions.ts';

/** SQL of the batch log: guard, head, appending and reading. */

export type LogCandidate = {
  readonly companyId: number;
  readonly edgeId: number;
  /** 1 billing, 2 telemetry. */
  readonly stream: 1 | 2;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly hash: Uint8Array;
  /** What it says of the batch before. */
  readonly previousHash: Uint8Array;
  readonly shard: number;
  readonly readingCount: number;
  /** Null for a batch without readings. */
  readonly readFromMs: number | null;
  readonly readToMs: number | null;
  readonly carried: Uint8Array;
};

export type LogEntry = {
  readonly shard: number;
  readonly position: bigint;
  readonly companyId: number;
  readonly edgeId: number;
  readonly receivedAtMs: number;
  readonly carried: Uint8Array;
};

export type Guarded = {
  readonly hash: Uint8Array;
  /** Null in batches of a time when it was not kept. */
  readonly previousHash: Uint8Array | null;
  readonly position: bigint;
};

/**
 * The position of the last batch of a shard, with its row locked until the transaction ends: the
 * commits of a shard happen one after the other and in the order of their positions.
 */
export async function lockLogHead(tx: Statement, shard: number): Promise<bigint> {
  const [row] = await tx<{ position: bigint }[]>`
    select position from log_head where shard = ${shard} for update`;
  if (row === undefined) throw new Error(`LOG_SHARD_UNKNOWN: there is no log shard ${shard}`);
  return row.position;
}

/** A batch's place in the guard: `edge/stream/epoch/sequence`. */
export function guardKey(
  { edgeId, stream, epoch }: Pick<LogCandidate, 'edgeId' | 'stream' | 'epoch'>,
  sequence: bigint,
): string {
  return `${edgeId}/${stream}/${epoch}/${sequence}`;
}

/** Which of these batches, and of their neighbours in the chain, are in the log already. */
export async function findGuards(
  tx: Statement,
  batches: readonly LogCandidate[],
): Promise<Map<string, Guarded>> {
  const wanted = new Map<string, readonly [LogCandidate, bigint]>();
  for (const batch of batches) {
    for (const sequence of [batch.sequence - 1n, batch.sequence, batch.sequence + 1n]) {
      if (sequence > 0n) wanted.set(guardKey(batch, sequence), [batch, sequence]);
    }
  }
  const keys = [...wanted.values()];
  const rows = await tx<
    {
      edge_id: number;
      stream: number;
      epoch: number;
      sequence: bigint;
      hash: Uint8Array;
      previous_hash: Uint8Array | null;
      position: bigint;
    }[]
  >`
    select g.edge_id, g.stream, g.epoch, g.sequence, g.hash, g.previous_hash, g.position
    from batch_guard g
    join unnest(
      ${integersOf(keys.map(([batch]) => batch.edgeId))}::int4[],
      ${integersOf(keys.map(([batch]) => batch.stream))}::int2[],
      ${integersOf(keys.map(([batch]) => batch.epoch))}::int4[],
      ${integersOf(keys.map(([, sequence]) => sequence))}::int8[]
    ) as c(edge_id, stream, epoch, sequence) using (edge_id, stream, epoch, sequence)`;
  return new Map(
    rows.map((row) => [
      `${row.edge_id}/${row.stream}/${row.epoch}/${row.sequence}`,
      { hash: row.hash, previousHash: row.previous_hash, position: row.position },
    ]),
  );
}

type LogPlace = { readonly shard: number; readonly head: bigint };

async function insertGuards(
  tx: Statement,
  batches: readonly LogCandidate[],
  { shard, head }: LogPlace,
): Promise<void> {
  await tx`
    insert into batch_guard (edge_id, stream, epoch, sequence, company_id, hash, previous_hash,
                             shard, position)
    select * from unnest(
      ${integersOf(batches.map((batch) => batch.edgeId))}::int4[],
      ${integersOf(batches.map((batch) => batch.stream))}::int2[],
      ${integersOf(batches.map((batch) => batch.epoch))}::int4[],
      ${integersOf(batches.map((batch) => batch.sequence))}::int8[],
      ${integersOf(batches.map((batch) => batch.companyId))}::int4[],
      ${bytesArrayOf(batches.map((batch) => batch.hash))}::bytea[],
      ${bytesArrayOf(batches.map((batch) => batch.previousHash))}::bytea[],
      ${integersOf(batches.map(() => shard))}::int2[],
      ${integersOf(batches.map((_, index) => head + BigInt(index + 1)))}::int8[])`;
}

async function setLogHead(tx: Statement, { shard, head }: LogPlace): Promise<void> {
  await tx`update log_head set position = ${head.toString()}::int8 where shard = ${shard}`;
}

/**
 * Appends batches of one shard at the positions after `head`, moves the head and the progress of
 * their edges, and answers with that progress; the guard's key refuses a second appending.
 */
export async function appendBatches(
  tx: Statement,
  batches: readonly LogCandidate[],
  { shard, head, receivedAtMs }: LogPlace & { readonly receivedAtMs: number },
): Promise<ReadonlyMap<string, EdgeProgress>> {
  // In one round trip and in this order; a COPY cannot share it.
  const [, , , progress] = await Promise.all([
    insertGuards(tx, batches, { shard, head }),
    setLogHead(tx, { shard, head: head + BigInt(batches.length) }),
    moveProgress(tx, batches, receivedAtMs),
    readProgress(tx, batches),
  ]);
  await copyInto(
    tx,
    'batch_log',
    [
      { name: 'shard', type: 'int2', values: batches.map(() => shard) },
      { name: 'position', type: 'int8', values: batches.map((_, at) => head + BigInt(at + 1)) },
      { name: 'received_at', type: 'instant', values: batches.map(() => receivedAtMs) },
      { name: 'company_id', type: 'int4', values: batches.map((batch) => batch.companyId) },
      { name: 'edge_id', type: 'int4', values: batches.map((batch) => batch.edgeId) },
      { name: 'stream', type: 'int2', values: batches.map((batch) => batch.stream) },
      { name: 'epoch', type: 'int4', values: batches.map((batch) => batch.epoch) },
      { name: 'sequence', type: 'int8', values: batches.map((batch) => batch.sequence) },
      { name: 'reading_count', type: 'int4', values: batches.map((batch) => batch.readingCount) },
      { name: 'read_from', type: 'instant', values: batches.map((batch) => batch.readFromMs) },
      { name: 'read_to', type: 'instant', values: batches.map((batch) => batch.readToMs) },
      { name: 'carried', type: 'bytea', values: batches.map((batch) => batch.carried) },
    ],
    batches.length,
  );
  return progress;
}

/**
 * The next batches of a shard in the order of their positions: one at least, and as many as stay
 * within the limits of one commit. Small batches of many gateways share its round trips so.
 */
export async function readLog(
  tx: Statement,
  { shard, after, batchesMax }: { shard: number; after: bigint; batchesMax: number },
): Promise<readonly LogEntry[]> {
  const rows = await tx<
    {
      position: bigint;
      company_id: number;
      edge_id: number;
      received_at: Date;
      carried: Uint8Array;
    }[]
  >`
    select position, company_id, edge_id, received_at, carried
    from (
      select position, company_id, edge_id, received_at, carried,
             sum(reading_count) over (order by position) - reading_count as readings_before,
             sum(octet_length(carried)) over (order by position) - octet_length(carried)
               as bytes_before
      from (
        select position, company_id, edge_id, received_at, carried, reading_count from batch_log
        where shard = ${shard} and position > ${after.toString()}::int8
        order by position limit ${batchesMax}
      ) next
    ) counted
    where readings_before < ${readingsPerRatingMax} and bytes_before < ${bytesPerRatingMax}
    order by position`;
  return rows.map((row) => ({
    shard,
    position: row.position,
    companyId: row.company_id,
    edgeId: row.edge_id,
    receivedAtMs: row.received_at.getTime(),
    carried: row.carried,
  }));
}

/**
 * The shard's cursor, locked: one rater a shard, whatever the number of processes. With it the
 * prices stand still until the transaction ends: see `holdPrices`.
 */
export async function lockRatingCursor(tx: Statement, shard: number): Promise<bigint> {
  const [row] = await tx<{ position: bigint }[]>`
    select position, pg_advisory_xact_lock_shared(${pricesLock}) from rating_cursor
    where shard = ${shard} for update`;
  if (row === undefined) throw new Error(`LOG_SHARD_UNKNOWN: there is no log shard ${shard}`);
  return row.position;
}

/** Any number of its own, before which a service point's id stands. */
const pointLock = 7_425;

/**
 * Service points with several meters, which raters of two shards may both work on: their bills are
 * of all meters together. In the order of the ids, so that nobody waits in a circle.
 */
export async function lockPoints(tx: Statement, points: readonly number[]): Promise<void> {
  if (points.length === 0) return;
  const ordered = points.toSorted((a, b) => a - b);
  await tx`
    select pg_advisory_xact_lock(${pointLock}::int4, point)
    from unnest(${integersOf(ordered)}::int4[]) as point`;
}

/** Any number of its own: shared by raters, alone for an office's batch and for rows dismissed. */
const seriesLock = 7_425_300_914;

/**
 * A meter's series has one writer, the rater of its edge's shard. An office's batch stands in that
 * shard as well, and is rated alone all the same: more than one writer a meter needs. After the
 * cursor and before service points, by everybody, so that nobody waits in a circle.
 */
export async function lockSeries(tx: Statement, { isAlone }: { isAlone: boolean }): Promise<void> {
  if (isAlone) await tx`select pg_advisory_xact_lock(${seriesLock})`;
  else await tx`select pg_advisory_xact_lock_shared(${seriesLock})`;
}

export async function setRatingCursor(
  tx: Statement,
  shard: number,
  position: bigint,
): Promise<void> {
  await tx`
    update rating_cursor set position = ${position.toString()}::int8 where shard = ${shard}`;
}

/** Shards whose log is ahead of their cursor, or of which meters are to be rated or validated. */
export async function shardsBehind(statement: Statement): Promise<readonly number[]> {
  const rows = await statement<{ shard: number }[]>`
    select c.shard from rating_cursor c
    where exists (select from log_head h where h.shard = c.shard and h.position > c.position)
      or exists (select from rerate_duty d where d.log_shard = c.shard and d.failed_at is null)
      or exists (select from vee_duty d where d.log_shard = c.shard and d.failed_at is null)
    order by c.shard`;
  return rows.map((row) => row.shard);
}

export type Quarantined = {
  readonly hash: Uint8Array;
  readonly code: string;
  readonly message: string;
  readonly companyId: number | null;
  readonly edgeId: number | null;
  readonly receivedAtMs: number;
  readonly carried: Uint8Array;
};

export async function quarantineBatches(
  tx: Statement,
  refused: readonly Quarantined[],
): Promise<void> {
  for (const row of refused) {
    await tx`
      insert into batch_quarantine
        (hash, code, message, company_id, edge_id, received_at, carried)
      values (${Buffer.from(row.hash)}, ${row.code}, ${row.message}, ${row.companyId},
              ${row.edgeId}, ${new Date(row.receivedAtMs)}, ${Buffer.from(row.carried)})
      on conflict do nothing`;
  }
}

export type ReadingExceptionRow = {
  readonly companyId: number;
  readonly edgeId: number;
  /** 1 billing, 2 telemetry. */
  readonly stream: 1 | 2;
  readonly epoch: number;
  readonly sequence: bigint;
  /** A line of the meter's own log: row of the events, channel 0, its code for a value. */
  readonly isEvent: boolean;
  readonly row: number;
  readonly meterId: number;
  readonly channel: number;
  readonly readAtMs: number;
  readonly value: bigint;
  readonly code: string;
  readonly message: string;
  /** DLMS unit code of its block; of a row of the series there is nothing to doubt. */
  readonly unit?: number;
};

/** Records readings not billed and lines that wait; the same exception again is the same row. */
export async function insertReadingExceptions(
  tx: Statement,
  rows: readonly ReadingExceptionRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const of = <T>(pick: (row: ReadingExceptionRow) => T): T[] => rows.map(pick);
  await tx`
    insert into reading_exception (edge_id, stream, epoch, sequence, row, company_id, meter_id,
                                   channel, read_at, value, code, message, unit, is_event)
    select u.edge_id, u.stream, u.epoch, u.sequence, u.row, u.company_id, u.meter_id, u.channel,
           u.read_at, u.value, t.code, t.message, u.unit, u.is_event
    from unnest(
      ${integersOf(of((row) => row.edgeId))}::int4[],
      ${integersOf(of((row) => row.stream))}::int2[],
      ${integersOf(of((row) => row.epoch))}::int4[],
      ${integersOf(of((row) => row.sequence))}::int8[], ${integersOf(of((row) => row.row))}::int4[],
      ${integersOf(of((row) => row.companyId))}::int4[],
      ${integersOf(of((row) => row.meterId))}::int4[],
      ${integersOf(of((row) => row.channel))}::int2[],
      ${instantsOf(of((row) => row.readAtMs))}::timestamptz[],
      ${integersOf(of((row) => row.value))}::int8[],
      ${integersOf(of((row) => row.unit ?? null))}::int2[],
      ${flagsOf(of((row) => row.isEvent))}::bool[]
    ) with ordinality as u(edge_id, stream, epoch, sequence, row, company_id, meter_id, channel,
                           read_at, value, unit, is_event, ordinal)
    join json_to_recordset(${JSON.stringify(
      rows.map((row, index) => ({ ordinal: index + 1, code: row.code, message: row.message })),
    )}::text::json) as t(ordinal int8, code text, message text) using (ordinal)
    on conflict do nothing`;
}

/** Makes the log's partitions from today on, so that no day begins in the default one. */
export async function ensureLogPartitions(
  statement: Statement,
  { nowMs, days }: { nowMs: number; days: number },
): Promise<void> {
  const today = new Date(nowMs).toISOString().slice(0, 10);
  await statement`
    select ensure_log_partition(${today}::date + n) from generate_series(0, ${days}::int4) n`;
}
