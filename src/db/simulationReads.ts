import type { Statement } from './connect.ts';
import { idBounds, timeBounds } from './page.ts';
import type { IdPage, TimePage } from './page.ts';
import type { SimulationState } from './simulations.ts';

/** Simulations as a viewer sees them: statements for `asViewer`. */

export type SimulationView = {
  readonly id: string;
  readonly requestedAt: Date;
  readonly document: unknown;
  readonly tariffVersionId: number | null;
  readonly currency: string;
  readonly fromMonth: string;
  readonly throughMonth: string;
  readonly state: SimulationState;
  readonly agreementCount: number;
  readonly doneCount: number;
  readonly finishedAt: Date | null;
};

function columnsOf(tx: Statement) {
  return tx`
    id, requested_at as "requestedAt", document, tariff_version_id as "tariffVersionId", currency,
    from_month as "fromMonth", through_month as "throughMonth", state,
    agreement_count as "agreementCount", done_count as "doneCount", finished_at as "finishedAt"`;
}

export async function findSimulations(
  tx: Statement,
  ids: readonly string[],
): Promise<readonly SimulationView[]> {
  return tx<SimulationView[]>`
    select ${columnsOf(tx)} from simulation
    where id = any(string_to_array(${ids.join(',')}, ',')::uuid[])`;
}

/** Newest first. */
export async function pageSimulations(tx: Statement, page: TimePage): Promise<SimulationView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<SimulationView[]>`
    select ${columnsOf(tx)} from simulation
    where (requested_at, id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (requested_at, id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by requested_at ${page.inverted ? tx`` : tx`desc`},
             id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

/** A simulation and the event number that its state is of: one statement, one snapshot. */
export async function snapshotSimulation(
  tx: Statement,
  { shard, simulationId }: { shard: number; simulationId: string },
): Promise<{ readonly sequence: bigint; readonly simulation: SimulationView } | null> {
  const [row] = await tx<(SimulationView & { sequence: bigint })[]>`
    select e.sequence, s.* from event_head e
    cross join (select ${columnsOf(tx)} from simulation where id = ${simulationId}::uuid) s
    where e.shard = ${shard}`;
  if (row === undefined) return null;
  const { sequence, ...simulation } = row;
  return { sequence, simulation };
}

/** What a draft does to some agreements together. Sums of int8 are numeric, therefore texts. */
export type SimulationSums = {
  readonly rated: number;
  readonly energyWh: bigint;
  readonly beforeMicros: bigint;
  readonly afterMicros: bigint;
  /** Who would pay less, and who more; the rest pay the same. */
  readonly winners: number;
  readonly winnersMicros: bigint;
  readonly losers: number;
  readonly losersMicros: bigint;
};

function sumsOf(tx: Statement) {
  return tx`
    count(*)::int4 as rated, coalesce(sum(energy_wh), 0)::int8 as "energyWh",
    coalesce(sum(before_micros), 0)::int8 as "beforeMicros",
    coalesce(sum(after_micros), 0)::int8 as "afterMicros",
    (count(*) filter (where after_micros < before_micros))::int4 as winners,
    coalesce(sum(after_micros - before_micros) filter (where after_micros < before_micros), 0)::int8
      as "winnersMicros",
    (count(*) filter (where after_micros > before_micros))::int4 as losers,
    coalesce(sum(after_micros - before_micros) filter (where after_micros > before_micros), 0)::int8
      as "losersMicros"`;
}

export async function sumSimulation(tx: Statement, simulationId: string): Promise<SimulationSums> {
  const [row] = await tx<[SimulationSums]>`
    select ${sumsOf(tx)} from simulation_agreement
    where simulation_id = ${simulationId}::uuid and state = 'rated'`;
  return row;
}

export type SimulationClass = SimulationSums & { readonly customerClass: string | null };

/** By customer class; agreements that say none are a class of their own, last. */
export async function sumSimulationClasses(
  tx: Statement,
  { simulationId, limit }: { readonly simulationId: string; readonly limit: number },
): Promise<SimulationClass[]> {
  return tx<SimulationClass[]>`
    select customer_class as "customerClass", ${sumsOf(tx)} from simulation_agreement
    where simulation_id = ${simulationId}::uuid and state = 'rated'
    group by customer_class order by customer_class nulls last limit ${limit}`;
}

export type SimulatedBill = {
  readonly agreementId: number;
  /** Local, `2026-03`. */
  readonly month: string;
  readonly beforeMicros: bigint;
  readonly afterMicros: bigint;
};

/** The bills that change most, up or down. */
export async function mostChangedBills(
  tx: Statement,
  { simulationId, limit }: { readonly simulationId: string; readonly limit: number },
): Promise<SimulatedBill[]> {
  return tx<SimulatedBill[]>`
    select a.agreement_id as "agreementId", b.month, b.before as "beforeMicros",
           b.after as "afterMicros"
    from simulation_agreement a
    cross join lateral unnest(a.months, a.month_before_micros, a.month_after_micros)
      as b(month, before, after)
    where a.simulation_id = ${simulationId}::uuid and a.state = 'rated' and b.after <> b.before
    order by abs(b.after - b.before) desc, a.agreement_id, b.month limit ${limit}`;
}

export type SimulatedAgreementView = {
  /** Of the agreement. */
  readonly id: number;
  readonly customerClass: string | null;
  readonly energyWh: bigint | null;
  readonly beforeMicros: bigint | null;
  readonly afterMicros: bigint | null;
  readonly warnings: readonly string[];
  readonly code: string | null;
  readonly message: string | null;
};

/** What has been worked off, in the order of the agreements; the refused ones alone if asked. */
export async function pageSimulated(
  tx: Statement,
  { simulationId, refusedOnly }: { readonly simulationId: string; readonly refusedOnly: boolean },
  page: IdPage,
): Promise<SimulatedAgreementView[]> {
  const { after, before } = idBounds(page);
  return tx<SimulatedAgreementView[]>`
    select agreement_id as id, customer_class as "customerClass", energy_wh as "energyWh",
           before_micros as "beforeMicros", after_micros as "afterMicros",
           coalesce(warnings, '{}') as warnings, code, message
    from simulation_agreement
    where simulation_id = ${simulationId}::uuid and agreement_id > ${after}
      and agreement_id < ${before}::int8
      and ${refusedOnly ? tx`state = 'refused'` : tx`state <> 'waiting'`}
    order by agreement_id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

export type RefusedCount = { readonly code: string; readonly count: number };

export async function countRefused(
  tx: Statement,
  { simulationId, limit }: { readonly simulationId: string; readonly limit: number },
): Promise<RefusedCount[]> {
  return tx<RefusedCount[]>`
    select code, count(*)::int4 as count from simulation_agreement
    where simulation_id = ${simulationId}::uuid and state = 'refused'
    group by code order by count(*) desc, code limit ${limit}`;
}
