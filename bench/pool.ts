import { assert } from '../src/domain/assert.ts';
import { rateJob } from '../src/domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../src/domain/rating/job.ts';
import { openRatingPool } from '../src/workers/ratingPool.ts';
import { jobOf, readingsOf, tablesOf } from './ratingKinds.ts';
import { byCpu, compare, shown, sideBySide, timed } from './sideBySide.ts';
import type { Result, Side } from './sideBySide.ts';
import { openThreads } from './threads.ts';

export type PoolSize = {
  /** Agreements of the smaller jobs, all of which the columns hold as often as they fit. */
  jobAgreements: readonly number[];
  agreements: number;
  slotsPerAgreement: number;
  rounds: number;
};

/** Jobs of 1,000 slots to 4 million, and 160 jobs of 100,000 each, all handed over at once. */
export const poolSize: PoolSize = {
  jobAgreements: [1, 10, 100, 400, 1_000, 4_000],
  agreements: 16_000,
  slotsPerAgreement: 1_000,
  rounds: 9,
};

const inlineSide = 'inline';

function totalWh(results: readonly RatingJobResult[]): number {
  let energyWh = 0;
  for (const { sums } of results) for (const sumWh of sums) energyWh += sumWh;
  return energyWh;
}

type Way = {
  readonly name: string;
  rate(job: RatingJob): Promise<RatingJobResult>;
  /** Its columns are given away, so that each job needs its own, made before the clock runs. */
  readonly takesColumns: boolean;
};

/** As many equal jobs as the column holds, one after the other as a rater's are. */
function sidesOf(job: RatingJob, jobs: number, ways: readonly Way[]) {
  const slots = job.import.length * jobs;
  const totals = new Map<string, number>();
  const sides = ways.map(({ name, rate, takesColumns }): Side => ({
    name,
    run: () => {
      const waiting = Array.from({ length: jobs }, (): RatingJob => {
        return takesColumns ? { ...job, import: Float64Array.from(job.import) } : job;
      });
      return timed(slots, async () => {
        const results: RatingJobResult[] = [];
        for (const each of waiting) results.push(await rate(each));
        totals.set(name, totalWh(results));
      });
    },
  }));
  const verify = (): string => {
    const expectedWh = totals.get(inlineSide);
    for (const energyWh of totals.values()) {
      assert(energyWh === expectedWh, 'threads find the same energy');
    }
    return `${jobs} jobs, ${expectedWh} Wh on every side`;
  };
  return { sides, verify };
}

/** Jobs on two threads over the same jobs where they are, by size and by how they get there. */
export async function pool(
  { onProgress }: { onProgress: (line: string) => void },
  { jobAgreements, agreements, slotsPerAgreement, rounds }: PoolSize,
): Promise<Result[]> {
  const tables = tablesOf('time of use', slotsPerAgreement);
  const column = readingsOf(agreements * slotsPerAgreement);
  const ratingPool = openRatingPool({ threads: 2, inlineSlots: 0 });
  const threads = openThreads();
  const inline = {
    name: inlineSide,
    takesColumns: false,
    rate: async (job: RatingJob) => rateJob(job),
  };
  const shared = { name: 'shared memory', takesColumns: false, rate: ratingPool.rate };
  const given = { name: 'transferred to one', takesColumns: true, rate: threads.rateOne };
  const results: Result[] = [];
  try {
    for (const count of [...jobAgreements, agreements]) {
      const slots = count * slotsPerAgreement;
      const own = column.subarray(0, slots);
      const job = jobOf(tables, own, { agreements: count, slotsPerAgreement });
      const isAll = count === agreements;
      const ways = isAll ? [inline, shared] : [inline, shared, given];
      const { sides, verify } = sidesOf(job, Math.max(1, Math.floor(agreements / count)), ways);
      const rates = await sideBySide(sides, { rounds, onProgress });
      const what = isAll ? 'all jobs of 100 k at once' : `jobs of ${shown(slots)}`;
      const line = { against: inlineSide, unit: 'intervals/s', verified: verify() };
      for (const { name } of sides.slice(1)) {
        const target = isAll ? 1.7 : null;
        results.push(compare(rates, { ...line, name: `${what}, ${name}`, side: name, target }));
      }
      const cores = { side: byCpu(shared.name), against: byCpu(inlineSide) };
      const name = `${what}, ${shared.name}, time of cores`;
      results.push(compare(rates, { ...line, ...cores, name, target: isAll ? 0.85 : null }));
    }
    return results;
  } finally {
    await Promise.all([ratingPool.close(), threads.close()]);
  }
}
