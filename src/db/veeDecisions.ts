import { bytesArrayOf, instantsOf, integersOf, wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what validation and estimation decided, and of people's words on it. */

export type DecisionOutcome = 'alert' | 'hold' | 'reject' | 'estimate';

export type DecisionRow = {
  readonly companyId: number;
  readonly meterId: number;
  readonly channel: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly rule: string;
  readonly outcome: DecisionOutcome;
  readonly message: string;
  readonly detail: Readonly<Record<string, string>>;
  readonly digest: Uint8Array;
};

/** A decision that begins to hold a bill, or that does no longer. */
export type HoldNews = {
  readonly decisionId: bigint;
  readonly companyId: number;
  readonly state: 'held' | 'withdrawn' | 'released';
};

type HoldRow = {
  readonly id: bigint;
  readonly company_id: number;
  readonly outcome: DecisionOutcome;
  readonly is_released: boolean;
};

/** What was released before holds nothing: its coming and going is nobody's news. */
function newsOf(rows: readonly HoldRow[], state: HoldNews['state']): HoldNews[] {
  return rows
    .filter(({ outcome, is_released: isReleased }) => outcome === 'hold' && !isReleased)
    .map(({ id, company_id: companyId }) => ({ decisionId: id, companyId, state }));
}

function holdColumns(tx: Statement) {
  return tx`
    d.id, d.company_id, d.outcome, exists (
      select from vee_resolution r
      where r.decision_id = d.id and r.kind = 'released') as is_released`;
}

/** What was judged anew: its decisions that were not made again hold no longer. */
export type DecidedScope = {
  readonly meterId: number;
  /** Null: all of the meter's. */
  readonly channel: number | null;
  /** Windows that end in (afterMs, throughMs]. */
  readonly afterMs: number;
  readonly throughMs: number;
};

/** A decision that held already stays as it is; one that was withdrawn and is back holds again. */
export async function writeDecisions(
  tx: Statement,
  rows: readonly DecisionRow[],
  nowMs: number,
): Promise<readonly HoldNews[]> {
  if (rows.length === 0) return [];
  const texts = JSON.stringify(rows.map(({ message, detail }) => ({ m: message, d: detail })));
  const written = await tx<HoldRow[]>`
    insert into vee_decision as d (company_id, meter_id, channel, from_at, to_at, rule, outcome,
                              message, detail, digest, decided_at)
    select u.company_id, u.meter_id, u.channel, u.from_at, u.to_at, u.rule, u.outcome,
           t.value->>'m', t.value->'d', u.digest, ${new Date(nowMs)}
    from unnest(
      ${integersOf(rows.map((row) => row.companyId))}::int4[],
      ${integersOf(rows.map((row) => row.meterId))}::int4[],
      ${integersOf(rows.map((row) => row.channel))}::int2[],
      ${instantsOf(rows.map((row) => row.fromMs))}::timestamptz[],
      ${instantsOf(rows.map((row) => row.toMs))}::timestamptz[],
      ${wordsOf(rows.map((row) => row.rule))}::text[],
      ${wordsOf(rows.map((row) => row.outcome))}::text[],
      ${bytesArrayOf(rows.map((row) => row.digest))}::bytea[])
      with ordinality as u(company_id, meter_id, channel, from_at, to_at, rule, outcome, digest,
                           place)
    join jsonb_array_elements(${texts}::text::jsonb) with ordinality as t(value, place)
      using (place)
    order by u.place
    on conflict (meter_id, channel, digest) do update set withdrawn_at = null
    where d.withdrawn_at is not null
    returning ${holdColumns(tx)}`;
  return newsOf(written, 'held');
}

/** Withdraws what stands in the scopes and is not among the decisions that were made anew. */
export async function withdrawDecisions(
  tx: Statement,
  of: 'gaps' | 'windows',
  given: {
    readonly scopes: readonly DecidedScope[];
    readonly kept: readonly Pick<DecisionRow, 'meterId' | 'channel' | 'digest'>[];
    readonly nowMs: number;
  },
): Promise<readonly HoldNews[]> {
  const { scopes, kept, nowMs } = given;
  if (scopes.length === 0) return [];
  const withdrawn = await tx<HoldRow[]>`
    update vee_decision d set withdrawn_at = ${new Date(nowMs)}
    from unnest(${integersOf(scopes.map((scope) => scope.meterId))}::int4[],
                ${integersOf(scopes.map((scope) => scope.channel))}::int2[],
                ${instantsOf(scopes.map((scope) => scope.afterMs))}::timestamptz[],
                ${instantsOf(scopes.map((scope) => scope.throughMs))}::timestamptz[])
      as s(meter_id, channel, after_at, through_at)
    where d.meter_id = s.meter_id and d.channel = coalesce(s.channel, d.channel)
      and d.withdrawn_at is null
      and d.detail->>'window' = any(${wordsOf(of === 'gaps' ? ['gap'] : ['day', 'bill'])}::text[])
      and (d.detail->>'windowTo')::timestamptz > s.after_at
      and (d.detail->>'windowTo')::timestamptz <= s.through_at
      and not exists (
        select from unnest(${integersOf(kept.map((row) => row.meterId))}::int4[],
                           ${integersOf(kept.map((row) => row.channel))}::int2[],
                           ${bytesArrayOf(kept.map((row) => row.digest))}::bytea[])
          as k(meter_id, channel, digest)
        where k.meter_id = d.meter_id and k.channel = d.channel and k.digest = d.digest)
    returning ${holdColumns(tx)}`;
  return newsOf(withdrawn, 'withdrawn');
}
