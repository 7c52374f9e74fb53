import { assert } from '../assert.ts';
import { hasFolds } from './compiled.ts';
import type { CompiledTariff } from './compiled.ts';
import { emptyFolds } from './folds.ts';
import type { Folds } from './folds.ts';
import { addSlots } from './kernel.ts';
import type { Accumulator, SlotEnergies } from './kernel.ts';

/**
 * Many agreements to rate at once, in columns: the buffers are transferred to a thread, not copied,
 * and no object is made for an agreement.
 */
export type RatingJob = {
  /** The slots of all agreements, one agreement after the other; whole units, NaN: no data. */
  readonly import: Float64Array;
  /** As long as `import`, 0 where an agreement has no such register; null: none has one. */
  readonly export: Float64Array | null;
  readonly reactive: {
    readonly q1: Float64Array;
    readonly q2: Float64Array;
    readonly q3: Float64Array;
    readonly q4: Float64Array;
  } | null;
  /** 1 where a slot is estimated; null: none is. */
  readonly estimated: Uint8Array | null;
  /** By agreement, 1 where the meter has reactive registers; null: all have what the job has. */
  readonly hasReactive: Uint8Array | null;
  /** Where in the columns each agreement begins, and at the end their length. */
  readonly offsets: Int32Array;
  /** By agreement, the number of its first slot. */
  readonly firstSlot: Float64Array;
  /** By agreement, an index into `tables`. */
  readonly tableIndex: Int32Array;
  readonly tables: readonly CompiledTariff[];
};

export type RatingJobResult = {
  /** By agreement, sums as its accumulator has them, one agreement after the other. */
  readonly sums: Float64Array;
  /** Where in `sums` each agreement begins, and at the end its length. */
  readonly sumOffsets: Int32Array;
  /** By agreement. */
  readonly ratedSlots: Int32Array;
  readonly missingSlots: Int32Array;
  readonly unmeteredSlots: Int32Array;
  /** By agreement, what sums cannot say; null where all tariffs of the job are sums. */
  readonly folds: readonly (Folds | null)[] | null;
};

function tableOf(job: RatingJob, agreement: number): CompiledTariff {
  const compiled = job.tables[job.tableIndex[agreement]];
  assert(compiled !== undefined, 'every agreement of a job names one of its tables');
  return compiled;
}

function energiesOf(job: RatingJob, agreement: number): SlotEnergies & { readonly count: number } {
  const offset = job.offsets[agreement];
  const isMetered = job.hasReactive === null || job.hasReactive[agreement] !== 0;
  return {
    import: job.import,
    export: job.export,
    reactive: isMetered ? job.reactive : null,
    estimated: job.estimated,
    offset,
    count: job.offsets[agreement + 1] - offset,
    firstSlot: job.firstSlot[agreement],
  };
}

/** Pure: the same inline as in a thread. */
export function rateJob(job: RatingJob): RatingJobResult {
  const agreements = job.tableIndex.length;
  assert(job.firstSlot.length === agreements, 'one first slot an agreement');
  assert(job.offsets.length === agreements + 1, 'one offset an agreement, and the end');
  const sumOffsets = new Int32Array(agreements + 1);
  for (let agreement = 0; agreement < agreements; agreement += 1) {
    const { bucketCount, channels } = tableOf(job, agreement);
    sumOffsets[agreement + 1] = sumOffsets[agreement] + bucketCount * channels.length;
  }
  const sums = new Float64Array(sumOffsets[agreements]);
  const ratedSlots = new Int32Array(agreements);
  const missingSlots = new Int32Array(agreements);
  const unmeteredSlots = new Int32Array(agreements);
  const folds: (Folds | null)[] | null = job.tables.some(hasFolds) ? [] : null;
  for (let agreement = 0; agreement < agreements; agreement += 1) {
    const compiled = tableOf(job, agreement);
    const energies = energiesOf(job, agreement);
    const ownFolds = folds !== null && hasFolds(compiled) ? emptyFolds(compiled) : null;
    const target = { sums, sumsAt: sumOffsets[agreement], folds: ownFolds };
    const missing = addSlots(compiled, energies, target);
    missingSlots[agreement] = missing;
    ratedSlots[agreement] = energies.count - missing;
    const isUnmetered = compiled.needsReactive && (energies.reactive ?? null) === null;
    unmeteredSlots[agreement] = isUnmetered ? energies.count : 0;
    folds?.push(ownFolds);
  }
  return { sums, sumOffsets, ratedSlots, missingSlots, unmeteredSlots, folds };
}

/** One agreement's part of a result, as an accumulator of its own. */
export function accumulatorAt(result: RatingJobResult, agreement: number): Accumulator {
  const from = result.sumOffsets[agreement];
  const to = result.sumOffsets[agreement + 1];
  assert(from !== undefined && to !== undefined, 'the result has this agreement');
  return {
    sums: result.sums.slice(from, to),
    ratedSlots: result.ratedSlots[agreement],
    missingSlots: result.missingSlots[agreement],
    unmeteredSlots: result.unmeteredSlots[agreement],
    folds: result.folds === null ? null : result.folds[agreement],
  };
}

/** What to hand over, instead of copying, when a job or its result is posted to a thread. Shared
 * memory is left out: a thread sees it without a transfer. */
export function transferablesOf(columns: RatingJob | RatingJobResult): ArrayBuffer[] {
  const arrays =
    'sums' in columns
      ? [
          columns.sums,
          columns.sumOffsets,
          columns.ratedSlots,
          columns.missingSlots,
          columns.unmeteredSlots,
        ]
      : [
          columns.import,
          columns.export,
          ...Object.values(columns.reactive ?? {}),
          columns.estimated,
          columns.hasReactive,
          columns.offsets,
          columns.firstSlot,
          columns.tableIndex,
        ];
  return arrays
    .filter((array) => array !== null)
    .map(({ buffer }) => buffer)
    .filter((buffer) => buffer instanceof ArrayBuffer);
}
