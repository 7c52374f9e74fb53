import { assert } from '../src/domain/assert.ts';
import { microsOf } from '../src/domain/exact.ts';
import { finish } from '../src/domain/rating/finish.ts';
import { emptyResult, rangesOf, rateRange } from '../src/domain/rating/job.ts';
import type { AgreementRange, RatingJob, RatingJobResult } from '../src/domain/rating/job.ts';
import type { Accumulator } from '../src/domain/rating/kernel.ts';
import { openMicros, runningMicros } from '../src/domain/rating/running.ts';
import type { Settlement } from '../src/domain/rating/settlement.ts';

/** A job from readings to money, cut into parts that threads take in turn. */
export type MoneyJob = {
  readonly job: RatingJob;
  /** Agreements take turns. */
  readonly settlements: readonly Settlement[];
  /** Where each part begins, and at the end the number of agreements. */
  readonly cuts: readonly number[];
  readonly result: Omit<RatingJobResult, 'folds'>;
  /** By agreement, what comes out. Shared memory, as `result` and `next` are. */
  readonly micros: BigInt64Array;
  /** The next part that nobody has taken. */
  readonly next: Int32Array;
};

/** Agreements of about 100,000 slots together are a part. */
const partSlots = 100_000;

export function moneyJobOf(job: RatingJob, settlements: readonly Settlement[]): MoneyJob {
  return {
    job,
    settlements,
    cuts: rangesOf(job, partSlots),
    result: emptyResult(job, { isShared: true }),
    micros: new BigInt64Array(new SharedArrayBuffer(job.tableIndex.length * 8)),
    next: new Int32Array(new SharedArrayBuffer(4)),
  };
}

function rateRangeToMoney(money: MoneyJob, range: AgreementRange): void {
  const { job, settlements, result, micros } = money;
  result.sums.fill(0, result.sumOffsets[range.from], result.sumOffsets[range.to]);
  const folds = rateRange(job, result, range);
  for (let agreement = range.from; agreement < range.to; agreement += 1) {
    const compiled = job.tables[job.tableIndex[agreement]];
    const settlement = settlements[agreement % settlements.length];
    const { openUntilMs } = settlement;
    if (folds === null && compiled.fast !== null && openUntilMs !== null) {
      micros[agreement] = runningMicros(compiled, result.sums, result.sumOffsets[agreement]);
      continue;
    }
    const accumulator: Accumulator = {
      sums: result.sums.subarray(result.sumOffsets[agreement], result.sumOffsets[agreement + 1]),
      ratedSlots: result.ratedSlots[agreement],
      missingSlots: result.missingSlots[agreement],
      unmeteredSlots: result.unmeteredSlots[agreement],
      folds: folds === null ? null : folds[agreement - range.from],
    };
    if (openUntilMs === null) {
      const bill = finish(compiled, accumulator, settlement);
      assert(bill.ok, 'the agreement has a bill');
      micros[agreement] = microsOf(bill.value.total);
    } else {
      const total = openMicros(compiled, accumulator, { ...settlement, openUntilMs });
      assert(total.ok, 'the agreement has a running total');
      micros[agreement] = total.value;
    }
  }
}

/** Until no part is left: alone, or beside others. */
export function rateToMoney(money: MoneyJob): void {
  for (;;) {
    const part = Atomics.add(money.next, 0, 1);
    if (part >= money.cuts.length - 1) return;
    rateRangeToMoney(money, { from: money.cuts[part], to: money.cuts[part + 1] });
  }
}
