import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Decimal } from 'decimal.js';
import { z } from 'zod';
import { zero } from '../../src/domain/exact.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { amountText } from './externalCheck.ts';
import type { Check, External } from './externalCheck.ts';
import { lookBackTariff } from './externalTariffs.ts';
import { loadOf, rateRoad, roundedText } from './road.ts';
import type { RoadInput } from './road.ts';
import { urdbRoad } from './sscCases.ts';

const hourMs = 3_600_000;
const yearHours = 8_760;

/** Two years with the same months: the source lets the year wrap round, so the second counts. */
function twoYears(peakKwOf: (month: number) => number, baseWh: number, tariff: TariffText) {
  const hourWh: number[] = [];
  for (let month = 0; month < 24; month += 1) {
    const hours = (Date.UTC(2025, month + 1, 1) - Date.UTC(2025, month, 1)) / hourMs;
    hourWh.push(peakKwOf(month % 12) * 1_000, ...Array.from({ length: hours - 1 }, () => baseWh));
  }
  const load = loadOf({ fromMs: Date.UTC(2025, 0, 1), minutes: 60 }, { import: hourWh });
  const input: RoadInput = { tariff, load, zone: 'Etc/UTC' };
  return { input, bills: rateRoad(input).slice(12) };
}

const lookBack = z.object({
  tariff: z.object({
    demandRates: z.array(z.number()).length(12),
    lookbackMonths: z.array(z.number()).optional(),
    lookbackRange: z.number().optional(),
  }),
  expected: z.object({
    billingDemand: z.array(z.number()).length(12),
    annualDemandCharge: z.string(),
  }),
});

/** 100 kW throughout; peaks of 200 in January, 400 in April, 500 in June, 300 in December. */
export function reoptLookBack(given: External): Check {
  const { tariff, expected } = lookBack.parse(given);
  const peaks = new Map([
    [0, 200],
    [3, 400],
    [5, 500],
    [11, 300],
  ]);
  const document = lookBackTariff({
    rates: tariff.demandRates,
    percent: '75',
    months: tariff.lookbackRange ?? 11,
    ...(tariff.lookbackMonths === undefined ? {} : { ofMonths: tariff.lookbackMonths }),
  });
  const { input, bills } = twoYears((month) => peaks.get(month) ?? 100, 100_000, document);
  const quantities = expected.billingDemand.map((kw, month) => ({
    at: `month ${month + 1}`,
    ours: roundedText(bills[month]?.lines[0]?.quantity ?? zero, 9),
    expected: String(kw),
  }));
  const total = { at: 'year', ours: amountText(bills), expected: expected.annualDemandCharge };
  return { how: 'a ratchet over two equal years', values: [...quantities, total], inputs: [input] };
}

export function reoptRatchet({ expected }: External): Check {
  const rates = [10.5, 10.5, 10.5, 10.5, 11.5, 11.5, 11.5, 11.5, 11.5, 11.5, 10.5, 10.5];
  const tariff = lookBackTariff({ rates, percent: '35', months: 11 });
  const { annualDemandCharge } = z.object({ annualDemandCharge: z.string() }).parse(expected);
  const { input, bills } = twoYears((month) => (month === 0 ? 100 : 1), 1_000, tariff);
  const values = [{ at: 'year', ours: amountText(bills), expected: annualDemandCharge }];
  return { how: 'a ratchet of 11 months over two equal years', values, inputs: [input] };
}

/** 2,000 kWh in every month: 1,000 of them in each of the rate's two tiers. */
export function reoptTiered({ expected }: External, folder: string): Check {
  const { annualEnergyCharge } = z.object({ annualEnergyCharge: z.string() }).parse(expected);
  const file = path.join(folder, 'urdb', '5550d6fd5457a3187e8b4567.json');
  const hourWh = Array.from({ length: yearHours }, () => 0);
  let hour = 0;
  for (let month = 0; month < 12; month += 1) {
    hourWh[hour] = 2_000_000;
    hour += (Date.UTC(2018, month + 1, 1) - Date.UTC(2018, month, 1)) / hourMs;
  }
  const input = urdbRoad(readFileSync(file, 'utf8'), hourWh);
  const ours = amountText(rateRoad(input), ({ kind }) => kind === 'energy');
  return {
    how: 'the URDB file, imported',
    values: [{ at: 'energy of the year', ours, expected: annualEnergyCharge }],
    inputs: [input],
  };
}

const leapRates = z.object({
  energyratestructure: z.array(z.tuple([z.object({ rate: z.number() })])),
  energyweekdayschedule: z.array(z.array(z.number())),
  energyweekendschedule: z.array(z.array(z.number())),
  demandratestructure: z.array(z.tuple([z.object({ rate: z.number() })])),
  demandweekdayschedule: z.array(z.array(z.number())),
  demandweekendschedule: z.array(z.array(z.number())),
  flatdemandstructure: z.array(z.tuple([z.object({ rate: z.number() })])),
  flatdemandmonths: z.array(z.number()),
});

/**
 * One hour of 10 kW, the 16th of the year's 64th day: Sunday 5 March 2023 and Monday 4 March 2024.
 * The source says which rates apply; the file says what they are.
 */
export function reoptLeapYear(_given: External, folder: string): Check {
  const raw = readFileSync(path.join(folder, 'urdb', 'leap_year.json'), 'utf8');
  const rates = leapRates.parse(JSON.parse(raw));
  const march = 2;
  const inputs: RoadInput[] = [];
  const values = [2023, 2024].flatMap((year) => {
    const isWeekend = year === 2023;
    const hourWh = Array.from({ length: 96 * 24 }, () => 0);
    hourWh[63 * 24 + 15] = 10_000;
    const road = urdbRoad(raw, []);
    const load = loadOf({ fromMs: Date.UTC(year, 0, 1, 8), minutes: 60 }, { import: hourWh });
    const input = { ...road, load };
    inputs.push(input);
    const bills = rateRoad(input).filter(({ label }) => label === `${year}-03`);
    const energyAt = isWeekend ? rates.energyweekendschedule : rates.energyweekdayschedule;
    const demandAt = isWeekend ? rates.demandweekendschedule : rates.demandweekdayschedule;
    const energyRate = rates.energyratestructure[energyAt[march]?.[15] ?? -1]?.[0].rate;
    const demandRate = rates.demandratestructure[demandAt[march]?.[15] ?? -1]?.[0].rate;
    const flatRate = rates.flatdemandstructure[rates.flatdemandmonths[march] ?? -1]?.[0].rate;
    const tenTimes = (...prices: (number | undefined)[]) =>
      Decimal.sum(...prices.map((price) => price ?? Number.NaN))
        .mul(10)
        .toFixed();
    return [
      {
        at: `${year} energy`,
        ours: amountText(bills, ({ kind }) => kind === 'energy'),
        expected: tenTimes(energyRate),
      },
      {
        at: `${year} demand`,
        ours: amountText(bills, ({ kind }) => kind === 'demand'),
        expected: tenTimes(flatRate, isWeekend ? 0 : demandRate),
      },
    ];
  });
  return { how: 'the URDB file, imported', values, inputs };
}
