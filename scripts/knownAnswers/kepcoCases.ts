import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { answerOf } from './answer.ts';
import type { Answers } from './answer.ts';
import { billHours } from './kernelBill.ts';

const whole = z.number().int().nonnegative();
const kepcoFile = z.object({
  /** Won a contract kW, and won a kWh at light, mid and peak load. */
  tou: z.record(z.string(), z.tuple([z.number(), z.tuple([z.string(), z.string(), z.string()])])),
  touCases: z.object({
    rows: z.array(
      z.tuple([whole, whole, whole, whole, whole, z.tuple([whole, whole, whole]), whole]),
    ),
  }),
});

type Prices = readonly [light: string, mid: string, peak: string];

/** Selectors that price only the first of the three figures. */
const singlePriced = new Set([2, 5]);

function seasonOf(month: number): 'S' | 'W' | 'M' {
  if (month >= 6 && month <= 8) return 'S';
  return month >= 11 || month <= 2 ? 'W' : 'M';
}

/** Each load period is truncated to the won by itself. */
function tariffOf([light, mid, peak]: Prices): TariffText {
  return {
    currency: 'KRW',
    rounding: { line: { step: '1', mode: 'down' } },
    calendars: [
      {
        name: 'load',
        rules: [
          { from: '00:00', to: '01:00', period: 'light' },
          { from: '01:00', to: '02:00', period: 'mid' },
          { from: '02:00', to: '24:00', period: 'peak' },
        ],
      },
    ],
    components: [
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        calendar: 'load',
        prices: { light, mid, peak },
      },
    ],
  };
}

/** Rules 1 and 4 to 6 of the file round the kernel's energy charge: base, VAT, fund, total. */
function billWon(energyWon: Decimal, baseWon: Decimal): string {
  const subtotal = energyWon.plus(baseWon);
  const vat = subtotal.mul('0.1').toDecimalPlaces(0, Decimal.ROUND_HALF_UP);
  const fund = subtotal.mul('0.037').div(10).floor().mul(10);
  return subtotal.plus(vat).plus(fund).div(10).floor().mul(10).toFixed();
}

/** Monthly amounts of KEPCO's own bill calculator, in time-of-use tariffs of December 2020. */
export function kepcoAnswers(folder: string): Answers {
  const text = readFileSync(path.join(folder, 'kepco-cases.json'), 'utf8');
  const { tou, touCases } = kepcoFile.parse(JSON.parse(text));
  const values = touCases.rows.map((row, index) => {
    const [selector, class2, contract, contractKw, month, kwh, expectedWon] = row;
    const rate = tou[`${selector}|${class2}|${contract}|${seasonOf(month)}`];
    if (rate === undefined) throw new Error(`KEPCO_RATE_MISSING: row ${index + 1} has no rate.`);
    const [basePerKw, prices] = rate;
    const priced = singlePriced.has(selector) ? [kwh[0], 0, 0] : kwh;
    // Half the base in a month without use: no row is one, and row 1484 (use, none priced) has all.
    const base = new Decimal(basePerKw).mul(contractKw);
    const hourWh = priced.map((used) => used * 1_000);
    const startMs = Date.UTC(2020, month - 1, 1);
    const { totalMicros } = billHours(tariffOf(prices), { startMs, hourWh });
    const energyWon = new Decimal(totalMicros.toString()).div(1_000_000);
    return {
      at: `row ${index + 1}`,
      ours: billWon(energyWon, base),
      expected: expectedWon.toString(),
    };
  });
  return {
    answers: [answerOf('kepco time of use', 'published bills to the won', values)],
    leftOut: ['kepco residential: blocks'],
  };
}
