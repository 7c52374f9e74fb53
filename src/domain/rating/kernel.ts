import { assert } from '../assert.ts';
import { hasFolds } from './compiled.ts';
import type { CompiledTariff } from './compiled.ts';
import { emptyFolds, foldSlots, mergeFolds } from './folds.ts';
import type { Folds, SlotColumns, SlotPiece } from './folds.ts';
import type { Flow, Reactive } from './load.ts';
import { addSpotRuns, isSpotAlone } from './spotRuns.ts';

/**
 * What rating keeps of the readings of a bill. Two parts add up to the whole, so parts may be rated
 * apart and in any order; a slot is accumulated once. Nothing is ever taken out of an accumulator:
 * a maximum cannot be, so a corrected bill is accumulated again.
 */
export type Accumulator = {
  /** By channel, then by bucket. Float64 holds whole units exactly up to 2^53. */
  readonly sums: Float64Array;
  /** Slots with data in every channel that the tariff looks at. */
  ratedSlots: number;
  /** The others: they cost nothing and are shown, never taken for zero use. */
  missingSlots: number;
  /** Slots of a meter without reactive registers, where the tariff asks for them. */
  unmeteredSlots: number;
  /** What sums cannot say; null where they can. */
  readonly folds: Folds | null;
};

/** Energy of consecutive slots, in whole units, zero or more; NaN marks a slot without data. */
export type SlotEnergies = {
  readonly import: Float64Array;
  /** Null: the register does not exist. */
  readonly export?: Float64Array | null;
  readonly reactive?: Reactive | null;
  readonly estimated?: Uint8Array | null;
  /** Where in the columns to begin; 0 unless given. */
  readonly offset?: number;
  /** How many slots; all up to the end unless given. */
  readonly count?: number;
  /** The first one, counted in the tariff's slotMs from 1970-01-01T00:00Z. */
  readonly firstSlot: number;
};

export function emptyAccumulator(compiled: CompiledTariff): Accumulator {
  return {
    sums: new Float64Array(compiled.channels.length * compiled.bucketCount),
    ratedSlots: 0,
    missingSlots: 0,
    unmeteredSlots: 0,
    folds: hasFolds(compiled) ? emptyFolds(compiled) : null,
  };
}

/** The run that holds a slot, the slot counted from the bill's first. */
function runAt(runEnds: Int32Array, slot: number): number {
  let low = 0;
  let high = runEnds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runEnds[middle] <= slot) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds slots that may be missing, one by one; returns the sum, and counts the missing. */
function addWithGaps(
  units: Float64Array,
  range: { readonly from: number; readonly to: number },
  missing: { slots: number },
): number {
  let sum = 0;
  for (let index = range.from; index < range.to; index += 1) {
    const energy = units[index];
    if (energy >= 0) sum += energy;
    else {
      assert(Number.isNaN(energy), 'a slot has zero or more units, or NaN for no data');
      missing.slots += 1;
    }
  }
  return sum;
}

/**
 * The inner loop of all rating: the sum of a run, or NaN when a slot of it has no data. Four sums
 * side by side, because one alone waits for each addition to finish. Without negative values a sum
 * that ends below 2^53 was exact at every step.
 */
function sumRun(units: Float64Array, from: number, to: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let index = from;
  for (; index + 3 < to; index += 4) {
    const a = units[index];
    const b = units[index + 1];
    const c = units[index + 2];
    const d = units[index + 3];
    if (!(a >= 0 && b >= 0 && c >= 0 && d >= 0)) return Number.NaN; // NaN compares false
    first += a;
    second += b;
    third += c;
    fourth += d;
  }
  for (; index < to; index += 1) {
    const energy = units[index];
    if (!(energy >= 0)) return Number.NaN;
    first += energy;
  }
  return first + second + third + fourth;
}

/** Adds a column's slots into `sums` by bucket from `sumsAt` on; returns how many had no data. */
function sumColumn(
  compiled: CompiledTariff,
  units: Float64Array,
  { offset, count, firstInBill }: SlotPiece,
  target: { readonly sums: Float64Array; readonly sumsAt: number },
): number {
  const { runEnds, bucketOfRun } = compiled;
  const { sums, sumsAt } = target;
  // From here on 32-bit integers: an instant's slot number came as a float64.
  const end = (offset + count) | 0;
  const shift = (offset - firstInBill) | 0;
  const missing = { slots: 0 };
  let from = offset | 0;
  for (let run = runAt(runEnds, firstInBill | 0); from < end; run += 1) {
    const to = Math.min(end, (shift + runEnds[run]) | 0);
    assert(to > from, 'the runs cover the bill');
    const at = sumsAt + bucketOfRun[run];
    const runSum = sumRun(units, from, to);
    const sum = sums[at] + (runSum >= 0 ? runSum : addWithGaps(units, { from, to }, missing));
    assert(Number.isSafeInteger(sum), 'sums are whole units below 2^53');
    sums[at] = sum;
    from = to;
  }
  return missing.slots;
}

/** Import and export of each slot, cancelled out to the larger less the smaller. */
function netted(
  energies: { readonly import: Float64Array; readonly export: Float64Array },
  { offset, count }: SlotPiece,
): { readonly import: Float64Array; readonly export: Float64Array } {
  const imported = energies.import.slice(offset, offset + count);
  const exported = energies.export.slice(offset, offset + count);
  for (let index = 0; index < count; index += 1) {
    const both = Math.min(imported[index], exported[index]);
    // A slot without data in one register stays as it was measured in the other.
    if (Number.isNaN(both)) continue;
    imported[index] -= both;
    exported[index] -= both;
  }
  return { import: imported, export: exported };
}

function columnOf(energies: SlotEnergies, flow: Flow): Float64Array | null {
  if (flow === 'import') return energies.import;
  if (flow === 'export') return energies.export ?? null;
  return energies.reactive?.[flow] ?? null;
}

/** The columns that a tariff looks at, netted where it nets; `offset` may become another. */
export function slotColumns(
  compiled: CompiledTariff,
  energies: SlotEnergies,
  piece: SlotPiece,
): SlotColumns {
  const { channels } = compiled;
  const exported = energies.export ?? null;
  const estimated = energies.estimated ?? null;
  if (!compiled.netsIntervals || exported === null) {
    const columns = channels.map((flow) => columnOf(energies, flow));
    return { columns, estimated, ...piece };
  }
  const { offset, count } = piece;
  const net = netted({ import: energies.import, export: exported }, piece);
  const columns = channels.map((flow) =>
    flow === 'import' || flow === 'export'
      ? net[flow]
      : (columnOf(energies, flow)?.subarray(offset, offset + count) ?? null),
  );
  const flags = estimated?.subarray(offset, offset + count) ?? null;
  return { columns, estimated: flags, ...piece, offset: 0 };
}

/** Slots in which a channel has no data. */
function missingIn(slots: SlotColumns): number {
  let missing = 0;
  for (let index = slots.offset; index < slots.offset + slots.count; index += 1) {
    if (slots.columns.some((column) => column !== null && Number.isNaN(column[index])))
      missing += 1;
  }
  return missing;
}

/** Adds slots into sums from `sumsAt` on, and into `folds`; returns how many had no data. */
export function addSlots(
  compiled: CompiledTariff,
  energies: SlotEnergies,
  target: { readonly sums: Float64Array; readonly sumsAt: number; readonly folds: Folds | null },
): number {
  const { offset = 0 } = energies;
  const count = energies.count ?? energies.import.length - offset;
  const firstInBill = energies.firstSlot - compiled.firstSlot;
  assert(firstInBill >= 0 && count >= 0, 'the slots are not before the bill');
  assert(firstInBill + count <= compiled.slotCount, 'the slots are not after the bill');
  assert(offset >= 0 && offset + count <= energies.import.length, 'slots are within their column');
  assert(Number.isInteger(firstInBill + offset + count), 'slots are counted in whole numbers');
  const { sums, sumsAt, folds } = target;
  const piece = { offset, count, firstInBill };
  if (compiled.channels.length === 1 && folds === null) {
    return sumColumn(compiled, energies.import, piece, target);
  }
  const isSpot = folds !== null && isSpotAlone(compiled) && count > 0;
  if (isSpot && addSpotRuns(compiled, energies.import, piece, { sums, sumsAt, folds })) return 0;
  const slots = slotColumns(compiled, energies, piece);
  let missing = 0;
  for (const [channel, column] of slots.columns.entries()) {
    if (column === null) continue;
    const at = { sums, sumsAt: sumsAt + channel * compiled.bucketCount };
    missing += sumColumn(compiled, column, { ...piece, offset: slots.offset }, at);
  }
  if (folds !== null) foldSlots(compiled, folds, slots);
  return missing > 0 && slots.columns.length > 1 ? missingIn(slots) : missing;
}

/** Adds slots to `into`, or to a new accumulator, and returns it. */
export function accumulate(
  compiled: CompiledTariff,
  energies: SlotEnergies,
  into: Accumulator = emptyAccumulator(compiled),
): Accumulator {
  assertOf(compiled, into);
  const count = energies.count ?? energies.import.length - (energies.offset ?? 0);
  const { sums, folds } = into;
  const missingSlots = addSlots(compiled, energies, { sums, sumsAt: 0, folds });
  into.missingSlots += missingSlots;
  into.ratedSlots += count - missingSlots;
  if (compiled.needsReactive && (energies.reactive ?? null) === null) into.unmeteredSlots += count;
  return into;
}

/** Throws when the accumulator is of another tariff or bill. */
export function assertOf(compiled: CompiledTariff, { sums, folds }: Accumulator): void {
  const length = compiled.channels.length * compiled.bucketCount;
  assert(sums.length === length, 'the accumulator is of this tariff and bill');
  assert((folds !== null) === hasFolds(compiled), 'the accumulator keeps what this tariff needs');
}

/** Of two parts of one bill; neither is changed. */
export function merge(
  compiled: CompiledTariff,
  left: Accumulator,
  right: Accumulator,
): Accumulator {
  assertOf(compiled, left);
  assertOf(compiled, right);
  const sums = left.sums.map((units, index) => units + right.sums[index]);
  assert(sums.every(Number.isSafeInteger), 'sums are whole units below 2^53');
  const bothFold = left.folds !== null && right.folds !== null;
  return {
    sums,
    ratedSlots: left.ratedSlots + right.ratedSlots,
    missingSlots: left.missingSlots + right.missingSlots,
    unmeteredSlots: left.unmeteredSlots + right.unmeteredSlots,
    folds: bothFold ? mergeFolds(compiled, left.folds, right.folds) : null,
  };
}
