import { add, fraction, reduced, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { TierRule } from '../tariff/component.ts';

/** The use of one span over which a position in the tiers runs. */
export type TierUse = {
  readonly allocation: TierRule['allocation'];
  /** By period and tier, where the tier ends, kWh; null: it is open. */
  readonly limits: readonly (readonly (Fraction | null)[])[];
  /** Periods that take part. */
  readonly periods: readonly number[];
  /** By period, where the span begins; all the same unless each period has its own position. */
  readonly starts: readonly Fraction[];
  /** By period, kWh. */
  readonly quantities: readonly Fraction[];
  /** For the chronological allocation: the energy of each run, in time order. */
  readonly runs: readonly { readonly period: number; readonly kwh: Fraction }[];
};

export type TierResult = {
  /** By period and tier, kWh. */
  readonly quantities: readonly (readonly Fraction[])[];
  /** By period, where the span ends. */
  readonly ends: readonly Fraction[];
};

/** Integers of one denominator: a walk of many steps is additions and comparisons alone. */
type Scale = { readonly denominator: bigint; of(value: Fraction): bigint };

function scaleOf(values: readonly Fraction[]): Scale {
  let denominator = 1n;
  let last = 1n;
  for (const value of values) {
    // Mostly one after the other the same.
    if (value.denominator === last) continue;
    last = value.denominator;
    if (denominator % last === 0n) continue;
    denominator *= fraction(value.denominator, denominator).numerator;
  }
  const of = (value: Fraction): bigint => value.numerator * (denominator / value.denominator);
  return { denominator, of };
}

/** Cuts [from, to) at the limits and adds each part to its tier. */
function cutAtLimits(
  span: { readonly from: bigint; readonly to: bigint },
  limits: readonly (bigint | null)[],
  into: bigint[],
): void {
  let from = span.from;
  for (const [tier, limit] of limits.entries()) {
    const to = limit === null || limit > span.to ? span.to : limit;
    if (to <= from) continue;
    into[tier] += to - from;
    from = to;
    if (from >= span.to) return;
  }
}

/** The tier in which a position ends: a limit belongs to the tier below it. */
function tierOf(position: bigint, limits: readonly (bigint | null)[]): number {
  return limits.findIndex((limit) => limit === null || position <= limit);
}

type Walk = {
  readonly scale: Scale;
  readonly limits: readonly (readonly (bigint | null)[])[];
  /** By period and tier. */
  readonly parts: readonly bigint[][];
  readonly positions: bigint[];
};

function chronological(use: TierUse, walk: Walk): void {
  let position = walk.positions[use.periods[0] ?? 0];
  for (const { period, kwh } of use.runs) {
    const to = position + walk.scale.of(kwh);
    cutAtLimits({ from: position, to }, walk.limits[period], walk.parts[period]);
    position = to;
  }
  walk.positions.fill(position);
}

function perPeriod(use: TierUse, walk: Walk): void {
  for (const period of use.periods) {
    const from = walk.positions[period];
    const to = from + walk.scale.of(use.quantities[period]);
    cutAtLimits({ from, to }, walk.limits[period], walk.parts[period]);
    walk.positions[period] = to;
  }
}

function volume(use: TierUse, walk: Walk, total: bigint): void {
  const to = walk.positions[use.periods[0] ?? 0] + total;
  for (const period of use.periods) {
    const tier = tierOf(to, walk.limits[period]);
    walk.parts[period][tier] += walk.scale.of(use.quantities[period]);
  }
  walk.positions.fill(to);
}

/** The shares of the whole in each tier, times each period's part of the whole. */
function proportional(use: TierUse, walk: Walk, total: bigint): readonly (readonly Fraction[])[] {
  const from = walk.positions[use.periods[0] ?? 0];
  for (const period of use.periods) {
    cutAtLimits({ from, to: from + total }, walk.limits[period], walk.parts[period]);
  }
  walk.positions.fill(from + total);
  const whole = total * walk.scale.denominator;
  return walk.parts.map((tiers, period) =>
    tiers.map((part) =>
      part === 0n ? zero : fraction(part * walk.scale.of(use.quantities[period]), whole),
    ),
  );
}

/** Gives the use of a span to its tiers. Without a limit that is exceeded all is in the first. */
export function allocate(use: TierUse): TierResult {
  const limits = use.limits.map((tiers) =>
    tiers.map((limit) => (limit === null ? null : reduced(limit))),
  );
  const starts = use.starts.map(reduced);
  const scale = scaleOf([
    ...limits.flat().filter((limit) => limit !== null),
    ...starts,
    ...use.quantities,
    ...use.runs.map(({ kwh }) => kwh),
  ]);
  const walk = {
    scale,
    limits: limits.map((tiers) => tiers.map((limit) => (limit === null ? null : scale.of(limit)))),
    parts: limits.map((tiers) => tiers.map(() => 0n)),
    positions: starts.map((start) => scale.of(start)),
  };
  const ofScale = (parts: bigint): Fraction => fraction(parts, scale.denominator);
  const total = scale.of(use.periods.reduce((sum, at) => add(sum, use.quantities[at]), zero));
  let quantities: readonly (readonly Fraction[])[] | null = null;
  switch (use.allocation) {
    case 'chronological':
      chronological(use, walk);
      break;
    case 'perPeriod':
      perPeriod(use, walk);
      break;
    case 'volume':
      volume(use, walk, total);
      break;
    case 'proportional':
      quantities = proportional(use, walk, total);
      break;
  }
  return {
    quantities: quantities ?? walk.parts.map((tiers) => tiers.map(ofScale)),
    ends: walk.positions.map(ofScale),
  };
}

/**
 * Which tiers a position reaches from 0: those whose limit before lies below it; the first always.
 */
export function reachedTiers(
  end: Fraction,
  limits: readonly (Fraction | null)[],
  allocation: TierRule['allocation'],
): readonly number[] {
  const scale = scaleOf([reduced(end), ...limits.filter((limit) => limit !== null).map(reduced)]);
  const scaled = limits.map((limit) => (limit === null ? null : scale.of(reduced(limit))));
  const position = scale.of(reduced(end));
  if (allocation === 'volume') return [tierOf(position, scaled)];
  return limits
    .map((_, tier) => tier)
    .filter((tier) => {
      const before = tier === 0 ? null : scaled[tier - 1];
      return before === null || position > before;
    });
}
