import { openLabThreads, startLab } from '../workers/lab.ts';
import { openRatingPool } from '../workers/ratingPool.ts';
import { startRater } from '../workers/rater.ts';
import { startSweeps, sweep } from '../workers/sweeps.ts';
import type { Parts } from './parts.ts';

/** Role `worker`: rates what was committed, and sweeps for what bells have missed. */
export async function startWorker(parts: Parts): Promise<void> {
  const { writer, bells, clock, log, closing, queues } = parts;
  const pool = openRatingPool();
  closing.add('rating threads', () => pool.close());
  const rater = startRater({
    sql: writer.sql,
    clock,
    rate: (job) => pool.rate(job),
    wake: (bell) => bells.wake(bell),
    report: ({ shard, error }) => log.error({ shard, err: error }, 'RATING_RETRIED'),
  });
  bells.onWork('rating', () => rater.ring());
  closing.add('rater', () => rater.stop());
  const threads = openLabThreads();
  closing.add('lab threads', () => threads.close());
  const lab = await startLab({
    sql: writer.sql,
    clock,
    threads,
    queue: await queues.open('simulateTariff', 'all'),
    wake: (bell) => bells.wake(bell),
    onProblem: (error) => log.error({ err: error }, 'SIMULATION_RETRIED'),
  });
  bells.onWork('simulations', () => lab.ring());
  closing.add('lab', async () => lab.stop());
  const sweepDeps = {
    sql: writer.sql,
    clock,
    wake: (bell: Parameters<typeof bells.wake>[0]) => bells.wake(bell),
  };
  await sweep(sweepDeps, { what: 'logPartitions' });
  await startSweeps(sweepDeps, await queues.open('sweep', 'all'));
}
