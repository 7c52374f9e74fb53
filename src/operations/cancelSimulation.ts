import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import { cancelOpenSimulation } from '../db/simulations.ts';
import { findSimulations } from '../db/simulationReads.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import { appendProgress } from './lab/simulationEvent.ts';
import type { RequestDeps } from './onceByKey.ts';

export type CancelSimulationCode = 'NOT_PERMITTED' | 'SIMULATION_NOT_FOUND' | 'SIMULATION_ENDED';

async function cancel(
  tx: Transaction,
  viewer: Viewer,
  { simulationId, nowMs }: { readonly simulationId: string; readonly nowMs: number },
): Promise<Outcome<{ readonly isReplay: boolean }, CancelSimulationCode>> {
  const { companyId, actor } = viewer;
  const ended = await cancelOpenSimulation(tx, { id: simulationId, atMs: nowMs });
  if (ended === null) {
    const message = 'There is no such simulation. Check its id.';
    return refuse('SIMULATION_NOT_FOUND', message, ['simulationId']);
  }
  if (ended.state === 'done') {
    return refuse('SIMULATION_ENDED', 'The simulation is done; its result stands.');
  }
  if (!ended.wasOpen) return accept({ isReplay: true });
  await insertAudit(tx, {
    id: derivedId('audit', 'simulation', simulationId, 'cancelled'),
    companyId,
    atMs: nowMs,
    actor,
    action: 'tariff.simulate.cancel',
    subject: `simulation/${simulationId}`,
    before: null,
    after: null,
  });
  const [simulation] = await findSimulations(tx, [simulationId]);
  assert(simulation !== undefined, 'what was cancelled a moment ago is there');
  await appendProgress(tx, { companyId, simulationId, atMs: nowMs }, simulation);
  return accept({ isReplay: false });
}

/** Ends a simulation early; what is rated of it already stays to be looked at. */
export async function cancelSimulation(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  { simulationId }: { readonly simulationId: string },
): Promise<Outcome<{ readonly isReplay: boolean }, CancelSimulationCode>> {
  if (!isAllowed(viewer.role, 'Mutation.cancelSimulation')) {
    return refuse('NOT_PERMITTED', 'Your role may not end a simulation. Ask an administrator.');
  }
  const nowMs = clock.nowMs();
  const outcome = await asViewer(sql, viewer, (tx) => cancel(tx, viewer, { simulationId, nowMs }));
  if (outcome.ok && !outcome.value.isReplay) {
    wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
  }
  return outcome;
}
