import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import { withNewest } from '../domain/series/newestReading.ts';
import { replayedBatchesPerCopy, replayedRowsPerFetch } from '../domain/limits.ts';
import type { Sql, Transaction } from './connect.ts';
import { refusalOf } from './copy.ts';
import { promptSocket } from './promptSocket.ts';

/** SQL of a replay: a scratch database beside the real one, filled from one snapshot of it. */

function connectOwner(url: string, connectionsMax: number): Sql {
  return postgres(url, {
    ...promptSocket,
    max: connectionsMax,
    types: { bigint: postgres.BigInt },
    onnotice: () => {},
    connect_timeout: 10,
    connection: { application_name: 'joulebook replay', options: '-c timezone=UTC' },
  });
}

/** May this user make a database, and write into it past row-level security? */
async function isOwner(sql: Sql): Promise<boolean> {
  const [row] = await sql<[{ may: boolean }]>`
    select rolsuper as may from pg_roles where rolname = current_user`;
  return row.may;
}

export type ReplayGround = {
  /** The real database, in one snapshot that the whole comparison is about. Reads only. */
  readonly source: Transaction;
  readonly scratch: Sql;
  readonly scratchUrl: string;
};

/**
 * Makes an empty database on the same server, lends it with a snapshot of the real one, and drops
 * it whatever happens. Null when the user may not make one.
 */
export async function withScratchDatabase<T>(
  given: {
    url: string;
    name: string;
    /** A migrated, empty database that nobody is connected to; null: it is migrated here. */
    template: string | null;
    migrate(url: string): Promise<void>;
  },
  work: (ground: ReplayGround) => Promise<T>,
): Promise<{ readonly value: T } | null> {
  const owner = connectOwner(given.url, 2);
  try {
    if (!(await isOwner(owner))) return null;
    const { template } = given;
    if (template === null) await owner`create database ${owner(given.name)}`;
    else await owner`create database ${owner(given.name)} template ${owner(template)}`;
    const scratchUrl = new URL(given.url);
    scratchUrl.pathname = given.name;
    try {
      if (template === null) await given.migrate(scratchUrl.href);
      const scratch = connectOwner(scratchUrl.href, 2);
      try {
        const run = async (source: Transaction) => ({
          value: await work({ source, scratch, scratchUrl: scratchUrl.href }),
        });
        return await owner.begin('isolation level repeatable read read only', run);
      } finally {
        await scratch.end({ timeout: 5 });
      }
    } finally {
      await owner`drop database if exists ${owner(given.name)} with (force)`;
    }
  } finally {
    await owner.end({ timeout: 5 });
  }
}

export type ReplayShard = { readonly shard: number; readonly position: bigint };

/** How far each shard is rated, and how many meters wait to be rated again. */
export async function readReplayState(
  source: Transaction,
): Promise<{ shards: readonly ReplayShard[]; duties: number; lastReceivedMs: number }> {
  const shards = await source<ReplayShard[]>`
    select shard, position from rating_cursor order by shard`;
  const [rest] = await source<{ duties: number; received: Date | null }[]>`
    select ((select count(*) from rerate_duty) + (select count(*) from vee_duty))::int4 as duties,
           (select max(received_at) from batch_log) as received`;
  return { shards, duties: rest.duties, lastReceivedMs: rest.received?.getTime() ?? 0 };
}

/** Runs a COPY TO to its end. Flowing from the start, so that its socket is never left paused. */
async function copyOut(source: Transaction, query: string): Promise<Buffer[]> {
  const readable = await source.unsafe(`copy (${query}) to stdout (format binary)`).readable();
  const chunks: Buffer[] = [];
  readable.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(readable, 'end');
  return chunks;
}

async function copyAcross(
  { source, scratch }: ReplayGround,
  table: string,
  query: string,
): Promise<void> {
  const chunks = await copyOut(source, query);
  const copy = scratch`copy ${scratch(table)} from stdin (format binary)`;
  const refused = refusalOf(copy);
  const send = async () => pipeline(Readable.from(chunks), await copy.writable());
  await Promise.race([send(), refused]);
}

/** Parents before children. */
const registryTables = [
  'company',
  'edge',
  'edge_key',
  'bus',
  'service_point',
  'meter',
  'register_mark',
  'customer',
  'account',
  'tariff',
  'tariff_version',
  'agreement',
  'accrual',
  'idle_day',
  'price_series',
  'price_point',
  'payment_channel',
  'payment_agent',
  'ledger_account',
  'vee_set',
];

/** The registry and its prices as they are now: in force from before the first reading. */
export async function copyRegistry(ground: ReplayGround): Promise<void> {
  for (const table of registryTables) await copyAcross(ground, table, `select * from ${table}`);
}

/**
 * What people decided: facts, like prices. Of validation the decisions themselves are made anew,
 * and those that somebody resolved are found again by their digest; a row that looked to be of the
 * future and was taken in at a retry is taken in at once.
 */
export async function copyResolutions(ground: ReplayGround): Promise<void> {
  const resolved = `select d.* from vee_decision d
    where exists (select from vee_resolution r where r.decision_id = d.id)`;
  await copyAcross(ground, 'vee_decision', resolved);
  await copyAcross(ground, 'vee_resolution', 'select * from vee_resolution');
  await copyAcross(ground, 'exception_resolution', 'select * from exception_resolution');
  await ground.scratch`
    select setval(pg_get_serial_sequence('vee_decision', 'id'),
                  (select coalesce(max(id), 0) + 1 from vee_decision))`;
}

/**
 * Time that was charged without a reading is charged again: a duty for each of its meters. So are
 * registers walked again whose marks say more than their readings do.
 */
export async function insertReplayDuties(ground: ReplayGround): Promise<void> {
  await ground.scratch`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select distinct company_id, meter_id, 0, 'register_marked' from register_mark
    order by meter_id`;
  await ground.scratch`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    select m.company_id, m.id, -1, 'time_passed' from accrual a
    join agreement g on g.id = a.agreement_id
    join meter m on m.service_point_id = g.service_point_id
    where exists (select from series_head h where h.meter_id = m.id and h.channel = 1)
    group by m.company_id, m.id order by m.id`;
}

/** What moved balances besides energy; balances begin with it. */
export async function copyPayments(ground: ReplayGround): Promise<void> {
  const payments = 'select * from transfer where log_shard is null';
  await copyAcross(ground, 'transfer', payments);
  await ground.scratch`
    insert into account_balance (account_id, company_id, balance_micros)
    select a.id, a.company_id, coalesce((
      select sum(e.amount_micros) from ledger_entry e
      join ledger_account l on l.id = e.ledger_account_id
      where l.account_id = a.id and l.code = 'customer'), 0)
    from account a`;
}

/** The rated part of a shard's log with its guards, a stretch at a time. */
export async function* copyLog(
  ground: ReplayGround,
  { shard, position }: ReplayShard,
): AsyncGenerator<bigint> {
  const step = BigInt(replayedBatchesPerCopy);
  for (let from = 0n; from < position; from += step) {
    const to = from + step < position ? from + step : position;
    const range = `where shard = ${shard} and position > ${from} and position <= ${to}`;
    await copyAcross(ground, 'batch_guard', `select * from batch_guard ${range}`);
    await copyAcross(ground, 'batch_log', `select * from batch_log ${range}`);
    yield to;
  }
  await ground.scratch`
    update log_head set position = ${position.toString()}::int8 where shard = ${shard}`;
}

/** Rows that must be the same in both, as key and value; ordered by the key's bytes. */
const comparisons = {
  SERIES_DIFFERS: `
    select concat_ws('/', 'meter ' || meter_id, 'channel ' || channel, 'day ' || day) as key,
           coalesce(encode(carry_in, 'hex'), '-') as value, day, bytes, newest
    from series_day left join series_head using (meter_id, channel)`,
  HEAD_DIFFERS: `
    select concat_ws('/', 'meter ' || meter_id, 'channel ' || channel) as key,
           concat_ws(' ', encode(carry, 'hex'), last_read_at, last_value_wh) as value
    from series_head`,
  CHARGE_DIFFERS: `
    select concat_ws('/', 'agreement ' || agreement_id, 'meter ' || meter_id, period_start,
                     'version ' || tariff_version_id) as key,
           concat_ws(' ', encode(accumulator, 'hex'), energy_wh, amount_micros, open_until,
                     carry_in, carry_out) as value
    from charge where energy_wh <> 0 or amount_micros <> 0`,
  UNRATED_DIFFERS: `
    select concat_ws('/', 'meter ' || meter_id, period_start, code) as key,
           concat_ws(' ', energy_wh, slot_count) as value
    from unrated_energy`,
  DECISIONS_DIFFER: `
    select concat_ws('/', 'meter ' || meter_id, 'channel ' || channel, rule, from_at, to_at,
                     encode(digest, 'hex')) as key,
           outcome as value
    from vee_decision where withdrawn_at is null and detail->>'window' <> 'final'`,
  HOLDS_DIFFER: `
    select concat_ws('/', 'agreement ' || agreement_id, 'meter ' || meter_id, period_start,
                     'version ' || tariff_version_id) as key,
           code as value
    from charge_hold`,
  TRANSFERS_DIFFER: `
    select concat_ws('/', 'account ' || t.account_id, 'meter ' || t.meter_id, t.period_start)
             as key,
           sum(case when l.code = 'customer' then t.amount_micros else -t.amount_micros end)::text
             as value
    from transfer t join ledger_account l on l.id = t.debit_id
    where t.log_shard is not null group by t.account_id, t.meter_id, t.period_start
    having sum(case when l.code = 'customer' then t.amount_micros else -t.amount_micros end) <> 0`,
  BALANCE_DIFFERS: `
    select 'account ' || account_id as key, balance_micros::text as value from account_balance`,
} as const;

export type DifferenceCode = keyof typeof comparisons;
export const differenceCodes: readonly DifferenceCode[] = [
  'SERIES_DIFFERS',
  'HEAD_DIFFERS',
  'CHARGE_DIFFERS',
  'UNRATED_DIFFERS',
  'DECISIONS_DIFFER',
  'HOLDS_DIFFER',
  'TRANSFERS_DIFFER',
  'BALANCE_DIFFERS',
];

type Row = { readonly key: string; readonly value: string };
/** Of a day; it is compared as a whole, whatever part of it stands in the head. */
type ComparedDay = { readonly day: number; readonly bytes: Uint8Array; newest: Uint8Array | null };

function comparedDay({ key, value, ...day }: Row & ComparedDay): Row {
  const digest = createHash('sha256').update(withNewest(day, day.newest)).digest('hex');
  return { key, value: `${digest} ${value}` };
}

async function* rowsOf(sql: Sql | Transaction, code: DifferenceCode): AsyncGenerator<Row> {
  const text = `select * from (${comparisons[code]}) as r order by key collate "C"`;
  const query = sql.unsafe<(Row | (Row & ComparedDay))[]>(text);
  for await (const rows of query.cursor(replayedRowsPerFetch)) {
    for (const row of rows) yield 'bytes' in row ? comparedDay(row) : row;
  }
}

export type RowDifference = {
  readonly key: string;
  /** Null: there is no such row. */
  readonly stored: string | null;
  readonly replayed: string | null;
};

function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** The rows that are not the same in both databases, by walking both in the order of their keys. */
export async function* differencesOf(
  { source, scratch }: ReplayGround,
  code: DifferenceCode,
): AsyncGenerator<RowDifference | 'same'> {
  const stored = rowsOf(source, code);
  const replayed = rowsOf(scratch, code);
  let left = await stored.next();
  let right = await replayed.next();
  while (left.done !== true || right.done !== true) {
    const order =
      left.done === true
        ? 1
        : right.done === true
          ? -1
          : compareKeys(left.value.key, right.value.key);
    if (left.done !== true && order < 0) {
      yield { key: left.value.key, stored: left.value.value, replayed: null };
    } else if (right.done !== true && order > 0) {
      yield { key: right.value.key, stored: null, replayed: right.value.value };
    } else if (left.done !== true && right.done !== true) {
      const { key, value } = left.value;
      const isSame = value === right.value.value;
      yield isSame ? 'same' : { key, stored: value, replayed: right.value.value };
    }
    if (order <= 0) left = await stored.next();
    if (order >= 0) right = await replayed.next();
  }
}

export async function countCommands(scratch: Sql): Promise<number> {
  const [row] = await scratch<{ commands: number }[]>`
    select count(*)::int4 as commands from command`;
  return row.commands;
}

/** A name that no other replay of the moment has. */
export function scratchName(seed: string): string {
  return `joulebook_replay_${createHash('sha256').update(seed).digest('hex').slice(0, 12)}`;
}
