import type { Decimal } from 'decimal.js';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Bill, ComponentOf, DraftLine, JudgeRefusal, Piece } from './bill.ts';
import { calendarNamed, energyOf, periodOfPiece, periodsIn } from './bill.ts';
import { seasonAt } from './calendarReading.ts';
import type { CalendarText } from './calendarReading.ts';
import { isBelow, lowest, Num, nought, rounded, sumOf } from './number.ts';
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
};

/** Rule 15: stretches of the bill in which the position runs on, and the name of what each is of. */
function spansOf(
  each: Case,
): readonly { readonly span: string; readonly pieces: readonly Piece[] }[] {
  const { bill, component, calendar } = each;
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
  for (const [index, { span, pieces }] of spansOf(each).entries()) {
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
  const ofPeriod = bill.pieces.filter((piece) => periodOfPiece(each.calendar, piece) === period);
  const amounts = intervalsOf(bill, ofPeriod).map((pieces) =>
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

function linesOfPeriod(each: Case, period: Period): readonly DraftLine[] {
  const { component } = each;
  const sign = component.flow === 'export' ? -1 : 1;
  const drafts: DraftLine[] = [];
  const draft = (kwh: Decimal, price: Decimal, tier: number): void => {
    const quantity = rounded(kwh, component.quantity);
    const ofIntervals = intervalAmounts(each, period, price);
    drafts.push({
      period,
      ...(component.tiers === undefined ? {} : { tier: tier + 1 }),
      quantity,
      unit: 'kWh',
      price,
      exact: quantity.mul(price).mul(sign),
      ...(ofIntervals === undefined ? {} : { summed: ofIntervals.mul(sign) }),
    });
  };
  const tiers = each.tiers.get(period) ?? [];
  const surplus = each.surplus.get(period);
  const kwhByTier = each.quantities.get(period) ?? [];
  for (const [index, { price }] of tiers.entries()) {
    const kwh = kwhByTier[index] ?? nought;
    if (surplus !== undefined && kwh.isZero()) continue;
    if (index === 0 || !kwh.isZero()) draft(kwh, price, index);
  }
  if (surplus !== undefined) {
    const text = period === null ? component.surplusPrice : component.surplusPrices?.[period];
    const price = text === undefined ? (tiers[0]?.price ?? nought) : new Num(text);
    draft(surplus, price, 0);
  }
  return drafts;
}

/** Rule 17: only without a calendar and with reset bill, so that there is one position. */
function flatLines(each: Case, position: Decimal): readonly DraftLine[] {
  const tiers = each.tiers.get(null) ?? [];
  const limits = each.limits.get(null) ?? [];
  const ends = tierAt(limits, position);
  const isVolume = each.component.tiers?.allocation === 'volume';
  return tiers.flatMap(({ flat }, index) => {
    const isDue = isVolume ? index === ends : index === 0 || index <= ends;
    if (!isDue || flat.isZero()) return [];
    return [{ tier: index + 1, quantity: new Num(1), unit: 'bill', price: flat, exact: flat }];
  });
}

/** Rules 13 to 18. */
export function judgeEnergy(
  bill: Bill,
  component: Energy,
): Outcome<readonly DraftLine[], JudgeRefusal> {
  const calendar = calendarNamed(bill, component.calendar);
  const periods = periodsIn(bill, calendar);
  const tiers = new Map(
    periods.map((period) => [period, tiersOf(priceTextOf(component, period))] as const),
  );
  const factor = component.tiers === undefined ? new Num(1) : limitFactor(bill, component.tiers);
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
  };
  const positions = runTiers(each);
  const lines = periods.flatMap((period) => linesOfPeriod(each, period));
  const used = positions.get(component.name) ?? nought;
  return accept([...lines, ...flatLines(each, used)]);
}
