import type { Decimal } from 'decimal.js';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Bill, ComponentOf, DraftLine, JudgeRefusal, PeakOfMonth } from './bill.ts';
import { calendarNamed, periodOfPiece, periodsIn } from './bill.ts';
import { highest, Num, nought, one, rounded, sumOf } from './number.ts';
import { priceTextOf, sharesOf, tierAt, tiersOf } from './tiers.ts';
import type { Window } from './windows.ts';
import { peakRounded, powerOf, windowsOf } from './windows.ts';

type Demand = ComponentOf<'demand'>;

/** Rule 24: the highest window, or the mean of the n highest windows or daily maxima. */
function measured(component: Demand, windows: readonly Window[]): Decimal {
  const { measure, unit } = component;
  const powers = windows.map((window) => ({
    date: window.wall.date,
    power: powerOf(window, unit),
  }));
  if (measure === 'contracted') return nought;
  if (measure === 'max') {
    return peakRounded(powers.map(({ power }) => power).reduce(highest, nought), unit);
  }
  const ofDate = new Map<string, Decimal>();
  for (const { date, power } of powers) {
    ofDate.set(date, highest(ofDate.get(date) ?? nought, power));
  }
  const candidates =
    measure.each === 'day' ? [...ofDate.values()] : powers.map(({ power }) => power);
  const top = candidates
    .toSorted((left, right) => right.comparedTo(left))
    .slice(0, measure.meanOfTop)
    .map((power) => peakRounded(power, unit));
  return top.length === 0 ? nought : sumOf(top).div(top.length);
}

/** Rule 25: peaks of two bills of one month are one, the higher. */
function carryPeak(peaks: PeakOfMonth[], found: PeakOfMonth): void {
  const index = peaks.findIndex(
    ({ month, period }) => month === found.month && period === found.period,
  );
  const before = peaks[index];
  if (before === undefined) peaks.push(found);
  else peaks[index] = { ...found, peak: highest(before.peak, found.peak) };
}

/** Rule 26: the mean over months, and the ratchets, of what was carried. */
function billedPower(
  bill: Bill,
  component: Demand,
  now: { readonly period: string | null; readonly peak: Decimal },
): Decimal {
  const peaks = bill.carry.peaks.get(component.name) ?? [];
  let billed = now.peak;
  const { meanOfMonths, ratchets } = component;
  if (meanOfMonths !== undefined) {
    const floor = new Num(meanOfMonths.floor ?? '0');
    const monthly = peaks.filter(
      ({ month, period }) =>
        period === now.period && month <= bill.month && month > bill.month - meanOfMonths.months,
    );
    const floored = monthly.map(({ peak }) => highest(peak, floor));
    billed = floored.length === 0 ? highest(now.peak, floor) : sumOf(floored).div(floored.length);
  }
  for (const { percent, months, ofMonths, ofPeriods } of ratchets) {
    const earlier = peaks.filter(
      ({ month, period }) =>
        month < bill.month &&
        month >= bill.month - months &&
        (ofMonths === undefined || ofMonths.includes((month % 12) + 1)) &&
        (ofPeriods === undefined || (period !== null && ofPeriods.includes(period))),
    );
    const peak = earlier.map(({ peak }) => peak).reduce(highest, nought);
    billed = highest(billed, peak.mul(percent).div(100));
  }
  return highest(billed, new Num(component.minimum ?? '0'));
}

/** Rules 26 and 27: the billed power, through the tiers from 0 up. */
function linesOfPower(
  bill: Bill,
  component: Demand,
  billed: { readonly period: string | null; readonly power: Decimal },
): readonly DraftLine[] {
  const tiers = tiersOf(priceTextOf(component, billed.period));
  const hasTiers = tiers.length > 1 || tiers.some(({ flat }) => !flat.isZero());
  const limits = tiers.map(({ upTo }) => upTo);
  const shares = sharesOf(limits, { from: nought, to: billed.power });
  const ends = tierAt(limits, billed.power);
  const share = component.proration === 'days' ? bill.days.div(bill.monthDays) : one;
  const { period } = billed;
  const lines: DraftLine[] = [];
  for (const [index, { price, flat }] of tiers.entries()) {
    const quantity = shares[index] ?? nought;
    const tier = hasTiers ? index + 1 : null;
    if (index === 0 || !quantity.isZero()) {
      const exact = quantity.mul(price).mul(share);
      lines.push({ period, tier, quantity, unit: component.unit, price, exact });
    }
    if (flat.isZero() || index > ends) continue;
    const exact = flat.mul(share);
    lines.push({ period, tier, quantity: one, unit: 'bill', price: flat, exact });
  }
  return lines;
}

/** Rules 22 to 27. */
export function judgeDemand(
  bill: Bill,
  component: Demand,
): Outcome<readonly DraftLine[], JudgeRefusal> {
  const { measure, unit } = component;
  const isContracted = measure === 'contracted';
  if (unit !== 'kW' && !isContracted && !bill.isReactiveMetered) {
    if (component.unmetered === 'refuse') {
      return refuse('REACTIVE_NOT_METERED', `${component.name} needs reactive registers.`);
    }
    bill.warnings.add('REACTIVE_NOT_METERED');
    return accept([]);
  }
  const { contractedKw } = bill.attributes;
  if (isContracted && contractedKw === undefined) {
    return refuse('ATTRIBUTE_MISSING', `${component.name} needs the contracted kW.`);
  }
  const calendar = calendarNamed(bill, component.calendar);
  const { windowMinutes, sliding, countsEstimates, coincident } = component;
  if (!isContracted && bill.loadMinutes > windowMinutes) {
    bill.warnings.add('DEMAND_FROM_LONGER_INTERVAL');
  }
  const windows = isContracted
    ? []
    : windowsOf(bill, { unit, minutes: windowMinutes, sliding, countsEstimates }).filter(
        ({ startMs }) =>
          coincident === undefined ||
          coincident.some(
            ({ from, to }) => Date.parse(from) <= startMs && startMs < Date.parse(to),
          ),
      );
  const peaks = bill.carry.peaks.get(component.name) ?? [];
  bill.carry.peaks.set(component.name, peaks);
  const found = periodsIn(bill, calendar).map((period) => {
    const ofPeriod = windows.filter(({ first }) => periodOfPiece(calendar, first) === period);
    const peak = isContracted ? new Num(contractedKw ?? '0') : measured(component, ofPeriod);
    return { period, peak };
  });
  for (const each of found) {
    if (!isContracted) carryPeak(peaks, { month: bill.month, ...each });
  }
  const lines = found.flatMap(({ period, peak }) => {
    const power = rounded(billedPower(bill, component, { period, peak }), component.quantity);
    return linesOfPower(bill, component, { period, power });
  });
  return accept(lines);
}
