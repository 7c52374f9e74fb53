import type { Schedule } from './scheduleCalendar.ts';
import type { SscInputs } from './sscTariff.ts';

/** Units of `max` in the URDB, in the order of ssc's numbers for them. */
const tierUnits = ['kWh', 'kWh/kW', 'kWh daily', 'kWh/kW daily'] as const;

type Row = readonly (number | null)[];

/** Periods count from 0 in the URDB, from 1 in ssc. */
function fromZero(schedule: Schedule | undefined): number[][] {
  return (schedule ?? []).map((hours) => hours.map((period) => period - 1));
}

function structureOf<T>(
  rows: readonly Row[],
  tierOf: (row: Row) => T,
  firstPeriod: number,
): readonly (readonly T[])[] {
  const periods = new Set(rows.map(([period]) => period ?? firstPeriod));
  return Array.from({ length: Math.max(...periods) - firstPeriod + 1 }, (_, index) =>
    rows.filter(([period]) => period === index + firstPeriod).map(tierOf),
  );
}

function maxOf([, , upTo = null]: Row) {
  return upTo === null ? {} : { max: upTo };
}

function demandOf({ numbers, matrices }: SscInputs) {
  if (numbers.ur_dc_enable === 0) return {};
  const tierOf = (row: Row) => ({ rate: row[3], ...maxOf(row) });
  const shares = matrices.ur_billing_demand_lookback_percentages;
  return {
    demandratestructure: structureOf(matrices.ur_dc_tou_mat, tierOf, 1),
    demandweekdayschedule: fromZero(matrices.ur_dc_sched_weekday),
    demandweekendschedule: fromZero(matrices.ur_dc_sched_weekend),
    flatdemandstructure: structureOf(matrices.ur_dc_flat_mat, tierOf, 0),
    flatdemandmonths: Array.from({ length: 12 }, (_, month) => month),
    ...(shares.length === 0
      ? {}
      : { demandratchetpercentage: shares.map(([percent = 0]) => percent / 100) }),
  };
}

/**
 * A case's inputs as the URDB would hold them; null where it cannot: hourly prices and credits in
 * money. The least billing demand of one case has no field either, and lies below all its peaks.
 */
export function sscAsUrdb(inputs: SscInputs, isExporting: boolean): string | null {
  const { numbers, matrices } = inputs;
  const isSpot = numbers.ur_en_ts_buy_rate === 1;
  if (isSpot || (isExporting && numbers.ur_metering_option === 1)) return null;
  const tierOf = (row: Row) => {
    const [, , , unit, rate, sell] = row;
    return { rate, sell, unit: tierUnits[unit ?? 0], ...maxOf(row) };
  };
  return JSON.stringify({
    energyratestructure: structureOf(matrices.ur_ec_tou_mat, tierOf, 1),
    energyweekdayschedule: fromZero(matrices.ur_ec_sched_weekday),
    energyweekendschedule: fromZero(matrices.ur_ec_sched_weekend),
    ...demandOf(inputs),
    fixedchargefirstmeter: numbers.ur_monthly_fixed_charge,
    fixedchargeunits: '$/month',
    mincharge: numbers.ur_monthly_min_charge,
    minchargeunits: '$/month',
    ...(isExporting ? { dgrules: 'Net Billing Instantaneous' } : {}),
  });
}
