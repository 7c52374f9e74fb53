import type { Sql, Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import { readLabAgreements, readPackedMeters } from '../db/labReads.ts';
import { readVersions } from '../db/ratingInputs.ts';
import { keepResults, nextOfSimulation } from '../db/simulations.ts';
import type { SimulationProgress, SimulationWork } from '../db/simulations.ts';
import { assert } from '../domain/assert.ts';
import type { Bell } from '../domain/bell.ts';
import { labWindow } from '../domain/lab/labJob.ts';
import type { LabJob, LabJobResult, LabSubject } from '../domain/lab/labJob.ts';
import { simulationChunkMonthsMax } from '../domain/labLimits.ts';
import { dayOf } from '../domain/series/day.ts';
import type { PublishedVersion } from '../domain/tariff/versions.ts';
import { dayMs } from '../domain/time/civil.ts';
import { firstMonthNumber, parseMonth, startOfMonthMs } from '../domain/time/month.ts';
import type { MonthNumber } from '../domain/time/month.ts';
import { readSeriesPrices } from './rating/readSeriesPrices.ts';
import { appendProgress } from './lab/simulationEvent.ts';

export type RunDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  /** Pure work, wherever it runs. Takes the job over. */
  rate(job: LabJob): Promise<LabJobResult>;
  wake(bell: Bell): void;
  onProgress?(progress: SimulationProgress): void;
};

function monthOf(text: string): MonthNumber {
  const month = parseMonth(text);
  assert(month.ok, 'a stored month was checked');
  return month.value;
}

async function versionsByTariff(
  tx: Transaction,
  tariffIds: readonly number[],
): Promise<ReadonlyMap<number, readonly PublishedVersion[]>> {
  const versions = new Map<number, PublishedVersion[]>(tariffIds.map((id) => [id, []]));
  for (const row of await readVersions(tx, tariffIds)) versions.get(row.tariffId)?.push(row);
  return versions;
}

/** Everything that a chunk's rating needs, as of one moment. */
async function gather(tx: Transaction, work: SimulationWork, nowMs: number): Promise<LabJob> {
  const { companyId, agreementIds } = work;
  const agreements = await readLabAgreements(tx, { companyId, agreementIds });
  assert(agreements.length === agreementIds.length, 'agreements are never deleted');
  const tariffs = await versionsByTariff(tx, [...new Set(agreements.map((each) => each.tariffId))]);
  const fromMonth = monthOf(work.fromMonth);
  const throughMonth = monthOf(work.throughMonth);
  const draft = work.document;
  const { firstMonth, documents } = labWindow({ draft, tariffs, fromMonth });
  // A zone may be a day away from UTC.
  const fromMs = startOfMonthMs('UTC', Math.max(firstMonth, firstMonthNumber)) - dayMs;
  const toMs = startOfMonthMs('UTC', throughMonth + 1) + dayMs;
  const meters = await readPackedMeters(tx, {
    companyId,
    servicePointIds: agreements.map((each) => each.servicePointId),
    fromDay: dayOf(fromMs),
    throughDay: dayOf(toMs),
  });
  const prices = await readSeriesPrices(tx, { companyId, documents, fromMs, toMs });
  const subjects = agreements.map((each): LabSubject => ({
    ...each,
    isPrepaid: each.mode === 'prepaid',
    meters: meters.get(each.servicePointId) ?? [],
  }));
  return { draft, tariffs, prices, fromMonth, throughMonth, nowMs, subjects };
}

/** Short enough that progress is seen, however many months there are. */
function chunkSizeOf(fromMonth: string, throughMonth: string): number {
  const months = monthOf(throughMonth) - monthOf(fromMonth) + 1;
  return Math.max(1, Math.floor(simulationChunkMonthsMax / months));
}

/** One chunk: read, rate without holding anything, keep. Null when there is nothing more to do. */
async function simulateChunk(
  deps: RunDeps,
  simulationId: string,
): Promise<SimulationProgress | null> {
  const { sql, clock } = deps;
  const gathered = await sql.begin(async (tx) => {
    await tx`set transaction isolation level repeatable read, read only`;
    const first = await nextOfSimulation(tx, { id: simulationId, limit: 1 });
    if (first === null) return null;
    const limit = chunkSizeOf(first.fromMonth, first.throughMonth);
    const work = await nextOfSimulation(tx, { id: simulationId, limit });
    if (work === null) return null;
    return { work, job: await gather(tx, work, clock.nowMs()) };
  });
  if (gathered === null) return null;
  const { work, job } = gathered;
  const rated = await deps.rate(job);
  const results = work.agreementIds.map((agreementId, index) => {
    const each = rated[index];
    assert(each !== undefined, 'every agreement of a chunk has a result');
    return { agreementId, rated: each };
  });
  const atMs = clock.nowMs();
  const { companyId } = work;
  const progress = await sql.begin(async (tx) => {
    const kept = await keepResults(tx, { id: simulationId, atMs }, results);
    if (kept !== null) await appendProgress(tx, { companyId, simulationId, atMs }, kept);
    return kept;
  });
  if (progress === null) return null;
  deps.wake({ kind: 'events', shard: eventShardOf(companyId) });
  deps.onProgress?.(progress);
  return progress.state === 'done' ? null : progress;
}

/**
 * Works a simulation off until it is done or cancelled. What is waiting stands in Postgres: after a
 * crash the next run goes on where this one ended, and two at once rate twice and count once.
 */
export async function runSimulation(deps: RunDeps, simulationId: string): Promise<void> {
  for (;;) {
    const progress = await simulateChunk(deps, simulationId);
    if (progress === null) return;
  }
}
