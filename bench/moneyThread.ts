import { rateJob } from '../src/domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../src/domain/rating/job.ts';
import { rateToMoney } from './money.ts';
import type { MoneyJob } from './money.ts';
import { spin } from './memory.ts';

/** Run in a thread of the bench. */

export function money(job: MoneyJob): void {
  rateToMoney(job);
}

export function spinSome(steps: number): number {
  return spin(steps);
}

export function sums(job: RatingJob): RatingJobResult {
  return rateJob(job);
}
