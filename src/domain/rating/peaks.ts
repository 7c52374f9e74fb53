import { fraction, squareRootRounded } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { CompiledTariff, Measure } from './compiled.ts';

/**
 * The highest windows of a measure. A window is a pair of energies in units, active and reactive,
 * and pairs are ordered by the sum of their squares, which is exact where a root is not. For kW
 * and kvar one of the two is 0.
 */
export type Peak = { readonly active: number; readonly reactive: number };

/** Squares of two such numbers and their sum are exact in float64: 2 x 2^52 is 2^53. */
const squareExactMax = 67_108_864;

/** Columns hold -1 where there is no window. Ties go by the active part, so that the order in
 * which windows come decides nothing. */
export function isHigher(left: Peak, right: Peak): boolean {
  if (right.active < 0) return left.active >= 0;
  if (left.active < 0) return false;
  const { active: a, reactive: b } = left;
  const { active: c, reactive: d } = right;
  if (Math.max(a, b, c, d) <= squareExactMax) {
    const difference = a * a + b * b - (c * c + d * d);
    return difference === 0 ? a > c : difference > 0;
  }
  const difference = squareOf(left) - squareOf(right);
  return difference === 0n ? a > c : difference > 0n;
}

function squareOf({ active, reactive }: Peak): bigint {
  return BigInt(active) ** 2n + BigInt(reactive) ** 2n;
}

/** Pairs a period: the top ones, or one for each local date of the bill. */
function pairsPerPeriod(compiled: CompiledTariff, measure: Measure): number {
  if (measure.each === 'window') return measure.top;
  const { dayOfSlot } = compiled;
  return dayOfSlot[dayOfSlot.length - 1] - dayOfSlot[0] + 1;
}

export function emptyPeaks(compiled: CompiledTariff, measure: Measure): Float64Array {
  const pairs = pairsPerPeriod(compiled, measure) * measure.periodCount;
  return new Float64Array(pairs * 2).fill(-1);
}

function pairAt(peaks: Float64Array, pair: number): Peak {
  return { active: peaks[pair * 2], reactive: peaks[pair * 2 + 1] };
}

function setPair(peaks: Float64Array, pair: number, { active, reactive }: Peak): void {
  peaks[pair * 2] = active;
  peaks[pair * 2 + 1] = reactive;
}

/** Keeps the pairs of one period in order, the highest first. */
function insert(
  peaks: Float64Array,
  range: { readonly fromPair: number; readonly toPair: number },
  peak: Peak,
): void {
  let pair = range.toPair - 1;
  if (!isHigher(peak, pairAt(peaks, pair))) return;
  for (; pair > range.fromPair; pair -= 1) {
    const above = pairAt(peaks, pair - 1);
    if (!isHigher(peak, above)) break;
    setPair(peaks, pair, above);
  }
  setPair(peaks, pair, peak);
}

export function addPeak(
  measure: Measure,
  peaks: Float64Array,
  found: Peak & { readonly period: number; readonly day: number },
): void {
  const pairs = peaks.length / 2 / measure.periodCount;
  const fromPair = found.period * pairs;
  if (measure.each === 'window') {
    insert(peaks, { fromPair, toPair: fromPair + pairs }, found);
    return;
  }
  const pair = fromPair + found.day;
  if (isHigher(found, pairAt(peaks, pair))) setPair(peaks, pair, found);
}

/** Adds the windows of `part` to `target`. */
export function mergePeaks(measure: Measure, target: Float64Array, part: Float64Array): void {
  const pairs = part.length / 2 / measure.periodCount;
  for (let pair = 0; pair < part.length / 2; pair += 1) {
    const peak = pairAt(part, pair);
    if (peak.active < 0) continue;
    const period = Math.floor(pair / pairs);
    addPeak(measure, target, { ...peak, period, day: pair - period * pairs });
  }
}

/** The highest of a period, at most `measure.top` of them. */
export function topPeaks(measure: Measure, peaks: Float64Array, period: number): readonly Peak[] {
  const pairs = peaks.length / 2 / measure.periodCount;
  const found: Peak[] = [];
  for (let pair = period * pairs; pair < (period + 1) * pairs; pair += 1) {
    const peak = pairAt(peaks, pair);
    if (peak.active >= 0) found.push(peak);
  }
  found.sort((left, right) => (isHigher(left, right) ? -1 : 1));
  return found.slice(0, measure.top);
}

/** Energy of a window as power, kW, kVA or kvar; an apparent one half-even to 6 decimals. */
export function powerOf(compiled: CompiledTariff, measure: Measure, peak: Peak): Fraction {
  // 60 minutes an hour over the window's minutes; 1,000 Wh a kWh.
  const perUnit = BigInt(measure.minutes) * 1_000n * BigInt(compiled.unitsPerWh);
  if (measure.unit !== 'kVA') {
    const energy = BigInt(measure.unit === 'kW' ? peak.active : peak.reactive);
    return fraction(energy * 60n, perUnit);
  }
  const square = { numerator: squareOf(peak) * 3_600n, denominator: perUnit * perUnit };
  return squareRootRounded(square, 6, 'half-even');
}
