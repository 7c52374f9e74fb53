import { assert } from '../assert.ts';
import { gapBridgedDaysMax } from '../limits.ts';
import { slotMs, slotsPerDay } from '../rating/slot.ts';
import { dayMs } from '../time/civil.ts';
import type { SeriesDay } from './day.ts';
import type { RegisterMark } from './mark.ts';
import { qualityActual, qualityEstimated, qualityVoid } from './quality.ts';
import type { WalkException, WalkExceptionCode } from './walkException.ts';
import { closeEvenly, closeUpTo, leaveUnknown } from './walkGap.ts';
import {
  beginMark,
  beginWith,
  billedThrough,
  goThrough,
  isBeyondCount,
  nextBound,
  phaseBehind,
  plausibleThrough,
  settleAt,
  stopAt,
  waitingEnd,
} from './walkMarks.ts';
import {
  beginAt,
  beginWalk,
  billedWh,
  carryOf,
  goBehind,
  passTo,
  plausibleWh,
  reject,
  reserve,
  settle,
} from './walkState.ts';
import type { Shown, Walk } from './walkState.ts';

export type WalkOptions = {
  /** The most that can flow at the meter: main fuse, or the transformer's rating. */
  readonly powerMaxW: number;
  /** What the register counts in; a reading may be off by one of them. */
  readonly registerStepWh: number;
  /** Where the register begins again from 0; null when that is not known. */
  readonly registerModulusWh: number | null;
  /** From when on the register counts otherwise, ascending, at most one an instant. */
  readonly marks: readonly RegisterMark[];
};

/**
 * Whether readings count on, begin anew after a mark that left the register's value open, or do not
 * count because the register is not installed.
 */
export type WalkPhase = 'counting' | 'waiting' | 'stopped';

/**
 * All that the walk remembers of what lies behind it. The slot of the last accepted reading is
 * `boundarySlot`; `boundaryWh` is the register at its start (or at the first reading ever, when
 * that came later in the slot). The register is unwrapped: it goes on counting over a rollover, and
 * over a mark that sets it back.
 */
export type WalkCarry = {
  readonly lastAtMs: number;
  /** As billed: in the series' unit, with its factor. */
  readonly lastWh: bigint;
  /** The same in the register's own counts: what it showed, and `shiftRaw`. */
  readonly lastRaw: bigint;
  readonly lastQuality: number;
  /** Of a register that was taken away within a slot the one after: its last slot is over. */
  readonly boundarySlot: number;
  readonly boundaryWh: bigint;
  readonly boundaryQuality: number;
  /** Null: as many whole moduli as `lastRaw` holds. */
  readonly shiftRaw: bigint | null;
  /** Billed is `baseWh + floor(raw * factor)`. */
  readonly baseWh: bigint;
  readonly phase: WalkPhase;
} | null;

/** A silence that was closed as evenly as time, because no shape stands in its day. */
export type GapClosed = {
  /** Two accepted readings, more than two slots apart. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly differenceWh: bigint;
};

export type WalkResult = {
  /** The slot, counted from 1970-01-01T00:00Z, of `slotWh[0]`. */
  readonly firstSlot: number;
  /** Energy of each slot that is over; NaN where nothing is known. */
  readonly slotWh: Float64Array;
  readonly slotQuality: Uint8Array;
  /** The slot of the last accepted reading and its energy up to that reading; -1 and 0 if none. */
  readonly tailSlot: number;
  readonly tailWh: number;
  /** Whether something of the tail's slot is known: not yet of one that begins with the reading. */
  readonly isTailKnown: boolean;
  /** After all readings: go on from here with the days that follow. */
  readonly carryOut: WalkCarry;
  /**
   * Before the last reading of the newest slot, which a later reading would replace: go on from
   * here while that day is open, giving the day again. It holds as long as no merge reports a
   * `changedFromMs` at or before its `lastAtMs`. A mark that took effect behind the newest reading
   * settles all that is before it: a reading in front of the mark is late then.
   */
  readonly carrySettled: WalkCarry;
  /** False: these days have nothing that counts, and what was settled before them still is. */
  readonly isMoved: boolean;
  readonly gaps: readonly GapClosed[];
  readonly exceptions: readonly WalkException[];
};

const gapBridgedMsMax = gapBridgedDaysMax * dayMs;

/**
 * A register that went down and did not roll over: set back to zero, when it has so little on it
 * that all of it can have flowed since, and less than half of what it had.
 */
function codeOfDrop(walk: Walk, shown: number, plausibleMax: number): WalkExceptionCode {
  const { numerator, denominator } = walk;
  const isLittle = (shown * numerator) / denominator <= plausibleMax;
  const isBegun = isLittle && 2 * shown < walk.lastRaw - walk.shiftRaw;
  return isBegun ? 'REGISTER_RESET' : 'REGISTER_WENT_BACKWARDS';
}

/** What no register can show: less than nothing, or more than its face has room for. */
function isOffFace(walk: Walk, reading: Shown): boolean {
  const { shown } = reading;
  if (shown >= 0 && shown < walk.modulusRaw) return false;
  reject(walk, shown < 0 ? 'REGISTER_WENT_BACKWARDS' : 'REGISTER_JUMPED', reading);
  return true;
}

/** Goes on from the last reading, where nothing was marked since; false: it is not believed. */
function goOn(walk: Walk, reading: Shown): boolean {
  if (isOffFace(walk, reading)) return false;
  const { atMs, shown, quality } = reading;
  const gapMs = atMs - walk.lastAtMs;
  const plausibleMax = plausibleWh(walk.options, gapMs, walk.stepWh);
  let raw = shown + walk.shiftRaw;
  const isBehind = raw < walk.lastRaw;
  // Beyond a known modulus the register begins again; Infinity is never plausible.
  if (isBehind) raw += walk.modulusRaw;
  const wh = raw === Infinity ? raw : billedWh(walk, raw);
  if (wh - walk.lastWh > plausibleMax) {
    const code = isBehind ? codeOfDrop(walk, shown, plausibleMax) : 'REGISTER_JUMPED';
    return reject(walk, code, reading);
  }
  if (isBehind) walk.shiftRaw += walk.modulusRaw;
  if (gapMs > gapBridgedMsMax) {
    reject(walk, 'GAP_NOT_BRIDGED', reading);
    leaveUnknown(walk, atMs, quality);
    walk.boundaryWh = wh;
  } else closeUpTo(walk, atMs, wh, quality);
  walk.lastAtMs = atMs;
  walk.lastWh = wh;
  walk.lastRaw = raw;
  walk.lastQuality = quality;
  return true;
}

/** The same through factors that were changed in between. */
function goOnThrough(walk: Walk, reading: Shown, end: number): boolean {
  if (isOffFace(walk, reading)) return false;
  const { atMs, shown, quality } = reading;
  const plausibleMax = plausibleThrough(walk, atMs);
  const isBehind = shown + walk.shiftRaw < walk.lastRaw;
  if (isBehind && walk.modulusRaw === Infinity) {
    return reject(walk, codeOfDrop(walk, shown, plausibleMax), reading);
  }
  const shiftRaw = walk.shiftRaw + (isBehind ? walk.modulusRaw : 0);
  const raw = shown + shiftRaw;
  const { wh, between } = billedThrough(walk, { atMs, raw });
  if (wh - walk.lastWh > plausibleMax) {
    const code = isBehind ? codeOfDrop(walk, shown, plausibleMax) : 'REGISTER_JUMPED';
    return reject(walk, code, reading);
  }
  walk.shiftRaw = shiftRaw;
  if (atMs - walk.lastAtMs > gapBridgedMsMax) {
    reject(walk, 'GAP_NOT_BRIDGED', reading);
    leaveUnknown(walk, atMs, quality);
    walk.boundaryWh = wh;
    passTo(walk, end);
    beginAt(walk, shown, wh);
  } else {
    goThrough(walk, { atMs, wh, raw, quality }, between);
    closeEvenly(walk, atMs, wh, quality);
  }
  walk.lastAtMs = atMs;
  walk.lastWh = wh;
  walk.lastRaw = shown + walk.shiftRaw;
  walk.lastQuality = quality;
  return true;
}

/** Accepts what a register shows, or notes why not. */
function take(walk: Walk, reading: Shown): boolean {
  const { atMs } = reading;
  const end = walk.markMs <= atMs ? waitingEnd(walk, atMs) : walk.markAt;
  const phase = end > walk.markAt ? phaseBehind(walk, end) : walk.phase;
  if (phase === 'stopped') return false;
  if (phase === 'waiting' || walk.lastAtMs === -1) {
    if (isOffFace(walk, reading) || isBeyondCount(walk, reading, end)) return false;
    passTo(walk, end);
    beginWith(walk, reading);
  } else if (end > walk.markAt) {
    if (!goOnThrough(walk, reading, end)) return false;
  } else if (!goOn(walk, reading)) return false;
  if (walk.markMs === atMs) settleAt(walk, atMs);
  return true;
}

/** Marks that take effect by themselves before an instant, or at that of a reading. */
function passMarks(walk: Walk, atMs: number, isReading: boolean): void {
  for (;;) {
    const at = nextBound(walk, atMs, isReading);
    if (at === -1) return;
    const mark = walk.options.marks[at];
    const { kind, finalValue } = mark;
    const isStopped = phaseBehind(walk, at) === 'stopped';
    const isRead =
      !isStopped &&
      kind !== 'installed' &&
      finalValue !== null &&
      take(walk, {
        atMs: mark.atMs,
        shown: Number(finalValue),
        quality: qualityActual,
        isMark: true,
      });
    passTo(walk, at + 1);
    if (isStopped && kind !== 'installed') continue;
    // At the instant of the newest reading it is replaced with that one.
    if (mark.atMs > walk.openMs) goBehind(walk);
    if (kind === 'removed') stopAt(walk, mark.atMs, isRead);
    else beginMark(walk, mark, isRead);
  }
}

/** A place of a day. What an edit has voided is no reading. */
function step(walk: Walk, day: SeriesDay, place: number): void {
  const quality = day.quality[place];
  if (quality === qualityVoid) return;
  const atMs = day.day * dayMs + day.offsetMs[place];
  const reading = { atMs, shown: day.wh[place], quality, isMark: false };
  if (walk.markMs > atMs && walk.phase === 'counting' && walk.lastAtMs !== -1) {
    goOn(walk, reading);
    return;
  }
  if (walk.markMs <= atMs) {
    passMarks(walk, atMs, true);
    if (atMs <= walk.lastAtMs) return;
  }
  take(walk, reading);
}

/**
 * The usual day: readings on the boundaries, one a slot. Closes slots from `slot` of the day on for
 * as long as that holds and nothing is implausible; returns the first slot that it left.
 */
function walkBoundaries(walk: Walk, day: SeriesDay, slot: number): number {
  const startMs = day.day * dayMs;
  if (walk.lastAtMs !== startMs + (slot - 1) * slotMs) return slot;
  if (walk.phase !== 'counting' || walk.denominator !== 1) return slot;
  reserve(walk, slotsPerDay);
  const { offsetMs, wh: register, quality } = day;
  const { slotWh, slotQuality, slotWhMax, modulusRaw, shiftRaw, baseWh, numerator } = walk;
  // All products below are exact then.
  if (walk.lastWh + slotsPerDay * slotWhMax > Number.MAX_SAFE_INTEGER) return slot;
  const endSlot = Math.min(slotsPerDay, Math.ceil((walk.markMs - startMs) / slotMs));
  let lastWh = walk.lastWh;
  let lastQuality = walk.lastQuality;
  let count = walk.count;
  let at = slot;
  for (; at < endSlot; at += 1) {
    const place = 2 * at;
    const exactMs = at * slotMs;
    if (offsetMs[place] !== exactMs || offsetMs[place + 1] !== exactMs) break;
    const shown = register[place];
    const energyWh = baseWh + (shown + shiftRaw) * numerator - lastWh;
    const readQuality = quality[place];
    if (!(energyWh >= 0 && energyWh <= slotWhMax && shown < modulusRaw)) break;
    if (readQuality > qualityEstimated) break;
    slotWh[count] = energyWh;
    slotQuality[count] = readQuality > lastQuality ? readQuality : lastQuality;
    count += 1;
    lastWh += energyWh;
    lastQuality = readQuality;
  }
  if (at === slot) return slot;
  walk.count = count;
  walk.lastAtMs = startMs + (at - 1) * slotMs;
  walk.lastWh = lastWh;
  walk.lastRaw = register[2 * (at - 1)] + shiftRaw;
  walk.lastQuality = lastQuality;
  walk.boundarySlot = day.day * slotsPerDay + at - 1;
  walk.boundaryWh = lastWh;
  walk.boundaryQuality = lastQuality;
  goBehind(walk);
  return at;
}

function walkDay(walk: Walk, day: SeriesDay): void {
  const startMs = day.day * dayMs;
  walk.shapes = day.shapes;
  // What the carry has behind it is skipped: its own reading, and all before.
  const behindMs = walk.lastAtMs - startMs;
  let slot = Math.max(0, Math.floor(behindMs / slotMs));
  while (slot < slotsPerDay) {
    slot = walkBoundaries(walk, day, slot);
    if (slot >= slotsPerDay) break;
    const first = 2 * slot;
    const firstMs = day.offsetMs[first];
    const lastMs = day.offsetMs[first + 1];
    slot += 1;
    if (firstMs === -1) continue;
    if (firstMs > behindMs) {
      step(walk, day, first);
      goBehind(walk);
    }
    if (lastMs === firstMs || lastMs <= behindMs) continue;
    if (day.quality[first + 1] === qualityVoid) continue;
    // The first that counts settles itself: there is nothing before it to go on from.
    if (walk.lastAtMs !== -1) settle(walk, startMs + lastMs);
    step(walk, day, first + 1);
  }
  if (walk.markMs < startMs + dayMs) passMarks(walk, startMs + dayMs, false);
}

/**
 * Slot energies from days in ascending order. Each reading is accepted or becomes an exception by
 * looking only at the last accepted one, and boundary registers telescope; therefore the slots and
 * the tail of what was accepted sum to its register difference (but for what stays unknown), and
 * walking in two parts with the carry gives what walking at once gives. Marks with a value take
 * effect on their day: a day that has one is walked even when it has no reading.
 */
export function walkDays(
  days: Iterable<SeriesDay>,
  carryIn: WalkCarry,
  options: WalkOptions,
): WalkResult {
  const walk = beginWalk(carryIn, options);
  let lastDay = -1;
  for (const day of days) {
    assert(day.day > lastDay, 'days are walked in ascending order');
    lastDay = day.day;
    walkDay(walk, day);
  }
  // What is billed only rises: exact in the end, it was so all the way.
  const { lastAtMs, lastWh, lastRaw, boundarySlot, phase } = walk;
  const isExact = Number.isSafeInteger(lastWh) && Number.isSafeInteger(lastRaw);
  assert(isExact, 'a register as billed stays a safe integer');
  const carryOut = carryOf(walk);
  const tailWh = lastWh - walk.boundaryWh;
  const isBegun = lastAtMs !== -1 && lastAtMs > boundarySlot * slotMs;
  return {
    firstSlot: walk.firstSlot,
    slotWh: walk.slotWh.subarray(0, walk.count),
    slotQuality: walk.slotQuality.subarray(0, walk.count),
    tailSlot: boundarySlot,
    tailWh,
    isTailKnown: isBegun && (phase === 'counting' || tailWh > 0),
    carryOut,
    carrySettled: walk.openMs === -1 ? carryOut : carryOf(walk.settled),
    isMoved: walk.isMoved,
    gaps: walk.gaps,
    exceptions: walk.exceptions,
  };
}
