import type { ReadingExceptionRow } from '../../db/log.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import type { DayRow, HeadRow, StoredDay } from '../../db/series.ts';
import { assert } from '../../domain/assert.ts';
import { slotMs, slotOf } from '../../domain/rating/slot.ts';
import { decodeCarry, encodeCarry } from '../../domain/series/carryCodec.ts';
import { dayOf, emptyDay, mergeReadings, placesPerDay } from '../../domain/series/day.ts';
import type { SeriesConflict, SeriesDay } from '../../domain/series/day.ts';
import { decodeDay, encodeDay } from '../../domain/series/dayCodec.ts';
import { walkOptionsOf } from '../../domain/series/meterMarks.ts';
import { encodeNewest, encodeWithoutNewest, newestOf } from '../../domain/series/newestReading.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import { walkDays } from '../../domain/series/walk.ts';
import type { GapClosed, WalkCarry } from '../../domain/series/walk.ts';
import { describeWalkException } from '../../domain/series/walkException.ts';
import type { WalkException } from '../../domain/series/walkException.ts';
import { dayMs } from '../../domain/time/civil.ts';
import type { ReadingRun } from './gatherReadings.ts';

/** A day on its way through a commit. */
export type OpenDay = {
  readonly day: number;
  readonly series: SeriesDay;
  readonly stored: StoredDay | null;
  isWritten: boolean;
  /** What was told of one instant in two ways, as far as this commit met it. */
  readonly conflicts: SeriesConflict[];
};

/** Slot energies that a walk found, and where it stands now. */
export type Advance = {
  /** Slots that a further reading in time order cannot change. NaN: nothing known. */
  readonly settledFirstSlot: number;
  readonly settledWh: Float64Array;
  /** 1 where a slot's energy is estimated; null: none is. */
  readonly settledEstimated: Uint8Array | null;
  /** From there to the last reading: it comes again, better known, with the next one. */
  readonly openFirstSlot: number;
  readonly openWh: Float64Array;
  readonly openEstimated: Uint8Array | null;
  readonly carrySettled: WalkCarry;
  readonly carryOut: WalkCarry;
  readonly days: readonly DayRow[];
  /** For the head; null where the walk did not come by its day. */
  readonly newest: Uint8Array | null;
  /** Silences that are laid out as evenly as time, for want of a shape. */
  readonly gaps: readonly GapClosed[];
  readonly exceptions: readonly ReadingExceptionRow[];
};

export function openDay(day: number, stored: StoredDay | null): OpenDay {
  const series = stored === null ? emptyDay(day) : decodeDay(stored.bytes);
  return { day, series, stored, isWritten: false, conflicts: [] };
}

/** Merges runs of readings into a day; returns the earliest instant whose meaning changed. */
export function mergeRuns(open: OpenDay, runs: readonly ReadingRun[]): number {
  let changedFromMs = Infinity;
  for (const { columns, from, to } of runs) {
    const report = mergeReadings(open.series, columns, { from, to });
    if (report.isWritten) open.isWritten = true;
    open.conflicts.push(...report.conflicts);
    changedFromMs = Math.min(changedFromMs, report.changedFromMs);
  }
  return changedFromMs;
}

/** Shapes of gaps that end at or after an instant. */
export function dropShapes(open: OpenDay, fromMs: number): void {
  const { series } = open;
  const kept = series.shapes.filter(({ toMs }) => toMs < fromMs);
  if (kept.length === series.shapes.length) return;
  series.shapes = kept;
  open.isWritten = true;
}

export function conflictsIn(days: readonly OpenDay[]): readonly SeriesConflict[] {
  return days.flatMap(({ conflicts }) => conflicts);
}

/** A reading of an earlier slot, or a better one: what lies behind the head is no longer so. */
export function isLate(head: HeadRow | null, changedFromMs: number): boolean {
  const carry = decodeCarry(head?.carry ?? null);
  return carry !== null && changedFromMs <= carry.lastAtMs;
}

/** A register, and the edge that edits of it come from. */
export type WalkedRegister = {
  readonly meter: RatedMeter;
  readonly channel: number;
  /** Absent: the company has none. */
  readonly officeId?: number | undefined;
};

/**
 * Whose batch a place of a day is from: what no batch brought is named by its instant. A day keeps
 * the epoch, sequence and row of a reading and not its edge, and both the gateway and the office
 * count from 1: of a reading by hand that nobody edited (revision 0) the gateway is named.
 */
function sourceOf(
  { meter, officeId }: WalkedRegister,
  series: SeriesDay,
  { atMs, isMark }: WalkException,
): Pick<ReadingExceptionRow, 'edgeId' | 'epoch' | 'sequence' | 'row'> {
  if (isMark) return { edgeId: meter.edgeId, epoch: 0, sequence: BigInt(atMs), row: meter.meterId };
  const offsetMs = atMs - series.day * dayMs;
  const slot = Math.floor(offsetMs / slotMs);
  const place = series.offsetMs[2 * slot] === offsetMs ? 2 * slot : 2 * slot + 1;
  assert(place < placesPerDay && series.offsetMs[place] === offsetMs, 'it is a reading of the day');
  const isEdit = series.revision[place] > 0;
  return {
    edgeId: isEdit ? (officeId ?? meter.edgeId) : meter.edgeId,
    epoch: series.epoch[place],
    sequence: BigInt(series.sequence[place]),
    row: series.row[place],
  };
}

export function exceptionRow(
  register: WalkedRegister,
  series: SeriesDay,
  exception: WalkException,
): ReadingExceptionRow {
  const { meter, channel } = register;
  return {
    ...sourceOf(register, series, exception),
    companyId: meter.companyId,
    stream: 1,
    isEvent: false,
    meterId: meter.meterId,
    channel,
    readAtMs: exception.atMs,
    value: exception.wh,
    code: exception.code,
    message: describeWalkException(exception),
  };
}

function sameBytes(left: Uint8Array | null, right: Uint8Array | null): boolean {
  if (left === null || right === null) return left === right;
  return Buffer.compare(left, right) === 0;
}

/** One column from the parts of several days; they follow each other without a hole. */
function join(parts: readonly Float64Array[]): Float64Array {
  if (parts.length === 1) return parts[0];
  const joined = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Where the energy of several days is estimated; null where it nowhere is. */
function estimatedIn(
  parts: readonly { readonly slotWh: Float64Array; readonly slotQuality: Uint8Array }[],
  count: number,
): Uint8Array | null {
  let estimated: Uint8Array | null = null;
  let at = 0;
  for (const { slotWh, slotQuality } of parts) {
    for (const [index, quality] of slotQuality.entries()) {
      if (quality < qualityEstimated || Number.isNaN(slotWh[index])) continue;
      estimated ??= new Uint8Array(count);
      estimated[at + index] = 1;
    }
    at += slotWh.length;
  }
  return estimated;
}

function withTail(slotWh: Float64Array, tailWh: number): Float64Array {
  const open = new Float64Array(slotWh.length + 1);
  open.set(slotWh);
  open[slotWh.length] = tailWh;
  return open;
}

/** The day as it is to be stored. */
export function dayRow(
  { meter, channel }: WalkedRegister,
  { day, stored }: OpenDay,
  { storedBytes, carryIn }: Pick<DayRow, 'storedBytes' | 'carryIn'>,
): DayRow {
  return {
    meterId: meter.meterId,
    channel,
    day,
    companyId: meter.companyId,
    storedBytes,
    carryIn,
    revision: stored?.revision ?? 0,
  };
}

/** What the row of a day has to be; null while it is so already. */
function rowToWrite(
  register: WalkedRegister,
  open: OpenDay,
  { carryIn, isHeadDay }: { readonly carryIn: Uint8Array | null; readonly isHeadDay: boolean },
): DayRow | null {
  const { series, stored, isWritten } = open;
  const isSameCarry = sameBytes(carryIn, stored?.carryIn ?? null);
  const isWhole = stored === null || stored.storedBytes === stored.bytes;
  // A day that was left by the head takes back its newest reading, and another one gives it away.
  const mayDiffer = isWritten || isHeadDay || !isWhole;
  if (!mayDiffer && isSameCarry) return null;
  if (!mayDiffer && stored !== null) {
    return dayRow(register, open, { storedBytes: stored.storedBytes, carryIn });
  }
  const storedBytes = isHeadDay ? encodeWithoutNewest(series) : encodeDay(series);
  const isSame =
    stored === null ? !isWritten && isSameCarry : sameBytes(storedBytes, stored.storedBytes);
  return isSame && isSameCarry ? null : dayRow(register, open, { storedBytes, carryIn });
}

/** Of a register of which no reading is accepted. */
export const nothingKnown: Advance = {
  settledFirstSlot: 0,
  settledWh: new Float64Array(0),
  settledEstimated: null,
  openFirstSlot: 0,
  openWh: new Float64Array(0),
  openEstimated: null,
  carrySettled: null,
  carryOut: null,
  days: [],
  newest: null,
  gaps: [],
  exceptions: [],
};

/**
 * Walks days in time order from a carry: settled slots, open slots with the tail, and the day rows
 * to write back, each with the carry at its beginning.
 */
export function advanceRegister(
  register: WalkedRegister,
  days: readonly OpenDay[],
  carryIn: WalkCarry,
): Advance {
  const { meter, channel } = register;
  assert(days.length > 0, 'a register advances by at least one day');
  const options = walkOptionsOf(meter, channel);
  const parts: { slotWh: Float64Array; slotQuality: Uint8Array }[] = [];
  const carriesIn: (Uint8Array | null)[] = [];
  const gaps: GapClosed[] = [];
  const exceptions: ReadingExceptionRow[] = [];
  let carry = carryIn;
  let firstSlot = -1;
  let settled: WalkCarry = carryIn;
  let tailWh = Number.NaN;
  for (const open of days) {
    // The carry at a day's beginning is the walk's after the days before. On the first of them it
    // may lie inside the day; then what is stored stays.
    const isInside = carry !== null && dayOf(carry.lastAtMs) >= open.day;
    const walked = walkDays([open.series], carry, options);
    const carryBytes = carry === null ? null : encodeCarry(carry);
    carriesIn.push(isInside ? (open.stored?.carryIn ?? null) : carryBytes);
    if (firstSlot === -1 && walked.carryOut !== null) firstSlot = walked.firstSlot;
    parts.push(walked);
    gaps.push(...walked.gaps);
    exceptions.push(...walked.exceptions.map((each) => exceptionRow(register, open.series, each)));
    carry = walked.carryOut;
    if (walked.isMoved) settled = walked.carrySettled;
    tailWh = walked.isTailKnown ? walked.tailWh : Number.NaN;
  }
  const headDay = carry === null ? null : dayOf(carry.lastAtMs);
  const rows = days.flatMap((open, index) => {
    const carryBytes = carriesIn[index];
    const place = { carryIn: carryBytes, isHeadDay: open.day === headDay };
    return rowToWrite(register, open, place) ?? [];
  });
  const all = join(parts.map(({ slotWh }) => slotWh));
  if (carry === null || settled === null) {
    return { ...nothingKnown, days: rows, gaps, exceptions };
  }
  const newest = newestIn(days, headDay);
  const settledCount = settled.boundarySlot - firstSlot;
  // The slot of the tail is the last, and read.
  const estimated = estimatedIn(parts, all.length + 1);
  return {
    settledFirstSlot: firstSlot,
    settledWh: all.subarray(0, settledCount),
    settledEstimated: estimated?.subarray(0, settledCount) ?? null,
    openFirstSlot: settled.boundarySlot,
    openWh: withTail(all.subarray(settledCount), tailWh),
    openEstimated: estimated?.subarray(settledCount) ?? null,
    carrySettled: settled,
    carryOut: carry,
    days: rows,
    newest,
    gaps,
    exceptions,
  };
}

function newestIn(days: readonly OpenDay[], headDay: number | null): Uint8Array | null {
  const open = days.find(({ day }) => day === headDay);
  const newest = open === undefined ? null : newestOf(open.series);
  return newest === null ? null : encodeNewest(newest);
}

/** The instant from which a change inside a day can move energy: back to the open boundary. */
export function affectedFromMs(day: number, carryIn: WalkCarry): number {
  const dayStartMs = day * dayMs;
  return carryIn === null
    ? dayStartMs
    : Math.min(dayStartMs, slotOf(carryIn.lastAtMs) * slotMs, carryIn.boundarySlot * slotMs);
}
