import { heldBackCodes } from '../domain/series/heldBack.ts';
import { wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { StoredBatch } from './logReads.ts';

/** SQL of the log as a whole: checking it from end to end, and dropping its oldest days. */

export type LogShard = { readonly shard: number; readonly head: bigint };

export async function readLogShards(statement: Statement): Promise<readonly LogShard[]> {
  return statement<LogShard[]>`select shard, position as head from log_head order by shard`;
}

/** A run of positions of a shard that retention took, all of them of one day of receipt. */
export type DroppedRun = {
  readonly day: string;
  readonly shard: number;
  readonly positionMin: bigint;
  readonly positionMax: bigint;
  readonly batchCount: bigint;
};

export async function readDroppedRuns(statement: Statement): Promise<readonly DroppedRun[]> {
  return statement<DroppedRun[]>`
    select day::text as day, shard, position_min as "positionMin", position_max as "positionMax",
           batch_count as "batchCount"
    from log_dropped order by shard, day, position_min`;
}

/** A batch beside all that other tables say of it. */
export type LoggedBatch = StoredBatch & {
  readonly readingCount: number;
  readonly readFrom: Date | null;
  readonly readTo: Date | null;
  /** Null where the guard does not know it. */
  readonly guardHash: Uint8Array | null;
  readonly guardShard: number | null;
  readonly guardPosition: bigint | null;
  /** Of the batch before in its chain; null where that is not in the log. */
  readonly previousHash: Uint8Array | null;
  readonly isOffice: boolean;
  readonly hasOfficeRow: boolean;
};

/** The next batches of a shard, up to a position. */
export async function readLogged(
  statement: Statement,
  {
    shard,
    after,
    through,
    batchesMax,
  }: {
    shard: number;
    after: bigint;
    through: bigint;
    batchesMax: number;
  },
): Promise<readonly LoggedBatch[]> {
  const rows = await statement<
    (Omit<LoggedBatch, 'receivedAtMs'> & { readonly receivedAt: Date })[]
  >`
    select l.shard, l.position, l.received_at as "receivedAt", l.company_id as "companyId",
           l.edge_id as "edgeId", l.stream, l.epoch, l.sequence, l.carried,
           l.reading_count as "readingCount", l.read_from as "readFrom", l.read_to as "readTo",
           g.hash as "guardHash", g.shard as "guardShard", g.position as "guardPosition",
           p.hash as "previousHash", coalesce(e.kind = 'office', false) as "isOffice",
           o.sequence is not null as "hasOfficeRow"
    from batch_log l
    left join batch_guard g using (edge_id, stream, epoch, sequence)
    left join batch_guard p
      on p.edge_id = l.edge_id and p.stream = l.stream and p.epoch = l.epoch
      and p.sequence = l.sequence - 1
    left join edge e on e.id = l.edge_id
    left join office_batch o
      on o.edge_id = l.edge_id and l.stream = 1 and o.epoch = l.epoch and o.sequence = l.sequence
    where l.shard = ${shard} and l.position > ${after.toString()}::int8
      and l.position <= ${through.toString()}::int8
    order by l.position limit ${batchesMax}`;
  return rows.map(({ receivedAt, ...row }) => ({ ...row, receivedAtMs: receivedAt.getTime() }));
}

export type LostBatch = Pick<
  StoredBatch,
  'shard' | 'position' | 'edgeId' | 'stream' | 'epoch' | 'sequence'
>;

/** Batches that the guard knows and that are neither in the log nor taken by retention. */
export async function findLostBatches(
  statement: Statement,
  { shard, through, limit }: { shard: number; through: bigint; limit: number },
): Promise<{ readonly count: number; readonly first: readonly LostBatch[] }> {
  const lost = statement`
    from batch_guard g
    where g.shard = ${shard} and g.position <= ${through.toString()}::int8
      and not exists (select from batch_log l
                      where l.shard = g.shard and l.position = g.position)
      and not exists (select from log_dropped d
                      where d.shard = g.shard
                        and g.position between d.position_min and d.position_max)`;
  const [{ count }] = await statement<[{ count: number }]>`select count(*)::int4 as count ${lost}`;
  if (count === 0) return { count, first: [] };
  const first = await statement<LostBatch[]>`
    select g.shard, g.position, g.edge_id as "edgeId", g.stream, g.epoch, g.sequence ${lost}
    order by g.position limit ${limit}`;
  return { count, first };
}

/** Days of receipt that have a partition of their own, the oldest first. */
export async function readLogDays(statement: Statement): Promise<readonly string[]> {
  const rows = await statement<{ day: string }[]>`
    select to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD') as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.batch_log'::regclass and c.relname ~ '^batch_log_[0-9]{8}$'
    order by 1`;
  return rows.map(({ day }) => day);
}

/** Why a day was not dropped, or that it was. */
export type DropAnswer =
  | 'dropped'
  | 'absent'
  | 'too_young'
  | 'not_oldest'
  | 'unrated'
  | 'held_back';

const dropAnswers: ReadonlySet<string> = new Set<DropAnswer>([
  'dropped',
  'absent',
  'too_young',
  'not_oldest',
  'unrated',
  'held_back',
]);

function isDropAnswer(text: string): text is DropAnswer {
  return dropAnswers.has(text);
}

export async function dropLogDay(
  statement: Statement,
  { day, actor, nowMs }: { day: string; actor: string; nowMs: number },
): Promise<DropAnswer> {
  const [{ answer }] = await statement<[{ answer: string }]>`
    select drop_log_partition(${day}::date, ${wordsOf(heldBackCodes)}::text[], ${actor},
                              ${new Date(nowMs)}) as answer`;
  if (!isDropAnswer(answer)) throw new Error(`LOG_DROP_UNKNOWN: the database said ${answer}`);
  return answer;
}
