import { assert } from '../assert.ts';
import { divideRounded, fraction, microsOf, oneE8 } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Component, TierRule } from '../tariff/component.ts';
import type { FinishRefusal } from './billDraft.ts';
import type { CompiledComponent, CompiledTariff } from './compiled.ts';
import { divideSafely } from './divideSafely.ts';
import { finish } from './finish.ts';
import type { Accumulator } from './kernel.ts';
import type { Settlement } from './settlement.ts';

/**
 * A tariff whose running total needs no bill: prices by bucket, at most one chronological walk, and
 * spot prices. Live rating asks for the total of every agreement that a batch touches.
 */
export type FastTotal = {
  /** By channel, then by bucket, as the sums are: what one more kWh costs. Empty: nothing. */
  readonly pricesE8: readonly bigint[];
  /** The same as float64, exact; NaN where a price is beyond the safe integers. */
  readonly priceNumbersE8: Float64Array;
  readonly walk: FastWalk | null;
  /** By spot price of the tariff, whether it is a charge or a credit. */
  readonly spotSigns: readonly (1n | -1n)[];
};

export type FastWalk = {
  /** Of the first bucket of the channel whose runs are walked. */
  readonly sumsAt: number;
  /** Limits are whole parts of a unit: so many of them. */
  readonly partsPerUnit: number;
  /** By period and tier; Infinity: the last one. */
  readonly limits: readonly Float64Array[];
  /** By period and tier; credits are negative. */
  readonly pricesE8: readonly Float64Array[];
  readonly periodOfBucket: Int32Array;
  /** By bucket, 1 where the position begins anew. */
  readonly isReset: Uint8Array;
  /** The largest magnitude, for the check that a walk was exact. */
  readonly priceMaxE8: number;
};

function isUnconditional({ when }: Component): boolean {
  return when.useAtMostE8 === null && when.useAboveE8 === null && when.customerClasses === null;
}

/** Adds what a component without tiers costs; false: its total is not of sums alone. */
function addPlain(
  compiled: Omit<CompiledTariff, 'fast'>,
  each: CompiledComponent,
  into: bigint[],
): boolean {
  const { component, periodOfSuper } = each;
  if (component.kind !== 'energy' || component.quantity !== null) return false;
  const { flow, prices, surplusE8 } = component;
  const plain = prices.tiers.map(([tier]) => tier.priceE8);
  // A surplus that earns another price is known at the end alone.
  if (flow === 'net' && plain.some((price, period) => surplusE8[period] !== price)) return false;
  const { bucketCount, superPeriodOfBucket, channels } = compiled;
  const exportAt = channels.indexOf('export') * bucketCount;
  for (let bucket = 0; bucket < bucketCount; bucket += 1) {
    const priceE8 = plain[periodOfSuper[superPeriodOfBucket[bucket]]];
    if (flow !== 'export') into[bucket] += priceE8;
    if (flow !== 'import') into[exportAt + bucket] -= priceE8;
  }
  return true;
}

/** Null: limits depend on more than the bill's time, or are beyond float64. */
function walkOf(
  compiled: Omit<CompiledTariff, 'fast'>,
  { component, periodOfSuper, spans }: CompiledComponent,
): FastWalk | null {
  if (component.kind !== 'energy' || component.tierRule === null) return null;
  const { tierRule: rule, flow, quantity, prices } = component;
  const isWalked = rule.allocation === 'chronological' && flow !== 'net' && quantity === null;
  const isOwn = rule.reset === 'bill' || rule.reset === 'day';
  const isKwh = rule.unit === 'kWh' || rule.unit === 'kWh/day';
  const hasFlat = prices.tiers.some((tiers) => tiers.some(({ flatE8 }) => flatE8 !== 0n));
  if (!isWalked || !isOwn || !isKwh || hasFlat) return null;
  // upTo at 10^-8 kWh, times 1,000 Wh a kWh, times the share of time: units, and parts of one.
  const share = limitShare(compiled, rule);
  const over = 1_000n * BigInt(compiled.unitsPerWh) * share.numerator;
  const exact = prices.tiers.map((tiers) =>
    tiers.map(({ upToE8 }) =>
      upToE8 === null ? null : fraction(upToE8 * over, oneE8 * share.denominator),
    ),
  );
  const parts = exact
    .flat()
    .reduce((common, limit) => (limit === null ? common : leastCommon(common, limit)), 1n);
  const partsPerUnit = Number(parts);
  const sign = flow === 'export' ? -1 : 1;
  const limits = exact.map((tiers) =>
    Float64Array.from(tiers, (limit) =>
      limit === null ? Infinity : Number((limit.numerator * parts) / limit.denominator),
    ),
  );
  const pricesE8 = prices.tiers.map((tiers) =>
    Float64Array.from(tiers, ({ priceE8 }) => sign * Number(priceE8)),
  );
  const isSafe = [...limits, ...pricesE8].every((column) =>
    column.every((value) => value === Infinity || Number.isSafeInteger(value)),
  );
  if (!isSafe || !Number.isSafeInteger(partsPerUnit)) return null;
  const { bucketCount, superPeriodOfBucket, channels } = compiled;
  const periodOfBucket = Int32Array.from(superPeriodOfBucket, (at) => periodOfSuper[at]);
  const isReset = new Uint8Array(bucketCount);
  for (const { fromBucket } of spans) isReset[fromBucket] = 1;
  const sumsAt = flow === 'export' ? channels.indexOf('export') * bucketCount : 0;
  const priceMaxE8 = Math.max(...pricesE8.flatMap((column) => [...column].map(Math.abs)));
  return { sumsAt, partsPerUnit, limits, pricesE8, periodOfBucket, isReset, priceMaxE8 };
}

/** The least common multiple with a ratio's denominator. */
function leastCommon(common: bigint, { denominator }: Fraction): bigint {
  return common * fraction(denominator, common).numerator;
}

/** The share of a stated limit that a bill or a day has. */
function limitShare(
  { facts }: Pick<CompiledTariff, 'facts'>,
  rule: TierRule,
): { readonly numerator: bigint; readonly denominator: bigint } {
  const days = rule.reset === 'bill' ? facts.billedDays : fraction(1n);
  if (rule.unit === 'kWh/day') return days;
  if (typeof rule.proration !== 'string') {
    return fraction(days.numerator, days.denominator * BigInt(rule.proration.perDays));
  }
  if (rule.proration === 'none' || rule.reset !== 'bill') return fraction(1n);
  return fraction(days.numerator, days.denominator * BigInt(facts.monthDays));
}

/** Null: the running total is that of the bill so far, worked out as a bill. */
export function fastTotalOf(compiled: Omit<CompiledTariff, 'fast'>): FastTotal | null {
  const pricesE8 = Array.from(
    { length: compiled.channels.length * compiled.bucketCount },
    () => 0n,
  );
  let walk: FastWalk | null = null;
  const spotSigns: (1n | -1n)[] = [];
  for (const each of compiled.components) {
    const { component } = each;
    if (!isUnconditional(component)) return null;
    if (component.kind === 'dynamic') spotSigns.push(component.flow === 'export' ? -1n : 1n);
    else if (component.kind === 'netting') {
      const isPlain = component.method === 'interval' || component.method === 'buyAllSellAll';
      if (!isPlain) return null;
    } else if (component.kind === 'energy' && component.tierRule !== null) {
      if (walk !== null) return null;
      walk = walkOf(compiled, each);
      if (walk === null) return null;
    } else if (!addPlain(compiled, each, pricesE8)) return null;
  }
  if (pricesE8.every((priceE8) => priceE8 === 0n)) pricesE8.length = 0;
  const numbers = pricesE8.map((priceE8) =>
    Number.isSafeInteger(Number(priceE8)) ? Number(priceE8) : Number.NaN,
  );
  return { pricesE8, priceNumbersE8: Float64Array.from(numbers), walk, spotSigns };
}

/** Units x price at 10^-8 of prices alone, or NaN where float64 is not exact. */
function plainSum(fast: FastTotal, sums: Float64Array, sumsAt: number): number {
  const { priceNumbersE8 } = fast;
  let total = 0;
  for (let index = 0; index < priceNumbersE8.length; index += 1) {
    const product = sums[sumsAt + index] * priceNumbersE8[index];
    total += product;
    // A float64 product or sum that is inexact is beyond the safe integers.
    if (!Number.isSafeInteger(product) || !Number.isSafeInteger(total)) return Number.NaN;
  }
  return total;
}

/**
 * Parts of units x price at 10^-8, run by run in time order; NaN where float64 is not exact.
 * Positions, products and their sums are integers no larger than (all parts) x (largest price):
 * below 2^53 each step was exact.
 */
function walkSum(walk: FastWalk, sums: Float64Array, sumsAt: number): number {
  const { limits, pricesE8, periodOfBucket, isReset, partsPerUnit } = walk;
  const first = sumsAt + walk.sumsAt;
  const count = periodOfBucket.length;
  let position = 0;
  let whole = 0;
  let total = 0;
  for (let bucket = 0; bucket < count; bucket += 1) {
    if (isReset[bucket] === 1) {
      whole += position;
      position = 0;
    }
    const to = position + sums[first + bucket] * partsPerUnit;
    const period = periodOfBucket[bucket];
    const ends = limits[period];
    const prices = pricesE8[period];
    for (let tier = 0; position < to; tier += 1) {
      const limit = ends[tier];
      const end = limit < to ? limit : to;
      if (end <= position) continue;
      total += (end - position) * prices[tier];
      position = end;
    }
  }
  whole += position;
  const isExact = whole * Math.max(1, walk.priceMaxE8) < Number.MAX_SAFE_INTEGER;
  return isExact ? total : Number.NaN;
}

function walkSumWide(walk: FastWalk, sums: Float64Array, sumsAt: number): bigint {
  const { limits, pricesE8, periodOfBucket, isReset, partsPerUnit } = walk;
  let position = 0n;
  let total = 0n;
  for (const [bucket, period] of periodOfBucket.entries()) {
    if (isReset[bucket] !== 0) position = 0n;
    const to = position + BigInt(sums[sumsAt + walk.sumsAt + bucket]) * BigInt(partsPerUnit);
    for (const [tier, limit] of limits[period].entries()) {
      const end = limit === Infinity || BigInt(limit) > to ? to : BigInt(limit);
      if (end <= position) continue;
      total += (end - position) * BigInt(pricesE8[period][tier]);
      position = end;
    }
  }
  return total;
}

function plainSumWide(fast: FastTotal, sums: Float64Array, sumsAt: number): bigint {
  let total = 0n;
  for (const [index, priceE8] of fast.pricesE8.entries()) {
    if (priceE8 !== 0n) total += BigInt(sums[sumsAt + index]) * priceE8;
  }
  return total;
}

/** Units x 10^-8 over this is a micro-unit: 1,000 units a kWh and 10^-6. */
const exactPerMicro = 100_000;

/**
 * The running total of sums alone, half-even to a micro-unit: what a bill of them would post.
 * Of a tariff with a fast total and without spot prices.
 */
export function runningMicros(compiled: CompiledTariff, sums: Float64Array, sumsAt = 0): bigint {
  const { fast, unitsPerWh, bucketCount } = compiled;
  assert(fast !== null && fast.spotSigns.length === 0, 'the total is one of sums alone');
  assert(sumsAt + bucketCount <= sums.length, 'the sums are of this tariff');
  const { walk } = fast;
  const parts = walk === null ? 1 : walk.partsPerUnit;
  const plain = plainSum(fast, sums, sumsAt) * parts;
  const total = plain + (walk === null ? 0 : walkSum(walk, sums, sumsAt));
  const divisor = exactPerMicro * unitsPerWh * parts;
  if ([plain, 2 * total, 2 * divisor].every(Number.isSafeInteger)) {
    return BigInt(divideSafely(total, divisor, 'half-even'));
  }
  return divideRounded(wideTotal(fast, sums, sumsAt), wideDivisor(compiled, parts), 'half-even');
}

function wideTotal(fast: FastTotal, sums: Float64Array, sumsAt: number): bigint {
  const { walk } = fast;
  const plain = plainSumWide(fast, sums, sumsAt);
  if (walk === null) return plain;
  return plain * BigInt(walk.partsPerUnit) + walkSumWide(walk, sums, sumsAt);
}

function wideDivisor({ unitsPerWh }: Pick<CompiledTariff, 'unitsPerWh'>, parts: number): bigint {
  return BigInt(exactPerMicro) * BigInt(unitsPerWh) * BigInt(parts);
}

/** A sum of units times one spot price: in float64 where that is exact. */
function spotMicros({ spots, unitsPerWh }: CompiledTariff, sum: bigint): bigint {
  const [{ denominator }] = spots;
  const perMicro = (Number(denominator) * unitsPerWh) / 1_000; // 1,000 Wh a kWh, 10^6 micros
  const product = Number(sum);
  if ([perMicro, 2 * perMicro * 1_000, 2 * product].every(Number.isSafeInteger)) {
    return BigInt(divideSafely(product, perMicro, 'half-even'));
  }
  return microsOf({ numerator: sum, denominator: denominator * 1_000n * BigInt(unitsPerWh) });
}

/** With spot prices: their exact sums beside those of prices. */
function fastMicros(compiled: CompiledTariff, fast: FastTotal, accumulator: Accumulator): bigint {
  const { sums, folds } = accumulator;
  if (folds === null || fast.spotSigns.length === 0) return runningMicros(compiled, sums);
  const unitsPerKwh = 1_000n * BigInt(compiled.unitsPerWh);
  if (fast.walk === null && fast.pricesE8.length === 0 && fast.spotSigns.length === 1) {
    return spotMicros(compiled, fast.spotSigns[0] * folds.spotSums[0]);
  }
  const parts = fast.walk?.partsPerUnit ?? 1;
  let numerator = wideTotal(fast, sums, 0);
  let denominator = wideDivisor(compiled, parts) * 1_000_000n;
  for (const [index, sign] of fast.spotSigns.entries()) {
    const other = compiled.spots[index].denominator * unitsPerKwh;
    numerator = numerator * other + sign * folds.spotSums[index] * denominator;
    denominator *= other;
  }
  return microsOf({ numerator, denominator });
}

/**
 * What an open bill comes to so far, half-even to a micro-unit: the exact sum of its lines, without
 * the tariff's own rounding. Without lines where the tariff allows it.
 */
export function openMicros(
  compiled: CompiledTariff,
  accumulator: Accumulator,
  settlement: Settlement & { readonly openUntilMs: number },
): Outcome<bigint, FinishRefusal> {
  const { fast } = compiled;
  const isPriced = !(accumulator.folds?.unpricedSlot.some((slot) => slot !== Infinity) ?? false);
  if (fast !== null && isPriced) return accept(fastMicros(compiled, fast, accumulator));
  const bill = finish(compiled, accumulator, settlement);
  return bill.ok ? accept(microsOf(bill.value.total)) : bill;
}
