import { registerWhMax } from '../limits.ts';
import { slotMs, slotOf } from '../rating/slot.ts';
import type { RegisterMark } from './mark.ts';
import { qualityActual, qualityCalculated, qualityEstimated } from './quality.ts';
import type { WalkPhase } from './walk.ts';
import { closeEvenly, closeUnread, gapQuality, leaveUnknown } from './walkGap.ts';
import {
  beginAt,
  closeSlot,
  floorOfRatio,
  passTo,
  plausibleWh,
  reject,
  reserve,
  stepOf,
} from './walkState.ts';
import type { Located, Shown, Walk } from './walkState.ts';

/**
 * A mark with a value, and every removal, takes effect at its instant, whatever is read later. The
 * others take effect with the next accepted reading, from which they have their value.
 */
export function isBound({ kind, finalValue, startValue }: RegisterMark): boolean {
  return kind === 'removed' || finalValue !== null || startValue !== null;
}

/** It lets a reading of its own instant count first, as what the register showed in the end. */
function yieldsTo({ kind, finalValue, startValue }: RegisterMark): boolean {
  if (kind === 'removed') return finalValue === null;
  return kind === 'factor' && finalValue === null && startValue === null;
}

/** The next mark that takes effect by itself before an instant, or at a reading's; -1: none. */
export function nextBound(walk: Walk, atMs: number, isReading: boolean): number {
  const { marks } = walk.options;
  for (let at = walk.markAt; at < marks.length && marks[at].atMs <= atMs; at += 1) {
    const isDue = marks[at].atMs < atMs || (isReading && !yieldsTo(marks[at]));
    if (isDue && isBound(marks[at])) return at;
  }
  return -1;
}

/** Behind the marks that take effect with a reading, or with the value of a mark. */
export function waitingEnd(walk: Walk, atMs: number): number {
  const { marks } = walk.options;
  let end = walk.markAt;
  for (; end < marks.length && marks[end].atMs <= atMs; end += 1) {
    const isBefore = marks[end].atMs < atMs;
    if (!isBefore && (isBound(marks[end]) || yieldsTo(marks[end]))) break;
  }
  return end;
}

/** Whether a reading counts, goes on or begins anew behind the marks up to `end`. */
export function phaseBehind(walk: Walk, end: number): WalkPhase {
  let { phase } = walk;
  for (let at = walk.markAt; at < end; at += 1) {
    const { kind } = walk.options.marks[at];
    if (kind === 'installed') phase = 'waiting';
    if (kind === 'reset' && phase === 'counting') phase = 'waiting';
  }
  return phase;
}

/**
 * A first value that its factor, behind the marks up to `end`, takes beyond what is counted
 * exactly: rows are bounded without it, since it may be told after them.
 */
export function isBeyondCount(walk: Walk, reading: Shown, end: number): boolean {
  const { numerator, denominator } = end > walk.markAt ? walk.options.marks[end - 1] : walk;
  const factor = { b: Number(numerator), c: Number(denominator) };
  if (floorOfRatio({ a: reading.shown, ...factor }) <= registerWhMax) return false;
  return !reject(walk, 'REGISTER_JUMPED', reading);
}

/** What a reading comes to as billed, and on the way there the values at factors between. */
export type Billed = { readonly wh: number; readonly between: readonly number[] };

/**
 * Factors that were changed since the last reading, at values that nobody read: the register is
 * taken to have counted as evenly as time.
 */
export function billedThrough(walk: Walk, { atMs, raw }: { atMs: number; raw: number }): Billed {
  const { marks } = walk.options;
  const end = waitingEnd(walk, atMs);
  const between: number[] = [];
  let from = { wh: walk.baseWh, raw: 0, numerator: walk.numerator, denominator: walk.denominator };
  const billed = (at: number): number =>
    from.wh + floorOfRatio({ a: at - from.raw, b: from.numerator, c: from.denominator });
  for (let at = walk.markAt; at < end; at += 1) {
    const { numerator, denominator } = marks[at];
    const atRaw = rawAt(walk, { atMs, raw }, marks[at].atMs);
    const wh = billed(atRaw);
    between.push(wh);
    const factor = { numerator: Number(numerator), denominator: Number(denominator) };
    from = { wh, raw: atRaw, ...factor };
  }
  return { wh: billed(raw), between };
}

function rawAt(walk: Walk, to: { atMs: number; raw: number }, atMs: number): number {
  const passed = { a: to.raw - walk.lastRaw, b: atMs - walk.lastAtMs, c: to.atMs - walk.lastAtMs };
  return walk.lastRaw + floorOfRatio(passed);
}

/** The most that can have flowed up to a reading, by the largest of the factors on the way. */
export function plausibleThrough(walk: Walk, atMs: number): number {
  const { options } = walk;
  let { stepWh } = walk;
  for (let at = walk.markAt; at < waitingEnd(walk, atMs); at += 1) {
    const { numerator, denominator } = options.marks[at];
    const factor = { numerator: Number(numerator), denominator: Number(denominator) };
    stepWh = Math.max(stepWh, stepOf(options, factor));
  }
  return plausibleWh(options, atMs - walk.lastAtMs, stepWh);
}

/** Goes through the factors between the last reading and an accepted one, closing slots. */
export function goThrough(
  walk: Walk,
  to: Located & { readonly raw: number },
  between: readonly number[],
): void {
  const { marks } = walk.options;
  const { markAt } = walk;
  const inferred = Math.max(qualityCalculated, gapQuality(to.atMs - walk.lastAtMs));
  const quality = Math.max(inferred, walk.lastQuality, to.quality);
  const shown = between.map((_, index) => rawAt(walk, to, marks[markAt + index].atMs));
  const { shiftRaw } = walk;
  for (const [index, wh] of between.entries()) {
    const { atMs } = marks[markAt + index];
    closeEvenly(walk, atMs, wh, quality);
    walk.lastAtMs = atMs;
    walk.lastQuality = quality;
    passTo(walk, markAt + index + 1);
    beginAt(walk, shown[index] - shiftRaw, wh);
  }
}

/** Marks of the very instant of an accepted reading that had none of their own. */
export function settleAt(walk: Walk, atMs: number): void {
  while (walk.markMs === atMs) {
    const mark = walk.options.marks[walk.markAt];
    if (!yieldsTo(mark)) return;
    const shown = walk.lastRaw - walk.shiftRaw;
    passTo(walk, walk.markAt + 1);
    if (mark.kind === 'removed') stopAt(walk, atMs, true);
    else beginAt(walk, shown, walk.lastWh);
  }
}

function comesBack(walk: Walk, slot: number): boolean {
  const { marks } = walk.options;
  for (let at = walk.markAt; at < marks.length && slotOf(marks[at].atMs) === slot; at += 1) {
    if (marks[at].kind === 'installed') return true;
  }
  return false;
}

/**
 * The register is taken away: its last slot is over, unless it comes back within it. Without a
 * final value that slot was not read to its end.
 */
export function stopAt(walk: Walk, atMs: number, isRead: boolean): void {
  if (walk.lastAtMs === -1) {
    walk.phase = 'stopped';
    return;
  }
  const slot = slotOf(atMs);
  if (!isRead) {
    leaveUnknown(walk, atMs, qualityActual);
    walk.lastAtMs = atMs;
    walk.lastQuality = qualityEstimated;
  }
  walk.phase = 'stopped';
  if (comesBack(walk, slot) || atMs === walk.boundarySlot * slotMs) return;
  if (isRead) {
    reserve(walk, 1);
    const quality = Math.max(walk.boundaryQuality, walk.lastQuality);
    closeSlot(walk, walk.lastWh - walk.boundaryWh, quality);
  } else closeUnread(walk);
  walk.boundarySlot += 1;
  walk.boundaryWh = walk.lastWh;
  walk.boundaryQuality = qualityActual;
}

/**
 * What a mark that took effect does to the walk; its final value is behind, `isRead` when it was
 * believed. What it shows from then on, or null: the next reading tells.
 */
export function beginMark(walk: Walk, mark: RegisterMark, isRead: boolean): void {
  const { atMs, kind, startValue, finalValue } = mark;
  const goesOn = kind === 'installed' || (kind === 'factor' && isRead) ? finalValue : null;
  const start = startValue ?? goesOn;
  if (walk.lastAtMs === -1) {
    walk.phase = 'waiting';
    if (start === null) return;
    const shown = { atMs, shown: Number(start), quality: qualityActual, isMark: true };
    if (!isBeyondCount(walk, shown, walk.markAt)) beginWith(walk, shown);
    return;
  }
  if (!isRead) leaveUnknown(walk, atMs, qualityActual);
  walk.lastAtMs = atMs;
  walk.lastQuality = qualityActual;
  walk.phase = start === null ? 'waiting' : 'counting';
  if (start !== null) beginAt(walk, Number(start), walk.lastWh);
}

/** From here on the energy counts: the slot of the reading gets what flows after it. */
export function beginWith(
  walk: Walk,
  { atMs, shown, quality }: { atMs: number; shown: number; quality: number },
): void {
  if (walk.lastAtMs === -1) {
    const { numerator, denominator } = walk;
    const wh = floorOfRatio({ a: shown, b: numerator, c: denominator });
    walk.boundarySlot = slotOf(atMs);
    walk.firstSlot = walk.boundarySlot;
    const isOnBoundary = atMs === walk.boundarySlot * slotMs;
    walk.boundaryQuality = isOnBoundary ? quality : Math.max(quality, qualityCalculated);
    walk.boundaryWh = wh;
    beginAt(walk, shown, wh);
  } else {
    leaveUnknown(walk, atMs, quality);
    beginAt(walk, shown, walk.lastWh);
  }
  walk.lastAtMs = atMs;
  walk.lastQuality = quality;
  walk.phase = 'counting';
}
