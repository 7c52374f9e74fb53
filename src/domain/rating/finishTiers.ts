import { add, compare, product, reduced, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { Outcome } from '../outcome.ts';
import type { EnergyComponent, TierRule } from '../tariff/component.ts';
import {
  addLine,
  attributeOf,
  fractionE8,
  kwhOf,
  one,
  refuseAttribute,
  wholeNumber,
} from './billDraft.ts';
import type { BillDraft, Finished } from './billDraft.ts';
import type { TierSpan } from './compiled.ts';
import { addEnergyLine, lineKindOf, meteredKwh, signed } from './energyLine.ts';
import type { Energy } from './energyLine.ts';
import { powerOf, topPeaks } from './peaks.ts';
import { allocate, reachedTiers } from './tiers.ts';

/** What the limits of tiers are multiplied with, apart from kW. */
function timeFactor(draft: BillDraft, rule: TierRule): Fraction {
  const { billedDays, monthDays } = draft.compiled.facts;
  const { reset, unit, proration } = rule;
  let days = one;
  if (reset === 'bill') days = billedDays;
  if (reset === 'month') days = wholeNumber(monthDays);
  if (unit === 'kWh/day' || unit === 'kWh/kW/day') return days;
  if (reset === 'season' || reset === 'year') return one;
  if (typeof proration !== 'string') {
    return product(days, { numerator: 1n, denominator: BigInt(proration.perDays) });
  }
  if (proration === 'none' || reset !== 'bill') return one;
  return product(billedDays, { numerator: 1n, denominator: BigInt(monthDays) });
}

function kwOf(draft: BillDraft, rule: TierRule): Fraction | null {
  if (rule.kw === 'contracted') return attributeOf(draft, 'contractedKw');
  const { compiled, folds } = draft;
  if (compiled.tierPeak === null || folds === null) return zero;
  const measure = compiled.measures[compiled.tierPeak];
  const [highest] = topPeaks(measure, folds.peaks[compiled.tierPeak], 0);
  return highest === undefined ? zero : powerOf(compiled, measure, highest);
}

/** By period and tier, where it ends, kWh. */
export function limitsOf(
  draft: BillDraft,
  component: EnergyComponent,
  rule: TierRule,
): Outcome<readonly (readonly (Fraction | null)[])[], 'ATTRIBUTE_MISSING'> {
  let factor = timeFactor(draft, rule);
  if (rule.unit === 'kWh/kW' || rule.unit === 'kWh/kW/day') {
    const kw = kwOf(draft, rule);
    if (kw === null) return refuseAttribute(component.name, 'contractedKw');
    factor = product(factor, kw);
  }
  const whole = reduced(factor);
  const value = component.prices.tiers.map((tiers) =>
    tiers.map(({ upToE8 }) => (upToE8 === null ? null : product(fractionE8(upToE8), whole))),
  );
  return { ok: true, value };
}

export function isCarried(rule: TierRule): boolean {
  return rule.reset !== 'bill' && rule.reset !== 'day';
}

export function carryKey(component: EnergyComponent, rule: TierRule, period: number): string {
  const periodName = component.prices.periods[period];
  const isShared = rule.allocation !== 'perPeriod' || periodName === null;
  return isShared ? component.name : `${component.name}/${periodName}`;
}

type Tiered = {
  /** By period and tier. */
  readonly quantities: Fraction[][];
  /** By period, kWh of surplus, negative. */
  readonly surplus: Fraction[];
  /** Where the last span ends, of the one position. */
  end: Fraction;
};

/** Adds one span to what the tiers have got, and carries the position on. */
function addSpan(
  draft: BillDraft,
  at: { readonly index: number; readonly energy: Energy; readonly span: number },
  context: {
    readonly rule: TierRule;
    readonly limits: readonly (readonly (Fraction | null)[])[];
    readonly tiered: Tiered;
  },
): void {
  const { energy, index } = at;
  const { rule, limits, tiered } = context;
  const span = energy.spans[at.span];
  const quantities = draft.creditedKwh.get(index)?.[at.span] ?? meteredKwh(draft, energy, span);
  const periods = energy.occurring.filter((period) => compare(quantities[period], zero) >= 0);
  for (const period of energy.occurring) {
    if (!periods.includes(period)) {
      tiered.surplus[period] = add(tiered.surplus[period], quantities[period]);
    }
  }
  const starts = limits.map((_, period) => {
    if (!isCarried(rule) || at.span > 0) return zero;
    const carried = draft.settlement.carryIn.tiers.get(carryKey(energy.component, rule, period));
    return carried?.span === span.label ? carried.usedKwh : zero;
  });
  const runs = rule.allocation === 'chronological' ? runsOf(draft, energy, span) : [];
  const { allocation } = rule;
  const result = allocate({ allocation, limits, periods, starts, quantities, runs });
  for (const [period, tiers] of result.quantities.entries()) {
    for (const [tier, kwh] of tiers.entries()) {
      tiered.quantities[period][tier] = add(tiered.quantities[period][tier], kwh);
    }
  }
  tiered.end = result.ends[energy.occurring[0]];
  if (!isCarried(rule)) return;
  for (const period of energy.occurring) {
    const usedKwh = reduced(result.ends[period]);
    const key = carryKey(energy.component, rule, period);
    draft.carry.tiers.set(key, { span: span.label, usedKwh });
  }
}

/** The energy of each run of a span, in time order. */
export function runsOf(
  draft: BillDraft,
  energy: Energy,
  span: TierSpan,
): { readonly period: number; readonly kwh: Fraction }[] {
  const { compiled, accumulator } = draft;
  const channel = energy.component.flow === 'export' ? compiled.channels.indexOf('export') : 0;
  const at = channel * compiled.bucketCount;
  const runs: { period: number; kwh: Fraction }[] = [];
  for (let bucket = span.fromBucket; bucket < span.toBucket; bucket += 1) {
    const units = accumulator.sums[at + bucket];
    if (units === 0) continue;
    const period = energy.periodOfSuper[compiled.superPeriodOfBucket[bucket]];
    runs.push({ period, kwh: kwhOf(compiled, BigInt(units)) });
  }
  return runs;
}

export function finishTiered(
  draft: BillDraft,
  index: number,
  energy: Energy & { readonly rule: TierRule },
): Finished {
  const { component, rule, occurring, spans } = energy;
  const limits = limitsOf(draft, component, rule);
  if (!limits.ok) return limits;
  const tiered: Tiered = {
    quantities: limits.value.map((tiers) => tiers.map(() => zero)),
    surplus: limits.value.map(() => zero),
    end: zero,
  };
  for (const span of spans.keys()) {
    addSpan(draft, { index, energy, span }, { rule, limits: limits.value, tiered });
  }
  endPositions(draft, energy);
  for (const period of occurring) {
    const at = { index, energy, period };
    const hasSurplus = compare(tiered.surplus[period], zero) < 0;
    if (hasSurplus) {
      const line = {
        tier: null,
        kwh: tiered.surplus[period],
        priceE8: component.surplusE8[period],
      };
      addEnergyLine(draft, at, line);
    }
    const reached = reachedTiers(tiered.end, limits.value[period], rule.allocation);
    for (const [tier, { priceE8, flatE8 }] of component.prices.tiers[period].entries()) {
      const kwh = tiered.quantities[period][tier];
      const isFirst = tier === 0 && !(hasSurplus && spans.length === 1);
      if (isFirst || compare(kwh, zero) > 0) {
        addEnergyLine(draft, at, { tier: tier + 1, kwh, priceE8 });
      }
      if (flatE8 !== 0n && reached.includes(tier)) addFlat(draft, at, { tier: tier + 1, flatE8 });
    }
  }
  return null;
}

/** A position ends when the bill ends in another span, also of periods that it does not have. */
function endPositions(draft: BillDraft, energy: Energy & { readonly rule: TierRule }): void {
  const { component, rule, spans } = energy;
  const last = spans.at(-1);
  if (!isCarried(rule) || last === undefined) return;
  for (const period of component.prices.periods.keys()) {
    const key = carryKey(component, rule, period);
    if (draft.carry.tiers.get(key)?.span !== last.label) draft.carry.tiers.delete(key);
  }
}

function addFlat(
  draft: BillDraft,
  at: { readonly index: number; readonly energy: Energy; readonly period: number },
  flat: { readonly tier: number; readonly flatE8: bigint },
): void {
  const price = fractionE8(flat.flatE8);
  addLine(draft, at.index, {
    kind: lineKindOf(at.energy.component),
    period: at.energy.component.prices.periods[at.period],
    tier: flat.tier,
    quantity: one,
    unit: 'bill',
    price,
    exact: signed(at.energy.component, price),
  });
}
