import type { Decimal } from 'decimal.js';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Bill, ComponentOf, DraftLine, JudgeRefusal, Piece, Quadrant } from './bill.ts';
import { amountOf, calendarNamed, energyOf, periodOfPiece, periodsIn } from './bill.ts';
import { highest, lowest, Num, nought, one, rounded, sumOf } from './number.ts';
import { priceTextOf, tiersOf } from './tiers.ts';
import { peakRounded, powerOf, windowsOf } from './windows.ts';

type Reactive = ComponentOf<'reactive'>;
type Measure<Name extends Reactive['measure']> = Extract<Reactive, { measure: Name }>;

function kvarhOf(pieces: readonly Piece[], quadrants: readonly Quadrant[]): Decimal {
  return sumOf(quadrants.map((quadrant) => energyOf(pieces, quadrant)));
}

/** Rule 28. */
function excess(bill: Bill, component: Measure<'excess'>): readonly DraftLine[] {
  const calendar = calendarNamed(bill, component.calendar);
  return periodsIn(bill, calendar).map((period) => {
    const pieces = bill.pieces.filter((piece) => periodOfPiece(calendar, piece) === period);
    const free = energyOf(pieces, 'import').mul(component.freeShare);
    const quantity = highest(nought, kvarhOf(pieces, component.quadrants).minus(free));
    const price = tiersOf(priceTextOf(component, period))[0]?.price ?? nought;
    return { period, quantity, unit: 'kvarh', price, exact: quantity.mul(price) };
  });
}

/** Rule 29: the percentage that the steps give to a power factor. */
function percentOf(component: Measure<'powerFactor'>, powerFactor: Decimal): Decimal {
  let percent: Decimal = nought;
  const below = component.steps.flatMap((step) => (step.below === undefined ? [] : [step.below]));
  const above = component.steps.flatMap((step) => (step.above === undefined ? [] : [step.above]));
  for (const step of component.steps) {
    let part: Decimal = nought;
    if (step.below !== undefined) {
      const limit = new Num(step.below);
      const lower = below.map((text) => new Num(text)).filter((other) => other.lessThan(limit));
      part = limit.minus(lower.reduce(highest, powerFactor));
    }
    if (step.above !== undefined) {
      const limit = new Num(step.above);
      const upper = above.map((text) => new Num(text)).filter((other) => other.greaterThan(limit));
      part = upper.reduce(lowest, powerFactor).minus(limit);
    }
    percent = percent.plus(highest(nought, part).mul(step.percent).div(step.per));
  }
  return percent;
}

function powerFactorLine(bill: Bill, component: Measure<'powerFactor'>): DraftLine {
  const kwh = energyOf(bill.pieces, 'import');
  const kvarh = kvarhOf(bill.pieces, component.quadrants);
  const kvah = kwh.mul(kwh).plus(kvarh.mul(kvarh)).sqrt();
  const step = new Num(10).pow(-component.decimals).toString();
  const point = { step, mode: component.mode };
  const powerFactor = rounded(kvah.isZero() ? one : kwh.div(kvah), point);
  const percent = percentOf(component, powerFactor);
  const quantity = amountOf(bill, component.of);
  const exact = quantity.mul(percent).div(100);
  return { quantity, unit: 'currency', price: percent, exact };
}

/** Rule 30. */
function kvaAdjustment(bill: Bill, component: Measure<'kvaAdjustment'>): DraftLine {
  if (bill.loadMinutes > component.windowMinutes) {
    bill.warnings.add('DEMAND_FROM_LONGER_INTERVAL');
  }
  const { windowMinutes: minutes } = component;
  const peak = (unit: 'kW' | 'kVA'): Decimal => {
    const windows = windowsOf(bill, { unit, minutes, sliding: false, countsEstimates: false });
    return peakRounded(
      windows.map((window) => powerOf(window, unit)).reduce(highest, nought),
      unit,
    );
  };
  const quantity = highest(nought, peak('kVA').mul(component.target).minus(peak('kW')));
  const price = new Num(component.price);
  return { quantity, unit: 'kW', price, exact: quantity.mul(price) };
}

/** Rules 28 to 31. */
export function judgeReactive(
  bill: Bill,
  component: Reactive,
): Outcome<readonly DraftLine[], JudgeRefusal> {
  if (!bill.isReactiveMetered) {
    if (component.unmetered === 'refuse') {
      return refuse('REACTIVE_NOT_METERED', `${component.name} needs reactive registers.`);
    }
    bill.warnings.add('REACTIVE_NOT_METERED');
    return accept([]);
  }
  switch (component.measure) {
    case 'excess':
      return accept(excess(bill, component));
    case 'powerFactor':
      return accept([powerFactorLine(bill, component)]);
    case 'kvaAdjustment':
      return accept([kvaAdjustment(bill, component)]);
  }
}
