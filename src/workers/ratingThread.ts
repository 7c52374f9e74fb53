import { move, transferableSymbol, valueSymbol } from 'piscina';
import { rateJob, transferablesOf } from '../domain/rating/job.ts';
import type { RatingJob } from '../domain/rating/job.ts';

/** Runs in a thread of the rating pool; its columns go back without being copied. */
export function rate(job: RatingJob) {
  const result = rateJob(job);
  return move({ [transferableSymbol]: transferablesOf(result), [valueSymbol]: result });
}
