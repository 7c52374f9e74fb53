import { assert } from '../assert.ts';
import { gapBridgedDaysMax } from '../limits.ts';
import { slotMs, slotOf, slotsPerDay } from '../rating/slot.ts';
import { dayMs, hourMs } from '../time/civil.ts';
import type { SeriesDay } from './day.ts';
import type { RegisterMark } from './mark.ts';
import type { WalkException, WalkExceptionCode } from './walkException.ts';
import { qualityActual, qualityCalculated, qualityEstimated, qualityMissing } from './quality.ts';

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
 * All that the walk remembers of what lies behind it. The slot of the last accepted reading is
 * `boundarySlot`; `boundaryWh` is the register at its start (or at the first reading ever, when
 * that came later in the slot). The register is unwrapped: it goes on counting over a rollover.
 */
export type WalkCarry = {
  readonly lastAtMs: number;
  readonly lastWh: bigint;
  readonly lastQuality: number;
  readonly boundarySlot: number;
  readonly boundaryWh: bigint;
  readonly boundaryQuality: number;
} | null;

export type WalkResult = {
  /** The slot, counted from 1970-01-01T00:00Z, of `slotWh[0]`. */
  readonly firstSlot: number;
  /** Energy of each slot that is over; NaN where nothing is known. */
  readonly slotWh: Float64Array;
  readonly slotQuality: Uint8Array;
  /** The slot of the last accepted reading and its energy up to that reading; -1 and 0 if none. */
  readonly tailSlot: number;
  readonly tailWh: number;
  /** After all readings: go on from here with the days that follow. */
  readonly carryOut: WalkCarry;
  /**
   * Before the last reading of the newest slot, which a later reading would replace: go on from
   * here while that day is open, giving the day again. It holds as long as no merge reports a
   * `changedFromMs` at or before its `lastAtMs`.
   */
  readonly carrySettled: WalkCarry;
  readonly exceptions: readonly WalkException[];
};

const gapBridgedMsMax = gapBridgedDaysMax * dayMs;

/** Numbers only, so that the loop allocates nothing; `lastAtMs` is -1 before the first reading. */
type Position = {
  lastAtMs: number;
  lastWh: number;
  lastQuality: number;
  boundarySlot: number;
  boundaryWh: number;
  boundaryQuality: number;
};

type Walk = Position & {
  readonly options: WalkOptions;
  readonly modulusWh: number;
  /** The most one slot can add to the register. */
  readonly slotWhMax: number;
  /** What was added to the register's own value to unwrap it. */
  unwrapWh: number;
  firstSlot: number;
  slotWh: Float64Array;
  slotQuality: Uint8Array;
  count: number;
  settled: Position | null;
  readonly exceptions: WalkException[];
};

/** Rounded up, plus one step of the register: two quantised readings may differ by that more. */
function plausibleWh(options: WalkOptions, durationMs: number): number {
  return Math.ceil((options.powerMaxW * durationMs) / hourMs) + options.registerStepWh;
}

function positionOf(carry: WalkCarry): Position {
  if (carry === null) {
    return {
      lastAtMs: -1,
      lastWh: 0,
      lastQuality: qualityActual,
      boundarySlot: -1,
      boundaryWh: 0,
      boundaryQuality: qualityActual,
    };
  }
  assert(carry.boundarySlot === slotOf(carry.lastAtMs), 'a carry is of the slot it was read in');
  assert(carry.boundaryWh <= carry.lastWh, 'the register did not go backwards in a slot');
  return { ...carry, lastWh: Number(carry.lastWh), boundaryWh: Number(carry.boundaryWh) };
}

function carryOf(position: Position): WalkCarry {
  if (position.lastAtMs === -1) return null;
  return {
    lastAtMs: position.lastAtMs,
    lastWh: BigInt(position.lastWh),
    lastQuality: position.lastQuality,
    boundarySlot: position.boundarySlot,
    boundaryWh: BigInt(position.boundaryWh),
    boundaryQuality: position.boundaryQuality,
  };
}

function snapshot(walk: Walk): Position {
  const { lastAtMs, lastWh, lastQuality, boundarySlot, boundaryWh, boundaryQuality } = walk;
  return { lastAtMs, lastWh, lastQuality, boundarySlot, boundaryWh, boundaryQuality };
}

function beginWalk(carry: WalkCarry, options: WalkOptions): Walk {
  const { registerModulusWh } = options;
  assert(options.powerMaxW > 0 && options.registerStepWh > 0, 'the limits of a meter are positive');
  assert(registerModulusWh === null || registerModulusWh > 0, 'a modulus is positive');
  const position = positionOf(carry);
  const modulusWh = registerModulusWh ?? Infinity;
  return {
    ...position,
    options,
    modulusWh,
    slotWhMax: plausibleWh(options, slotMs),
    unwrapWh:
      registerModulusWh === null ? 0 : Math.floor(position.lastWh / modulusWh) * registerModulusWh,
    firstSlot: position.boundarySlot,
    slotWh: new Float64Array(slotsPerDay),
    slotQuality: new Uint8Array(slotsPerDay),
    count: 0,
    settled: null,
    exceptions: [],
  };
}

function reserve(walk: Walk, more: number): void {
  const needed = walk.count + more;
  if (needed <= walk.slotWh.length) return;
  const capacity = Math.max(needed, 2 * walk.slotWh.length);
  const slotWh = new Float64Array(capacity);
  slotWh.set(walk.slotWh);
  const slotQuality = new Uint8Array(capacity);
  slotQuality.set(walk.slotQuality);
  walk.slotWh = slotWh;
  walk.slotQuality = slotQuality;
}

function closeSlot(walk: Walk, energyWh: number, quality: number): void {
  walk.slotWh[walk.count] = energyWh;
  walk.slotQuality[walk.count] = quality;
  walk.count += 1;
}

/** floor(a * b / c), exact: in doubles while the product is, in BigInt beyond. */
function floorOfRatio({ a, b, c }: { a: number; b: number; c: number }): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) {
    // (product - remainder) / c is a whole number below 2^53, and so its division is exact.
    return (product - (product % c)) / c;
  }
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}

/**
 * How well a boundary between two neighbouring readings is known, by their distance: within a slot
 * as good as read, within two interpolated, beyond that nobody saw when the energy flowed.
 */
function gapQuality(gapMs: number): number {
  if (gapMs <= slotMs) return qualityActual;
  return gapMs <= 2 * slotMs ? qualityCalculated : qualityEstimated;
}

function reject(walk: Walk, code: WalkExceptionCode, atMs: number, wh: number): void {
  const isFirst = walk.lastAtMs === -1;
  walk.exceptions.push({
    code,
    atMs,
    wh: BigInt(wh),
    lastAtMs: isFirst ? null : walk.lastAtMs,
    lastWh: isFirst ? null : BigInt(walk.lastWh),
  });
}

/** From here on the energy counts: the slot of the first reading gets what flows after it. */
function anchor(walk: Walk, { atMs, wh, quality }: Located): void {
  walk.lastAtMs = atMs;
  walk.lastWh = wh;
  walk.lastQuality = quality;
  walk.boundarySlot = slotOf(atMs);
  walk.boundaryWh = wh;
  walk.boundaryQuality =
    atMs === walk.boundarySlot * slotMs ? quality : Math.max(quality, qualityCalculated);
}

/** A reading with its register unwrapped. */
type Located = { readonly atMs: number; readonly wh: number; readonly quality: number };

/** Closes the slots up to an accepted reading: R(b) = v0 + floor((v1 - v0)(b - t0) / (t1 - t0)). */
function closeUpTo(walk: Walk, { atMs, wh, quality }: Located): void {
  const slot = slotOf(atMs);
  reserve(walk, slot - walk.boundarySlot);
  const gapMs = atMs - walk.lastAtMs;
  const inferred = Math.max(gapQuality(gapMs), walk.lastQuality, quality);
  while (walk.boundarySlot < slot) {
    walk.boundarySlot += 1;
    const boundaryMs = walk.boundarySlot * slotMs;
    const isRead = boundaryMs === atMs;
    const registerWh = isRead
      ? wh
      : walk.lastWh +
        floorOfRatio({ a: wh - walk.lastWh, b: boundaryMs - walk.lastAtMs, c: gapMs });
    const boundaryQuality = isRead ? quality : inferred;
    closeSlot(walk, registerWh - walk.boundaryWh, Math.max(walk.boundaryQuality, boundaryQuality));
    walk.boundaryWh = registerWh;
    walk.boundaryQuality = boundaryQuality;
  }
}

/** The slot that was open keeps what it had; those of the gap stay unknown; a new beginning. */
function leaveGap(walk: Walk, reading: Located): void {
  const slot = slotOf(reading.atMs);
  reserve(walk, slot - walk.boundarySlot);
  closeSlot(walk, walk.lastWh - walk.boundaryWh, qualityEstimated);
  for (let missing = walk.boundarySlot + 1; missing < slot; missing += 1) {
    closeSlot(walk, Number.NaN, qualityMissing);
  }
  anchor(walk, reading);
}

function step(walk: Walk, atMs: number, shownWh: number, quality: number): void {
  if (shownWh < 0) return reject(walk, 'REGISTER_WENT_BACKWARDS', atMs, shownWh);
  if (shownWh >= walk.modulusWh) return reject(walk, 'REGISTER_JUMPED', atMs, shownWh);
  if (walk.lastAtMs === -1) {
    anchor(walk, { atMs, wh: shownWh, quality });
    walk.firstSlot = walk.boundarySlot;
    return;
  }
  const gapMs = atMs - walk.lastAtMs;
  const plausibleMax = plausibleWh(walk.options, gapMs);
  let wh = shownWh + walk.unwrapWh;
  if (wh < walk.lastWh) {
    // Beyond a known modulus the register begins again; without one, Infinity is never plausible.
    if (wh + walk.modulusWh - walk.lastWh > plausibleMax) {
      return reject(walk, 'REGISTER_WENT_BACKWARDS', atMs, shownWh);
    }
    walk.unwrapWh += walk.modulusWh;
    wh += walk.modulusWh;
    assert(Number.isSafeInteger(wh), 'an unwrapped register stays a safe integer');
  } else if (wh - walk.lastWh > plausibleMax) {
    return reject(walk, 'REGISTER_JUMPED', atMs, shownWh);
  }
  const reading = { atMs, wh, quality };
  if (gapMs > gapBridgedMsMax) {
    reject(walk, 'GAP_NOT_BRIDGED', atMs, shownWh);
    leaveGap(walk, reading);
    return;
  }
  closeUpTo(walk, reading);
  walk.lastAtMs = atMs;
  walk.lastWh = wh;
  walk.lastQuality = quality;
}

/**
 * The usual day: readings on the boundaries, one a slot. Closes slots from `slot` of the day on for
 * as long as that holds and nothing is implausible; returns the first slot that it left.
 */
function walkBoundaries(walk: Walk, day: SeriesDay, slot: number): number {
  const startMs = day.day * dayMs;
  if (walk.lastAtMs !== startMs + (slot - 1) * slotMs) return slot;
  reserve(walk, slotsPerDay);
  const { offsetMs, wh: register, quality } = day;
  const { slotWh, slotQuality, slotWhMax, modulusWh, unwrapWh } = walk;
  let lastWh = walk.lastWh;
  let lastQuality = walk.lastQuality;
  let count = walk.count;
  let at = slot;
  for (; at < slotsPerDay; at += 1) {
    const place = 2 * at;
    const exactMs = at * slotMs;
    if (offsetMs[place] !== exactMs || offsetMs[place + 1] !== exactMs) break;
    const shownWh = register[place] ?? Number.NaN;
    const energyWh = shownWh + unwrapWh - lastWh;
    if (!(energyWh >= 0 && energyWh <= slotWhMax && shownWh < modulusWh)) break;
    const readQuality = quality[place] ?? qualityEstimated;
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
  walk.lastQuality = lastQuality;
  walk.boundarySlot = day.day * slotsPerDay + at - 1;
  walk.boundaryWh = lastWh;
  walk.boundaryQuality = lastQuality;
  walk.settled = null;
  return at;
}

function walkDay(walk: Walk, day: SeriesDay): void {
  const startMs = day.day * dayMs;
  // What the carry has behind it is skipped: its own reading, and all before.
  const behindMs = walk.lastAtMs - startMs;
  let slot = Math.max(0, Math.floor(behindMs / slotMs));
  while (slot < slotsPerDay) {
    slot = walkBoundaries(walk, day, slot);
    if (slot >= slotsPerDay) return;
    const first = 2 * slot;
    const firstMs = day.offsetMs[first] ?? -1;
    const lastMs = day.offsetMs[first + 1] ?? -1;
    slot += 1;
    if (firstMs === -1) continue;
    if (firstMs > behindMs) {
      step(walk, startMs + firstMs, day.wh[first] ?? Number.NaN, day.quality[first] ?? 0);
      walk.settled = null;
    }
    if (lastMs === firstMs || lastMs <= behindMs) continue;
    walk.settled = snapshot(walk);
    step(walk, startMs + lastMs, day.wh[first + 1] ?? Number.NaN, day.quality[first + 1] ?? 0);
  }
}

/**
 * Slot energies from days in ascending order. Each reading is accepted or becomes an exception by
 * looking only at the last accepted one, and boundary registers telescope; therefore the slots and
 * the tail of what was accepted sum to its register difference (but for GAP_NOT_BRIDGED), and
 * walking in two parts with the carry gives what walking at once gives.
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
  const carryOut = carryOf(walk);
  return {
    firstSlot: walk.firstSlot,
    slotWh: walk.slotWh.subarray(0, walk.count),
    slotQuality: walk.slotQuality.subarray(0, walk.count),
    tailSlot: walk.boundarySlot,
    tailWh: walk.lastWh - walk.boundaryWh,
    carryOut,
    carrySettled: walk.settled === null ? carryOut : carryOf(walk.settled),
    exceptions: walk.exceptions,
  };
}

/** Where a meter begins: its register at installation or exchange. */
export function carryFromInstallation(reading: {
  readonly atMs: number;
  readonly wh: bigint;
}): WalkCarry {
  const boundarySlot = slotOf(reading.atMs);
  const isOnBoundary = reading.atMs === boundarySlot * slotMs;
  return {
    lastAtMs: reading.atMs,
    lastWh: reading.wh,
    lastQuality: qualityActual,
    boundarySlot,
    boundaryWh: reading.wh,
    boundaryQuality: isOnBoundary ? qualityActual : qualityCalculated,
  };
}
