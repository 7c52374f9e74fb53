import {
  add,
  compare,
  fraction,
  larger,
  oneE8,
  product,
  reduced,
  smaller,
  squareRootRounded,
  subtract,
  sumFractions,
  zero,
} from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { Quadrant, ReactiveComponent } from '../tariff/component.ts';
import {
  addLine,
  amountsOf,
  fractionE8,
  kwhOf,
  shareOfPercent,
  unitsByPeriod,
} from './billDraft.ts';
import type { BillDraft, Finished } from './billDraft.ts';
import type { CompiledComponent } from './compiled.ts';
import { judgeUnmetered, measuredPower, peaksOf, warnOfLongerInterval } from './finishDemand.ts';

type Of<Measure extends ReactiveComponent['measure']> = Extract<
  ReactiveComponent,
  { readonly measure: Measure }
>;

/** By period, units of the quadrants together. */
function quadrantUnits(
  draft: BillDraft,
  each: CompiledComponent,
  wanted: { readonly quadrants: readonly Quadrant[]; readonly periodCount: number },
): readonly bigint[] {
  const { channels, bucketCount } = draft.compiled;
  const { periodCount } = wanted;
  let sum: readonly bigint[] = Array.from({ length: periodCount }, () => 0n);
  for (const quadrant of wanted.quadrants) {
    const channel = channels.indexOf(quadrant);
    const part = { channel, periodCount, fromBucket: 0, toBucket: bucketCount };
    const units = unitsByPeriod(draft, each, part);
    sum = sum.map((total, period) => total + units[period]);
  }
  return sum;
}

function finishExcess(
  draft: BillDraft,
  index: number,
  each: CompiledComponent & { readonly component: Of<'excess'> },
): Finished {
  const { compiled } = draft;
  const { prices, quadrants, freeShareE8 } = each.component;
  const periodCount = prices.periods.length;
  const whole = { channel: 0, fromBucket: 0, toBucket: compiled.bucketCount, periodCount };
  const imported = unitsByPeriod(draft, each, whole);
  const reactive = quadrantUnits(draft, each, { quadrants, periodCount });
  for (const period of each.occurring) {
    const free = product(kwhOf(compiled, imported[period]), fractionE8(freeShareE8));
    const quantity = larger(subtract(kwhOf(compiled, reactive[period]), free), zero);
    const [{ priceE8 }] = prices.tiers[period];
    const price = fractionE8(priceE8);
    addLine(draft, index, {
      kind: 'reactive',
      period: prices.periods[period],
      tier: null,
      quantity,
      unit: 'kvarh',
      price,
      exact: product(quantity, price),
    });
  }
  return null;
}

type PowerFactorStep = Of<'powerFactor'>['steps'][number];

/** The part of the gap that a step counts: from its limit to the next one of its side. */
function partOf(
  factor: Fraction,
  step: PowerFactorStep,
  steps: readonly PowerFactorStep[],
): Fraction {
  const limit = fractionE8(step.limitE8);
  const isBelow = step.side === 'below';
  const further = steps
    .filter(({ side, limitE8 }) => {
      const isFurther = isBelow ? limitE8 < step.limitE8 : limitE8 > step.limitE8;
      return side === step.side && isFurther;
    })
    .map(({ limitE8 }) => limitE8)
    .toSorted((left, right) => (left === right ? 0 : left < right === isBelow ? 1 : -1));
  const next = further.length === 0 ? null : fractionE8(further[0]);
  if (isBelow) {
    const low = next === null ? factor : larger(factor, next);
    return larger(subtract(limit, low), zero);
  }
  const high = next === null ? factor : smaller(factor, next);
  return larger(subtract(high, limit), zero);
}

/** kWh over the square root of the sum of the squares of kWh and kvarh; 1 without energy. */
function powerFactorOf(
  energy: { readonly active: bigint; readonly reactive: bigint },
  rounding: Pick<Of<'powerFactor'>, 'decimals' | 'mode'>,
): Fraction {
  const activeSquare = energy.active ** 2n;
  const square = activeSquare + energy.reactive ** 2n;
  if (square === 0n) return fraction(1n);
  return squareRootRounded(fraction(activeSquare, square), rounding.decimals, rounding.mode);
}

function finishPowerFactor(
  draft: BillDraft,
  index: number,
  each: CompiledComponent & { readonly component: Of<'powerFactor'> },
): Finished {
  const { quadrants, steps, of } = each.component;
  const { bucketCount } = draft.compiled;
  const periodCount = 1;
  const whole = { channel: 0, fromBucket: 0, toBucket: bucketCount, periodCount };
  const [active] = unitsByPeriod(draft, each, whole);
  const [reactive] = quadrantUnits(draft, each, { quadrants, periodCount });
  const factor = powerFactorOf({ active, reactive }, each.component);
  let percent = zero;
  for (const step of steps) {
    const share = { numerator: step.percentE8, denominator: step.perE8 };
    percent = add(percent, product(partOf(factor, step, steps), share));
  }
  const price = reduced(percent);
  const quantity = sumFractions(amountsOf(draft, of));
  const exact = product(product(quantity, price), shareOfPercent(oneE8));
  addLine(draft, index, {
    kind: 'reactive',
    period: null,
    tier: null,
    quantity,
    unit: 'currency',
    price,
    exact,
  });
  return null;
}

function finishKvaAdjustment(
  draft: BillDraft,
  index: number,
  each: CompiledComponent & { readonly component: Of<'kvaAdjustment'> },
): Finished {
  const { compiled, folds } = draft;
  const { component, measures } = each;
  const [kva, kw] = measures.map((at) => {
    const measure = compiled.measures[at];
    const minutes = { wanted: component.windowMinutes, measured: measure.minutes };
    if (measure.unit === 'kW') warnOfLongerInterval(draft, component.name, minutes);
    if (folds === null) return zero;
    const column = peaksOf(compiled, folds, at);
    return measuredPower(compiled, measure, { column, period: 0 });
  });
  const gap = subtract(product(fractionE8(component.targetE8), kva), kw);
  const quantity = compare(gap, zero) > 0 ? reduced(gap) : zero;
  const price = fractionE8(component.priceE8);
  addLine(draft, index, {
    kind: 'reactive',
    period: null,
    tier: null,
    quantity,
    unit: 'kW',
    price,
    exact: product(quantity, price),
  });
  return null;
}

export function finishReactive(
  draft: BillDraft,
  index: number,
  each: CompiledComponent,
  component: ReactiveComponent,
): Finished {
  const unmetered = judgeUnmetered(draft, component);
  if (unmetered !== null) return unmetered.finished;
  switch (component.measure) {
    case 'excess':
      return finishExcess(draft, index, { ...each, component });
    case 'powerFactor':
      return finishPowerFactor(draft, index, { ...each, component });
    case 'kvaAdjustment':
      return finishKvaAdjustment(draft, index, { ...each, component });
  }
}
