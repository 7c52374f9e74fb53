import type { Decimal } from 'decimal.js';
import type { Bill, Energies, Piece, Register } from './bill.ts';
import { Num, nought } from './number.ts';
import type { Wall } from './wallClock.ts';
import { minuteMs } from './wallClock.ts';

/** A window of demand (rule 22). */
export type Window = Pick<Energies, 'import' | 'q1' | 'q4'> & {
  readonly startMs: number;
  readonly wall: Wall;
  /** The piece in which it begins. */
  readonly first: Piece;
  readonly minutes: number;
  readonly missing: ReadonlySet<Register>;
  readonly isEstimated: boolean;
};

/** Consecutive pieces that `keyOf` calls by one name. */
export function grouped(
  pieces: readonly Piece[],
  keyOf: (piece: Piece) => string,
): readonly (readonly Piece[])[] {
  const groups: Piece[][] = [];
  let last: string | null = null;
  for (const piece of pieces) {
    const key = keyOf(piece);
    if (key === last) groups.at(-1)?.push(piece);
    else groups.push([piece]);
    last = key;
  }
  return groups;
}

/** By the wall clock from midnight on. The hour that comes twice is two windows. */
export function localStretchOf(piece: Piece, minutes: number): string {
  return `${piece.wall.aheadMs} ${Math.floor(piece.wall.shownMs / (minutes * minuteMs))}`;
}

function windowOf(pieces: readonly Piece[], startMs: number, endMs: number): Window | null {
  const [first] = pieces;
  if (first === undefined || first.startMs > startMs) return null;
  const sums = { import: nought, q1: nought, q4: nought };
  let coveredMs = 0;
  const missing = new Set<Register>();
  let isEstimated = false;
  for (const piece of pieces) {
    const partMs = Math.min(endMs, piece.endMs) - Math.max(startMs, piece.startMs);
    if (partMs <= 0) continue;
    const lengthMs = piece.endMs - piece.startMs;
    const part = (energy: Decimal): Decimal =>
      partMs === lengthMs ? energy : energy.mul(partMs).div(lengthMs);
    sums.import = sums.import.plus(part(piece.import));
    sums.q1 = sums.q1.plus(part(piece.q1));
    sums.q4 = sums.q4.plus(part(piece.q4));
    coveredMs += partMs;
    for (const register of piece.missing) missing.add(register);
    isEstimated ||= piece.isEstimated;
  }
  // A window that the bill's ends or a change of the clocks cut off does not count.
  if (coveredMs < endMs - startMs) return null;
  const minutes = (endMs - startMs) / minuteMs;
  return { ...sums, startMs, wall: first.wall, first, minutes, missing, isEstimated };
}

function blockWindows(bill: Bill, minutes: number): readonly Window[] {
  const groups = grouped(bill.pieces, (piece) => localStretchOf(piece, minutes));
  return groups.flatMap((pieces) => {
    const startMs = pieces[0]?.startMs ?? Number.NaN;
    const window = windowOf(pieces, startMs, startMs + minutes * minuteMs);
    return window === null ? [] : [window];
  });
}

function slidingWindows(bill: Bill, minutes: number): readonly Window[] {
  const found: Window[] = [];
  for (const [index, piece] of bill.pieces.entries()) {
    const beginsMs = bill.loadFromMs + piece.interval * bill.loadMinutes * minuteMs;
    if (piece.startMs !== beginsMs) continue;
    const endMs = piece.startMs + minutes * minuteMs;
    // A piece is at least a minute long.
    const pieces = bill.pieces.slice(index, index + minutes).filter((p) => p.startMs < endMs);
    const window = windowOf(pieces, piece.startMs, endMs);
    if (window !== null) found.push(window);
  }
  return found;
}

export type PowerUnit = 'kW' | 'kVA' | 'kvar';

/** Rule 23: what a window needs to have. */
const registersFor: Readonly<Record<PowerUnit, readonly Register[]>> = {
  kW: ['import'],
  kVA: ['import', 'q1', 'q4'],
  kvar: ['q1', 'q4'],
};

/** Rule 22: the windows within the bill that count. */
export function windowsOf(
  bill: Bill,
  kind: {
    readonly unit: PowerUnit;
    readonly minutes: number;
    readonly sliding: boolean;
    readonly countsEstimates: boolean;
  },
): readonly Window[] {
  const { sliding, countsEstimates } = kind;
  const wanted = registersFor[kind.unit];
  const minutes = Math.max(kind.minutes, bill.loadMinutes);
  const windows = sliding ? slidingWindows(bill, minutes) : blockWindows(bill, minutes);
  return windows.filter(
    ({ missing, isEstimated }) =>
      !wanted.some((register) => missing.has(register)) && (countsEstimates || !isEstimated),
  );
}

/** Rule 23: power of a window in kW, kvar or kVA, exact but for the root's 120 digits. */
export function powerOf(window: Window, unit: PowerUnit): Decimal {
  const perHour = new Num(60).div(window.minutes);
  const kw = window.import.mul(perHour);
  const kvar = window.q1.minus(window.q4).abs().mul(perHour);
  switch (unit) {
    case 'kW':
      return kw;
    case 'kvar':
      return kvar;
    case 'kVA':
      return kw.mul(kw).plus(kvar.mul(kvar)).sqrt();
  }
}

/** Rule 23: only kVA is rounded, after it was chosen. */
export function peakRounded(peak: Decimal, unit: PowerUnit): Decimal {
  return unit === 'kVA' ? peak.toDecimalPlaces(6) : peak;
}
