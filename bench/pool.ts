import { assert } from '../src/domain/assert.ts';
import { rateJob } from '../src/domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../src/domain/rating/job.ts';
import { openRatingPool } from '../src/workers/ratingPool.ts';
import { compiledHome, jobOf } from './kernel.ts';
import { compare, sideBySide, timed } from './sideBySide.ts';
import type { Result, Side } from './sideBySide.ts';

export type PoolSize = {
  jobs: number;
  agreementsPerJob: number;
  slotsPerAgreement: number;
  rounds: number;
};

/** Jobs of 100,000 slots: a hundred agreements with ten days and some of quarter hours each. */
export const poolSize: PoolSize = {
  jobs: 48,
  agreementsPerJob: 100,
  slotsPerAgreement: 1_000,
  rounds: 7,
};

const poolSide = 'pool of two';
const inlineSide = 'inline';
/** Below the queue's bound, and always a job ready for each thread. */
const jobsInFlight = 8;

function totalWh(results: readonly RatingJobResult[]): number {
  let energyWh = 0;
  for (const { sums } of results) for (const sumWh of sums) energyWh += sumWh;
  return energyWh;
}

/** Large jobs on threads over the same jobs where they are. */
export async function pool(
  { onProgress }: { onProgress: (line: string) => void },
  { jobs, agreementsPerJob, slotsPerAgreement, rounds }: PoolSize,
): Promise<Result[]> {
  const compiled = compiledHome(slotsPerAgreement);
  const shape = { agreements: agreementsPerJob, slotsPerAgreement };
  const slots = jobs * agreementsPerJob * slotsPerAgreement;
  // A job is handed over with its memory, so each round has new ones, made before the clock runs.
  const jobsOf = (): RatingJob[] => Array.from({ length: jobs }, () => jobOf(compiled, shape));
  const totals = { pool: 0, inline: 0 };
  const threads = openRatingPool({ threads: 2, inlineSlots: 0 });
  const rateAll = async (waiting: readonly RatingJob[]): Promise<RatingJobResult[]> => {
    const results: RatingJobResult[] = [];
    let next = 0;
    const lane = async () => {
      while (next < waiting.length) {
        const job = waiting[next];
        next += 1;
        results.push(await threads.rate(job));
      }
    };
    await Promise.all(Array.from({ length: jobsInFlight }, lane));
    return results;
  };
  const sides: Side[] = [
    {
      name: poolSide,
      run: () => {
        const waiting = jobsOf();
        return timed(slots, async () => {
          totals.pool = totalWh(await rateAll(waiting));
        });
      },
    },
    {
      name: inlineSide,
      run: () => {
        const waiting = jobsOf();
        return timed(slots, async () => {
          totals.inline = totalWh(waiting.map(rateJob));
        });
      },
    },
  ];
  try {
    const rates = await sideBySide(sides, { rounds, onProgress });
    assert(totals.pool === totals.inline, 'threads find the same energy');
    const verified = `${jobs} jobs, ${totals.pool} Wh on both sides`;
    const line = { side: poolSide, against: inlineSide, unit: 'intervals/s', verified };
    return [compare(rates, { ...line, name: 'kernel, jobs of 100 k on threads', target: 1.7 })];
  } finally {
    await threads.close();
  }
}
