import { logReadBatches } from '../domain/limits.ts';
import type { Medium } from '../domain/medium.ts';
import { heldBackCodes } from '../domain/series/heldBack.ts';
import { instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Sql, Statement, Transaction } from './connect.ts';
import type { Json } from './events.ts';

/** SQL of counting everything twice: what the tables say of each other. */

/** One moment of the database for all that is counted. Writes nothing. */
export function inOneSnapshot<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const run = async (tx: Transaction): Promise<T> => {
    await tx`set transaction isolation level repeatable read, read only`;
    return work(tx);
  };
  // postgres.js types begin() as unwrapping arrays of promises, which T never is here.
  return sql.begin(run) as Promise<T>;
}

export type ChainCount = {
  readonly edgeId: number;
  readonly edgeName: string;
  readonly edgeKind: string;
  readonly stream: number;
  readonly epoch: number;
  /** As the progress row says; null where there is none. */
  readonly contiguous: bigint | null;
  readonly highest: bigint | null;
  readonly batchCount: bigint | null;
  readonly readingCount: bigint | null;
  /** As the guard says. */
  readonly committed: bigint;
  readonly sequenceMax: bigint;
  /**
   * The highest sequence that came by the asked instant, 0 where none did: every hole below it was
   * known then. And how many sequences up to it are missing still.
   */
  readonly knownMax: bigint;
  readonly knownMissing: bigint;
  /** Committed sequences up to `contiguous`, and whether the next one is committed too. */
  readonly committedToContiguous: bigint;
  readonly isNextCommitted: boolean;
  readonly rated: bigint;
  readonly dropped: bigint;
  /** As the log says. */
  readonly logged: bigint;
  readonly loggedReadings: bigint;
};

/**
 * Each chain of batches of a company: progress, guard and log side by side. A batch that is not in
 * the log came before all that is.
 */
export async function countChains(
  tx: Statement,
  { companyId, knownByMs }: { companyId: number; knownByMs: number },
): Promise<readonly ChainCount[]> {
  return tx<ChainCount[]>`
    with known as (
      select g.edge_id, g.stream, g.epoch, max(g.sequence) as sequence
      from batch_guard g
      where g.company_id = ${companyId} and not exists (
        select from batch_log l where l.shard = g.shard and l.position = g.position
        and l.received_at >= ${new Date(knownByMs)})
      group by 1, 2, 3
    ), guarded as (
      select g.edge_id, g.stream, g.epoch, count(*) as committed,
             max(g.sequence) as sequence_max, coalesce(max(k.sequence), 0) as known_max,
             count(*) filter (where g.sequence <= k.sequence) as to_known,
             count(*) filter (where g.position <= c.position) as rated,
             count(*) filter (where g.sequence <= p.contiguous) as to_contiguous,
             coalesce(bool_or(g.sequence = p.contiguous + 1), false) as is_next,
             count(*) filter (where exists (
               select from log_dropped d where d.shard = g.shard
               and g.position between d.position_min and d.position_max)) as dropped
      from batch_guard g join rating_cursor c using (shard)
      left join edge_progress p using (edge_id, stream, epoch)
      left join known k using (edge_id, stream, epoch)
      where g.company_id = ${companyId} group by 1, 2, 3
    ), logged as (
      select edge_id, stream, epoch, count(*) as logged, sum(reading_count) as readings
      from batch_log where company_id = ${companyId} group by 1, 2, 3
    ), progress as (
      select * from edge_progress where company_id = ${companyId}
    ), named as (
      select id as edge_id, name, kind from edge where company_id = ${companyId}
    )
    select edge_id as "edgeId", e.name as "edgeName", e.kind as "edgeKind", stream, epoch,
           p.contiguous, p.highest, p.batch_count as "batchCount",
           p.reading_count as "readingCount",
           coalesce(g.committed, 0)::int8 as committed,
           coalesce(g.sequence_max, 0)::int8 as "sequenceMax",
           coalesce(g.known_max, 0)::int8 as "knownMax",
           coalesce(g.known_max - g.to_known, 0)::int8 as "knownMissing",
           coalesce(g.to_contiguous, 0)::int8 as "committedToContiguous",
           coalesce(g.is_next, false) as "isNextCommitted",
           coalesce(g.rated, 0)::int8 as rated, coalesce(g.dropped, 0)::int8 as dropped,
           coalesce(l.logged, 0)::int8 as logged, coalesce(l.readings, 0)::int8 as "loggedReadings"
    from progress p full join guarded g using (edge_id, stream, epoch)
    full join logged l using (edge_id, stream, epoch)
    join named e using (edge_id)
    order by 1, 4, 5`;
}

/** Batches of each edge that wait in quarantine for somebody, with their bytes' edge known. */
export async function countQuarantined(
  tx: Statement,
  companyId: number,
): Promise<ReadonlyMap<number, number>> {
  const rows = await tx<{ edgeId: number; batches: number }[]>`
    select q.edge_id as "edgeId", count(*)::int4 as batches
    from batch_quarantine q
    where q.company_id = ${companyId} and q.edge_id is not null and not exists (
      select from quarantine_resolution r where r.hash = q.hash and r.code = q.code)
    group by 1`;
  return new Map(rows.map(({ edgeId, batches }) => [edgeId, batches]));
}

/**
 * Bytes of an edge's refused batches, the newest of them, some at a time: among them are some of
 * its missing sequences. Nothing else is asked on the transaction until it ends.
 */
export async function* streamRefusedBytes(
  tx: Transaction,
  { edgeId, limit }: { edgeId: number; limit: number },
): AsyncGenerator<Uint8Array> {
  const query = tx<{ carried: Uint8Array }[]>`
    select carried from batch_quarantine
    where edge_id = ${edgeId} and length(carried) > 0
    order by received_at desc, hash limit ${limit}`;
  for await (const rows of query.cursor(logReadBatches)) {
    yield* rows.map(({ carried }) => carried);
  }
}

/** Of these sequences of a chain those that the guard does not have. */
export async function withoutGuarded(
  tx: Statement,
  { edgeId, stream, epoch }: Pick<ChainCount, 'edgeId' | 'stream' | 'epoch'>,
  sequences: readonly bigint[],
): Promise<readonly bigint[]> {
  const rows = await tx<{ sequence: bigint }[]>`
    select u.sequence from unnest(${integersOf(sequences)}::int8[]) as u(sequence)
    where not exists (
      select from batch_guard g
      where (g.edge_id, g.stream, g.epoch, g.sequence)
          = (${edgeId}, ${stream}, ${epoch}, u.sequence))`;
  return rows.map(({ sequence }) => sequence);
}

export async function countTransfers(
  tx: Statement,
  companyId: number,
): Promise<ReadonlyMap<number, bigint>> {
  const rows = await tx<{ edgeId: number; transfers: bigint }[]>`
    select m.edge_id as "edgeId", count(*) as transfers
    from transfer t join meter m on m.id = t.meter_id
    where t.company_id = ${companyId} group by 1`;
  return new Map(rows.map(({ edgeId, transfers }) => [edgeId, transfers]));
}

export type ReconciledMeter = { readonly meterId: number; readonly medium: Medium };

/** Those of an edge one after the other: its part of the log is read for all of them. */
export async function readMetersOf(
  tx: Statement,
  { companyId, meterId }: { companyId: number; meterId: number | null },
): Promise<readonly ReconciledMeter[]> {
  return tx<ReconciledMeter[]>`
    select id as "meterId", medium from meter
    where company_id = ${companyId} and ${meterId === null ? tx`true` : tx`id = ${meterId}`}
    order by edge_id, id`;
}

export async function readCursors(tx: Statement): Promise<ReadonlyMap<number, bigint>> {
  const rows = await tx<{ shard: number; position: bigint }[]>`
    select shard, position from rating_cursor`;
  return new Map(rows.map(({ shard, position }) => [shard, position]));
}

/** The first day of receipt that retention has left; null: it took nothing. */
export async function lastDroppedDay(tx: Statement): Promise<string | null> {
  const [row] = await tx<{ day: string | null }[]>`select max(day)::text as day from log_dropped`;
  return row?.day ?? null;
}

/** Whether a row that was held back still is, or was left out for good. */
export type LeftOut = 'heldBack' | 'dismissed';

/**
 * Readings of some meters that rating holds back and that were not taken in later, of a window, by
 * `edge/stream/epoch/sequence/row`.
 */
export async function readLeftOut(
  tx: Statement,
  {
    companyId,
    meterIds,
    fromMs,
    toMs,
  }: { companyId: number; meterIds: readonly number[]; fromMs: number; toMs: number },
): Promise<ReadonlyMap<string, LeftOut>> {
  const rows = await tx<{ place: string; isDismissed: boolean }[]>`
    select concat_ws('/', x.edge_id, x.stream, x.epoch, x.sequence, x.row) as place,
           r.kind is not null as "isDismissed"
    from reading_exception x
    left join exception_resolution r
      using (edge_id, stream, epoch, sequence, is_event, channel, row)
    where x.company_id = ${companyId} and x.meter_id = any(${integersOf(meterIds)}::int4[])
      and not x.is_event
      and x.code = any(${wordsOf(heldBackCodes)}::text[])
      and x.read_at >= ${new Date(fromMs)} and x.read_at < ${new Date(toMs)}
      and r.kind is distinct from 'taken'`;
  return new Map(
    rows.map(({ place, isDismissed }) => [place, isDismissed ? 'dismissed' : 'heldBack']),
  );
}

export type PointEnergy = {
  readonly meterId: number;
  readonly periodStart: Date;
  readonly chargedWh: bigint;
  readonly unratedWh: bigint;
  readonly isHeld: boolean;
};

/** What charges and unrated energy say of the months of some meters. */
export async function readEnergies(
  tx: Statement,
  { companyId, fromMs, toMs }: { companyId: number; fromMs: number; toMs: number },
): Promise<readonly PointEnergy[]> {
  const [from, to] = [new Date(fromMs), new Date(toMs)];
  return tx<PointEnergy[]>`
    select meter_id as "meterId", period_start as "periodStart",
           coalesce(sum(charged), 0)::int8 as "chargedWh",
           coalesce(sum(unrated), 0)::int8 as "unratedWh", bool_or(is_held) as "isHeld"
    from (
      select c.meter_id, c.period_start, c.energy_wh as charged, 0 as unrated,
             h.held_at is not null as is_held
      from charge c
      left join charge_hold h using (agreement_id, meter_id, period_start, tariff_version_id)
      where c.company_id = ${companyId} and c.period_start >= ${from} and c.period_start < ${to}
      union all
      select u.meter_id, u.period_start, 0, u.energy_wh, false from unrated_energy u
      where u.company_id = ${companyId} and u.period_start >= ${from} and u.period_start < ${to}
    ) as each
    group by 1, 2`;
}

export type ImportStand = {
  readonly meterId: number;
  /** Before the open slot (domain/series/carryCodec). */
  readonly carry: Uint8Array;
  /** As billed, up to the last reading. */
  readonly lastValueWh: bigint;
};

/** Where the import of some meters stands. */
export async function readImportStands(
  tx: Statement,
  meterIds: readonly number[],
): Promise<readonly ImportStand[]> {
  return tx<ImportStand[]>`
    select meter_id as "meterId", carry, last_value_wh as "lastValueWh" from series_head
    where channel = 1 and meter_id = any(${integersOf(meterIds)}::int4[])`;
}

/** Of these meters those whose import has no agreement or no tariff at the instant beside each. */
export async function findUnpriced(
  tx: Statement,
  places: readonly { readonly meterId: number; readonly atMs: number }[],
): Promise<ReadonlySet<number>> {
  const rows = await tx<{ meterId: number }[]>`
    select p.meter_id as "meterId"
    from unnest(${integersOf(places.map((place) => place.meterId))}::int4[],
                ${instantsOf(places.map((place) => place.atMs))}::timestamptz[])
      as p(meter_id, at)
    join meter m on m.id = p.meter_id
    where not exists (
      select from agreement a join tariff_version v on v.tariff_id = a.tariff_id
      where a.service_point_id = m.service_point_id
        and a.valid_from <= p.at and (a.valid_to is null or p.at < a.valid_to)
        and v.valid_from <= p.at)`;
  return new Set(rows.map((row) => row.meterId));
}

export type ChargeDifference = {
  readonly agreementId: number;
  readonly meterId: number;
  readonly periodStart: Date;
  readonly chargedMicros: bigint;
  readonly postedMicros: bigint;
};

/** Charges beside the sums of their transfers: how many there are, and those that differ. */
export async function compareMoney(
  tx: Statement,
  { companyId, fromMs, toMs }: { companyId: number; fromMs: number; toMs: number },
): Promise<{ readonly charges: number; readonly differences: readonly ChargeDifference[] }> {
  const [from, to] = [new Date(fromMs), new Date(toMs)];
  const rows = await tx<(ChargeDifference & { readonly charges: number })[]>`
    with posted as (
      select t.agreement_id, t.meter_id, t.period_start, t.tariff_version_id,
             sum(case when l.code = 'customer' then t.amount_micros else -t.amount_micros end)
               as micros
      from transfer t join ledger_account l on l.id = t.debit_id
      where t.company_id = ${companyId} and t.agreement_id is not null
        and t.period_start >= ${from} and t.period_start < ${to}
      group by 1, 2, 3, 4
    ), charged as (
      select agreement_id, meter_id, period_start, tariff_version_id, amount_micros as micros
      from charge
      where company_id = ${companyId} and period_start >= ${from} and period_start < ${to}
    )
    select agreement_id as "agreementId", meter_id as "meterId", period_start as "periodStart",
           coalesce(c.micros, 0)::int8 as "chargedMicros",
           coalesce(p.micros, 0)::int8 as "postedMicros", n.charges
    from (select count(*)::int4 as charges from charged) n
    left join (charged c full join posted p
               using (agreement_id, meter_id, period_start, tariff_version_id))
      on coalesce(c.micros, 0) <> coalesce(p.micros, 0)`;
  const differences = rows.filter(({ agreementId }) => agreementId !== null);
  return { charges: rows[0]?.charges ?? 0, differences };
}

/** The alarm of a reconciliation, once for what it found: false when it was raised before. */
export async function raiseAlarm(
  sql: Sql,
  alarm: { id: string; companyId: number; atMs: number; after: Json },
): Promise<boolean> {
  const inserted = await sql`
    insert into audit_entry (id, company_id, at, actor, action, subject, before, after)
    values (${alarm.id}::uuid, ${alarm.companyId}, ${new Date(alarm.atMs)}, 'reconcile',
            'reconcile.alarm', ${`company/${alarm.companyId}`}, null,
            ${JSON.stringify(alarm.after)}::text::jsonb)
    on conflict (id) do nothing`;
  return inserted.count === 1;
}
