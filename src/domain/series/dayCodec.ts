import { assert } from '../assert.ts';
import { batchSequenceMax, registerWhMax } from '../limits.ts';
import { slotMs, slotsPerDay } from '../rating/slot.ts';
import { emptyDay, placesPerDay } from './day.ts';
import type { SeriesDay } from './day.ts';
import { qualityEstimated } from './quality.ts';

/**
 * A day as bytes, for one row of the series. Layout, all numbers as unsigned LEB128 varints, signed
 * ones by zigzag:
 *
 *   layout (1) | day | shape | [slots that have a reading, 12 bytes] | [slots that have two, 12
 *   bytes] | six columns: milliseconds into the slot, Wh, quality, epoch, sequence, row
 *
 * Bit 0 of shape: some slot is empty, its map follows. Bit 1: some slot has two readings, its map
 * follows. A column begins with its method: 0 all the same, 1 a constant step, 2 steps, 3 changes
 * of the step; the shortest is taken, the lower of equals: one day has one spelling.
 */
const layout = 1;
const mapBytes = slotsPerDay / 8;
const varintBytesMax = 8;
const columnCount = 6;
const dayBytesMax = 32 + 2 * mapBytes + columnCount * (1 + placesPerDay * varintBytesMax);
const dayNumberMax = 100_000; // the year 2243

type Output = { readonly bytes: Uint8Array; at: number };
type Input = { readonly bytes: Uint8Array; at: number };

/** Used by one call at a time: encoding and decoding never wait in between. */
const scratchBytes = new Uint8Array(dayBytesMax);
const scratchColumn = new Float64Array(placesPerDay);
const scratchPlaces = new Int32Array(placesPerDay);

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function unzigzag(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

function varintSize(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  let size = 3;
  for (let rest = value / 2_097_152; rest >= 1; rest /= 128) size += 1;
  return size;
}

function putVarint(output: Output, value: number): void {
  let rest = value;
  while (rest >= 128) {
    output.bytes[output.at] = (rest % 128) | 0x80;
    output.at += 1;
    rest = Math.floor(rest / 128);
  }
  output.bytes[output.at] = rest;
  output.at += 1;
}

function takeVarint(input: Input): number {
  let value = 0;
  let weight = 1;
  for (;;) {
    assert(input.at < input.bytes.length, 'a stored day is not cut off');
    const byte = input.bytes[input.at] ?? 0;
    input.at += 1;
    value += (byte & 0x7f) * weight;
    assert(Number.isSafeInteger(value), 'a number of a stored day is a safe integer');
    if (byte < 0x80) return value;
    weight *= 128;
  }
}

/** Signed step before `at`; the order 2 gives the change of the step. */
function stepAt(column: Float64Array, at: number): number {
  return (column[at] ?? 0) - (column[at - 1] ?? 0);
}

function columnMethod(column: Float64Array, count: number): 0 | 1 | 2 | 3 {
  if (count === 1) return 0;
  const step = stepAt(column, 1);
  let at = 2;
  while (at < count && stepAt(column, at) === step) at += 1;
  if (at === count) return step === 0 ? 0 : 1;
  let stepBytes = varintSize(zigzag(step));
  let changeBytes = stepBytes;
  for (at = 2; at < count; at += 1) {
    const next = stepAt(column, at);
    stepBytes += varintSize(zigzag(next));
    changeBytes += varintSize(zigzag(next - stepAt(column, at - 1)));
  }
  return stepBytes <= changeBytes ? 2 : 3;
}

function putColumn(output: Output, column: Float64Array, count: number): void {
  const method = columnMethod(column, count);
  output.bytes[output.at] = method;
  output.at += 1;
  putVarint(output, zigzag(column[0] ?? 0));
  if (method === 0) return;
  putVarint(output, zigzag(stepAt(column, 1)));
  if (method === 1) return;
  for (let at = 2; at < count; at += 1) {
    const step = stepAt(column, at);
    putVarint(output, zigzag(method === 2 ? step : step - stepAt(column, at - 1)));
  }
}

function takeColumn(input: Input, column: Float64Array, count: number): void {
  const method = input.bytes[input.at] ?? 255;
  input.at += 1;
  assert(method <= 3, 'a column of a stored day has a known method');
  let value = unzigzag(takeVarint(input));
  let step = method === 0 || count < 2 ? 0 : unzigzag(takeVarint(input));
  column[0] = value;
  for (let at = 1; at < count; at += 1) {
    if (at > 1 && method === 2) step = unzigzag(takeVarint(input));
    if (at > 1 && method === 3) step += unzigzag(takeVarint(input));
    value += step;
    column[at] = value;
  }
}

/** The filled places in time order, a single reading once. Returns how many. */
function filledPlaces(day: SeriesDay, places: Int32Array): number {
  let count = 0;
  for (let first = 0; first < placesPerDay; first += 2) {
    const firstMs = day.offsetMs[first] ?? -1;
    if (firstMs === -1) continue;
    places[count] = first;
    count += 1;
    if (day.offsetMs[first + 1] === firstMs) continue;
    places[count] = first + 1;
    count += 1;
  }
  return count;
}

/** A bit a slot: set for the slots whose first (0) or distinct last (1) reading is there. */
function putMap(output: Output, places: Int32Array, count: number, which: 0 | 1): void {
  output.bytes.fill(0, output.at, output.at + mapBytes);
  for (let at = 0; at < count; at += 1) {
    const place = places[at] ?? 0;
    if (place % 2 !== which) continue;
    const index = output.at + (place >> 4);
    output.bytes[index] = (output.bytes[index] ?? 0) | (1 << ((place >> 1) & 7));
  }
  output.at += mapBytes;
}

export function encodeDay(day: SeriesDay): Uint8Array<ArrayBuffer> {
  assert(
    Number.isInteger(day.day) && day.day >= 0 && day.day <= dayNumberMax,
    'a day of the series is counted from 1970',
  );
  const places = scratchPlaces;
  const column = scratchColumn;
  const count = filledPlaces(day, places);
  let firsts = 0;
  for (let at = 0; at < count; at += 1) if ((places[at] ?? 0) % 2 === 0) firsts += 1;
  const output: Output = { bytes: scratchBytes, at: 1 };
  output.bytes[0] = layout;
  putVarint(output, day.day);
  output.bytes[output.at] = (firsts < slotsPerDay ? 1 : 0) | (firsts < count ? 2 : 0);
  output.at += 1;
  if (firsts < slotsPerDay) putMap(output, places, count, 0);
  if (firsts < count) putMap(output, places, count, 1);
  if (count > 0) {
    for (let at = 0; at < count; at += 1) {
      const place = places[at] ?? 0;
      column[at] = (day.offsetMs[place] ?? 0) - (place >> 1) * slotMs;
    }
    putColumn(output, column, count);
    for (const source of [day.wh, day.quality, day.epoch, day.sequence, day.row]) {
      for (let at = 0; at < count; at += 1) column[at] = source[places[at] ?? 0] ?? 0;
      putColumn(output, column, count);
    }
  }
  return scratchBytes.slice(0, output.at);
}

/** Reads the maps back to places; returns how many readings follow in each column. */
function takePlaces(input: Input, places: Int32Array): number {
  const shape = input.bytes[input.at] ?? 255;
  input.at += 1;
  assert(shape <= 3, 'the shape of a stored day is known');
  const firstMap = (shape & 1) === 0 ? -1 : input.at;
  if (firstMap !== -1) input.at += mapBytes;
  const secondMap = (shape & 2) === 0 ? -1 : input.at;
  if (secondMap !== -1) input.at += mapBytes;
  assert(input.at <= input.bytes.length, 'a stored day is not cut off');
  let count = 0;
  for (let slot = 0; slot < slotsPerDay; slot += 1) {
    const bit = 1 << (slot & 7);
    const isFirst = firstMap === -1 || ((input.bytes[firstMap + (slot >> 3)] ?? 0) & bit) !== 0;
    const isSecond = secondMap !== -1 && ((input.bytes[secondMap + (slot >> 3)] ?? 0) & bit) !== 0;
    assert(isFirst || !isSecond, 'a slot with two readings has a first one');
    if (isFirst) {
      places[count] = 2 * slot;
      count += 1;
    }
    if (isSecond) {
      places[count] = 2 * slot + 1;
      count += 1;
    }
  }
  return count;
}

type Bounds = { readonly min: number; readonly max: number };

function takeInto(
  input: Input,
  target: Int32Array | Float64Array | Uint8Array,
  count: number,
  { min, max }: Bounds,
): void {
  const column = scratchColumn;
  takeColumn(input, column, count);
  for (let at = 0; at < count; at += 1) {
    const value = column[at] ?? Number.NaN;
    assert(value >= min && value <= max, 'a stored day holds values within their bounds');
    const place = scratchPlaces[at] ?? 0;
    target[place] = value;
    // A single reading stands in both places; a distinct last one overwrites the second next.
    if (place % 2 === 0) target[place + 1] = value;
  }
}

const int4: Bounds = { min: 0, max: 2_147_483_647 };

/** Bytes that `encodeDay` did not write are a broken promise of the store, not an input. */
export function decodeDay(bytes: Uint8Array): SeriesDay {
  assert(bytes[0] === layout, 'the layout of a stored day is known');
  const input: Input = { bytes, at: 1 };
  const dayNumber = takeVarint(input);
  assert(dayNumber <= dayNumberMax, 'a day of the series is counted from 1970');
  const day = emptyDay(dayNumber);
  const places = scratchPlaces;
  const count = takePlaces(input, places);
  if (count > 0) {
    takeInto(input, day.offsetMs, count, { min: 0, max: slotMs - 1 });
    for (let place = 0; place < placesPerDay; place += 1) {
      const intoSlotMs = day.offsetMs[place] ?? -1;
      if (intoSlotMs !== -1) day.offsetMs[place] = intoSlotMs + (place >> 1) * slotMs;
    }
    takeInto(input, day.wh, count, { min: -registerWhMax, max: registerWhMax });
    takeInto(input, day.quality, count, { min: 0, max: qualityEstimated });
    takeInto(input, day.epoch, count, int4);
    takeInto(input, day.sequence, count, { min: 0, max: batchSequenceMax });
    takeInto(input, day.row, count, int4);
  }
  assert(input.at === bytes.length, 'nothing follows a stored day');
  for (let at = 1; at < count; at += 1) {
    const place = places[at] ?? 0;
    if (place % 2 === 0) continue;
    assert(
      (day.offsetMs[place] ?? 0) > (day.offsetMs[place - 1] ?? 0),
      'the last reading of a slot is later than its first',
    );
  }
  return day;
}
