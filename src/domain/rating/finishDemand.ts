import {
  compare,
  larger,
  product,
  reduced,
  smaller,
  subtract,
  sumFractions,
  zero,
} from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { lookBackMonthsMax } from '../tariff/limits.ts';
import { refuse } from '../outcome.ts';
import type { DemandComponent, Ratchet } from '../tariff/component.ts';
import type { Carry } from './bill.ts';
import {
  addLine,
  attributeOf,
  fractionE8,
  one,
  roundAt,
  refuseAttribute,
  shareOfDays,
  shareOfPercent,
} from './billDraft.ts';
import type { BillDraft, Finished } from './billDraft.ts';
import type { CompiledComponent, CompiledTariff, Measure } from './compiled.ts';
import { monthLabelAt } from './facts.ts';
import type { Folds } from './folds.ts';
import { powerOf, topPeaks } from './peaks.ts';
import { slidingPeaks } from './slidingPeaks.ts';
import { reachedTiers } from './tiers.ts';

type CarriedPeak =
  Carry['peaks'] extends ReadonlyMap<string, readonly (infer Peak)[]> ? Peak : never;

/** The highest windows of a measure, also of one that slides. */
export function peaksOf(compiled: CompiledTariff, folds: Folds, index: number): Float64Array {
  const measure = compiled.measures[index];
  return measure.windowTable === null ? slidingPeaks(compiled, folds, measure) : folds.peaks[index];
}

/** The mean of the highest windows of a period, or of the only one; 0 where there is none. */
export function measuredPower(
  compiled: CompiledTariff,
  measure: Measure,
  peaks: { readonly column: Float64Array; readonly period: number },
): Fraction {
  const found = topPeaks(measure, peaks.column, peaks.period);
  if (found.length === 0) return zero;
  const sum = sumFractions(found.map((peak) => powerOf(compiled, measure, peak)));
  return reduced(product(sum, { numerator: 1n, denominator: BigInt(found.length) }));
}

/** Null: the meter has what the component asks for. Otherwise what becomes of the component. */
export function judgeUnmetered(
  draft: BillDraft,
  component: { readonly name: string; readonly unmetered: 'refuse' | 'leaveOut' },
): { readonly finished: Finished } | null {
  const { compiled, accumulator } = draft;
  if (!compiled.needsReactive || accumulator.unmeteredSlots === 0) return null;
  const { name } = component;
  const message = `${name} needs reactive energy, for which the meter has no registers`;
  if (component.unmetered === 'refuse') {
    const advice = 'give its readings, or let the tariff leave the component out';
    return { finished: refuse('REACTIVE_NOT_METERED', `${message}; ${advice}.`) };
  }
  const text = `${message}: left out.`;
  draft.warnings.push({ code: 'REACTIVE_NOT_METERED', component: name, message: text });
  return { finished: null };
}

export function warnOfLongerInterval(
  draft: BillDraft,
  name: string,
  minutes: { readonly wanted: number; readonly measured: number },
): void {
  if (minutes.measured <= minutes.wanted) return;
  const message =
    `Demand of ${name} is of windows of ${minutes.measured} minutes, as the load is; ` +
    `the tariff says ${minutes.wanted}.`;
  draft.warnings.push({ code: 'DEMAND_FROM_LONGER_INTERVAL', component: name, message });
}

/** This month's peaks go to those of the months before: the higher of two bills of one month. */
function carryPeaks(
  draft: BillDraft,
  name: string,
  measured: readonly { readonly period: string | null; readonly peak: Fraction }[],
): readonly CarriedPeak[] {
  const { facts } = draft.compiled;
  const oldest = monthLabelAt(facts, -lookBackMonthsMax);
  const carried = draft.settlement.carryIn.peaks.get(name) ?? [];
  const kept = carried.filter(({ month }) => month >= oldest && month !== facts.label);
  const ofMonth = new Map<string | null, Fraction>();
  for (const { month, period, peak } of carried) {
    if (month === facts.label) ofMonth.set(period, peak);
  }
  for (const { period, peak } of measured) {
    ofMonth.set(period, reduced(larger(peak, ofMonth.get(period) ?? zero)));
  }
  const now = [...ofMonth].map(([period, peak]) => ({ month: facts.label, period, peak }));
  const peaks = [...kept, ...now].toSorted(byMonthAndPeriod);
  draft.carry.peaks.set(name, peaks);
  return peaks;
}

function byMonthAndPeriod(left: CarriedPeak, right: CarriedPeak): number {
  if (left.month !== right.month) return left.month < right.month ? -1 : 1;
  return (left.period ?? '') < (right.period ?? '') ? -1 : 1;
}

/** Peaks of the calendar months before this one. */
function peaksBefore(
  draft: BillDraft,
  peaks: readonly CarriedPeak[],
  months: number,
): readonly CarriedPeak[] {
  const { facts } = draft.compiled;
  const first = monthLabelAt(facts, -months);
  return peaks.filter(({ month }) => month >= first && month < facts.label);
}

function meanOfMonths(
  draft: BillDraft,
  peaks: readonly CarriedPeak[],
  context: {
    readonly rule: { readonly months: number; readonly floorE8: bigint };
    readonly period: string | null;
  },
): Fraction {
  const { rule } = context;
  const floor = fractionE8(rule.floorE8);
  const { label } = draft.compiled.facts;
  const ofPeriod = peaks.filter(({ period }) => period === context.period);
  const known = [
    ...ofPeriod.filter(({ month }) => month === label),
    ...peaksBefore(draft, ofPeriod, rule.months - 1),
  ];
  if (known.length === 0) return zero;
  const sum = sumFractions(known.map(({ peak }) => larger(peak, floor)));
  return product(sum, { numerator: 1n, denominator: BigInt(known.length) });
}

function ratchetOf(
  draft: BillDraft,
  peaks: readonly CarriedPeak[],
  context: { readonly ratchet: Ratchet; readonly names: readonly (string | null)[] },
): Fraction {
  const { ratchet, names } = context;
  let highest = zero;
  for (const { month, period, peak } of peaksBefore(draft, peaks, ratchet.months)) {
    const monthNumber = Number(month.split('-')[1]);
    if (ratchet.ofMonths !== null && !ratchet.ofMonths.includes(monthNumber)) continue;
    if (ratchet.ofPeriods !== null && !ratchet.ofPeriods.some((at) => names[at] === period))
      continue;
    highest = larger(highest, peak);
  }
  return product(highest, shareOfPercent(ratchet.percentE8));
}

function addDemandLines(
  draft: BillDraft,
  at: { readonly index: number; readonly component: DemandComponent; readonly period: number },
  billed: Fraction,
): void {
  const { component, index, period } = at;
  const tiers = component.prices.tiers[period];
  const { monthDays } = draft.compiled.facts;
  const share = component.proration === 'days' ? shareOfDays(draft, monthDays) : one;
  const limits = tiers.map(({ upToE8 }) => (upToE8 === null ? null : fractionE8(upToE8)));
  const reached = reachedTiers(billed, limits, 'perPeriod');
  const common = { kind: 'demand', period: component.prices.periods[period] } as const;
  let from = zero;
  for (const [tier, { priceE8, flatE8 }] of tiers.entries()) {
    const limit = limits[tier];
    const to = limit === null ? billed : smaller(limit, billed);
    const quantity = larger(subtract(to, from), zero);
    from = larger(from, to);
    const tierNumber = tiers.length === 1 && flatE8 === 0n ? null : tier + 1;
    const line = { ...common, tier: tierNumber };
    const price = fractionE8(priceE8);
    if (tier === 0 || compare(quantity, zero) > 0) {
      const exact = product(product(quantity, price), share);
      addLine(draft, index, { ...line, quantity, unit: component.unit, price, exact });
    }
    if (flatE8 === 0n || !reached.includes(tier)) continue;
    const flat = fractionE8(flatE8);
    const exact = product(flat, share);
    addLine(draft, index, { ...line, quantity: one, unit: 'bill', price: flat, exact });
  }
}

function contractedOf(draft: BillDraft, each: CompiledComponent): readonly (Fraction | null)[] {
  const contracted = attributeOf(draft, 'contractedKw');
  return each.occurring.map(() => contracted);
}

/** By occurring period, what the meter says; null: the agreement should say it. */
function measuredOf(
  draft: BillDraft,
  each: CompiledComponent,
  component: DemandComponent,
): readonly (Fraction | null)[] {
  if (component.measure === 'contracted') return contractedOf(draft, each);
  const { compiled, folds } = draft;
  const [index] = each.measures;
  const measure = compiled.measures[index];
  warnOfLongerInterval(draft, component.name, {
    wanted: component.windowMinutes,
    measured: measure.minutes,
  });
  if (folds === null) return each.occurring.map(() => zero);
  const column = peaksOf(compiled, folds, index);
  return each.occurring.map((period) => measuredPower(compiled, measure, { column, period }));
}

export function finishDemand(
  draft: BillDraft,
  index: number,
  each: CompiledComponent,
  component: DemandComponent,
): Finished {
  const { measure, prices, ratchets, unit } = component;
  if (unit !== 'kW' && measure !== 'contracted') {
    const unmetered = judgeUnmetered(draft, component);
    if (unmetered !== null) return unmetered.finished;
  }
  const measured: { period: number; power: Fraction }[] = [];
  for (const [at, power] of measuredOf(draft, each, component).entries()) {
    if (power === null) return refuseAttribute(component.name, 'contractedKw');
    measured.push({ period: each.occurring[at], power });
  }
  const found = measured.map(({ period, power }) => ({
    period: prices.periods[period],
    peak: power,
  }));
  const peaks =
    measure === 'contracted'
      ? (draft.settlement.carryIn.peaks.get(component.name) ?? [])
      : carryPeaks(draft, component.name, found);
  for (const { period, power } of measured) {
    const name = prices.periods[period];
    const rule = component.meanOfMonths;
    let billed = power;
    if (rule !== null) billed = meanOfMonths(draft, peaks, { rule, period: name });
    billed = larger(billed, fractionE8(component.minimumE8));
    for (const ratchet of ratchets) {
      billed = larger(billed, ratchetOf(draft, peaks, { ratchet, names: prices.periods }));
    }
    const quantity = reduced(roundAt(billed, component.quantity));
    addDemandLines(draft, { index, component, period }, quantity);
  }
  return null;
}
