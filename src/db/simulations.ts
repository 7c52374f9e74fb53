import type { LabRating } from '../domain/lab/labJob.ts';
import type { Outcome } from '../domain/outcome.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { simulationStates } from './tables/lab.ts';

/** SQL of simulations: asked for under the viewer's rights, worked off under the writer's. */

export type SimulationState = (typeof simulationStates)[number];

export type NewSimulation = {
  readonly id: string;
  readonly companyId: number;
  readonly requestedBy: string;
  readonly requestedAtMs: number;
  readonly document: unknown;
  readonly tariffVersionId: number | null;
  readonly currency: string;
  readonly fromMonth: string;
  readonly throughMonth: string;
};

/** Which agreements: those of the list, or all of a tariff, of a customer class, or of both. */
export type SimulationScope =
  | { readonly agreementIds: readonly number[] }
  | { readonly tariffId: number | null; readonly customerClass: string | null };

/** The agreements meant, as far as the viewer may see them; one more than the limit is the end. */
export async function chooseAgreements(
  tx: Statement,
  wanted: {
    readonly companyId: number;
    readonly scope: SimulationScope;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  },
): Promise<readonly number[]> {
  const { scope } = wanted;
  const chosen =
    'agreementIds' in scope
      ? tx`g.id = any(${integersOf(scope.agreementIds)}::int4[])`
      : tx`(${scope.tariffId}::int4 is null or g.tariff_id = ${scope.tariffId}::int4)
           and (${scope.customerClass}::text is null
                or g.attributes->>'customerClass' = ${scope.customerClass}::text)
           and g.valid_from < ${new Date(wanted.toMs)}
           and (g.valid_to is null or g.valid_to > ${new Date(wanted.fromMs)})`;
  const rows = await tx<{ id: number }[]>`
    select g.id from agreement g
    where g.company_id = ${wanted.companyId} and ${chosen}
    order by g.id limit ${wanted.limit + 1}`;
  return rows.map(({ id }) => id);
}

export async function insertSimulation(
  tx: Statement,
  simulation: NewSimulation,
  agreementIds: readonly number[],
): Promise<void> {
  await tx`
    insert into simulation (id, company_id, requested_by, requested_at, document,
                            tariff_version_id, currency, from_month, through_month, state,
                            agreement_count, done_count)
    values (${simulation.id}::uuid, ${simulation.companyId}, ${simulation.requestedBy},
            ${new Date(simulation.requestedAtMs)},
            ${JSON.stringify(simulation.document)}::text::jsonb, ${simulation.tariffVersionId},
            ${simulation.currency}, ${simulation.fromMonth}, ${simulation.throughMonth}, 'waiting',
            ${agreementIds.length}, 0)`;
  await tx`
    insert into simulation_agreement (simulation_id, agreement_id, company_id, state)
    select ${simulation.id}::uuid, id, ${simulation.companyId}::int4, 'waiting'
    from unnest(${integersOf(agreementIds)}::int4[]) as id`;
}

/** Of one company, waiting or running. */
export async function countOpenSimulations(tx: Statement, companyId: number): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int4 as count from simulation
    where company_id = ${companyId} and state in ('waiting', 'running')`;
  return row?.count ?? 0;
}

/** The state afterwards, and whether this call ended it; null where the viewer has none. */
export async function cancelOpenSimulation(
  tx: Statement,
  { id, atMs }: { readonly id: string; readonly atMs: number },
): Promise<{ readonly state: SimulationState; readonly wasOpen: boolean } | null> {
  const ended = await tx`
    update simulation set state = 'cancelled', finished_at = ${new Date(atMs)}
    where id = ${id}::uuid and state in ('waiting', 'running')`;
  const [row] = await tx<{ state: SimulationState }[]>`
    select state from simulation where id = ${id}::uuid`;
  return row === undefined ? null : { state: row.state, wasOpen: ended.count === 1 };
}

/** Oldest first: what a worker has to do. Writer's role, as all that follows. */
export async function openSimulations(tx: Statement): Promise<readonly string[]> {
  const rows = await tx<{ id: string }[]>`
    select id from simulation where state in ('waiting', 'running') order by requested_at, id`;
  return rows.map(({ id }) => id);
}

export type SimulationWork = {
  readonly id: string;
  readonly companyId: number;
  readonly document: unknown;
  readonly fromMonth: string;
  readonly throughMonth: string;
  readonly agreementIds: readonly number[];
};

/** What is to be done next; null when the simulation has ended or is not there. */
export async function nextOfSimulation(
  tx: Statement,
  { id, limit }: { readonly id: string; readonly limit: number },
): Promise<SimulationWork | null> {
  const [row] = await tx<Omit<SimulationWork, 'agreementIds'>[]>`
    select id, company_id as "companyId", document, from_month as "fromMonth",
           through_month as "throughMonth"
    from simulation where id = ${id}::uuid and state in ('waiting', 'running')`;
  if (row === undefined) return null;
  const waiting = await tx<{ agreement_id: number }[]>`
    select agreement_id from simulation_agreement
    where simulation_id = ${id}::uuid and state = 'waiting' order by agreement_id limit ${limit}`;
  return { ...row, agreementIds: waiting.map((each) => each.agreement_id) };
}

export type SimulatedAgreement = {
  readonly agreementId: number;
  readonly rated: Outcome<LabRating, string>;
};

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** Writes one agreement's result if it is still waited for; whether it was. */
async function writeResult(
  tx: Statement,
  simulationId: string,
  { agreementId, rated }: SimulatedAgreement,
): Promise<boolean> {
  const of = tx`
    where simulation_id = ${simulationId}::uuid and agreement_id = ${agreementId}
      and state = 'waiting'`;
  if (!rated.ok) {
    const refused = await tx`
      update simulation_agreement
      set state = 'refused', code = ${rated.code}, message = ${rated.message} ${of}`;
    return refused.count === 1;
  }
  const { customerClass, energyWh, months, warnings } = rated.value;
  const before = months.map(({ beforeMicros }) => beforeMicros);
  const after = months.map(({ afterMicros }) => afterMicros);
  const written = await tx`
    update simulation_agreement
    set state = 'rated', customer_class = ${customerClass},
        energy_wh = ${energyWh.toString()}::int8,
        before_micros = ${sum(before).toString()}::int8,
        after_micros = ${sum(after).toString()}::int8,
        months = string_to_array(${months.map(({ month }) => month).join(',')}, ','),
        month_before_micros = ${integersOf(before)}::int8[],
        month_after_micros = ${integersOf(after)}::int8[],
        warnings = string_to_array(${warnings.join(',')}, ',') ${of}`;
  return written.count === 1;
}

export type SimulationProgress = {
  readonly state: SimulationState;
  readonly doneCount: number;
  readonly agreementCount: number;
};

/**
 * Keeps some results and moves the progress by as many as were still waited for: a chunk that two
 * workers rated counts once. Null when the simulation was ended meanwhile.
 */
export async function keepResults(
  tx: Statement,
  { id, atMs }: { readonly id: string; readonly atMs: number },
  results: readonly SimulatedAgreement[],
): Promise<SimulationProgress | null> {
  const [open] = await tx`
    select from simulation where id = ${id}::uuid and state in ('waiting', 'running') for update`;
  if (open === undefined) return null;
  let kept = 0;
  for (const result of results) if (await writeResult(tx, id, result)) kept += 1;
  const [row] = await tx<SimulationProgress[]>`
    update simulation
    set done_count = done_count + ${kept},
        state = case when done_count + ${kept} = agreement_count then 'done' else 'running' end,
        finished_at = case when done_count + ${kept} = agreement_count
                           then ${new Date(atMs)}::timestamptz end
    where id = ${id}::uuid
    returning state, done_count as "doneCount", agreement_count as "agreementCount"`;
  return row ?? null;
}
