import { assert } from '../assert.ts';
import { batchSequenceMax, registerWhMax } from '../limits.ts';
import { slotMs, slotsPerDay } from '../rating/slot.ts';
import { putColumn, putVarint, takeColumn, takeVarint, varintBytesMax } from './columnCodec.ts';
import type { Input, Output } from './columnCodec.ts';
import { emptyDay, placesPerDay } from './day.ts';
import type { SeriesDay } from './day.ts';
import { qualityEstimated, qualityMissing, qualityVoid } from './quality.ts';
import { putShapes, shapesBytesMax, takeShapes } from './shapeCodec.ts';

/**
 * A day as bytes, for one row of the series, by numbers and columns of `columnCodec`:
 *
 *   layout | day | maps | [slots that have a reading, 12 bytes] | [slots that have two, 12 bytes]
 *   | six columns: milliseconds into the slot, Wh, quality, epoch, sequence, row
 *
 * Bit 0 of maps: some slot is empty, its map follows. Bit 1: some slot has two readings, its map
 * follows. Layout 1 is of days as they were read. Layout 2, of days with an edit or the shape of a
 * gap, goes on with the column of revisions and the shapes (`shapeCodec`). One day has one
 * spelling.
 */
const readLayout = 1;
const editedLayout = 2;
const mapBytes = slotsPerDay / 8;
const columnCount = 7;
const dayBytesMax = 32 + 2 * mapBytes + columnCount * (1 + placesPerDay * varintBytesMax);
const dayNumberMax = 100_000; // the year 2243

/** Used by one call at a time: encoding and decoding never wait in between. */
const scratchBytes = new Uint8Array(dayBytesMax);
const scratchColumn = new Float64Array(placesPerDay);
const scratchPlaces = new Int32Array(placesPerDay);

/** The filled places in time order, a single reading once; and whether an edit stands there. */
function filledPlaces(day: SeriesDay, places: Int32Array): { count: number; isEdited: boolean } {
  const { revision, quality } = day;
  let count = 0;
  let edits = 0;
  for (let first = 0; first < placesPerDay; first += 2) {
    const firstMs = day.offsetMs[first] ?? -1;
    if (firstMs === -1) continue;
    places[count] = first;
    count += 1;
    edits |= revision[first] | (quality[first] & qualityVoid);
    if (day.offsetMs[first + 1] === firstMs) continue;
    places[count] = first + 1;
    count += 1;
    edits |= revision[first + 1] | (quality[first + 1] & qualityVoid);
  }
  return { count, isEdited: edits !== 0 };
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
  const { count, isEdited } = filledPlaces(day, places);
  let firsts = 0;
  for (let at = 0; at < count; at += 1) if ((places[at] ?? 0) % 2 === 0) firsts += 1;
  const edited = isEdited || day.shapes.length > 0;
  const shapesBytes = shapesBytesMax(day.shapes);
  const bytes = shapesBytes === 0 ? scratchBytes : new Uint8Array(dayBytesMax + shapesBytes);
  const output: Output = { bytes, at: 1 };
  output.bytes[0] = edited ? editedLayout : readLayout;
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
    for (const source of [day.wh, day.quality, day.epoch, day.sequence, day.row, day.revision]) {
      if (source === day.revision && !edited) break;
      for (let at = 0; at < count; at += 1) column[at] = source[places[at] ?? 0] ?? 0;
      putColumn(output, column, count);
    }
  }
  if (edited) putShapes(output, day);
  return bytes.slice(0, output.at);
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
  const isReadOnly = bytes[0] === readLayout;
  assert(isReadOnly || bytes[0] === editedLayout, 'the layout of a stored day is known');
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
    const qualityMax = isReadOnly ? qualityEstimated : qualityVoid;
    takeInto(input, day.quality, count, { min: 0, max: qualityMax });
    takeInto(input, day.epoch, count, int4);
    takeInto(input, day.sequence, count, { min: 0, max: batchSequenceMax });
    takeInto(input, day.row, count, int4);
    if (!isReadOnly) {
      takeInto(input, day.revision, count, int4);
      assert(!day.quality.includes(qualityMissing), 'a reading is not missing');
    }
  }
  if (!isReadOnly) day.shapes = takeShapes(input, dayNumber);
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
