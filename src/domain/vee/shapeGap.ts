import { assert } from '../assert.ts';
import { slotMs, slotStartMs } from '../rating/slot.ts';
import type { GapShape } from '../series/gapShape.ts';
import { qualityActual, qualityCalculated, qualityEstimated } from '../series/quality.ts';
import { coveredMs, joinSpans, slotsOf } from './columns.ts';
import { guessWeights, measuredIntervals } from './gapWeights.ts';
import type { GapFacts } from './gapWeights.ts';
import { estimationRules } from './ruleName.ts';
import type { EstimationRule } from './ruleName.ts';
import type { GapMethod, VeeSet } from './set.ts';
import type { SlotColumns, Span } from './window.ts';

/** A silence of a register between two accepted readings. */
export type GapInput = Span & {
  /** What the register went on by, from the reading at `fromMs` to that at `toMs`. */
  readonly differenceWh: bigint;
  /** IANA name of the service point's zone: days and quarter hours of estimates are local. */
  readonly zone: string;
  /** Power outages of the meter's own event log. */
  readonly outages: readonly Span[];
  /** Channel 257 over the gap; null or NaN: not known. */
  readonly intervals: SlotColumns | null;
  /** Slots of the same register before the gap: `historyDaysOf` the set, as far as they exist. */
  readonly history: SlotColumns | null;
  /** Energy of the whole slots next to the gap, for interpolation; null: not known. */
  readonly beforeWh: number | null;
  readonly afterWh: number | null;
};

/** One number for each slot of the gap. */
type Gap = {
  readonly facts: GapFacts;
  /** What of the slot lies in the gap. */
  readonly partMs: readonly bigint[];
  /** What of that no outage covers. */
  readonly liveMs: readonly bigint[];
  readonly measured: Float64Array;
  readonly differenceWh: bigint;
};

type Weights = { readonly rule: EstimationRule; readonly weights: readonly bigint[] };

/** Rounding in the walk is exact for any sum that a double holds. */
const weightSumMax = 2n ** 52n;

function sumOf(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}

function partsOf(input: GapInput, from: number, count: number): readonly Span[] {
  return Array.from({ length: count }, (_, at) => ({
    fromMs: Math.max(slotStartMs(from + at), input.fromMs),
    toMs: Math.min(slotStartMs(from + at + 1), input.toMs),
  }));
}

function gapOf(input: GapInput): Gap {
  assert(input.fromMs < input.toMs, 'a gap has a length');
  assert(input.differenceWh >= 0n, 'a register does not count down over a gap');
  const range = slotsOf(input);
  const parts = partsOf(input, range.from, range.to - range.from);
  const outages = joinSpans(input.outages);
  const partMs = parts.map(({ fromMs, toMs }) => BigInt(toMs - fromMs));
  const liveMs = parts.map((part, at) => partMs[at] - BigInt(coveredMs(part, outages)));
  return {
    facts: { ...input, range },
    partMs,
    // The register moved while the log tells of an outage all along: the log's clock is wrong.
    liveMs: sumOf(liveMs) === 0n && input.differenceWh > 0n ? partMs : liveMs,
    measured: measuredIntervals(input.intervals, range),
    differenceWh: input.differenceWh,
  };
}

/** Interval Adjustment From Scalar: the meter's own intervals, scaled to what the register says. */
function adjustFromScalar({ measured, partMs, liveMs }: Gap): readonly bigint[] | null {
  const isKnown = measured.every((wh, at) => liveMs[at] === 0n || wh >= 0);
  if (!isKnown) return null;
  return partMs.map((ms, at) => (liveMs[at] === 0n ? 0n : BigInt(measured[at]) * ms));
}

/** Lays an amount over weights: whole numbers that sum to it exactly. */
function layOver(amount: bigint, weights: readonly bigint[]): readonly bigint[] {
  const total = sumOf(weights);
  let cumulated = 0n;
  let laid = 0n;
  return weights.map((weight) => {
    cumulated += weight;
    const upTo = (amount * cumulated) / total;
    const share = upTo - laid;
    laid = upTo;
    return share;
  });
}

/**
 * Subtractive Interval Adjustment: where the meter measured some of the intervals they stand, and
 * what the register has beyond them is laid over the others by the best guess there is.
 */
function adjustSubtractively(set: VeeSet, gap: Gap): readonly bigint[] | null {
  const { measured, partMs, liveMs, differenceWh } = gap;
  const isMeasured = (at: number) => measured[at] >= 0;
  const known = partMs.map((ms, at) =>
    isMeasured(at) && liveMs[at] > 0n ? (BigInt(measured[at]) * ms) / BigInt(slotMs) : 0n,
  );
  const unknownMs = liveMs.map((ms, at) => (isMeasured(at) ? 0n : ms));
  const rest = differenceWh - sumOf(known);
  const hasSome = liveMs.some((ms, at) => ms > 0n && isMeasured(at));
  if (!hasSome || rest < 0n || sumOf(unknownMs) === 0n) return null;
  const guesses = set.estimation.order.filter(
    (method) => method !== 'adjustmentFromScalar' && method !== 'subtractiveAdjustment',
  );
  const others = layOver(rest, weigh(set, { gap, methods: guesses, countedMs: unknownMs }).weights);
  return known.map((wh, at) => wh + others[at]);
}

type Weighing = {
  readonly gap: Gap;
  readonly methods: readonly GapMethod[];
  /** What of each slot a guess counts for. */
  readonly countedMs: readonly bigint[];
};

function weightsBy(
  set: VeeSet,
  method: GapMethod,
  { gap, countedMs }: Weighing,
): readonly bigint[] | null {
  if (method === 'adjustmentFromScalar') return adjustFromScalar(gap);
  if (method === 'subtractiveAdjustment') return adjustSubtractively(set, gap);
  const guessed = guessWeights(set, method, gap.facts);
  return guessed === null ? null : guessed.map((weight, at) => weight * countedMs[at]);
}

/** By the first method that can say it; as even as the time that counts when none can. */
function weigh(set: VeeSet, weighing: Weighing): Weights {
  for (const method of weighing.methods) {
    const weights = weightsBy(set, method, weighing);
    if (weights !== null && sumOf(weights) > 0n) return { rule: method, weights };
  }
  return { rule: 'createForGap', weights: weighing.countedMs };
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let [larger, smaller] = [left, right];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

/** In lowest terms; a sum beyond what a double holds loses its last digits. */
function safeWeights(weights: readonly bigint[]): Float64Array {
  const divisor = weights.reduce(greatestCommonDivisor, 0n);
  if (divisor === 0n) return new Float64Array(weights.length);
  const total = sumOf(weights) / divisor;
  const scale = total > weightSumMax ? total / weightSumMax + 1n : 1n;
  return Float64Array.from(weights, (weight) => Number(weight / (divisor * scale)));
}

/** Zero for certain in an outage, worked out where the meter measured, else estimated. */
function qualityOf({ measured, liveMs }: Gap, rule: EstimationRule, at: number): number {
  if (liveMs[at] === 0n) return qualityActual;
  const isScaled = rule === 'adjustmentFromScalar' || rule === 'subtractiveAdjustment';
  return isScaled && measured[at] >= 0 ? qualityCalculated : qualityEstimated;
}

/**
 * How the register's difference is laid over the gap, by the first method of the set that can say
 * it. In an outage nothing flowed: its slots have no weight, whatever the method says. The first
 * and the last weight are of the parts of their slots inside the gap. A function of its arguments
 * alone: the same readings, events and set give the same shape.
 */
export function shapeGap(set: VeeSet, input: GapInput): GapShape {
  const gap = gapOf(input);
  const methods = set.estimation.order;
  const { rule, weights } = weigh(set, { gap, methods, countedMs: gap.liveMs });
  const isEven = rule === 'createForGap' && gap.liveMs.every((ms, at) => ms === gap.partMs[at]);
  return {
    fromMs: input.fromMs,
    toMs: input.toMs,
    weights: isEven ? new Float64Array(weights.length) : safeWeights(weights),
    quality: Uint8Array.from(weights, (_, at) => qualityOf(gap, rule, at)),
    rule: estimationRules[rule].number,
  };
}
