import { assert } from '../assert.ts';
import { slotMs } from '../rating/slot.ts';
import { placesPerDay } from './day.ts';
import type { SeriesDay } from './day.ts';
import { decodeDay, encodeDay } from './dayCodec.ts';
import { qualityEstimated, qualityVoid } from './quality.ts';

/**
 * The newest reading of the day in which a register stands is kept beside the series, and not in
 * the day's bytes: each further reading of the open slot would write the day again. The bytes hold
 * it as well only where it is also the first of its slot. A day as it is read, walked and compared
 * is always the bytes with this reading put back.
 */
export type NewestReading = {
  /** Days since 1970-01-01 UTC. */
  readonly day: number;
  readonly offsetMs: number;
  readonly wh: number;
  readonly quality: number;
  readonly revision: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly row: number;
};

/** The last place of the newest slot that has a reading; -1: the day has none. */
function newestPlace({ offsetMs }: SeriesDay): number {
  for (let last = placesPerDay - 1; last > 0; last -= 2) {
    if (offsetMs[last - 1] !== -1) return last;
  }
  return -1;
}

function copyPlace(day: SeriesDay, from: number, to: number): void {
  day.offsetMs[to] = day.offsetMs[from];
  day.wh[to] = day.wh[from];
  day.quality[to] = day.quality[from];
  day.revision[to] = day.revision[from];
  day.epoch[to] = day.epoch[from];
  day.sequence[to] = day.sequence[from];
  day.row[to] = day.row[from];
}

export function newestOf(day: SeriesDay): NewestReading | null {
  const place = newestPlace(day);
  if (place === -1) return null;
  return {
    day: day.day,
    offsetMs: day.offsetMs[place],
    wh: day.wh[place],
    quality: day.quality[place],
    revision: day.revision[place],
    epoch: day.epoch[place],
    sequence: day.sequence[place],
    row: day.row[place],
  };
}

/** Puts it at the end of its slot, in which the day has a reading already, none of them later. */
export function putNewest(day: SeriesDay, newest: NewestReading): void {
  assert(newest.day === day.day, 'a newest reading goes into its own day');
  const last = 2 * Math.floor(newest.offsetMs / slotMs) + 1;
  const standingMs = day.offsetMs[last - 1];
  assert(
    standingMs !== -1 && standingMs <= newest.offsetMs && newestPlace(day) === last,
    'a newest reading ends the newest slot of its day',
  );
  day.offsetMs[last] = newest.offsetMs;
  day.wh[last] = newest.wh;
  day.quality[last] = newest.quality;
  day.revision[last] = newest.revision;
  day.epoch[last] = newest.epoch;
  day.sequence[last] = newest.sequence;
  day.row[last] = newest.row;
}

/** The day's bytes without its newest reading, where that is not the first of its slot. */
export function encodeWithoutNewest(day: SeriesDay): Uint8Array<ArrayBuffer> {
  const newest = newestOf(day);
  if (newest === null) return encodeDay(day);
  const last = newestPlace(day);
  copyPlace(day, last - 1, last);
  const bytes = encodeDay(day);
  putNewest(day, newest);
  return bytes;
}

const layout = 1;
const newestBytes = 48;

/** Little-endian: layout u8, quality u8, two zero bytes, five int32, eight zero bytes, two f64. */
export function encodeNewest(newest: NewestReading): Uint8Array {
  const bytes = new Uint8Array(newestBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = layout;
  bytes[1] = newest.quality;
  view.setInt32(4, newest.day, true);
  view.setInt32(8, newest.offsetMs, true);
  view.setInt32(12, newest.revision, true);
  view.setInt32(16, newest.epoch, true);
  view.setInt32(20, newest.row, true);
  view.setFloat64(32, newest.wh, true);
  view.setFloat64(40, newest.sequence, true);
  return bytes;
}

/** Bytes that `encodeNewest` did not write are a broken promise of the store, not an input. */
export function decodeNewest(bytes: Uint8Array): NewestReading {
  assert(bytes.length === newestBytes && bytes[0] === layout, 'a stored reading has its layout');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const quality = bytes[1];
  assert(quality <= qualityEstimated || quality === qualityVoid, 'a stored reading has a quality');
  return {
    quality,
    day: view.getInt32(4, true),
    offsetMs: view.getInt32(8, true),
    revision: view.getInt32(12, true),
    epoch: view.getInt32(16, true),
    row: view.getInt32(20, true),
    wh: view.getFloat64(32, true),
    sequence: view.getFloat64(40, true),
  };
}

/**
 * The bytes of a day as they were without anything kept beside them; the same array where the
 * reading is of another day, or stands in the day already.
 */
export function withNewest(
  { day, bytes }: { readonly day: number; readonly bytes: Uint8Array },
  newest: Uint8Array | null,
): Uint8Array {
  if (newest === null) return bytes;
  const reading = decodeNewest(newest);
  if (reading.day !== day) return bytes;
  const series = decodeDay(bytes);
  const standing = newestOf(series);
  const isThere = standing !== null && standing.offsetMs === reading.offsetMs;
  if (isThere && series.offsetMs.indexOf(reading.offsetMs) % 2 === 0) return bytes;
  putNewest(series, reading);
  return encodeDay(series);
}
