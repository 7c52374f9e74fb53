import { assert } from '../domain/assert.ts';
import { integersOf } from './arrays.ts';
import { atClosing } from './closing.ts';
import type { Sql, Statement } from './connect.ts';

/** SQL of the sequenced event log: appending, reading back, and the bell that wakes its readers. */

export const eventKinds = [
  'rated',
  'top_up',
  'payment',
  'adjustment',
  'command',
  'supply',
  'notice',
  'tariff',
  'simulation',
  'decision',
] as const;
export type EventKind = (typeof eventKinds)[number];

/** The migration makes so many rows of event_head. */
export const eventShards = 4;

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * One commit's news of one company: its subjects as parallel columns. `balanceMicros` is the
 * balance after the commit, the same in every row of an account. Columns that the kind does not
 * use hold 0.
 */
export type EventBlock = {
  readonly companyId: number;
  readonly kind: EventKind;
  readonly atMs: number;
  /** 0 where an event is about an account alone. */
  readonly meterIds: Int32Array | readonly number[];
  /** 0 where an event has no account. */
  readonly accountIds: Int32Array | readonly number[];
  /** Instant of the newest reading, epoch ms. */
  readonly readAtMs: Float64Array | readonly number[];
  readonly registerWh: BigInt64Array | readonly bigint[];
  readonly powerW: Int32Array | readonly number[];
  /** Rated by this commit; negative when a correction takes energy back. */
  readonly energyWh: BigInt64Array | readonly bigint[];
  readonly chargedMicros: BigInt64Array | readonly bigint[];
  readonly balanceMicros: BigInt64Array | readonly bigint[];
  /** Ids and states of the other kinds, never personal data. */
  readonly detail: Json;
};

export type SequencedBlock = EventBlock & { readonly shard: number; readonly sequence: bigint };

/** A stream belongs to one shard, so that its order is the order of the commits. */
export function eventShardOf(companyId: number): number {
  return companyId % eventShards;
}

/** Of an event that is about a company as a whole. */
export const companySubject = { meterId: 0, accountId: 0 } as const;

/** An event that is about accounts or meters without figures: a command, a new tariff. */
export function plainEvent(event: {
  readonly companyId: number;
  readonly kind: EventKind;
  readonly atMs: number;
  readonly subjects: readonly { readonly meterId: number; readonly accountId: number }[];
  readonly detail: Json;
  /** By subject, where the kind changed it. */
  readonly balanceMicros?: readonly bigint[];
}): EventBlock {
  const zeros = event.subjects.map(() => 0);
  const bigZeros = event.subjects.map(() => 0n);
  return {
    companyId: event.companyId,
    kind: event.kind,
    atMs: event.atMs,
    meterIds: event.subjects.map((subject) => subject.meterId),
    accountIds: event.subjects.map((subject) => subject.accountId),
    readAtMs: zeros,
    registerWh: bigZeros,
    powerW: zeros,
    energyWh: bigZeros,
    chargedMicros: bigZeros,
    balanceMicros: event.balanceMicros ?? bigZeros,
    detail: event.detail,
  };
}

/**
 * Appends inside the caller's transaction. The number is taken from the shard's head row, whose
 * lock is held until the commit: numbers become visible in their order, and a cursor over them
 * never skips a late commit. So it is put off to the end of a viewer's transaction; in any other
 * call it last. Call `wakeReaders` after the commit.
 */
export async function appendEvent(tx: Statement, block: EventBlock): Promise<void> {
  await atClosing(tx, () => insertEvent(tx, block));
}

async function insertEvent(tx: Statement, block: EventBlock): Promise<void> {
  const count = block.meterIds.length;
  assert(count > 0, 'an event is about something');
  for (const column of [
    block.accountIds,
    block.readAtMs,
    block.registerWh,
    block.powerW,
    block.energyWh,
    block.chargedMicros,
    block.balanceMicros,
  ]) {
    assert(column.length === count, 'the columns of an event are equally long');
  }
  const shard = eventShardOf(block.companyId);
  const detail = block.detail === null ? null : JSON.stringify(block.detail);
  const [row] = await tx<{ sequence: bigint }[]>`
    with head as (
      update event_head set sequence = sequence + 1 where shard = ${shard} returning sequence
    ), told as (
      insert into event (shard, sequence, company_id, kind, at, meter_ids, account_ids, read_at_ms,
                         register_wh, power_w, energy_wh, charged_micros, balance_micros, detail)
      select ${shard}::int2, head.sequence, ${block.companyId}::int4, ${block.kind}::text,
             ${new Date(block.atMs)}::timestamptz, ${integersOf(block.meterIds)}::int4[],
             ${integersOf(block.accountIds)}::int4[], ${integersOf(block.readAtMs)}::int8[],
             ${integersOf(block.registerWh)}::int8[], ${integersOf(block.powerW)}::int4[],
             ${integersOf(block.energyWh)}::int8[], ${integersOf(block.chargedMicros)}::int8[],
             ${integersOf(block.balanceMicros)}::int8[], ${detail}::text::jsonb
      from head
    )
    select sequence from head`;
  assert(row !== undefined, 'every shard of the event log has its head');
}

/** The last number of each shard, by shard. */
export async function eventHeads(statement: Statement): Promise<readonly bigint[]> {
  const rows = await statement<{ shard: number; sequence: bigint }[]>`
    select shard, sequence from event_head order by shard`;
  assert(rows.length === eventShards, 'every shard of the event log has its head');
  return rows.map((row) => row.sequence);
}

/** The first number that is still kept, or null when the shard is empty. Writer's role. */
export async function oldestEvent(statement: Statement, shard: number): Promise<bigint | null> {
  const [row] = await statement<{ sequence: bigint }[]>`
    select sequence from event where shard = ${shard} order by sequence limit 1`;
  return row?.sequence ?? null;
}

/** Whole blocks after a number, for a process's own tail. Writer's role. */
export async function readEvents(
  statement: Statement,
  { shard, after, limit }: { shard: number; after: bigint; limit: number },
): Promise<readonly SequencedBlock[]> {
  const rows = await statement<
    {
      sequence: bigint;
      company_id: number;
      kind: EventKind;
      at: Date;
      meter_ids: number[];
      account_ids: number[];
      read_at_ms: bigint[];
      register_wh: bigint[];
      power_w: number[];
      energy_wh: bigint[];
      charged_micros: bigint[];
      balance_micros: bigint[];
      detail: Json;
    }[]
  >`
    select sequence, company_id, kind, at, meter_ids, account_ids, read_at_ms, register_wh, power_w,
           energy_wh, charged_micros, balance_micros, detail
    from event where shard = ${shard} and sequence > ${after.toString()}::int8
    order by sequence limit ${limit}`;
  return rows.map((row) => ({
    shard,
    sequence: row.sequence,
    companyId: row.company_id,
    kind: row.kind,
    atMs: row.at.getTime(),
    // A process keeps many of them: 60 bytes a row instead of 200.
    meterIds: Int32Array.from(row.meter_ids),
    accountIds: Int32Array.from(row.account_ids),
    readAtMs: Float64Array.from(row.read_at_ms, Number),
    registerWh: BigInt64Array.from(row.register_wh),
    powerW: Int32Array.from(row.power_w),
    energyWh: BigInt64Array.from(row.energy_wh),
    chargedMicros: BigInt64Array.from(row.charged_micros),
    balanceMicros: BigInt64Array.from(row.balance_micros),
    detail: row.detail,
  }));
}

export type Subject =
  | { readonly meterId: number; readonly accountId?: undefined }
  | { readonly accountId: number; readonly meterId?: undefined };

/** What one commit did to one subject. An account's meters are summed. */
export type SubjectEvent = {
  readonly shard: number;
  readonly sequence: bigint;
  readonly kind: EventKind;
  readonly atMs: number;
  /** Whose money it is; 0 when nobody's. */
  readonly accountId: number;
  /** 0 when it carries no reading. */
  readonly readAtMs: number;
  readonly registerWh: bigint;
  readonly powerW: number;
  readonly energyWh: bigint;
  readonly chargedMicros: bigint;
  readonly balanceMicros: bigint;
  readonly detail: Json;
};

/** A subject's events after a number, as its viewer may see them: call it within `asViewer`. */
export async function readSubjectEvents(
  tx: Statement,
  query: { shard: number; after: bigint; subject: Subject; limit: number },
): Promise<readonly SubjectEvent[]> {
  const { shard, subject } = query;
  const filter =
    subject.meterId === undefined
      ? tx`account_id = ${subject.accountId}`
      : tx`meter_id = ${subject.meterId}`;
  const rows = await tx<
    {
      sequence: bigint;
      kind: EventKind;
      at: Date;
      account_id: number;
      read_at_ms: bigint;
      register_wh: bigint;
      power_w: number;
      energy_wh: bigint;
      charged_micros: bigint;
      balance_micros: bigint;
      detail: Json;
    }[]
  >`
    select sequence, kind, at, max(account_id) as account_id, max(read_at_ms) as read_at_ms,
           (array_agg(register_wh order by read_at_ms desc))[1] as register_wh,
           (array_agg(power_w order by read_at_ms desc))[1] as power_w,
           sum(energy_wh)::int8 as energy_wh, sum(charged_micros)::int8 as charged_micros,
           max(balance_micros) as balance_micros, detail
    from subject_event
    where shard = ${shard} and sequence > ${query.after.toString()}::int8 and ${filter}
    group by sequence, kind, at, detail
    order by sequence limit ${query.limit}`;
  return rows.map((row) => ({
    shard,
    sequence: row.sequence,
    kind: row.kind,
    atMs: row.at.getTime(),
    accountId: row.account_id,
    readAtMs: Number(row.read_at_ms),
    registerWh: row.register_wh,
    powerW: row.power_w,
    energyWh: row.energy_wh,
    chargedMicros: row.charged_micros,
    balanceMicros: row.balance_micros,
    detail: row.detail,
  }));
}

const bellChannel = 'joulebook_events';

/**
 * Rings for the readers of a shard. After the commit and never inside it: a NOTIFY within a
 * transaction makes all commits of the server queue behind one lock.
 */
export async function wakeReaders(sql: Sql, shard: number): Promise<void> {
  await sql`select pg_notify(${bellChannel}, ${shard.toString()})`;
}

/** Calls back for each ring, on a connection of its own that reconnects by itself. */
export async function listenForEvents(
  sql: Sql,
  onRing: (shard: number) => void,
): Promise<{ close(): Promise<void> }> {
  const listener = await sql.listen(bellChannel, (payload) => {
    const shard = Number(payload);
    if (Number.isInteger(shard) && shard >= 0 && shard < eventShards) onRing(shard);
  });
  return { close: () => listener.unlisten() };
}
