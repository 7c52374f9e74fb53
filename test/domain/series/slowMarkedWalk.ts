import type { RegisterMark } from '../../../src/domain/series/mark.ts';
import { dayMs, daysOf } from './readings.ts';
import type { TestReading } from './readings.ts';

/** A stretch of time over which the register is known to have gone from one value to another. */
type Stretch = { t0: bigint; b0: bigint; t1: bigint; b1: bigint };
type Point = { t: bigint; x: bigint };
type Limits = { readonly modulus: bigint; readonly powerMaxW: bigint };

/** What a day keeps of the readings, without voids, in the order of time. */
function keptReadings(readings: readonly TestReading[]): { t: bigint; shown: bigint }[] {
  return daysOf(readings).flatMap((day) => {
    const seen = new Map<number, bigint>();
    day.offsetMs.forEach((offsetMs, place) => {
      if (offsetMs < 0 || day.quality[place] === 4) return;
      seen.set(day.day * dayMs + offsetMs, BigInt(day.wh[place] ?? 0));
    });
    return [...seen].map(([at, shown]) => ({ t: BigInt(at), shown }));
  });
}

function isBare({ finalValue, startValue }: RegisterMark): boolean {
  return finalValue === null && startValue === null;
}

/**
 * An oracle for the walk with marks: no slots, no carry, no shifts, only BigInt and a list of the
 * stretches that are known. Values are billed counts from 0 at the first reading that counts.
 */
export function slowStretches(
  readings: readonly TestReading[],
  marks: readonly RegisterMark[],
  { modulus, powerMaxW }: Limits,
): Stretch[] {
  const stretches: Stretch[] = [];
  const lifecycle = marks.find(({ kind }) => kind === 'installed' || kind === 'removed');
  let phase = lifecycle?.kind === 'installed' ? 'stopped' : 'counting';
  let last: Point | null = null;
  let billed = 0n;
  // Billed is `begin.b` and the floor of the difference to `begin.x` times the factor.
  let begin = { x: 0n, b: 0n, n: 1n, d: 1n };
  let waiting: RegisterMark[] = [];

  const start = (t: bigint, shown: bigint, mark: RegisterMark | undefined): void => {
    const { n, d } = begin;
    begin = { x: shown, b: billed, n: mark?.numerator ?? n, d: mark?.denominator ?? d };
    last = { t, x: shown };
    phase = 'counting';
  };

  /** A value that the register shows: true when it is believed. */
  const show = (t: bigint, shown: bigint): boolean => {
    let is = phase;
    for (const { kind } of waiting) {
      if (kind === 'installed' || (kind === 'reset' && is === 'counting')) is = 'waiting';
    }
    if (is === 'stopped' || shown < 0n || shown >= modulus) return false;
    if (is === 'waiting' || last === null) {
      start(t, shown, waiting.at(-1));
      waiting = [];
      return true;
    }
    // The next value of the register's face from the last one on, turning over once if need be.
    const face = ((last.x % modulus) + modulus) % modulus;
    const x = last.x + (shown >= face ? shown - face : shown - face + modulus);
    let from = { ...begin };
    let at: Point = last;
    let value = billed;
    const found: Stretch[] = [];
    let most = from;
    const go = (to: Point): void => {
      const b1 = from.b + ((to.x - from.x) * from.n) / from.d;
      found.push({ t0: at.t, b0: value, t1: to.t, b1 });
      [at, value] = [to, b1];
    };
    for (const { atMs, numerator: n, denominator: d } of waiting) {
      const t1 = BigInt(atMs);
      go({ t: t1, x: last.x + ((x - last.x) * (t1 - last.t)) / (t - last.t) });
      from = { x: at.x, b: value, n, d };
      if (n * most.d > most.n * d) most = from;
    }
    go({ t, x });
    const step = (most.n + most.d - 1n) / most.d;
    if (value - billed > (powerMaxW * (t - last.t) + 3_599_999n) / 3_600_000n + step) return false;
    stretches.push(...found);
    [last, billed, begin, waiting] = [at, value, from, []];
    return true;
  };

  const takeEffect = (mark: RegisterMark): void => {
    const t = BigInt(mark.atMs);
    const isStopped = phase === 'stopped' && !waiting.some(({ kind }) => kind === 'installed');
    const { kind, finalValue, startValue } = mark;
    const isRead = !isStopped && kind !== 'installed' && finalValue !== null && show(t, finalValue);
    waiting = [];
    begin = { ...begin, n: mark.numerator, d: mark.denominator };
    if (isStopped && kind !== 'installed') return;
    if (kind === 'removed') phase = 'stopped';
    else {
      const goesOn = kind === 'installed' || (kind === 'factor' && isRead) ? finalValue : null;
      const shown = startValue ?? goesOn;
      if (shown !== null) start(t, shown, mark);
      else phase = 'waiting';
    }
  };

  const kept = keptReadings(readings);
  const times = [...new Set([...kept.map(({ t }) => t), ...marks.map((m) => BigInt(m.atMs))])];
  for (const t of times.toSorted((a, b) => Number(a - b))) {
    const reading = kept.find((each) => each.t === t);
    const mark = marks.find(({ atMs }) => BigInt(atMs) === t);
    // A removal or factor without values lets the reading of its instant count first.
    const isAfter =
      mark !== undefined && isBare(mark) && (mark.kind === 'factor' || mark.kind === 'removed');
    const isRemovalUnread = mark?.kind === 'removed' && mark.finalValue === null;
    const isEager = mark !== undefined && (mark.kind === 'removed' || !isBare(mark));
    if (mark !== undefined && !isAfter && !isRemovalUnread) {
      if (isEager) takeEffect(mark);
      else waiting.push(mark);
    }
    const isTaken = isEager && !isRemovalUnread && last !== null && phase !== 'stopped';
    const isRead = reading !== undefined && !isTaken && show(t, reading.shown);
    if (mark === undefined || !(isAfter || isRemovalUnread)) continue;
    if (mark.kind === 'removed') takeEffect(mark);
    else if (isRead && last !== null) {
      const { x }: Point = last;
      begin = { x, b: billed, n: mark.numerator, d: mark.denominator };
    } else waiting.push(mark);
  }
  return stretches;
}

/** The energy of each slot from the first on: what the stretches have in it. */
export function slowSlots(stretches: readonly Stretch[]): Map<number, number> {
  const slots = new Map<number, number>();
  for (const { t0, b0, t1, b1 } of stretches) {
    const value = (t: bigint): bigint => (t === t1 ? b1 : b0 + ((b1 - b0) * (t - t0)) / (t1 - t0));
    for (let slot = t0 / 900_000n; slot * 900_000n < t1; slot += 1n) {
      const from = slot * 900_000n > t0 ? slot * 900_000n : t0;
      const to = (slot + 1n) * 900_000n < t1 ? (slot + 1n) * 900_000n : t1;
      if (t0 === t1) continue;
      const energy = Number(value(to) - value(from));
      slots.set(Number(slot), (slots.get(Number(slot)) ?? 0) + energy);
    }
  }
  return slots;
}
