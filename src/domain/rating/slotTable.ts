import { assert } from '../assert.ts';
import { dayOfNumber, dayReader, superPeriodKeys } from '../tariff/calendar.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { dayMs } from '../time/civil.ts';
import type { OffsetSegment } from '../time/zone.ts';
import { sharedInt32, sharedUint8 } from './compiled.ts';
import { slotsPerDay } from './slot.ts';

/** The super period of each quarter hour of a local day, worked out once for each kind of day. */
function superPeriodReader(document: TariffDocument): (dayNumber: number) => Uint8Array {
  const numbers = new Map([...document.superPeriods.keys()].map((key, index) => [key, index]));
  const readDay = dayReader(document.calendars);
  const known = new Map<string, Uint8Array>();
  return (dayNumber) => {
    const day = readDay(dayOfNumber(dayNumber));
    const seen = known.get(day.key);
    if (seen !== undefined) return seen;
    const column = new Uint8Array(slotsPerDay);
    for (const [quarter, key] of superPeriodKeys(day).entries()) {
      const superPeriod = numbers.get(key);
      assert(superPeriod !== undefined, 'the document knows the super periods of every day');
      column[quarter] = superPeriod;
    }
    known.set(day.key, column);
    return column;
  };
}

export type SlotTable = {
  /** Shared memory, by slot. */
  readonly superPeriodOfSlot: Uint8Array;
  /** Days since 1970-01-01 of the local date. */
  readonly dayOfSlot: Int32Array;
};

/**
 * What each slot is in local time. Null when a slot holds two super periods: the calendars are of
 * quarter hours, and slots of 10, 30 or 60 minutes may not fit them.
 */
export function slotTableOf(
  document: TariffDocument,
  segments: readonly OffsetSegment[],
  grid: { readonly slotMs: number; readonly slotCount: number },
): SlotTable | null {
  const { slotMs, slotCount } = grid;
  const quarterMs = dayMs / slotsPerDay;
  const isOnQuarters = quarterMs % slotMs === 0 || slotMs % quarterMs === 0;
  if (!isOnQuarters && document.superPeriods.size > 1) return null;
  const superPeriodOfSlot = sharedUint8(slotCount);
  const dayOfSlot = sharedInt32(new Int32Array(slotCount));
  const readDay = superPeriodReader(document);
  const quarters = Math.max(1, Math.floor(slotMs / quarterMs));
  let slot = 0;
  let dayRead = Number.NaN;
  let column: Uint8Array = new Uint8Array(0);
  for (const { startMs, endMs, offsetMs } of segments) {
    for (let localMs = startMs + offsetMs; localMs < endMs + offsetMs; localMs += slotMs) {
      const day = Math.floor(localMs / dayMs);
      if (day !== dayRead) column = readDay(day);
      dayRead = day;
      const quarter = Math.floor((localMs - day * dayMs) / quarterMs);
      if (quarter + quarters > slotsPerDay) return null; // a slot over midnight
      for (let next = quarter + 1; next < quarter + quarters; next += 1) {
        if (column[next] !== column[quarter]) return null;
      }
      superPeriodOfSlot[slot] = column[quarter];
      dayOfSlot[slot] = day;
      slot += 1;
    }
  }
  assert(slot === slotCount, 'the segments fill the window');
  return { superPeriodOfSlot, dayOfSlot };
}

export type Buckets = {
  readonly runEnds: Int32Array;
  readonly bucketOfRun: Int32Array;
  readonly bucketCount: number;
  readonly superPeriodOfBucket: Uint8Array;
  /** By bucket, its first slot; of buckets that are runs. */
  readonly firstSlotOfBucket: readonly number[];
};

/** Runs of one super period; where `isCut` says so, a run also ends before a slot. */
export function bucketsOf(
  table: SlotTable,
  superPeriodCount: number,
  isCut: ((slot: number) => boolean) | null,
): Buckets {
  const { superPeriodOfSlot } = table;
  const ends: number[] = [];
  const starts: number[] = [];
  for (let slot = 0; slot < superPeriodOfSlot.length; slot += 1) {
    const continues =
      slot > 0 &&
      superPeriodOfSlot[slot] === superPeriodOfSlot[slot - 1] &&
      (isCut === null || !isCut(slot));
    if (continues) ends[ends.length - 1] = slot + 1;
    else {
      starts.push(slot);
      ends.push(slot + 1);
    }
  }
  const runEnds = sharedInt32(ends);
  if (isCut === null) {
    const superPeriodOfBucket = sharedUint8(superPeriodCount);
    for (let bucket = 0; bucket < superPeriodCount; bucket += 1) {
      superPeriodOfBucket[bucket] = bucket;
    }
    const bucketOfRun = sharedInt32(starts.map((start) => superPeriodOfSlot[start]));
    return {
      runEnds,
      bucketOfRun,
      bucketCount: superPeriodCount,
      superPeriodOfBucket,
      firstSlotOfBucket: [],
    };
  }
  const superPeriodOfBucket = sharedUint8(starts.length);
  for (const [run, start] of starts.entries()) superPeriodOfBucket[run] = superPeriodOfSlot[start];
  return {
    runEnds,
    bucketOfRun: sharedInt32(starts.map((_, run) => run)),
    bucketCount: starts.length,
    superPeriodOfBucket,
    firstSlotOfBucket: starts,
  };
}
