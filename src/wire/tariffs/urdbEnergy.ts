import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { refuseAt } from './imported.ts';
import type { Remarks } from './imported.ts';
import { isNegativeText, isZeroText, plainDecimal } from './plainDecimal.ts';
import { fineEnough, openStructure, parsePeriods, priceText } from './urdbRates.ts';
import type { ComponentText, PriceText, Tier } from './urdbRates.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbRecord, UrdbRefusal } from './urdbRecord.ts';
import { calendarOf, parseMonthPeriods, parseSchedule, periodName } from './urdbSchedule.ts';
import type { CalendarText, Schedule } from './urdbSchedule.ts';

export type EnergyText = Extract<ComponentText, { kind: 'energy' }>;
type TierRuleText = NonNullable<EnergyText['tiers']>;

export type EnergyRates = {
  readonly schedule: Schedule;
  readonly periods: ReadonlyMap<number, readonly Tier[]>;
  readonly calendar: CalendarText | null;
  /** Null: every price is plain. */
  readonly tierRule: TierRuleText | null;
};

const tierUnits = new Map<string, TierRuleText['unit']>([
  ['kwh', 'kWh'],
  ['kwh/day', 'kWh/day'],
  ['kwhdaily', 'kWh/day'],
  ['kwh/kw', 'kWh/kW'],
  ['kwh/kw/day', 'kWh/kW/day'],
  ['kwh/kwdaily', 'kWh/kW/day'],
]);

/** Tiers in time order over all periods within the month, as NREL's ssc bills them. */
function tierRuleOf(
  key: string,
  periods: ReadonlyMap<number, readonly Tier[]>,
): Outcome<TierRuleText | null, UrdbRefusal> {
  let found: TierRuleText['unit'] | null = null;
  for (const [period, tiers] of periods) {
    for (const [position, tier] of tiers.entries()) {
      const unit = tierUnits.get(tier.unit ?? 'kwh');
      const path = [key, period, position, 'unit'];
      if (unit === undefined) {
        const message = 'the unit of energy is not known; write kWh, kWh daily or kWh/kW.';
        return refuseAt('URDB_UNIT_UNSUPPORTED', path, message);
      }
      if (tiers.length === 1) continue;
      if (found !== null && found !== unit) {
        const message = `tiers in ${found} and in ${unit} together are not billed; use one unit.`;
        return refuseAt('URDB_UNIT_UNSUPPORTED', path, message);
      }
      found = unit;
    }
  }
  if (found === null) return accept(null);
  const isOfPeak = found === 'kWh/kW' || found === 'kWh/kW/day';
  return accept({
    unit: found,
    ...(isOfPeak && { kw: 'peak' as const }),
    reset: 'month',
    allocation: 'chronological',
  });
}

export function readEnergyRates(
  record: UrdbRecord,
  remarks: Remarks,
): Outcome<EnergyRates, UrdbRefusal> {
  const field = record.get('energyratestructure');
  if (field === undefined) {
    const message = 'there is no rate for energy; a rate without one is not billed.';
    return refuseAt('URDB_RATE_MISSING', ['energyratestructure'], message);
  }
  const structure = openStructure(field);
  if (!structure.ok) return structure;
  const { key } = structure.value;
  const schedule = parseSchedule(
    record,
    { weekday: 'energyweekdayschedule', weekend: 'energyweekendschedule' },
    { key, periods: structure.value.periods.length },
  );
  if (!schedule.ok) return schedule;
  const periods = parsePeriods(structure.value, schedule.value.used, remarks);
  if (!periods.ok) return periods;
  const tierRule = tierRuleOf(key, periods.value);
  if (!tierRule.ok) return tierRule;
  return accept({
    schedule: schedule.value,
    periods: periods.value,
    calendar: calendarOf('energy', schedule.value),
    tierRule: tierRule.value,
  });
}

/** `price` where one period fills the year, else `calendar` and `prices`. */
export function pricesText(
  periods: ReadonlyMap<number, readonly Tier[]>,
  calendar: CalendarText | null,
  priceOfTier: (tier: Tier) => string = ({ price }) => price,
): { price: PriceText } | { calendar: string; prices: Record<string, PriceText> } {
  const prices = [...periods].map(
    ([index, tiers]) => [periodName(index), priceText(tiers, priceOfTier)] as const,
  );
  const [only] = prices;
  if (calendar === null) return { price: only?.[1] ?? '0' };
  return { calendar: calendar.name, prices: Object.fromEntries(prices) };
}

export function energyComponent(
  rates: EnergyRates,
  options: { readonly flow: 'import' | 'net' },
): EnergyText {
  const { periods, calendar, tierRule } = rates;
  // Net tiers are never in time order; of a single period both orders give the same amounts.
  const allocation = options.flow === 'net' ? 'proportional' : 'chronological';
  return {
    kind: 'energy',
    name: 'energy',
    flow: options.flow,
    ...pricesText(periods, calendar),
    ...(tierRule !== null && { tiers: { ...tierRule, allocation } }),
  };
}

export function hasNegativePrice(rates: EnergyRates): boolean {
  return [...rates.periods.values()].some((tiers) =>
    tiers.some(({ price }) => isNegativeText(price)),
  );
}

/** What export earns by the file's sell rates; null where there are none. */
export function exportComponent(rates: EnergyRates, remarks: Remarks): EnergyText | null {
  const tiers = [...rates.periods.values()].flat();
  if (tiers.every(({ sell }) => sell === null)) return null;
  if (tiers.some(({ sell }) => sell === null)) {
    const message = 'some tiers have no sell rate; export in them earns nothing.';
    remarks.add('URDB_SELL_ABSENT', ['energyratestructure'], message);
  }
  const sellOf = ({ sell }: Tier): string => sell ?? '0';
  const isTiered = [...rates.periods.values()].some((period) =>
    period.some((tier) => sellOf(tier) !== sellOf(period[0] ?? tier)),
  );
  const periods = isTiered
    ? rates.periods
    : new Map([...rates.periods].map(([index, [first]]) => [index, first ? [first] : []]));
  return {
    kind: 'energy',
    name: 'export',
    flow: 'export',
    ...pricesText(periods, rates.calendar, sellOf),
    ...(isTiered && rates.tierRule !== null && { tiers: rates.tierRule }),
  };
}

/** Twelve amounts a kWh on top of every tier: index of the distinct ones by month. */
export function readFuelAdjustment(
  record: UrdbRecord,
  flow: 'import' | 'net',
): Outcome<{ component: EnergyText; calendar: CalendarText | null } | null, UrdbRefusal> {
  const field = record.get('fueladjustmentsmonthly');
  if (field === undefined) return accept(null);
  const { key, value } = field;
  if (!Array.isArray(value) || value.length !== 12) {
    return refuseField([key], 'it has an amount a kWh for each of the 12 months; correct it.');
  }
  const prices: string[] = [];
  for (const [month, amount] of value.entries()) {
    const text = plainDecimal(amount);
    if (text === null) return refuseField([key, month], 'it is not a number; correct it.');
    const fine = fineEnough(text, [key, month]);
    if (!fine.ok) return fine;
    prices.push(text);
  }
  if (prices.every(isZeroText)) return accept(null);
  const distinct = [...new Set(prices)];
  const months = prices.map((price) => distinct.indexOf(price));
  const schedule = parseMonthPeriods({ key, value: months }, { key, periods: distinct.length });
  if (!schedule.ok) return schedule;
  const calendar = calendarOf('fuel adjustment', schedule.value);
  const tierOf = (price: string): Tier => ({ price, max: null, sell: null, unit: null });
  const periods = new Map(distinct.map((price, index) => [index, [tierOf(price)]]));
  const priced = pricesText(periods, calendar);
  return accept({
    component: { kind: 'energy', name: 'fuel adjustment', flow, ...priced },
    calendar,
  });
}
