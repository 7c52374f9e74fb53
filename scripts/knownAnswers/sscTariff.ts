import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import {
  monthCalendar,
  monthsAlike,
  monthsName,
  periodName,
  scheduleCalendar,
} from './scheduleCalendar.ts';
import type { CalendarText } from './scheduleCalendar.ts';

const schedule = z.array(z.array(z.number().int()).length(24)).length(12);
/** The inputs of NREL's utilityrate5 that the cases use; any other is refused, not ignored. */
export const sscInputs = z.strictObject({
  numbers: z.strictObject({
    ur_metering_option: z.union([z.literal(1), z.literal(2)]),
    ur_monthly_fixed_charge: z.number().default(0),
    ur_monthly_min_charge: z.number().default(0),
    ur_dc_enable: z.number(),
    ur_enable_billing_demand: z.number().default(0),
    ur_billing_demand_minimum: z.number().default(0),
    ur_billing_demand_lookback_period: z.number().default(0),
    ur_en_ts_sell_rate: z.number().default(0),
    ur_en_ts_buy_rate: z.number().default(0),
  }),
  matrices: z.strictObject({
    ur_ec_sched_weekday: schedule,
    ur_ec_sched_weekend: schedule,
    /** Period, tier, most usage (null: no limit), unit of it, buy and sell rate in USD a kWh. */
    ur_ec_tou_mat: z.array(z.array(z.number().nullable()).length(6)),
    ur_dc_sched_weekday: schedule.optional(),
    ur_dc_sched_weekend: schedule.optional(),
    /** Period, tier, most kW, USD a kW. */
    ur_dc_tou_mat: z.array(z.array(z.number().nullable()).length(4)).default([]),
    /** Month from 0, tier, most kW, USD a kW. */
    ur_dc_flat_mat: z.array(z.array(z.number().nullable()).length(4)).default([]),
    /** By month: percent of the highest earlier peak, and whether this month's peak counts. */
    ur_billing_demand_lookback_percentages: z.array(z.array(z.number()).length(2)).default([]),
    ur_dc_billing_demand_periods: z.array(z.array(z.number()).length(2)).default([]),
  }),
  arrays: z.strictObject({
    ur_yearzero_usage_peaks: z.array(z.number()).length(12).optional(),
    ur_ts_buy_rate: z.string().optional(),
    ur_ts_sell_rate: z.string().optional(),
  }),
});
export type SscInputs = z.output<typeof sscInputs>;

type ComponentText = TariffText['components'][number];
type TierText = { upTo?: string; price: string };
type TierRow = readonly (number | null)[];

/** The shortest decimal text that is this float: the cases write prices as JSON numbers. */
export function plain(value: number | null | undefined): string {
  return new Decimal(value ?? Number.NaN).toFixed();
}

function tiersOf(rows: readonly TierRow[], priceColumn: number): TierText[] {
  return rows.map((row) => {
    const [, , upTo = null] = row;
    const price = plain(row[priceColumn]);
    return upTo === null ? { price } : { upTo: plain(upTo), price };
  });
}

function pricesBy<K>(
  keys: readonly K[],
  nameOf: (key: K, index: number) => string,
  tiers: (key: K) => TierText[],
) {
  return Object.fromEntries(
    keys.map((key, index) => {
      const [first, ...more] = tiers(key);
      const price = more.length === 0 ? (first?.price ?? '') : [first, ...more];
      return [nameOf(key, index), price];
    }),
  );
}

const tierUnits = ['kWh', 'kWh/kW', 'kWh/day', 'kWh/kW/day'] as const;

type Parts = { readonly calendars: CalendarText[]; readonly components: ComponentText[] };

/** Import at the buy rate, export at the sell rate; option 1 bills the month's net by period. */
function energyOf({ numbers, matrices }: SscInputs, isExporting: boolean): Parts {
  const {
    ur_ec_sched_weekday: weekday,
    ur_ec_sched_weekend: weekend,
    ur_ec_tou_mat: rows,
  } = matrices;
  const { calendar, periods } = scheduleCalendar({ name: 'energy', weekday, weekend });
  const rowsOf = (period: number) => rows.filter(([number]) => number === period);
  const buy = pricesBy(periods, periodName, (period) => tiersOf(rowsOf(period), 4));
  const isTiered = Object.values(buy).some((price) => typeof price !== 'string');
  const unit = tierUnits[rows[0]?.[3] ?? 0] ?? 'kWh';
  const isNet = isExporting && numbers.ur_metering_option === 1;
  const tiers = {
    unit,
    ...(unit.includes('kW/') || unit === 'kWh/kW' ? { kw: 'peak' as const } : {}),
    reset: 'month' as const,
    allocation: isNet ? ('proportional' as const) : ('chronological' as const),
  };
  const sell = Object.fromEntries(
    periods.map((period) => [periodName(period), plain(rowsOf(period)[0]?.[5])]),
  );
  const energy: ComponentText = {
    kind: 'energy',
    name: 'energy',
    flow: isNet ? 'net' : 'import',
    calendar: 'energy',
    prices: buy,
    ...(isTiered ? { tiers } : {}),
    ...(isNet ? { surplusPrices: sell } : {}),
  };
  const sold: ComponentText = {
    kind: 'energy',
    name: 'export',
    flow: 'export',
    calendar: 'energy',
    prices: sell,
  };
  const components = !isExporting || isNet ? [energy] : [energy, sold];
  return { calendars: [calendar], components };
}

function spotOf(isExporting: boolean): Parts {
  const spot = { kind: 'dynamic', missing: 'refuse' } as const;
  const bought: ComponentText = { ...spot, name: 'energy', flow: 'import', series: 'spot' };
  const sold: ComponentText = { ...spot, name: 'export', flow: 'export', series: 'spot_sell' };
  return { calendars: [], components: isExporting ? [bought, sold] : [bought] };
}

function flatDemandOf({ numbers, matrices }: SscInputs): Parts {
  const rows = matrices.ur_dc_flat_mat;
  if (numbers.ur_dc_enable === 0 || rows.length === 0) return { calendars: [], components: [] };
  const tiersOfMonth = (month: number) =>
    tiersOf(
      rows.filter(([number]) => number === month),
      3,
    );
  const groups = monthsAlike(tiersOfMonth);
  const prices = pricesBy(
    groups,
    (_, index) => monthsName(index),
    ([month = 0]) => tiersOfMonth(month),
  );
  const [percent] = matrices.ur_billing_demand_lookback_percentages[0] ?? [];
  const hasLookBack = numbers.ur_enable_billing_demand === 1;
  const months = numbers.ur_billing_demand_lookback_period;
  const demand: ComponentText = {
    kind: 'demand',
    name: 'demandFlat',
    unit: 'kW',
    windowMinutes: 60,
    measure: 'max',
    calendar: 'flat demand',
    prices,
    ...(hasLookBack
      ? {
          minimum: plain(numbers.ur_billing_demand_minimum),
          ratchets: [{ percent: plain(percent), months }],
        }
      : {}),
  };
  return { calendars: [monthCalendar('flat demand', groups)], components: [demand] };
}

function touDemandOf({ numbers, matrices }: SscInputs): Parts {
  const { ur_dc_sched_weekday: weekday, ur_dc_sched_weekend: weekend } = matrices;
  const rows = matrices.ur_dc_tou_mat;
  const isFree = rows.every(([, , , price]) => price === 0);
  if (numbers.ur_dc_enable === 0 || isFree || weekday === undefined || weekend === undefined) {
    return { calendars: [], components: [] };
  }
  const { calendar, periods } = scheduleCalendar({ name: 'tou demand', weekday, weekend });
  const prices = pricesBy(periods, periodName, (period) =>
    tiersOf(
      rows.filter(([number]) => number === period),
      3,
    ),
  );
  const demand: ComponentText = {
    kind: 'demand',
    name: 'demandTou',
    unit: 'kW',
    windowMinutes: 60,
    measure: 'max',
    calendar: 'tou demand',
    prices,
  };
  return { calendars: [calendar], components: [demand] };
}

/** Every interval by itself (option 2), or the month's net with credits in money (option 1). */
function nettingOf({ numbers }: SscInputs): ComponentText {
  const common = { kind: 'netting', name: 'credits' } as const;
  return numbers.ur_metering_option === 1
    ? { ...common, method: 'moneyCredits', of: ['energy'] }
    : { ...common, method: 'netBilling', of: ['energy', 'export'], unused: 'applyNow' };
}

export type SscSeries = (name: string) => readonly number[];

/** Prices of an hourly series in 10^-5 USD a kWh. */
function priceSeriesOf(name: string, values: readonly number[], from: string) {
  const prices = values.map((value) => new Decimal(value).div(100_000).toFixed());
  return { name, unit: 'kWh' as const, minutes: 60 as const, from, prices };
}

/** A case's inputs as a tariff document. */
export function sscTariff(
  inputs: SscInputs,
  given: { readonly seriesOf: SscSeries; readonly from: string; readonly isExporting: boolean },
): TariffText {
  const { numbers } = inputs;
  const { seriesOf, from, isExporting } = given;
  const isSpot = numbers.ur_en_ts_buy_rate === 1;
  const parts = [
    isSpot ? spotOf(isExporting) : energyOf(inputs, isExporting),
    flatDemandOf(inputs),
    touDemandOf(inputs),
  ];
  const components = parts.flatMap((part) => part.components);
  if (isExporting) components.push(nettingOf(inputs));
  if (numbers.ur_monthly_fixed_charge > 0) {
    const amount = plain(numbers.ur_monthly_fixed_charge);
    components.push({ kind: 'fixed', name: 'fixed', amount, per: 'month' });
  }
  if (numbers.ur_monthly_min_charge > 0) {
    const amount = plain(numbers.ur_monthly_min_charge);
    components.push({ kind: 'minimum', name: 'minimum', amount, per: 'month', of: 'subtotal' });
  }
  const spotWh = isSpot ? seriesOf('spot') : [];
  const priceSeries = isSpot
    ? [
        priceSeriesOf('spot', spotWh, from),
        priceSeriesOf(
          'spot_sell',
          spotWh.map((value) => value - 1_000),
          from,
        ),
      ]
    : [];
  return {
    currency: 'USD',
    calendars: parts.flatMap((part) => part.calendars),
    priceSeries,
    components,
  };
}
