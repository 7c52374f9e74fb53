import { assert } from '../assert.ts';
import { hasFolds, sharedFloat64, sharedInt32, sharedUint8 } from './compiled.ts';
import type { CompiledTariff } from './compiled.ts';
import { emptyFolds } from './folds.ts';
import type { Folds } from './folds.ts';
import { addSlots } from './kernel.ts';
import type { Accumulator, SlotEnergies } from './kernel.ts';

/**
 * Many agreements to rate at once, in columns: in shared memory threads see them without a copy,
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

/** Agreements [from, to) of a job. */
export type AgreementRange = { readonly from: number; readonly to: number };

/** What a job's result begins as; in shared memory threads write into it side by side. */
export function emptyResult(
  job: RatingJob,
  { isShared }: { readonly isShared: boolean },
): Omit<RatingJobResult, 'folds'> {
  const agreements = job.tableIndex.length;
  assert(job.firstSlot.length === agreements, 'one first slot an agreement');
  assert(job.offsets.length === agreements + 1, 'one offset an agreement, and the end');
  const int32 = isShared ? sharedInt32Of : (length: number) => new Int32Array(length);
  const sumOffsets = int32(agreements + 1);
  for (let agreement = 0; agreement < agreements; agreement += 1) {
    const { bucketCount, channels } = tableOf(job, agreement);
    sumOffsets[agreement + 1] = sumOffsets[agreement] + bucketCount * channels.length;
  }
  const sumCount = sumOffsets[agreements];
  return {
    sums: isShared ? sharedFloat64(sumCount) : new Float64Array(sumCount),
    sumOffsets,
    ratedSlots: int32(agreements),
    missingSlots: int32(agreements),
    unmeteredSlots: int32(agreements),
  };
}

/** Rates some agreements of a job into its result. Returns what sums cannot say of each of them. */
export function rateRange(
  job: RatingJob,
  result: Omit<RatingJobResult, 'folds'>,
  { from, to }: AgreementRange,
): (Folds | null)[] | null {
  const { sums, sumOffsets, ratedSlots, missingSlots, unmeteredSlots } = result;
  const folds: (Folds | null)[] | null = job.tables.some(hasFolds) ? [] : null;
  for (let agreement = from; agreement < to; agreement += 1) {
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
  return folds;
}

/** Pure: the same inline as in a thread. */
export function rateJob(job: RatingJob): RatingJobResult {
  const result = emptyResult(job, { isShared: false });
  const folds = rateRange(job, result, { from: 0, to: job.tableIndex.length });
  return { ...result, folds };
}

/**
 * Cuts a job into ranges of whole agreements with at least `slotsPerRange` slots each, but for the
 * last one: where each range begins, and at the end the number of agreements.
 */
export function rangesOf({ offsets, tableIndex }: RatingJob, slotsPerRange: number): number[] {
  const cuts = [0];
  for (let agreement = 1; agreement < tableIndex.length; agreement += 1) {
    if (offsets[agreement] - offsets[cuts[cuts.length - 1]] >= slotsPerRange) cuts.push(agreement);
  }
  cuts.push(tableIndex.length);
  return cuts;
}

/** The same job in memory that threads share. Columns that are there already are not copied. */
export function sharedJob(job: RatingJob): RatingJob {
  const { reactive } = job;
  return {
    import: sharedFloats(job.import),
    export: job.export && sharedFloats(job.export),
    reactive: reactive && {
      q1: sharedFloats(reactive.q1),
      q2: sharedFloats(reactive.q2),
      q3: sharedFloats(reactive.q3),
      q4: sharedFloats(reactive.q4),
    },
    estimated: job.estimated && sharedBytes(job.estimated),
    hasReactive: job.hasReactive && sharedBytes(job.hasReactive),
    offsets: sharedInts(job.offsets),
    firstSlot: sharedFloats(job.firstSlot),
    tableIndex: sharedInts(job.tableIndex),
    tables: job.tables,
  };
}

function sharedFloats(column: Float64Array): Float64Array {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const shared = sharedFloat64(column.length);
  shared.set(column);
  return shared;
}

function sharedInts(column: Int32Array): Int32Array {
  return column.buffer instanceof SharedArrayBuffer ? column : sharedInt32(column);
}

function sharedBytes(column: Uint8Array): Uint8Array {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const shared = sharedUint8(column.length);
  shared.set(column);
  return shared;
}

function sharedInt32Of(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4));
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
