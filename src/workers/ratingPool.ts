import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { assert } from '../domain/assert.ts';
import { inlineSlotsMax, ratingQueueMax } from '../domain/limits.ts';
import { rateJob, transferablesOf } from '../domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../domain/rating/job.ts';

export type RatingPool = {
  /** Takes the job over: its columns may be empty afterwards. */
  rate(job: RatingJob): Promise<RatingJobResult>;
  stats(): { readonly inline: number; readonly pooled: number; readonly threads: number };
  close(): Promise<void>;
};

export type RatingPoolOptions = {
  /** Default: a thread a core, and one core left for the process itself. */
  readonly threads?: number;
  /** Jobs of more slots go to a thread. */
  readonly inlineSlots?: number;
};

/**
 * Rates small jobs where they are and large ones on threads. The kernel is one pure function, so
 * where it runs changes no bill. Threads start with the first large job and end when idle.
 */
export function openRatingPool(options: RatingPoolOptions = {}): RatingPool {
  const threads = options.threads ?? Math.max(1, availableParallelism() - 1);
  const inlineSlots = options.inlineSlots ?? inlineSlotsMax;
  assert(ratingQueueMax >= threads, 'the queue holds at least a job a thread');
  const counts = { inline: 0, pooled: 0 };
  const pool = new Piscina<RatingJob, RatingJobResult>({
    filename: new URL('./ratingThread.ts', import.meta.url).href,
    name: 'rate',
    minThreads: 0,
    maxThreads: threads,
    maxQueue: ratingQueueMax,
    idleTimeout: 10_000,
  });
  return {
    rate(job) {
      if (job.import.length <= inlineSlots) {
        counts.inline += 1;
        return Promise.resolve(rateJob(job));
      }
      counts.pooled += 1;
      return pool.run(job, { transferList: transferablesOf(job) });
    },
    stats: () => ({ ...counts, threads: pool.threads.length }),
    close: () => pool.close({ force: true }),
  };
}
