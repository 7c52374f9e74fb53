import { assert } from '../assert.ts';
import type { CompiledTariff } from './compile.ts';
import { sumSlots } from './kernel.ts';
import type { Accumulator } from './kernel.ts';

/**
 * Many agreements to rate at once, in columns: the buffers are transferred to a thread, not copied,
 * and no object is made for an agreement.
 */
export type RatingJob = {
  /** The slots of all agreements, one agreement after the other. Whole Wh; NaN: no data. */
  readonly slotWh: Float64Array;
  /** Where in `slotWh` each agreement begins, and at the end its length. */
  readonly offsets: Int32Array;
  /** By agreement, the UTC slot number of its first slot. */
  readonly firstSlot: Float64Array;
  /** By agreement, an index into `tables`. */
  readonly tableIndex: Int32Array;
  readonly tables: readonly CompiledTariff[];
};

export type RatingJobResult = {
  /** By agreement, Wh by super period of its table, one agreement after the other. */
  readonly sums: Float64Array;
  /** Where in `sums` each agreement begins, and at the end its length. */
  readonly sumOffsets: Int32Array;
  /** By agreement. */
  readonly ratedSlots: Int32Array;
  readonly missingSlots: Int32Array;
};

function tableOf(job: RatingJob, agreement: number): CompiledTariff {
  const compiled = job.tables[job.tableIndex[agreement] ?? -1];
  assert(compiled !== undefined, 'every agreement of a job names one of its tables');
  return compiled;
}

/** Pure: the same inline as in a thread. */
export function rateJob(job: RatingJob): RatingJobResult {
  const agreements = job.tableIndex.length;
  assert(job.firstSlot.length === agreements, 'one first slot an agreement');
  assert(job.offsets.length === agreements + 1, 'one offset an agreement, and the end');
  const sumOffsets = new Int32Array(agreements + 1);
  for (let agreement = 0; agreement < agreements; agreement += 1) {
    const { superPeriodCount } = tableOf(job, agreement);
    sumOffsets[agreement + 1] = (sumOffsets[agreement] ?? 0) + superPeriodCount;
  }
  const sums = new Float64Array(sumOffsets[agreements] ?? 0);
  const ratedSlots = new Int32Array(agreements);
  const missingSlots = new Int32Array(agreements);
  for (let agreement = 0; agreement < agreements; agreement += 1) {
    const offset = job.offsets[agreement] ?? -1;
    const count = (job.offsets[agreement + 1] ?? -1) - offset;
    const firstSlot = job.firstSlot[agreement] ?? -1;
    const energies = { slotWh: job.slotWh, offset, count, firstSlot };
    const target = { sums, sumsAt: sumOffsets[agreement] ?? -1 };
    const missing = sumSlots(tableOf(job, agreement), energies, target);
    missingSlots[agreement] = missing;
    ratedSlots[agreement] = count - missing;
  }
  return { sums, sumOffsets, ratedSlots, missingSlots };
}

/** One agreement's part of a result, as an accumulator of its own. */
export function accumulatorAt(result: RatingJobResult, agreement: number): Accumulator {
  const from = result.sumOffsets[agreement];
  const to = result.sumOffsets[agreement + 1];
  assert(from !== undefined && to !== undefined, 'the result has this agreement');
  return {
    sumWh: result.sums.slice(from, to),
    ratedSlots: result.ratedSlots[agreement] ?? 0,
    missingSlots: result.missingSlots[agreement] ?? 0,
  };
}

/** What to hand over, instead of copying, when a job or its result is posted to a thread. Shared
 * memory is left out: a thread sees it without a transfer. */
export function transferablesOf(columns: RatingJob | RatingJobResult): ArrayBuffer[] {
  const arrays =
    'sums' in columns
      ? [columns.sums, columns.sumOffsets, columns.ratedSlots, columns.missingSlots]
      : [columns.slotWh, columns.offsets, columns.firstSlot, columns.tableIndex];
  return arrays.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
}
