import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

const won = z.number().int().nonnegative();
const residentialRate = z.object({
  /** By the block that the month's kWh fall in. */
  base: z.tuple([won, won, won]),
  rates: z.tuple([z.string(), z.string(), z.string()]),
  superUser: z.string(),
  /** What a month of at most 200 kWh is let off. */
  discount200: won,
});
/** Won a contract kW, and won a kWh at light, mid and peak load. */
const touRate = z.tuple([won, z.tuple([z.string(), z.string(), z.string()])]);

export const kepcoFile = z.object({
  residential: z.object({ 0: residentialRate, 1: residentialRate }),
  residentialCases: z.object({ rows: z.array(z.tuple([won, won, won, won])) }),
  tou: z.record(z.string(), touRate),
  touCases: z.object({
    rows: z.array(z.tuple([won, won, won, won, won, z.tuple([won, won, won]), won])),
  }),
  exceptions: z.object({
    rows: z.array(z.tuple([won, won, won, won, won, z.tuple([won, won, won]), won, won])),
  }),
});
export type KepcoFile = z.output<typeof kepcoFile>;

type ComponentText = TariffText['components'][number];

const toTheWon = { line: { step: '1', mode: 'down' } } as const;
/** Rules 4 to 6 of the file: VAT to the won, the fund and the bill down to ten won. */
function taxes(of: string[]): ComponentText[] {
  return [
    {
      kind: 'tax',
      name: 'VAT',
      percent: '10',
      of,
      rounding: { step: '1', mode: 'half-up' },
    },
    { kind: 'tax', name: 'fund', percent: '3.7', of, rounding: { step: '10', mode: 'down' } },
  ];
}

const rounding = { ...toTheWon, bill: { step: '10', mode: 'down' } } as const;

type Stretch = {
  readonly validFrom: string;
  readonly validTo: string;
  readonly blocks: readonly [string, string];
  readonly isSuperUserPriced: boolean;
};

const mild = { blocks: ['200', '400'] } as const;
const summer = { blocks: ['300', '450'] } as const;

/** Blocks and the price above 1,000 kWh change with the month, so a year has five versions. */
const stretches: readonly Stretch[] = [
  { validFrom: '2020-01-01', validTo: '2020-03-01', ...mild, isSuperUserPriced: true },
  { validFrom: '2020-03-01', validTo: '2020-07-01', ...mild, isSuperUserPriced: false },
  { validFrom: '2020-07-01', validTo: '2020-09-01', ...summer, isSuperUserPriced: true },
  { validFrom: '2020-09-01', validTo: '2020-12-01', ...mild, isSuperUserPriced: false },
  { validFrom: '2020-12-01', validTo: '2021-01-01', ...mild, isSuperUserPriced: true },
];

/** Rules 1 to 6 for homes: low voltage (0) and high voltage (1). */
export function kepcoResidential(file: KepcoFile, type: 0 | 1): { versions: TariffText[] } {
  const { base, rates, superUser, discount200 } = file.residential[type];
  const versions = stretches.map(({ validFrom, validTo, blocks, isSuperUserPriced }) => {
    const [first, second] = blocks;
    const [low, mid, high] = rates;
    const upper = isSuperUserPriced
      ? [{ upTo: '1000', price: high }, { price: superUser }]
      : [{ price: high }];
    const version: TariffText = {
      currency: 'KRW',
      zone: 'Asia/Seoul',
      validFrom,
      validTo,
      rounding,
      components: [
        {
          kind: 'fixed',
          name: 'base',
          per: 'bill',
          amount: [
            { upTo: first, amount: String(base[0]) },
            { upTo: second, amount: String(base[1]) },
            { amount: String(base[2]) },
          ],
          withoutUse: '0.5',
        },
        {
          kind: 'energy',
          name: 'energy',
          flow: 'import',
          price: [{ upTo: first, price: low }, { upTo: second, price: mid }, ...upper],
          tiers: { unit: 'kWh', reset: 'bill', allocation: 'chronological', proration: 'none' },
        },
        {
          kind: 'discount',
          name: 'essential use',
          amount: String(discount200),
          of: ['base', 'energy'],
          floor: '1000',
          when: { useAtMostKwh: '200' },
        },
        ...taxes(['base', 'energy', 'essential use']),
      ],
    };
    return version;
  });
  return { versions };
}

/** The hour in which a load period's energy is put, and the hours that are priced so. */
const loadHours = [
  { period: 'light', from: '00:00', to: '09:00' },
  { period: 'mid', from: '09:00', to: '10:00' },
  { period: 'peak', from: '10:00', to: '24:00' },
] as const;
/** Of the first day of the month: within the three. */
export const loadHourOf = [3, 9, 14] as const;

const seasons = [
  { name: 'S', spans: [{ from: '06-01', through: '08-31' }] },
  { name: 'W', spans: [{ from: '11-01', through: '02-29' }] },
  {
    name: 'M',
    spans: [
      { from: '03-01', through: '05-31' },
      { from: '09-01', through: '10-31' },
    ],
  },
];

/** One selector, class and contract over the year: three seasons of light, mid and peak load. */
export function kepcoTou(file: KepcoFile, key: string): TariffText {
  const rateOf = (season: string) => {
    const rate = file.tou[`${key}|${season}`];
    if (rate === undefined) throw new Error(`KEPCO_RATE_MISSING: ${key} has no season ${season}.`);
    return rate;
  };
  const bases = new Set(seasons.map(({ name }) => rateOf(name)[0]));
  const [base] = bases;
  if (bases.size !== 1 || base === undefined) {
    throw new Error(`KEPCO_BASE_UNCLEAR: ${key} has several base rates.`);
  }
  const prices = seasons.flatMap(({ name }) =>
    loadHours.map(({ period }, index) => [`${name} ${period}`, rateOf(name)[1][index]]),
  );
  return {
    currency: 'KRW',
    zone: 'Asia/Seoul',
    rounding,
    calendars: [
      {
        name: 'load',
        seasons,
        rules: seasons.flatMap(({ name }) =>
          loadHours.map(({ period, from, to }) => ({
            seasons: [name],
            from,
            to,
            period: `${name} ${period}`,
          })),
        ),
      },
    ],
    components: [
      {
        kind: 'fixed',
        name: 'base',
        per: 'bill',
        amount: new Decimal(base).toFixed(),
        times: 'contractedKw',
        withoutUse: '0.5',
      },
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        calendar: 'load',
        prices: Object.fromEntries(prices),
      },
      ...taxes(['base', 'energy']),
    ],
  };
}
