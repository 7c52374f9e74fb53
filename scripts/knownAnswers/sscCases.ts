import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { answerOf } from './answer.ts';
import type { Answer, Answers } from './answer.ts';
import { billHours } from './kernelBill.ts';
import { scheduleTariff } from './scheduleTariff.ts';

/** Days of the year of these cases, which begins on a Monday as 2018 does. */
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const year = 2018;
/** The expected amounts carry 9 places; longer ones were rounded half up. */
const places = 9;

const schedule = z.array(z.array(z.number().int()).length(24)).length(12);
const expected = z.object({
  withoutGen: z.object({ energy: z.array(z.string()).length(12) }),
});
const sscCase = z.object({
  id: z.string(),
  title: z.string(),
  load: z.string(),
  inputs: z.object({
    matrices: z.object({
      ur_ec_sched_weekday: schedule,
      ur_ec_sched_weekend: schedule,
      /** Period, tier, most usage (null: no limit), unit of it, buy and sell rate in USD a kWh. */
      ur_ec_tou_mat: z.array(z.array(z.number().nullable()).length(6)),
    }),
    arrays: z.record(z.string(), z.unknown()),
  }),
  expected,
});
const urdbCase = z.object({
  id: z.string(),
  title: z.string(),
  urdbFile: z.string(),
  load: z.string(),
  expected,
});
const casesFile = z.object({
  series: z.record(z.string(), z.object({ sha256: z.string().optional() })),
  cases: z.array(sscCase),
  urdbCases: z.array(urdbCase),
});
const urdbRate = z.object({
  energyratestructure: z.array(
    z.array(
      z.object({
        rate: z.number().default(0),
        adj: z.number().default(0),
        max: z.number().optional(),
      }),
    ),
  ),
  energyweekdayschedule: schedule,
  energyweekendschedule: schedule,
});

export type MonthlyEnergyCase = {
  readonly name: string;
  readonly tariff: TariffText;
  /** A year of hours, in Wh. */
  readonly hourWh: readonly number[];
  /** The energy charge of each month, in currency units. */
  readonly expected: readonly string[];
};

/** The kernel's energy charge of each month of the year beside the published one. */
export function checkMonthlyEnergy(given: MonthlyEnergyCase): Answer {
  let firstHour = 0;
  const values = given.expected.map((charge, month) => {
    const hours = (monthDays[month] ?? 0) * 24;
    const hourWh = given.hourWh.slice(firstHour, firstHour + hours);
    firstHour += hours;
    const startMs = Date.UTC(year, month, 1);
    const { exact } = billHours(given.tariff, { startMs, hourWh });
    return {
      at: `${year}-${String(month + 1).padStart(2, '0')}`,
      ours: exact.toDecimalPlaces(places, Decimal.ROUND_HALF_UP).toFixed(),
      expected: new Decimal(charge).toFixed(),
    };
  });
  return answerOf(given.name, 'monthly energy charges to 9 places', values);
}

function plain(value: number): string {
  return new Decimal(value).toFixed();
}

function pricesOfSsc(rows: readonly (readonly (number | null)[])[]): Map<number, string> | null {
  const prices = new Map<number, string>();
  for (const [period, tier, , , buy] of rows) {
    if (period === null || buy === null || tier !== 1 || prices.has(period)) return null;
    prices.set(period, plain(buy));
  }
  return prices;
}

function pricesOfUrdb(rates: z.infer<typeof urdbRate>): Map<number, string> | null {
  const prices = new Map<number, string>();
  for (const [period, tiers] of rates.energyratestructure.entries()) {
    const [only] = tiers;
    if (tiers.length !== 1 || only === undefined || only.max !== undefined) return null;
    prices.set(period, new Decimal(only.rate).plus(only.adj).toFixed());
  }
  return prices;
}

type Series = (name: string) => readonly number[];

/** The generator that comes with the cases; the cases hold the hash of what it must make. */
async function openSeries(folder: string, hashes: z.infer<typeof casesFile>['series']) {
  const generator: unknown = await import(pathToFileURL(path.join(folder, 'series.mjs')).href);
  const exported = z.record(z.string(), z.unknown()).parse(generator);
  const makerOf = new Map([
    ['load_res', exported['loadRes']],
    ['load_com', exported['loadCom']],
  ]);
  const made = new Map<string, readonly number[]>();
  for (const [name, maker] of makerOf) {
    if (typeof maker !== 'function') throw new Error(`SERIES_MISSING: ${name} is not generated.`);
    const series = z.array(z.number().int()).parse(maker());
    const hash = createHash('sha256').update(series.join('\n')).digest('hex');
    if (hash !== hashes[name]?.sha256) throw new Error(`SERIES_CHANGED: ${name} has another hash.`);
    made.set(name, series);
  }
  const seriesOf: Series = (name) => {
    const series = made.get(name);
    if (series === undefined) throw new Error(`SERIES_MISSING: ${name} is not generated.`);
    return series;
  };
  return seriesOf;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Energy charges computed by NREL's ssc, for tariffs without tiers and hourly prices. */
export async function sscAnswers(folder: string): Promise<Answers> {
  const file = casesFile.parse(readJson(path.join(folder, 'ssc-cases.json')));
  const seriesOf = await openSeries(folder, file.series);
  const answers: Answer[] = [];
  const leftOut: string[] = [];
  for (const { id, load, inputs, expected: truth } of file.cases) {
    const name = `ssc ${id}`;
    const { ur_ec_sched_weekday: weekday, ur_ec_sched_weekend: weekend } = inputs.matrices;
    const prices = pricesOfSsc(inputs.matrices.ur_ec_tou_mat);
    if (prices === null) leftOut.push(`${name}: tiers`);
    else if ('ur_ts_buy_rate' in inputs.arrays) leftOut.push(`${name}: hourly prices`);
    else {
      const tariff = scheduleTariff({ weekday, weekend, prices });
      const { energy } = truth.withoutGen;
      const hourWh = seriesOf(load);
      answers.push(checkMonthlyEnergy({ name, tariff, hourWh, expected: energy }));
    }
  }
  for (const { id, urdbFile, load, expected: truth } of file.urdbCases) {
    const rates = urdbRate.parse(readJson(path.join(folder, urdbFile)));
    const prices = pricesOfUrdb(rates);
    if (prices === null) leftOut.push(`${id}: tiers`);
    else {
      const { energyweekdayschedule: weekday, energyweekendschedule: weekend } = rates;
      const tariff = scheduleTariff({ weekday, weekend, prices });
      const { energy } = truth.withoutGen;
      const hourWh = seriesOf(load);
      answers.push(checkMonthlyEnergy({ name: id, tariff, hourWh, expected: energy }));
    }
  }
  return { answers, leftOut };
}
