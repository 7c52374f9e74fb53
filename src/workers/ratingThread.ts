import type { Folds } from '../domain/rating/folds.ts';
import { rateRange } from '../domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../domain/rating/job.ts';

/** A job in shared memory. Each thread takes the next range of agreements until none is left. */
export type SharedRating = {
  readonly job: RatingJob;
  readonly result: Omit<RatingJobResult, 'folds'>;
  /** Where each range begins, and at the end the number of agreements. */
  readonly cuts: Int32Array;
  /** The next range that nobody has taken. */
  readonly next: Int32Array;
};

/** What sums in shared memory cannot say of a range's agreements. */
export type RatedRange = {
  readonly range: number;
  readonly folds: readonly (Folds | null)[] | null;
};

/** Runs in a thread of the rating pool. */
export function rateShared({ job, result, cuts, next }: SharedRating): readonly RatedRange[] {
  const rated: RatedRange[] = [];
  for (;;) {
    const range = Atomics.add(next, 0, 1);
    if (range >= cuts.length - 1) return rated;
    const folds = rateRange(job, result, { from: cuts[range], to: cuts[range + 1] });
    if (folds !== null) rated.push({ range, folds });
  }
}
