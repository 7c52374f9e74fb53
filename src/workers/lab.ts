import { Piscina } from 'piscina';
import type { Sql } from '../db/connect.ts';
import { openSimulations } from '../db/simulations.ts';
import type { Bell } from '../domain/bell.ts';
import { simulationSweepMs, simulationsOpenMax } from '../domain/labLimits.ts';
import type { LabJob, LabJobResult } from '../domain/lab/labJob.ts';
import { runSimulation } from '../operations/runSimulation.ts';
import type { JobQueue } from './queues.ts';

export type LabThreads = {
  rate(job: LabJob): Promise<LabJobResult>;
  close(): Promise<void>;
};

/** Where the bytes of a job are: they go to the thread without being copied. Each once, because
 * two agreements of one service point share their meters. */
function transferablesOf(job: LabJob): ArrayBuffer[] {
  const buffers = new Set<ArrayBufferLike>();
  for (const { meters } of job.subjects) {
    for (const { bytes, offsets, carryIn } of meters.flatMap(({ channels }) => channels)) {
      buffers.add(bytes.buffer).add(offsets.buffer);
      if (carryIn !== null) buffers.add(carryIn.buffer);
    }
  }
  return [...buffers].filter((buffer) => buffer instanceof ArrayBuffer);
}

/**
 * Threads of the lab's own, so that a simulation never queues in front of a reading. One at a time:
 * it is work for the time between.
 */
export function openLabThreads(): LabThreads {
  const pool = new Piscina<LabJob, LabJobResult>({
    filename: new URL('./labThread.ts', import.meta.url).href,
    name: 'simulate',
    minThreads: 0,
    maxThreads: 1,
    maxQueue: simulationsOpenMax,
    idleTimeout: 10_000,
  });
  return {
    rate: (job) => pool.run(job, { transferList: transferablesOf(job) }),
    close: () => pool.close({ force: true }),
  };
}

export type LabOptions = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  readonly threads: Pick<LabThreads, 'rate'>;
  readonly queue: JobQueue<'simulateTariff'>;
  wake(bell: Bell): void;
  onProblem(error: unknown): void;
};

export type Lab = {
  /** A simulation was asked for: look now and not at the next sweep. */
  ring(): void;
  stop(): void;
};

/**
 * Works simulations off, one at a time. The queue only spreads them over processes: what is open
 * stands in Postgres and is found again by the sweep.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { sql, queue, onProblem } = options;
  let isStopping = false;
  await queue.work(
    ({ simulationId }) =>
      runSimulation({ ...options, rate: (job) => options.threads.rate(job) }, simulationId),
    { concurrency: 1 },
  );
  const look = async (): Promise<void> => {
    for (const simulationId of await openSimulations(sql)) {
      if (!isStopping) await queue.add({ simulationId }, { id: simulationId });
    }
  };
  const ring = (): void => {
    look().catch(onProblem);
  };
  const sweep = setInterval(ring, simulationSweepMs);
  ring();
  return {
    ring,
    stop() {
      isStopping = true;
      clearInterval(sweep);
    },
  };
}
