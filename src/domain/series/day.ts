import { assert } from '../assert.ts';
import { registerWhMax } from '../limits.ts';
import { slotMs, slotsPerDay } from '../rating/slot.ts';
import { dayMs } from '../time/civil.ts';
import type { GapShape } from './gapShape.ts';
import { qualityActual, qualityEstimated, qualityVoid } from './quality.ts';

/** Of each slot the first and the last reading. */
export const placesPerDay = 2 * slotsPerDay;

/**
 * One meter, channel and UTC day of a register. Interpolating the register at a slot's boundary
 * needs only the last reading before and the first at or after it, so a slot keeps its first and
 * its last reading, at the places `2 * slot` and `2 * slot + 1`: the columns are in time order. A
 * single reading stands in both places; an empty slot has offset -1 in both.
 *
 * `first` is a minimum and `last` a maximum over a total order (time, then rank), therefore merging
 * is commutative, associative and idempotent: neither the order of arrivals, nor how they were
 * grouped, nor repetitions can change a byte.
 */
export type SeriesDay = {
  /** Days since 1970-01-01 UTC. */
  readonly day: number;
  /** Milliseconds since the start of the day, -1 for an empty place. */
  readonly offsetMs: Int32Array;
  /** Register, Wh: safe integers within +-2^50; BigInt64Array would cost ten times the time. */
  readonly wh: Float64Array;
  /** `qualityVoid`: an edit says that nothing counts here, and the walk passes over it. */
  readonly quality: Uint8Array;
  /** 0 as read; an edit is one above the revision that it supersedes. */
  readonly revision: Int32Array;
  /** Rank among readings of one instant: epoch, sequence and row of the batch that brought it. */
  readonly epoch: Int32Array;
  readonly sequence: Float64Array;
  readonly row: Int32Array;
  /** Of the gaps that end in this day, by their end; never two with one end. */
  shapes: readonly GapShape[];
};

/** Readings of one meter, channel and day within the columns of one block of a batch. */
export type ReadingColumns = {
  readonly readAtMs: Float64Array;
  readonly value: BigInt64Array;
  readonly quality: Uint8Array;
  /** Absent: all are 0, as read. */
  readonly revision?: Int32Array;
  /** Takes a value to Wh, see `checkUnit`. */
  readonly factor: number;
  readonly epoch: number;
  readonly sequence: bigint;
  /** Number of the first row within its batch, over all blocks; 0 unless given. */
  readonly firstRow?: number;
};

export type SeriesReading = {
  readonly atMs: number;
  readonly wh: bigint;
  readonly quality: number;
  readonly revision: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly row: number;
};

/**
 * Two values for one instant, neither of them an edit of the other: `kept` outranks `lost`. Both
 * stay in the log.
 */
export type SeriesConflict = { readonly kept: SeriesReading; readonly lost: SeriesReading };

/**
 * What a merge did. `changedFromMs` is the earliest instant at which a value or quality appeared,
 * changed or went; Infinity when a walk would see no difference. `isWritten`: the row's bytes are
 * others. Conflicts name only pairs that met at a place; the same pair is named again on replay.
 */
export type MergeReport = {
  changedFromMs: number;
  isWritten: boolean;
  readonly conflicts: SeriesConflict[];
};

const bytesPerPlace = 8 + 8 + 4 + 4 + 4 + 4 + 1;

export function dayOf(instantMs: number): number {
  return Math.floor(instantMs / dayMs);
}

export function emptyDay(day: number): SeriesDay {
  const buffer = new ArrayBuffer(placesPerDay * bytesPerPlace);
  const count = placesPerDay;
  const emptied: SeriesDay = {
    day,
    wh: new Float64Array(buffer, 0, count),
    sequence: new Float64Array(buffer, 8 * count, count),
    offsetMs: new Int32Array(buffer, 16 * count, count),
    epoch: new Int32Array(buffer, 20 * count, count),
    row: new Int32Array(buffer, 24 * count, count),
    revision: new Int32Array(buffer, 28 * count, count),
    quality: new Uint8Array(buffer, 32 * count, count),
    shapes: [],
  };
  emptied.offsetMs.fill(-1);
  return emptied;
}

/** A reading on its way into a day; one object is reused for all readings of a merge. */
type Offer = {
  offsetMs: number;
  wh: number;
  quality: number;
  revision: number;
  epoch: number;
  sequence: number;
  row: number;
};

function put(day: SeriesDay, place: number, offer: Offer): void {
  day.offsetMs[place] = offer.offsetMs;
  day.wh[place] = offer.wh;
  day.quality[place] = offer.quality;
  day.revision[place] = offer.revision;
  day.epoch[place] = offer.epoch;
  day.sequence[place] = offer.sequence;
  day.row[place] = offer.row;
}

function take(day: SeriesDay, place: number, into: Offer): void {
  into.offsetMs = day.offsetMs[place] ?? -1;
  into.wh = day.wh[place] ?? Number.NaN;
  into.quality = day.quality[place] ?? 0;
  into.revision = day.revision[place] ?? 0;
  into.epoch = day.epoch[place] ?? 0;
  into.sequence = day.sequence[place] ?? 0;
  into.row = day.row[place] ?? 0;
}

/** An edit that voids is somebody's own word, as good as a reading. */
function rankedQuality(quality: number): number {
  return quality === qualityVoid ? qualityActual : quality;
}

/** Positive when the offer outranks what stands at the place; 0 only when they are the same. */
function rankOver(day: SeriesDay, place: number, offer: Offer): number {
  const byRevision = offer.revision - (day.revision[place] ?? 0);
  if (byRevision !== 0) return byRevision;
  const quality = day.quality[place] ?? 0;
  const byQuality = rankedQuality(quality) - rankedQuality(offer.quality);
  if (byQuality !== 0) return byQuality;
  const byEpoch = offer.epoch - (day.epoch[place] ?? 0);
  if (byEpoch !== 0) return byEpoch;
  const bySequence = offer.sequence - (day.sequence[place] ?? 0);
  if (bySequence !== 0) return bySequence;
  const byRow = offer.row - (day.row[place] ?? 0);
  if (byRow !== 0) return byRow;
  const byValue = offer.wh - (day.wh[place] ?? 0);
  return byValue === 0 ? offer.quality - quality : byValue;
}

function readingOf(day: number, offer: Offer): SeriesReading {
  return {
    atMs: day * dayMs + offer.offsetMs,
    wh: BigInt(offer.wh),
    quality: offer.quality,
    revision: offer.revision,
    epoch: offer.epoch,
    sequence: BigInt(offer.sequence),
    row: offer.row,
  };
}

/**
 * A shape holds between two readings as they were: a change of either, or between them, ends it,
 * and who walks the day from there finds the gap without one. What else a shape was made of, days
 * before it or the slot behind it, is watched by who made it.
 */
function endShapes(day: SeriesDay, atMs: number): void {
  const kept = day.shapes.filter(({ fromMs, toMs }) => atMs < fromMs || atMs > toMs);
  if (kept.length < day.shapes.length) day.shapes = kept;
}

function noteChange(report: MergeReport, day: SeriesDay, offsetMs: number): void {
  report.isWritten = true;
  const atMs = day.day * dayMs + offsetMs;
  if (atMs < report.changedFromMs) report.changedFromMs = atMs;
  if (day.shapes.length > 0) endShapes(day, atMs);
}

/** The same instant twice: the higher rank stays, and another value is a conflict to look into. */
function settleTie(day: SeriesDay, place: number, offer: Offer, report: MergeReport): boolean {
  const rank = rankOver(day, place, offer);
  if (rank === 0) return false;
  const isOtherValue = day.wh[place] !== offer.wh;
  if (isOtherValue && day.revision[place] === offer.revision) {
    const standing: Offer = { ...offer };
    take(day, place, standing);
    const offered = readingOf(day.day, offer);
    const stood = readingOf(day.day, standing);
    const conflict = rank > 0 ? { kept: offered, lost: stood } : { kept: stood, lost: offered };
    report.conflicts.push(conflict);
  }
  if (rank < 0) return false;
  report.isWritten = true;
  if (isOtherValue || day.quality[place] !== offer.quality) {
    noteChange(report, day, offer.offsetMs);
  }
  return true;
}

function merge(day: SeriesDay, offer: Offer, report: MergeReport): void {
  const { offsetMs } = offer;
  const first = Math.floor(offsetMs / slotMs) * 2;
  const last = first + 1;
  const firstMs = day.offsetMs[first] ?? -1;
  const lastMs = day.offsetMs[last] ?? -1;
  if (firstMs === -1) {
    put(day, first, offer);
    put(day, last, offer);
    noteChange(report, day, offsetMs);
  } else if (offsetMs < firstMs) {
    put(day, first, offer);
    noteChange(report, day, offsetMs);
  } else if (offsetMs > lastMs) {
    put(day, last, offer);
    // The reading that was last is gone, unless it still stands as the slot's first.
    noteChange(report, day, lastMs === firstMs ? offsetMs : lastMs);
    if (day.shapes.length > 0) endShapes(day, day.day * dayMs + offsetMs);
  } else if (offsetMs === firstMs) {
    if (settleTie(day, first, offer, report)) {
      put(day, first, offer);
      if (lastMs === firstMs) put(day, last, offer);
    }
  } else if (offsetMs === lastMs) {
    if (settleTie(day, last, offer, report)) put(day, last, offer);
  }
}

function rankOffer(columns: ReadingColumns): Offer {
  const sequence = Number(columns.sequence);
  assert(Number.isSafeInteger(sequence), 'a sequence is a safe integer');
  const { epoch } = columns;
  return { offsetMs: 0, wh: 0, quality: 0, revision: 0, epoch, sequence, row: 0 };
}

function mergeRow(
  day: SeriesDay,
  columns: ReadingColumns,
  row: number,
  offer: Offer,
  report: MergeReport,
): void {
  offer.offsetMs = (columns.readAtMs[row] ?? Number.NaN) - day.day * dayMs;
  offer.wh = Number(columns.value[row]) * columns.factor;
  offer.quality = columns.quality[row] ?? 255;
  offer.revision = columns.revision?.[row] ?? 0;
  offer.row = (columns.firstRow ?? 0) + row;
  assert(
    offer.offsetMs >= 0 && offer.offsetMs < dayMs,
    'a reading is of the day it is merged into',
  );
  assert(
    offer.wh >= -registerWhMax && offer.wh <= registerWhMax,
    'a register is within 2^50 Wh when it enters the series',
  );
  assert(
    offer.quality <= qualityEstimated || offer.quality === qualityVoid,
    'a reading is ACTUAL, CALCULATED, ESTIMATED or VOID',
  );
  merge(day, offer, report);
}

/** Merges rows `from` (inclusive) to `to` (exclusive) of the columns into the day, in place. */
export function mergeReadings(
  day: SeriesDay,
  columns: ReadingColumns,
  { from, to }: { readonly from: number; readonly to: number },
): MergeReport {
  assert(from >= 0 && to <= columns.value.length, 'the rows are within the columns');
  const report: MergeReport = { changedFromMs: Infinity, isWritten: false, conflicts: [] };
  const offer = rankOffer(columns);
  for (let row = from; row < to; row += 1) mergeRow(day, columns, row, offer, report);
  return report;
}
