import type { Decimal } from 'decimal.js';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Bill, ComponentOf, DraftLine, JudgeRefusal, Piece } from './bill.ts';
import { calendarNamed, energyOf, periodOfPiece, periodsIn } from './bill.ts';
import { seasonAt } from './calendarReading.ts';
import type { CalendarText } from './calendarReading.ts';
import { isBelow, lowest, Num, nought, one, rounded, sumOf } from './number.ts';
import { moveEnergyCredits } from './netting.ts';
import type { Tier } from './tiers.ts';
import { limitFactor, priceTextOf, sharesOf, tierAt, tiersOf } from './tiers.ts';
import { grouped, localStretchOf } from './windows.ts';

type Energy = ComponentOf<'energy'>;
type Period = string | null;
type ByPeriod<T> = Map<Period, T>;

/** All that judging one energy component looks at. */
type Case = {
  readonly bill: Bill;
  readonly component: Energy;
  readonly calendar: CalendarText | null;
  readonly periods: readonly Period[];
  readonly tiers: ReadonlyMap<Period, readonly Tier[]>;
  /** By period, in kWh, `upTo` multiplied as rule 14 says. */
  readonly limits: ReadonlyMap<Period, readonly Decimal[]>;
  /** kWh by period and tier, and by period as surplus. */
  readonly quantities: ByPeriod<Decimal[]>;
  readonly surplus: ByPeriod<Decimal>;
  readonly spans: readonly Span[];
};

/** Rule 15: a stretch of the bill in which the position runs on, and its name. */
type Span = { readonly span: string; readonly pieces: readonly Piece[] };

function spansOf(bill: Bill, component: Energy, calendar: CalendarText | null): readonly Span[] {
  const reset = component.tiers?.reset ?? 'bill';
  const nameOf = ({ wall }: Piece): string => {
    switch (reset) {
      case 'bill':
        return 'bill';
      case 'month':
        return bill.first.month;
      case 'day':
        return wall.date;
      case 'season':
        return (calendar === null ? null : seasonAt(calendar, wall)) ?? '-';
      case 'year': {
        const begins = component.tiers?.resetMonth ?? 1;
        return String(bill.first.monthNumber >= begins ? bill.first.year : bill.first.year - 1);
      }
    }
  };
  return grouped(bill.pieces, nameOf).map((pieces) => ({
    span: pieces[0] === undefined ? '' : nameOf(pieces[0]),
    pieces,
  }));
}

/** Rules 18 and 37: what is billed of a period's kWh, after its surplus and its credits. */
function billedOf(each: Case, period: Period, kwh: Decimal): Decimal {
  const { bill, component } = each;
  if (component.flow !== 'net') return kwh;
  const hasCredits = bill.document.components.some(
    (other) => other.kind === 'netting' && other.method === 'energyCredits',
  );
  const credits = bill.carry.energyCredits.get(component.name) ?? new Map<string, Decimal>();
  const key = period ?? '';
  const kept = credits.get(key) ?? nought;
  if (hasCredits) bill.carry.energyCredits.set(component.name, credits);
  if (isBelow(kwh, nought)) {
    if (hasCredits) credits.set(key, kept.minus(kwh));
    else each.surplus.set(period, (each.surplus.get(period) ?? nought).plus(kwh));
    return nought;
  }
  const covered = hasCredits ? lowest(kept, kwh) : nought;
  if (hasCredits) credits.set(key, kept.minus(covered));
  return kwh.minus(covered);
}

function give(each: Case, period: Period, shares: readonly Decimal[]): void {
  const sums = each.quantities.get(period) ?? [];
  for (const [tier, share] of shares.entries()) sums[tier] = (sums[tier] ?? nought).plus(share);
  each.quantities.set(period, sums);
}

/** Rule 16: gives each period's kWh to tiers, from the positions at which the span begins. */
function allocate(each: Case, pieces: readonly Piece[], positions: Map<string, Decimal>): void {
  const { component, calendar } = each;
  const allocation = component.tiers?.allocation ?? 'perPeriod';
  const name = component.name;
  const limitsOf = (period: Period): readonly Decimal[] => each.limits.get(period) ?? [];
  if (allocation === 'chronological') {
    let position = positions.get(name) ?? nought;
    for (const piece of pieces) {
      const to = position.plus(energyOf([piece], component.flow));
      const period = periodOfPiece(calendar, piece);
      give(each, period, sharesOf(limitsOf(period), { from: position, to }));
      position = to;
    }
    positions.set(name, position);
    return;
  }
  const kwhOf = new Map<Period, Decimal>();
  for (const piece of pieces) {
    const period = periodOfPiece(calendar, piece);
    kwhOf.set(period, (kwhOf.get(period) ?? nought).plus(energyOf([piece], component.flow)));
  }
  for (const [period, kwh] of kwhOf) kwhOf.set(period, billedOf(each, period, kwh));
  const total = sumOf(kwhOf.values());
  for (const [period, kwh] of kwhOf) {
    const limits = limitsOf(period);
    if (allocation === 'perPeriod') {
      const key = period === null ? name : `${name}/${period}`;
      const from = positions.get(key) ?? nought;
      give(each, period, sharesOf(limits, { from, to: from.plus(kwh) }));
      positions.set(key, from.plus(kwh));
      continue;
    }
    const from = positions.get(name) ?? nought;
    const to = from.plus(total);
    if (allocation === 'volume') {
      const ends = tierAt(limits, to);
      give(
        each,
        period,
        limits.map((_, tier) => (tier === ends ? kwh : nought)),
      );
    } else if (!total.isZero()) {
      const shares = sharesOf(limits, { from, to });
      give(
        each,
        period,
        shares.map((share) => share.mul(kwh).div(total)),
      );
    }
  }
  if (allocation !== 'perPeriod') positions.set(name, (positions.get(name) ?? nought).plus(total));
}

/** Rule 15: the positions in tiers, taken from the carry and left there. */
function runTiers(each: Case): ReadonlyMap<string, Decimal> {
  const { bill, component } = each;
  const { tiers } = bill.carry;
  const reset = component.tiers?.reset ?? 'bill';
  const isCarried = reset === 'month' || reset === 'season' || reset === 'year';
  const isOurs = (key: string): boolean =>
    key === component.name || key.startsWith(`${component.name}/`);
  let positions = new Map<string, Decimal>();
  let last = '';
  for (const [index, { span, pieces }] of each.spans.entries()) {
    positions = new Map();
    for (const [key, carried] of tiers) {
      const runsOn = index === 0 && isCarried && carried.span === span;
      if (isOurs(key) && runsOn) positions.set(key, carried.used);
    }
    allocate(each, pieces, positions);
    last = span;
  }
  for (const key of tiers.keys()) if (isOurs(key)) tiers.delete(key);
  if (isCarried) for (const [key, used] of positions) tiers.set(key, { span: last, used });
  return positions;
}

/** Rule 9: kWh x price of each interval, rounded, by the period that it is of. */
function intervalAmounts(each: Case, period: Period, price: Decimal): Decimal | undefined {
  const { bill, component } = each;
  const point = bill.document.rounding.interval;
  const hasCredits = bill.document.components.some(
    (other) => other.kind === 'netting' && other.method === 'energyCredits',
  );
  if (point === undefined || component.tiers !== undefined) return undefined;
  if (component.flow === 'net' && hasCredits) return undefined;
  const periodOf = (piece: Piece): string => periodOfPiece(each.calendar, piece) ?? '';
  // An interval in which the period changes is rounded part by part.
  const ofPeriod = intervalsOf(bill, bill.pieces)
    .flatMap((pieces) => grouped(pieces, periodOf))
    .filter(([piece]) => piece !== undefined && periodOf(piece) === (period ?? ''));
  const amounts = ofPeriod.map((pieces) =>
    rounded(energyOf(pieces, component.flow).mul(price), point),
  );
  return sumOf(amounts);
}

/** Pieces by interval of `intervalMinutes`, or of the load. */
export function intervalsOf(bill: Bill, pieces: readonly Piece[]): readonly (readonly Piece[])[] {
  const minutes = bill.document.intervalMinutes ?? bill.loadMinutes;
  return minutes <= bill.loadMinutes
    ? grouped(pieces, ({ interval }) => String(interval))
    : grouped(pieces, (piece) => localStretchOf(piece, minutes));
}

/** Rule 17: only without a calendar and with reset bill, so that there is one position. */
function isFlatDue(each: Case, tier: number, position: Decimal): boolean {
  const ends = tierAt(each.limits.get(null) ?? [], position);
  return each.component.tiers?.allocation === 'volume' ? tier === ends : tier <= ends;
}

function linesOfPeriod(each: Case, period: Period, position: Decimal): readonly DraftLine[] {
  const { component } = each;
  const sign = component.flow === 'export' ? -1 : 1;
  const drafts: DraftLine[] = [];
  const draft = (kwh: Decimal, price: Decimal, tier: number | null): void => {
    const quantity = rounded(kwh, component.quantity);
    const ofIntervals = intervalAmounts(each, period, price);
    drafts.push({
      period,
      tier,
      quantity,
      unit: 'kWh',
      price,
      exact: quantity.mul(price).mul(sign),
      ...(ofIntervals === undefined ? {} : { summed: ofIntervals.mul(sign) }),
    });
  };
  const tiers = each.tiers.get(period) ?? [];
  const surplus = each.surplus.get(period);
  if (surplus !== undefined) {
    const ofPeriod = period === null ? undefined : component.surplusPrices?.[period];
    const text = ofPeriod ?? component.surplusPrice;
    draft(surplus, text === undefined ? (tiers[0]?.price ?? nought) : new Num(text), null);
  }
  const kwhByTier = each.quantities.get(period) ?? [];
  for (const [index, { price, flat }] of tiers.entries()) {
    const kwh = kwhByTier[index] ?? nought;
    const isFirst = index === 0 && (surplus === undefined || each.spans.length > 1);
    const tier = component.tiers === undefined ? null : index + 1;
    if (isFirst || !kwh.isZero()) draft(kwh, price, tier);
    if (flat.isZero() || !isFlatDue(each, index, position)) continue;
    drafts.push({ tier, quantity: one, unit: 'bill', price: flat, exact: flat.mul(sign) });
  }
  return drafts;
}

/** Rules 13 to 18. */
export function judgeEnergy(
  bill: Bill,
  component: Energy,
): Outcome<readonly DraftLine[], JudgeRefusal> {
  const calendar = calendarNamed(bill, component.calendar);
  const periods = periodsIn(bill, calendar);
  moveEnergyCredits(bill, component, periods);
  const tiers = new Map(
    periods.map((period) => [period, tiersOf(priceTextOf(component, period))] as const),
  );
  const factor = component.tiers === undefined ? one : limitFactor(bill, component.tiers);
  if (factor === null) {
    return refuse('ATTRIBUTE_MISSING', `${component.name} needs the contracted kW.`);
  }
  const limits = new Map(
    [...tiers].map(
      ([period, list]) =>
        [period, list.map(({ upTo }) => (upTo.isFinite() ? upTo.mul(factor) : upTo))] as const,
    ),
  );
  const each: Case = {
    bill,
    component,
    calendar,
    periods,
    tiers,
    limits,
    quantities: new Map(),
    surplus: new Map(),
    spans: spansOf(bill, component, calendar),
  };
  const positions = runTiers(each);
  const position = positions.get(component.name) ?? nought;
  return accept(periods.flatMap((period) => linesOfPeriod(each, period, position)));
}
