import type { Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, plainEvent } from '../../db/events.ts';
import type { SimulationProgress } from '../../db/simulations.ts';

/** What a simulation's followers are told, last in the transaction that moved it. */
export async function appendProgress(
  tx: Transaction,
  simulation: {
    readonly companyId: number;
    readonly simulationId: string;
    readonly atMs: number;
  },
  { state, doneCount, agreementCount }: SimulationProgress,
): Promise<void> {
  const { companyId, simulationId, atMs } = simulation;
  const subjects = [companySubject];
  const detail = { simulationId, state, doneCount, agreementCount };
  await appendEvent(tx, plainEvent({ companyId, kind: 'simulation', atMs, subjects, detail }));
}
