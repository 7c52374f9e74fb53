import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { hasFolds } from './compiled.ts';
import type { CompiledTariff } from './compiled.ts';
import { emptyFolds, spotSumCount } from './folds.ts';
import type { Folds, OpenWindow } from './folds.ts';
import type { Accumulator } from './kernel.ts';

/**
 * Layout, little-endian: version u8, flags u8 (1: folds follow), two zero bytes, rated, missing and
 * unmetered slots u32 each, number of sums u32, then the sums as float64. Folds follow in the order
 * of their type: integers of any size as u32 length and their decimal digits, columns as float64.
 * How many of each there are, the compiled tariff says; a length that differs is malformed.
 */
const layoutVersion = 2;
const headerBytes = 20;

class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Where to write; asked for first, because the bytes may move to a larger place. */
  #reserve(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  uint8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  column(values: Float64Array): void {
    for (const value of values) this.float64(value);
  }

  bigint(value: bigint): void {
    const digits = new TextEncoder().encode(value.toString());
    this.uint32(digits.length);
    this.bytes(digits);
  }

  bytes(values: Uint8Array): void {
    const at = this.#reserve(values.length);
    this.#bytes.set(values, at);
  }

  finished(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

/** Thrown and caught in this file alone, where bytes end too early or say what cannot be. */
class Malformed extends Error {}

class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw new Malformed();
    this.#at += bytes;
    return at;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Whole units; a mark is -1 or NaN, where marks are allowed. */
  column(length: number, marks: 'none' | 'allowed'): Float64Array {
    const at = this.#take(length * 8);
    const values = new Float64Array(length);
    for (let index = 0; index < length; index += 1) {
      const value = this.#view.getFloat64(at + index * 8, true);
      const isMark = marks === 'allowed' && (value === -1 || Number.isNaN(value));
      if (!isMark && !(Number.isSafeInteger(value) && value >= 0)) throw new Malformed();
      values[index] = value;
    }
    return values;
  }

  bigint(): bigint {
    const length = this.uint32();
    const at = this.#take(length);
    const digits = new TextDecoder().decode(this.#bytes.subarray(at, at + length));
    if (!/^-?[0-9]+$/.test(digits)) throw new Malformed();
    return BigInt(digits);
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new Malformed();
  }
}

function writeWindow(writer: ByteWriter, index: number, window: OpenWindow): void {
  writer.uint32(index);
  writer.uint32(window.seenSlots);
  writer.uint8(window.missingChannels);
  writer.uint8(window.hasEstimate ? 1 : 0);
  writer.column(window.sums);
  for (const sum of window.spotSums) writer.bigint(sum);
}

function writeFolds(writer: ByteWriter, folds: Folds): void {
  for (const [index, sum] of folds.spotSums.entries()) {
    writer.bigint(sum);
    writer.float64(folds.unpricedSlot[index]);
    writer.uint32(folds.provisionalSlots[index]);
  }
  for (const peaks of folds.peaks) writer.column(peaks);
  for (const steps of folds.steps) {
    for (const count of steps) writer.bigint(count);
  }
  for (const windows of folds.open) {
    writer.uint32(windows.size);
    const inOrder = [...windows].toSorted(([left], [right]) => left - right);
    for (const [index, window] of inOrder) writeWindow(writer, index, window);
  }
  if (folds.slots !== null && folds.estimatedSlots !== null) {
    writer.column(folds.slots);
    writer.bytes(folds.estimatedSlots);
  }
}

export function encodeAccumulator(accumulator: Accumulator): Uint8Array {
  const { sums, ratedSlots, missingSlots, unmeteredSlots, folds } = accumulator;
  const writer = new ByteWriter(headerBytes + sums.length * 8 + (folds === null ? 0 : 256));
  writer.uint8(layoutVersion);
  writer.uint8(folds === null ? 0 : 1);
  writer.uint8(0);
  writer.uint8(0);
  for (const count of [ratedSlots, missingSlots, unmeteredSlots, sums.length]) {
    writer.uint32(count);
  }
  writer.column(sums);
  if (folds !== null) writeFolds(writer, folds);
  return writer.finished();
}

function readWindow(reader: ByteReader, compiled: CompiledTariff): OpenWindow {
  return {
    seenSlots: reader.uint32(),
    missingChannels: reader.uint8(),
    hasEstimate: reader.uint8() !== 0,
    sums: reader.column(compiled.channels.length, 'none'),
    spotSums: Array.from({ length: spotSumCount(compiled) }, () => reader.bigint()),
  };
}

function readFolds(reader: ByteReader, compiled: CompiledTariff): Folds {
  const empty = emptyFolds(compiled);
  for (const index of empty.spotSums.keys()) {
    empty.spotSums[index] = reader.bigint();
    const unpriced = reader.float64();
    if (!(unpriced >= 0)) throw new Malformed();
    empty.unpricedSlot[index] = unpriced;
    empty.provisionalSlots[index] = reader.uint32();
  }
  for (const peaks of empty.peaks) peaks.set(reader.column(peaks.length, 'allowed'));
  for (const steps of empty.steps) {
    for (const index of steps.keys()) steps[index] = reader.bigint();
  }
  for (const [table, windows] of empty.open.entries()) {
    const { starts } = compiled.windowTables[table];
    const count = reader.uint32();
    for (let entry = 0; entry < count; entry += 1) {
      const index = reader.uint32();
      const window = readWindow(reader, compiled);
      const size = starts[index + 1] - starts[index];
      if (!(window.seenSlots < size)) throw new Malformed();
      windows.set(index, window);
    }
  }
  if (empty.slots !== null && empty.estimatedSlots !== null) {
    empty.slots.set(reader.column(empty.slots.length, 'allowed'));
    empty.estimatedSlots.set(reader.bytes(empty.estimatedSlots.length));
  }
  return empty;
}

export function decodeAccumulator(
  compiled: CompiledTariff,
  bytes: Uint8Array,
): Outcome<Accumulator, 'ACCUMULATOR_MALFORMED'> {
  const malformed = refuse(
    'ACCUMULATOR_MALFORMED',
    'The stored sums of a period cannot be read; rate the period again from its readings.',
  );
  const reader = new ByteReader(bytes);
  try {
    const isKnown = reader.uint8() === layoutVersion;
    const flags = reader.uint8();
    const isPadded = reader.uint8() === 0 && reader.uint8() === 0;
    if (!isKnown || !isPadded || flags !== (hasFolds(compiled) ? 1 : 0)) return malformed;
    const ratedSlots = reader.uint32();
    const missingSlots = reader.uint32();
    const unmeteredSlots = reader.uint32();
    const length = reader.uint32();
    if (length !== compiled.channels.length * compiled.bucketCount) return malformed;
    const sums = reader.column(length, 'none');
    const folds = flags === 0 ? null : readFolds(reader, compiled);
    reader.end();
    return accept({ sums, ratedSlots, missingSlots, unmeteredSlots, folds });
  } catch (error) {
    if (error instanceof Malformed) return malformed;
    throw error;
  }
}
