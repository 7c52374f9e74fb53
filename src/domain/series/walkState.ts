import { assert } from '../assert.ts';
import { slotMs, slotOf } from '../rating/slot.ts';
import { hourMs } from '../time/civil.ts';
import type { GapShape } from './gapShape.ts';
import type { RegisterMark } from './mark.ts';
import { qualityActual } from './quality.ts';
import type { GapClosed, WalkCarry, WalkOptions, WalkPhase } from './walk.ts';
import type { WalkException, WalkExceptionCode } from './walkException.ts';

/**
 * Where a walk stands, in numbers, so that its loop allocates nothing; `lastAtMs` is -1 before the
 * first reading. A register is billed as `baseWh + floor(raw * numerator / denominator)`, where raw
 * is what it shows plus `shiftRaw`: a rollover adds to the shift, and only a mark begins the
 * product anew. So slots sum to the floor of the whole difference, whatever was read in between.
 */
export type Stand = {
  lastAtMs: number;
  lastWh: number;
  lastRaw: number;
  lastQuality: number;
  boundarySlot: number;
  boundaryWh: number;
  boundaryQuality: number;
  shiftRaw: number;
  baseWh: number;
  phase: WalkPhase;
};

export type Walk = Stand & {
  numerator: number;
  denominator: number;
  /** Of the first mark that has not taken effect. */
  markAt: number;
  /** Its instant; Infinity when there is none. */
  markMs: number;
  readonly options: WalkOptions;
  readonly modulusRaw: number;
  /** One step of the register and the most one slot can add to it, by its present factor. */
  stepWh: number;
  slotWhMax: number;
  /** Of the day that is walked. */
  shapes: readonly GapShape[];
  firstSlot: number;
  slotWh: Float64Array;
  slotQuality: Uint8Array;
  count: number;
  /** Before the last reading of the newest slot; one object for the walk. */
  readonly settled: Stand;
  /** That reading's instant while it may be replaced; -1: the walk is settled where it stands. */
  openMs: number;
  /** Something that counts was in the days of this walk. */
  isMoved: boolean;
  readonly gaps: GapClosed[];
  readonly exceptions: WalkException[];
};

/** A reading, or a value of a mark, as billed. */
export type Located = { readonly atMs: number; readonly wh: number; readonly quality: number };

/** What a register shows, in a reading or in a mark. */
export type Shown = {
  readonly atMs: number;
  readonly shown: number;
  readonly quality: number;
  readonly isMark: boolean;
};

/** floor(a * b / c), exact: in doubles while the product is, in BigInt beyond. From 0. */
export function floorOfRatio({ a, b, c }: { a: number; b: number; c: number }): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) {
    // (product - remainder) / c is a whole number below 2^53, and so its division is exact.
    return (product - (product % c)) / c;
  }
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}

/** One step of the register as billed, rounded up. */
export function stepOf(
  { registerStepWh }: WalkOptions,
  factor: { readonly numerator: number; readonly denominator: number },
): number {
  return Math.ceil((registerStepWh * factor.numerator) / factor.denominator);
}

/** Rounded up, plus one step of the register: two quantised readings may differ by that more. */
export function plausibleWh(
  { powerMaxW }: WalkOptions,
  durationMs: number,
  stepWh: number,
): number {
  return Math.ceil((powerMaxW * durationMs) / hourMs) + stepWh;
}

/** A register that was installed counts from then on; any other has always counted. */
export function firstPhase(marks: readonly RegisterMark[]): WalkPhase {
  const first = marks.find(({ kind }) => kind === 'installed' || kind === 'removed');
  return first?.kind === 'installed' ? 'stopped' : 'counting';
}

function standOf(carry: WalkCarry, { marks, registerModulusWh }: WalkOptions): Stand {
  if (carry === null) {
    return {
      lastAtMs: -1,
      lastWh: 0,
      lastRaw: 0,
      lastQuality: qualityActual,
      boundarySlot: -1,
      boundaryWh: 0,
      boundaryQuality: qualityActual,
      shiftRaw: 0,
      baseWh: 0,
      phase: firstPhase(marks),
    };
  }
  const slot = slotOf(carry.lastAtMs);
  const isClosed = carry.phase === 'stopped' && carry.boundarySlot === slot + 1;
  assert(carry.boundarySlot === slot || isClosed, 'a carry is of the slot it was read in');
  assert(carry.boundaryWh <= carry.lastWh, 'the register did not go backwards in a slot');
  const lastRaw = Number(carry.lastRaw);
  const modulusRaw = registerModulusWh ?? Infinity;
  const turnsRaw = registerModulusWh === null ? 0 : Math.floor(lastRaw / modulusRaw) * modulusRaw;
  return {
    lastAtMs: carry.lastAtMs,
    lastWh: Number(carry.lastWh),
    lastRaw,
    lastQuality: carry.lastQuality,
    boundarySlot: carry.boundarySlot,
    boundaryWh: Number(carry.boundaryWh),
    boundaryQuality: carry.boundaryQuality,
    shiftRaw: carry.shiftRaw === null ? turnsRaw : Number(carry.shiftRaw),
    baseWh: Number(carry.baseWh),
    phase: carry.phase,
  };
}

/** Goes to mark `at`: the factor is that of the last one that took effect. */
export function passTo(walk: Walk, at: number): void {
  const { marks } = walk.options;
  walk.markAt = at;
  walk.markMs = marks[at]?.atMs ?? Infinity;
  if (at === 0) return;
  walk.numerator = Number(marks[at - 1].numerator);
  walk.denominator = Number(marks[at - 1].denominator);
  walk.stepWh = stepOf(walk.options, walk);
  walk.slotWhMax = plausibleWh(walk.options, slotMs, walk.stepWh);
}

/** Never written to: `reserve` makes room before a slot is closed. */
const noWh = new Float64Array(0);
const noQuality = new Uint8Array(0);

export function beginWalk(carry: WalkCarry, options: WalkOptions): Walk {
  const { marks, registerModulusWh } = options;
  assert(options.powerMaxW > 0 && options.registerStepWh > 0, 'the limits of a meter are positive');
  assert(registerModulusWh === null || registerModulusWh > 0, 'a modulus is positive');
  const stand = standOf(carry, options);
  const stepWh = Math.ceil(options.registerStepWh);
  const walk: Walk = {
    lastAtMs: stand.lastAtMs,
    lastWh: stand.lastWh,
    lastRaw: stand.lastRaw,
    lastQuality: stand.lastQuality,
    boundarySlot: stand.boundarySlot,
    boundaryWh: stand.boundaryWh,
    boundaryQuality: stand.boundaryQuality,
    shiftRaw: stand.shiftRaw,
    baseWh: stand.baseWh,
    phase: stand.phase,
    numerator: 1,
    denominator: 1,
    markAt: 0,
    markMs: Infinity,
    options,
    modulusRaw: registerModulusWh ?? Infinity,
    stepWh,
    slotWhMax: plausibleWh(options, slotMs, stepWh),
    shapes: [],
    firstSlot: stand.boundarySlot,
    // Many walks close no slot, or one.
    slotWh: noWh,
    slotQuality: noQuality,
    count: 0,
    settled: stand,
    openMs: -1,
    isMoved: false,
    gaps: [],
    exceptions: [],
  };
  if (marks.length === 0) return walk;
  for (let at = 0; at < marks.length; at += 1) {
    const { numerator, denominator, atMs } = marks[at];
    assert(numerator > 0n && denominator > 0n, 'a factor is above 0');
    assert(at === 0 || atMs > marks[at - 1].atMs, 'marks ascend, one an instant');
  }
  const next = marks.findIndex(({ atMs }) => atMs > walk.lastAtMs);
  passTo(walk, next === -1 ? marks.length : next);
  return walk;
}

/** What counted last can be replaced by nothing that comes later. */
export function goBehind(walk: Walk): void {
  walk.openMs = -1;
  walk.isMoved = true;
}

/** Keeps where the walk stands, to go on from there while a slot's last reading is the newest. */
export function settle(walk: Walk, openMs: number): void {
  const { settled } = walk;
  settled.lastAtMs = walk.lastAtMs;
  settled.lastWh = walk.lastWh;
  settled.lastRaw = walk.lastRaw;
  settled.lastQuality = walk.lastQuality;
  settled.boundarySlot = walk.boundarySlot;
  settled.boundaryWh = walk.boundaryWh;
  settled.boundaryQuality = walk.boundaryQuality;
  settled.shiftRaw = walk.shiftRaw;
  settled.baseWh = walk.baseWh;
  settled.phase = walk.phase;
  walk.openMs = openMs;
  walk.isMoved = true;
}

export function carryOf(position: Stand): WalkCarry {
  if (position.lastAtMs === -1) return null;
  return {
    lastAtMs: position.lastAtMs,
    lastWh: BigInt(position.lastWh),
    lastRaw: BigInt(position.lastRaw),
    lastQuality: position.lastQuality,
    boundarySlot: position.boundarySlot,
    boundaryWh: BigInt(position.boundaryWh),
    boundaryQuality: position.boundaryQuality,
    shiftRaw: BigInt(position.shiftRaw),
    baseWh: BigInt(position.baseWh),
    phase: position.phase,
  };
}

export function reject(walk: Walk, code: WalkExceptionCode, { atMs, shown, isMark }: Shown): false {
  const isFirst = walk.lastAtMs === -1;
  walk.exceptions.push({
    code,
    atMs,
    wh: BigInt(shown),
    lastAtMs: isFirst ? null : walk.lastAtMs,
    lastWh: isFirst ? null : BigInt(walk.lastRaw - walk.shiftRaw),
    isMark,
  });
  return false;
}

export function reserve(walk: Walk, more: number): void {
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

export function closeSlot(walk: Walk, energyWh: number, quality: number): void {
  walk.slotWh[walk.count] = energyWh;
  walk.slotQuality[walk.count] = quality;
  walk.count += 1;
}

/** The register's value as billed, by the present factor. */
export function billedWh(walk: Walk, raw: number): number {
  const { numerator, denominator, baseWh } = walk;
  if (numerator === 1 && denominator === 1) return baseWh + raw;
  return baseWh + floorOfRatio({ a: raw, b: numerator, c: denominator });
}

/**
 * From a shown value on the product begins anew at `wh`, by the present factor. By a factor of one
 * it needs no base: what is billed is the register itself, moved.
 */
export function beginAt(walk: Walk, shown: number, wh: number): void {
  const isOne = walk.numerator === 1 && walk.denominator === 1;
  walk.shiftRaw = isOne ? wh - shown : -shown;
  walk.baseWh = isOne ? 0 : wh;
  walk.lastRaw = isOne ? wh : 0;
  walk.lastWh = wh;
}
