import { logReadBatches } from '../domain/limits.ts';
import { integersOf } from './arrays.ts';
import type { Statement, Transaction } from './connect.ts';

/** Reading the log back: by the span of its readings, by its place, from one end to the other. */

export type StoredBatch = {
  readonly shard: number;
  readonly position: bigint;
  readonly receivedAtMs: number;
  readonly companyId: number;
  readonly edgeId: number;
  readonly stream: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly carried: Uint8Array;
};

type StoredRow = Omit<StoredBatch, 'receivedAtMs'> & { readonly receivedAt: Date };

function batchOf({ receivedAt, ...row }: StoredRow): StoredBatch {
  return { ...row, receivedAtMs: receivedAt.getTime() };
}

function columnsOf(tx: Statement) {
  return tx`
    l.shard, l.position, l.received_at as "receivedAt", l.company_id as "companyId",
    l.edge_id as "edgeId", l.stream, l.epoch, l.sequence, l.carried`;
}

/** An order of arrival that has no ties. */
export type ArrivalKey = {
  readonly receivedAtMs: number;
  readonly shard: number;
  readonly position: bigint;
};

type Touching = {
  readonly edgeIds: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
};

/**
 * Batches whose readings touch [fromMs, toMs). All but back-fills span less than a day, so that the
 * index on the last reading finds them within a day behind the window; those have one of their own.
 */
function touches(tx: Statement, { edgeIds, fromMs, toMs }: Touching) {
  const [from, to] = [new Date(fromMs), new Date(toMs)];
  const ofEdges = tx`l.edge_id = any(${integersOf(edgeIds)}::int4[])`;
  return tx`(
    (${ofEdges} and l.read_to >= ${from} and l.read_to <= ${to}::timestamptz + interval '1 day'
     and l.read_from < ${to})
    or (${ofEdges} and l.read_to > ${to}::timestamptz + interval '1 day'
        and l.read_to - l.read_from > interval '1 day' and l.read_from < ${to}))`;
}

/** A page of the batches that touch a window, in the order of their arrival or backwards. */
export async function readBatchesTouching(
  tx: Statement,
  wanted: Touching & {
    /** Exclusive; null: from the end. */
    readonly beyond: ArrivalKey | null;
    readonly isBackwards: boolean;
    readonly batchesMax: number;
  },
): Promise<readonly StoredBatch[]> {
  const { beyond, isBackwards } = wanted;
  const at = beyond === null ? null : new Date(beyond.receivedAtMs);
  const position = beyond?.position.toString() ?? null;
  // The instant by itself, too: by it whole days are left out.
  const bound =
    beyond === null
      ? tx`true`
      : isBackwards
        ? tx`l.received_at <= ${at} and (l.received_at, l.shard, l.position)
               < (${at}, ${beyond.shard}, ${position}::int8)`
        : tx`l.received_at >= ${at} and (l.received_at, l.shard, l.position)
               > (${at}, ${beyond.shard}, ${position}::int8)`;
  const order = isBackwards
    ? tx`l.received_at desc, l.shard desc, l.position desc`
    : tx`l.received_at, l.shard, l.position`;
  const rows = await tx<StoredRow[]>`
    select ${columnsOf(tx)} from batch_log l
    where ${touches(tx, wanted)} and ${bound}
    order by ${order} limit ${wanted.batchesMax}`;
  return rows.map(batchOf);
}

/**
 * All batches that touch a window, in any order, some at a time: one look at the log however long
 * the window is. Nothing else is asked on the transaction until it ends.
 */
export async function* streamBatchesTouching(
  tx: Transaction,
  wanted: Touching,
): AsyncGenerator<StoredBatch> {
  const query = tx<StoredRow[]>`
    select ${columnsOf(tx)} from batch_log l where ${touches(tx, wanted)}`;
  for await (const rows of query.cursor(logReadBatches)) yield* rows.map(batchOf);
}

/** Batches of an edge that no rater has taken yet. */
export async function readUnrated(tx: Statement, edgeId: number): Promise<readonly StoredBatch[]> {
  const rows = await tx<StoredRow[]>`
    select ${columnsOf(tx)} from rating_cursor c
    join batch_log l on l.shard = c.shard and l.position > c.position
    where l.edge_id = ${edgeId} order by l.shard, l.position`;
  return rows.map(batchOf);
}

/**
 * Which edges may hold readings of some meters: their own, their company's office, and any other
 * that tried.
 */
export async function findEdgesOfMeters(
  tx: Statement,
  meterIds: readonly number[],
): Promise<readonly number[]> {
  const ids = integersOf(meterIds);
  const rows = await tx<{ id: number }[]>`
    select edge_id as id from meter where id = any(${ids}::int4[])
    union
    select e.id from meter m join edge e on e.company_id = m.company_id and e.kind = 'office'
    where m.id = any(${ids}::int4[])
    union
    select edge_id from reading_exception where meter_id = any(${ids}::int4[])`;
  return rows.map((row) => row.id);
}

export type BatchPlace = {
  readonly edgeId: number;
  readonly stream: number;
  readonly epoch: number;
  readonly sequence: bigint;
};

/** Batches by their names; those that retention took are absent. */
export async function readBatchesAt(
  tx: Statement,
  places: readonly BatchPlace[],
): Promise<readonly StoredBatch[]> {
  if (places.length === 0) return [];
  const rows = await tx<StoredRow[]>`
    select ${columnsOf(tx)}
    from unnest(${integersOf(places.map((place) => place.edgeId))}::int4[],
                ${integersOf(places.map((place) => place.stream))}::int2[],
                ${integersOf(places.map((place) => place.epoch))}::int4[],
                ${integersOf(places.map((place) => place.sequence))}::int8[])
      as p(edge_id, stream, epoch, sequence)
    join batch_guard g using (edge_id, stream, epoch, sequence)
    join batch_log l on l.shard = g.shard and l.position = g.position
    order by l.shard, l.position`;
  return rows.map(batchOf);
}

export type StoredKey = {
  readonly keyId: Uint8Array;
  readonly edgeId: number;
  readonly publicKey: Uint8Array;
  readonly revokedAtMs: number | null;
};

/** Keys by their ids, revoked ones too: what they signed before stays signed. */
export async function readKeys(
  statement: Statement,
  keyIds: readonly Uint8Array[],
): Promise<readonly StoredKey[]> {
  const hex = keyIds.map((keyId) => Buffer.from(keyId).toString('hex'));
  const rows = await statement<
    { keyId: Uint8Array; edgeId: number; publicKey: Uint8Array; revokedAt: Date | null }[]
  >`
    select key_id as "keyId", edge_id as "edgeId", public_key as "publicKey",
           revoked_at as "revokedAt"
    from edge_key
    where encode(key_id, 'hex') = any(string_to_array(${hex.join(',')}, ','))`;
  return rows.map(({ revokedAt, ...row }) => ({
    ...row,
    revokedAtMs: revokedAt?.getTime() ?? null,
  }));
}

/** What rating said against a row of the log. */
export type StoredException = BatchPlace & {
  readonly channel: number;
  readonly row: number;
  readonly value: bigint;
  readonly code: string;
  readonly message: string;
  readonly isTaken: boolean;
};

/** What rating said of a meter's readings of billing, not of telemetry, in [fromMs, toMs). */
export async function readExceptionsWithin(
  tx: Statement,
  { meterId, fromMs, toMs }: { meterId: number; fromMs: number; toMs: number },
): Promise<readonly StoredException[]> {
  return tx<StoredException[]>`
    select x.edge_id as "edgeId", x.stream, x.epoch, x.sequence, x.channel, x.row, x.value, x.code,
           x.message, coalesce(r.kind = 'taken', false) as "isTaken"
    from reading_exception x
    left join exception_resolution r
      using (edge_id, stream, epoch, sequence, is_event, channel, row)
    where x.meter_id = ${meterId} and x.stream = 1 and not x.is_event
      and x.read_at >= ${new Date(fromMs)} and x.read_at < ${new Date(toMs)}`;
}

export type EdgeName = { readonly id: number; readonly name: string; readonly kind: string };

export async function readEdgeNames(
  tx: Statement,
  edgeIds: readonly number[],
): Promise<readonly EdgeName[]> {
  return tx<EdgeName[]>`
    select id, name, kind from edge where id = any(${integersOf(edgeIds)}::int4[])`;
}
