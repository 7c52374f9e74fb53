import { add, compare, larger, product, reduced, smaller, subtract, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { EnergyComponent, TierRule } from '../tariff/component.ts';
import type { Line } from './bill.ts';
import type { CompiledComponent, TierSpan } from './compiled.ts';
import { meteredKwh } from './energyLine.ts';
import type { Energy } from './energyLine.ts';
import { flowKwhAt, slotsOf } from './explainSlots.ts';
import type { Explained, LinePart } from './explainSlots.ts';
import { carryKey, isCarried, limitsOf, runsOf } from './finishTiers.ts';
import { allocate } from './tiers.ts';

type Wanted = {
  readonly period: number;
  /** From 0; null: a surplus. */
  readonly tier: number | null;
  readonly price: Fraction;
};
type Limits = readonly (readonly (Fraction | null)[])[];
type Place = { readonly span: TierSpan; readonly at: number };

/** By slot, the span of its bucket. */
function spanReader(explained: Explained, each: CompiledComponent): (slot: number) => Place {
  const { runEnds, bucketOfRun } = explained.draft.compiled;
  let run = 0;
  let at = 0;
  return (slot) => {
    while (runEnds[run] <= slot) run += 1;
    const bucket = bucketOfRun[run];
    while (bucket >= each.spans[at].toBucket) at += 1;
    return { span: each.spans[at], at };
  };
}

function startOf(
  explained: Explained,
  component: EnergyComponent,
  place: Place & { readonly rule: TierRule; readonly period: number },
): Fraction {
  const { rule, period, span, at } = place;
  if (!isCarried(rule) || at > 0) return zero;
  const { tiers } = explained.draft.settlement.carryIn;
  const carried = tiers.get(carryKey(component, rule, period));
  return carried?.span === span.label ? carried.usedKwh : zero;
}

/** Slot by slot in time order: the position, and what of each slot lies in the tier. */
function walkedParts(
  explained: Explained,
  energy: Energy & { readonly rule: TierRule },
  context: { readonly wanted: Wanted; readonly limits: Limits },
): readonly LinePart[] {
  const { component, rule, periodOfSuper } = energy;
  const { wanted, limits } = context;
  const { superPeriodOfSlot } = explained.draft.compiled;
  const spanAt = spanReader(explained, energy);
  const own = limits[wanted.period];
  const tier = wanted.tier ?? 0;
  const parts: LinePart[] = [];
  let position: Fraction | null = null;
  let spanIndex = -1;
  const { first, end } = slotsOf(explained);
  for (let slot = first; slot < end; slot += 1) {
    const period = periodOfSuper[superPeriodOfSlot[slot]];
    if (rule.allocation === 'perPeriod' && period !== wanted.period) continue;
    const place = spanAt(slot);
    if (position === null || place.at !== spanIndex) {
      position = startOf(explained, component, { ...place, rule, period });
      spanIndex = place.at;
    }
    const kwh = flowKwhAt(explained, component.flow, slot);
    if (kwh === null || compare(kwh, zero) === 0) continue;
    const to: Fraction = reduced(add(position, kwh));
    if (period === wanted.period) {
      const low = larger(position, (tier === 0 ? null : own[tier - 1]) ?? zero);
      const quantity = subtract(smaller(to, own[tier] ?? to), low);
      const { price } = wanted;
      if (compare(quantity, zero) > 0) {
        parts.push({ firstSlot: slot, endSlot: slot + 1, quantity, price });
      }
    }
    position = to;
  }
  return parts;
}

/** Each slot has the share of the tier that its period's energy of the span has. */
function sharedParts(
  explained: Explained,
  energy: Energy & { readonly rule: TierRule; readonly index: number },
  context: { readonly wanted: Wanted; readonly limits: Limits },
): readonly LinePart[] {
  const { draft } = explained;
  const { component, rule, periodOfSuper, occurring, index } = energy;
  const { wanted, limits } = context;
  const shares = energy.spans.map((span, at) => {
    const metered = meteredKwh(draft, energy, span);
    const quantities = draft.creditedKwh.get(index)?.[at] ?? metered;
    const whole = metered[wanted.period];
    if (compare(whole, zero) === 0) return zero;
    if (wanted.tier === null) return compare(whole, zero) < 0 ? oneShare : zero;
    const periods = occurring.filter((period) => compare(quantities[period], zero) >= 0);
    const starts = limits.map((_, period) =>
      startOf(explained, component, { span, at, rule, period }),
    );
    const runs = rule.allocation === 'chronological' ? runsOf(draft, energy, span) : [];
    const { allocation } = rule;
    const result = allocate({ allocation, limits, periods, starts, quantities, runs });
    const part = result.quantities[wanted.period][wanted.tier];
    const over = whole.numerator < 0n ? -1n : 1n;
    return reduced({
      numerator: part.numerator * whole.denominator * over,
      denominator: part.denominator * whole.numerator * over,
    });
  });
  const spanAt = spanReader(explained, energy);
  const parts: LinePart[] = [];
  const { first, end } = slotsOf(explained);
  for (let slot = first; slot < end; slot += 1) {
    const place = spanAt(slot);
    if (periodOfSuper[draft.compiled.superPeriodOfSlot[slot]] !== wanted.period) continue;
    const kwh = flowKwhAt(explained, component.flow, slot);
    const share = shares[place.at];
    if (kwh === null || compare(share, zero) === 0) continue;
    const quantity = product(kwh, share);
    parts.push({ firstSlot: slot, endSlot: slot + 1, quantity, price: wanted.price });
  }
  return parts;
}

const oneShare: Fraction = { numerator: 1n, denominator: 1n };

/** The part of each slot that a tier's line is made of. */
export function tierParts(
  explained: Explained,
  each: CompiledComponent,
  line: Line,
): readonly LinePart[] {
  const { component } = each;
  const { draft } = explained;
  if (component.kind !== 'energy' || component.tierRule === null || line.price === null) return [];
  const rule = component.tierRule;
  const limits = limitsOf(draft, component, rule);
  if (!limits.ok) return [];
  const wanted = {
    period: each.periods.indexOf(line.period),
    tier: line.tier === null ? null : line.tier - 1,
    price: line.price,
  };
  const context = { wanted, limits: limits.value };
  const { allocation } = rule;
  const isWalk = allocation === 'chronological' || allocation === 'perPeriod';
  if (isWalk && component.flow !== 'net') {
    return walkedParts(explained, { ...each, component, rule }, context);
  }
  const index = draft.compiled.components.indexOf(each);
  return sharedParts(explained, { ...each, component, rule, index }, context);
}
