import { describe, expect, test } from 'vitest';
import { answerOf } from '../../scripts/knownAnswers/answer.ts';
import { kepcoMaker } from '../../scripts/knownAnswers/kepcoCases.ts';
import { kepcoFile } from '../../scripts/knownAnswers/kepcoTariff.ts';
import { judgeDifference, loadOf, rateRoad, roundedText } from '../../scripts/knownAnswers/road.ts';
import { compareYear } from '../../scripts/knownAnswers/sscCases.ts';
import { sscInputs, sscTariff } from '../../scripts/knownAnswers/sscTariff.ts';
import { add, fraction } from '../../src/domain/exact.ts';

/** Weekdays from 08:00 to 20:00 are period 2 in July, everything else is period 1. */
const cheap = Array.from({ length: 24 }, () => 1);
const peaked = cheap.map((period, hour) => (hour >= 8 && hour < 20 ? 2 : period));
const steady = {
  tariff: sscTariff(
    sscInputs.parse({
      numbers: { ur_metering_option: 2, ur_monthly_fixed_charge: 5, ur_dc_enable: 0 },
      matrices: {
        ur_ec_sched_weekday: Array.from({ length: 12 }, (_, month) =>
          month === 6 ? peaked : cheap,
        ),
        ur_ec_sched_weekend: Array.from({ length: 12 }, () => cheap),
        ur_ec_tou_mat: [
          [1, 1, null, 0, 0.1, 0],
          [2, 1, null, 0, 0.25, 0],
        ],
      },
      arrays: {},
    }),
    { seriesOf: () => [], from: '2018-01-01T00:00:00-08:00', isExporting: false },
  ),
  load: loadOf(
    { fromMs: Date.UTC(2018, 0, 1, 8), minutes: 60 },
    { import: Array.from({ length: 8_760 }, () => 1_000) },
  ),
  zone: 'Etc/GMT+8',
};
/**
 * 1 kWh every hour of 2018: 74.4, 67.2 and 72.0 for months of 31, 28 and 30 days; July has 22
 * weekdays, so 264 hours of it cost 0.15 more: 74.4 + 39.6 = 114.
 */
const energy = '74.4 67.2 74.4 72 74.4 72 114 74.4 72 74.4 72 74.4'.split(' ');
const expected = {
  energy,
  fixed: Array.from({ length: 12 }, () => '5'),
  bill: '79.4 72.2 79.4 77 79.4 77 119 79.4 77 79.4 77 79.4'.split(' '),
  billCents: [7940, 7220, 7940, 7700, 7940, 7700, 11900, 7940, 7700, 7940, 7700, 7940],
  // 8,760 kWh at 0.1, 264 of them 0.15 more, and twelve times 5.
  annualBill: '975.6',
};
const components = { energy: ['energy'], fixed: ['fixed'] };

describe('a year of monthly figures', () => {
  const bills = rateRoad(steady);

  test('is the one that a person works out', () => {
    expect(answerOf('steady', 'figures', compareYear(bills, expected, components))).toEqual({
      name: 'steady',
      isRight: true,
      detail: '50 figures',
    });
  });

  test('a wrong answer planted in one month is found and named', () => {
    const wrong = { ...expected, energy: energy.with(6, '114.000000001') };
    expect(answerOf('steady', 'figures', compareYear(bills, wrong, components))).toEqual({
      name: 'steady',
      isRight: false,
      detail: '2018-07 energy: 114, expected 114.000000001',
    });
    const cents = { ...expected, billCents: expected.billCents.with(0, 7941) };
    expect(answerOf('steady', 'figures', compareYear(bills, cents, components)).isRight).toBe(
      false,
    );
  });

  test('a missing month is found', () => {
    const values = compareYear(bills.slice(0, 11), expected, components);
    expect(answerOf('steady', 'figures', values).isRight).toBe(false);
  });

  test('the two engines agree, and a hundred-millionth planted in one line is found', () => {
    expect(judgeDifference('steady', steady, bills)).toMatchObject({ isRight: true });
    const [first, ...rest] = bills;
    const [line, ...lines] = first?.lines ?? [];
    expect(line).toBeDefined();
    const amount = add(line?.amount ?? fraction(0n), fraction(1n, 100_000_000n));
    const planted =
      first === undefined || line === undefined
        ? []
        : [{ ...first, lines: [{ ...line, amount }, ...lines] }, ...rest];
    expect(judgeDifference('steady', steady, planted)).toMatchObject({
      isRight: false,
      detail: expect.stringContaining('2018-01: energy'),
    });
  });
});

test('a case with nothing to compare is not a passed one', () => {
  expect(answerOf('empty', 'values', []).isRight).toBe(false);
});

/**
 * Single rows of KEPCO's bill calculator, December 2020 (gachon-CCLab/KEICO-Electricity-Bill-
 * Calculator, Parser/log), with its prices. By hand, the first: 105 kWh x 93.3 = 9,796.5, down to
 * 9,796; with the base of 910 10,706, less 4,000; VAT 671; fund 248.12, down to 240; 7,617, down.
 */
const seasons = ['S', 'W', 'M'].map((season) => [
  `5|0|0|${season}`,
  [5550, [season === 'W' ? '79.3' : season === 'S' ? '81.0' : '59.2', '0.0', '0.0']],
]);
const file = kepcoFile.parse({
  residential: {
    0: {
      base: [910, 1600, 7300],
      rates: ['93.3', '187.9', '280.6'],
      superUser: '709.5',
      discount200: 4000,
    },
    1: {
      base: [730, 1260, 6060],
      rates: ['78.3', '147.3', '215.6'],
      superUser: '574.6',
      discount200: 2500,
    },
  },
  residentialCases: {
    rows: [
      [0, 1, 105, 7610],
      [0, 1, 1039, 295120],
      [0, 1, 5, 1130],
    ],
  },
  tou: Object.fromEntries(seasons),
  touCases: { rows: [[5, 0, 0, 35, 1, [499, 978, 622], 265850]] },
  exceptions: { rows: [] },
});

test('KEPCO: blocks of the month, truncation of every line, VAT and fund, to the won', () => {
  const { residential, tou } = kepcoMaker(file);
  const won = [...residential, ...tou].map(({ input }) => {
    const [bill] = rateRoad(input);
    return bill === undefined ? 'no bill' : roundedText(bill.total, 6);
  });
  expect(won).toEqual(['7610', '295120', '1130', '265850']);
});
