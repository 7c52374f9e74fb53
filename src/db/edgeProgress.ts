import { missingLookMax, missingRunsMax } from '../domain/limits.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of how far each edge has come, a row a stream and epoch. */

/** One numbering of batches: sequences are contiguous from 1 in it. */
export type BatchChain = {
  readonly edgeId: number;
  readonly stream: 1 | 2;
  readonly epoch: number;
};

export type EdgeProgress = {
  /** All sequences up to here are committed. */
  readonly contiguous: bigint;
  readonly highest: bigint;
  /** Runs that are missing between the two, the first of them. */
  readonly missing: readonly { readonly from: bigint; readonly to: bigint }[];
};

export const noProgress: EdgeProgress = { contiguous: 0n, highest: 0n, missing: [] };

export function chainKey({ edgeId, stream, epoch }: BatchChain): string {
  return `${edgeId}/${stream}/${epoch}`;
}

type Appended = BatchChain & {
  readonly companyId: number;
  readonly sequence: bigint;
  readonly readingCount: number;
};

/**
 * After their guards are written, under the lock of their shard's head. The end of the run after
 * the contiguous part is looked for in the guard, so what came early counts as soon as it can.
 */
export async function moveProgress(
  tx: Statement,
  batches: readonly Appended[],
  receivedAtMs: number,
): Promise<void> {
  await tx`
    insert into edge_progress as p (edge_id, stream, epoch, company_id, contiguous, highest,
                                    batch_count, reading_count, last_received_at)
    select b.edge_id, b.stream, b.epoch, b.company_id,
           coalesce(case when exists (
                      select from batch_guard g
                      where (g.edge_id, g.stream, g.epoch) = (b.edge_id, b.stream, b.epoch)
                        and g.sequence = b.contiguous + 1)
                    then (select g.sequence from batch_guard g
                          where (g.edge_id, g.stream, g.epoch) = (b.edge_id, b.stream, b.epoch)
                            and g.sequence > b.contiguous
                            and not exists (
                              select from batch_guard n
                              where (n.edge_id, n.stream, n.epoch)
                                  = (g.edge_id, g.stream, g.epoch)
                                and n.sequence = g.sequence + 1)
                          order by g.sequence limit 1)
                    end, b.contiguous),
           b.highest, b.batches, b.readings, ${new Date(receivedAtMs)}
    from (
      select u.edge_id, u.stream, u.epoch, u.company_id, coalesce(max(e.contiguous), 0) contiguous,
             max(u.sequence) highest, count(*) batches, sum(u.readings) readings
      from unnest(
        ${integersOf(batches.map((batch) => batch.edgeId))}::int4[],
        ${integersOf(batches.map((batch) => batch.stream))}::int2[],
        ${integersOf(batches.map((batch) => batch.epoch))}::int4[],
        ${integersOf(batches.map((batch) => batch.companyId))}::int4[],
        ${integersOf(batches.map((batch) => batch.sequence))}::int8[],
        ${integersOf(batches.map((batch) => batch.readingCount))}::int4[]
      ) as u(edge_id, stream, epoch, company_id, sequence, readings)
      left join edge_progress e using (edge_id, stream, epoch)
      group by 1, 2, 3, 4
    ) b
    on conflict (edge_id, stream, epoch) do update set
      contiguous = excluded.contiguous,
      highest = greatest(p.highest, excluded.highest),
      batch_count = p.batch_count + excluded.batch_count,
      reading_count = p.reading_count + excluded.reading_count,
      last_received_at = greatest(p.last_received_at, excluded.last_received_at)`;
}

/**
 * How far these chains have come, keyed by `chainKey`; one that never sent is absent. Only so many
 * batches beyond a gap are looked at: an old hole must not make each commit slower.
 */
export async function readProgress(
  tx: Statement,
  chains: readonly BatchChain[],
): Promise<Map<string, EdgeProgress>> {
  const distinct = [...new Map(chains.map((chain) => [chainKey(chain), chain])).values()];
  const rows = await tx<
    {
      edge_id: number;
      stream: 1 | 2;
      epoch: number;
      contiguous: bigint;
      highest: bigint;
      froms: readonly string[] | null;
      tos: readonly string[] | null;
    }[]
  >`
    select p.edge_id, p.stream, p.epoch, p.contiguous, p.highest, m.froms, m.tos
    from unnest(
      ${integersOf(distinct.map((chain) => chain.edgeId))}::int4[],
      ${integersOf(distinct.map((chain) => chain.stream))}::int2[],
      ${integersOf(distinct.map((chain) => chain.epoch))}::int4[]
    ) as c(edge_id, stream, epoch)
    join edge_progress p using (edge_id, stream, epoch)
    left join lateral (
      select array_agg(gap.first::text order by gap.first) froms,
             array_agg(gap.last::text order by gap.first) tos
      from (
        select run.before + 1 as first, run.sequence - 1 as last
        from (
          select near.sequence,
                 coalesce(lag(near.sequence) over (order by near.sequence), p.contiguous) as before
          from (
            select g.sequence from batch_guard g
            where (g.edge_id, g.stream, g.epoch) = (p.edge_id, p.stream, p.epoch)
              and g.sequence > p.contiguous
            order by g.sequence limit ${missingLookMax}
          ) near
        ) run
        where run.sequence > run.before + 1
        order by first limit ${missingRunsMax}
      ) gap
    ) m on p.highest > p.contiguous`;
  return new Map(
    rows.map((row) => {
      const { froms, tos } = row;
      const missing = (froms ?? []).map((from, index) => ({
        from: BigInt(from),
        to: BigInt(tos?.[index] ?? from),
      }));
      const { contiguous, highest } = row;
      return [
        chainKey({ edgeId: row.edge_id, stream: row.stream, epoch: row.epoch }),
        { contiguous, highest, missing },
      ];
    }),
  );
}
