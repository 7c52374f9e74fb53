import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import {
  inlineFoldedSlotsMax,
  inlineSlotsMax,
  ratingQueueMax,
  ratingRangeSlots,
} from '../domain/limits.ts';
import { hasFolds, sharedInt32 } from '../domain/rating/compiled.ts';
import { emptyResult, rangesOf, rateJob, sharedJob } from '../domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../domain/rating/job.ts';
import type { RatedRange, SharedRating } from './ratingThread.ts';

export type RatingPool = {
  /** A large job whose columns are not in shared memory is copied into it, once. */
  rate(job: RatingJob): Promise<RatingJobResult>;
  stats(): { readonly inline: number; readonly pooled: number; readonly threads: number };
  close(): Promise<void>;
};

export type RatingPoolOptions = {
  /** Default: a thread a core, and one core left for the process itself. */
  readonly threads?: number;
  /** Jobs of more slots go to threads; by default those that hold the event loop too long. */
  readonly inlineSlots?: number;
  /** What a thread takes of a job at a time. */
  readonly rangeSlots?: number;
};

/**
 * Rates small jobs where they are and large ones on threads, all of which take ranges of the same
 * job until none is left. The kernel is one pure function, so where it runs changes no bill.
 * Threads start with the first large job and end when idle.
 */
export function openRatingPool(options: RatingPoolOptions = {}): RatingPool {
  const threads = options.threads ?? Math.max(1, availableParallelism() - 1);
  const slotsMaxOf = ({ tables }: RatingJob): number =>
    options.inlineSlots ?? (tables.some(hasFolds) ? inlineFoldedSlotsMax : inlineSlotsMax);
  const rangeSlots = options.rangeSlots ?? ratingRangeSlots;
  const counts = { inline: 0, pooled: 0 };
  const pool = new Piscina<SharedRating, readonly RatedRange[]>({
    filename: new URL('./ratingThread.ts', import.meta.url).href,
    name: 'rateShared',
    minThreads: 0,
    maxThreads: threads,
    // Each job has a task a thread.
    maxQueue: ratingQueueMax * threads,
    idleTimeout: 10_000,
  });
  const rateOnThreads = async (own: RatingJob): Promise<RatingJobResult> => {
    const job = sharedJob(own);
    const result = emptyResult(job, { isShared: true });
    const cuts = sharedInt32(rangesOf(job, rangeSlots));
    const shared: SharedRating = { job, result, cuts, next: sharedInt32([0]) };
    const parts = Math.min(threads, cuts.length - 1);
    const rated = await Promise.all(Array.from({ length: parts }, () => pool.run(shared)));
    if (!job.tables.some(hasFolds)) return { ...result, folds: null };
    const ranges = rated.flat().toSorted((left, right) => left.range - right.range);
    return { ...result, folds: ranges.flatMap(({ folds }) => folds ?? []) };
  };
  return {
    rate(job) {
      if (job.import.length <= slotsMaxOf(job)) {
        counts.inline += 1;
        return Promise.resolve(rateJob(job));
      }
      counts.pooled += 1;
      return rateOnThreads(job);
    },
    stats: () => ({ ...counts, threads: pool.threads.length }),
    close: () => pool.close({ force: true }),
  };
}
