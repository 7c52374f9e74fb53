import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeLoad } from '../../src/domain/judge/judge.ts';
import type { JudgedBill, JudgeInput } from '../../src/domain/judge/judge.ts';
import { tariffShape } from '../../src/domain/tariff/shape.ts';
import type { TariffShape } from '../../src/domain/tariff/shape.ts';
import { verdictOf } from './engines.ts';
import type { Judge } from './engines.ts';
import { randomCase } from './randomCase.ts';

/** `BILLS_RUNS=20000 npx vitest run test/bills/bothEngines.test.ts` for a longer look. */
const runs = Number(process.env['BILLS_RUNS'] ?? 90);
const patience = Math.max(60_000, runs * 200);

/** A case is all of one number, which fast-check prints when it fails. */
const seeds = fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 - 1 }));

function outcomesOf(count: number): Map<string, number> {
  const tally = new Map<string, number>();
  for (let seed = 0; seed < count; seed += 1) {
    const { outcome } = verdictOf(randomCase(seed));
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
  }
  return tally;
}

describe('the kernel and the judge', () => {
  test(
    'agree on every line of any tariff and load, chains of months and versions too',
    () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const verdict = verdictOf(randomCase(seed));
          expect(verdict.outcome === 'differ' ? verdict.differences : []).toEqual([]);
        }),
        { numRuns: runs },
      );
    },
    patience,
  );

  test(
    'agree over more than a year: ratchets, yearly tiers, true-ups and yearly minima',
    () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const verdict = verdictOf(randomCase(seed, 'year'));
          expect(verdict.outcome === 'differ' ? verdict.differences : []).toEqual([]);
        }),
        { numRuns: Math.ceil(runs / 100) },
      );
    },
    patience,
  );

  test('have bills to agree on: few random tariffs are refused, and none for its form', () => {
    const tally = outcomesOf(40);
    expect(tally.get('agreed')).toBeGreaterThan(28);
    expect(tally.get('unread') ?? 0).toBeLessThan(3);
  });
});

/** The judge with its bills changed. */
function afterwards(change: (bill: JudgedBill) => JudgedBill): Plant {
  return anywhere((input) => {
    const judged = judgeLoad(input);
    return judged.ok ? { ok: true, value: { bills: judged.value.bills.map(change) } } : judged;
  });
}

type Plant = {
  readonly judge: Judge;
  /** Whether there is anything in the documents of a case to be misread. */
  concerns(documents: readonly unknown[]): boolean;
};

function anywhere(judge: Judge): Plant {
  return { judge, concerns: () => true };
}

/** The judge with one rule of the document misread. */
function misreading(change: (document: TariffShape) => TariffShape): Plant {
  const misread = (raw: unknown): TariffShape => change(tariffShape.parse(raw));
  return {
    judge: (input) => judgeLoad({ ...input, documents: input.documents.map(misread) }),
    concerns: (documents) =>
      documents.some((raw) => !isDeepStrictEqual(misread(raw), tariffShape.parse(raw))),
  };
}

type Component = TariffShape['components'][number];
function componentwise(change: (component: Component) => Component): Plant {
  return misreading((document) => ({ ...document, components: document.components.map(change) }));
}

function firstLine(
  change: (line: JudgedBill['lines'][number]) => Partial<JudgedBill['lines'][number]>,
): Plant {
  return afterwards((bill) => {
    const [line, ...rest] = bill.lines;
    return line === undefined ? bill : { ...bill, lines: [{ ...line, ...change(line) }, ...rest] };
  });
}

/** Every month as if nothing had been before it. */
const forgetful: Judge = (input: JudgeInput) => {
  const whole = judgeLoad(input);
  if (!whole.ok) return whole;
  const bills: JudgedBill[] = [];
  for (const { fromMs, toMs } of whole.value.bills) {
    const alone = judgeLoad({ ...input, fromMs, toMs });
    if (!alone.ok) return alone;
    bills.push(...alone.value.bills);
  }
  return { ok: true, value: { bills } };
};

const planted: readonly (readonly [string, Plant])[] = [
  [
    'an amount that is off by 10^-25',
    firstLine(({ amount }) => ({ amount: amount.plus('1e-25') })),
  ],
  [
    'an exact amount that is off by 10^-25',
    firstLine(({ exact }) => ({ exact: exact.plus('1e-25') })),
  ],
  [
    'a quantity that is off by 10^-25',
    firstLine(({ quantity }) => ({ quantity: quantity.plus('1e-25') })),
  ],
  ['a line of the wrong tier', firstLine(({ tier }) => ({ tier: (tier ?? 0) + 1 }))],
  ['a line that is left out', afterwards((bill) => ({ ...bill, lines: bill.lines.slice(1) }))],
  ['a total that is off', afterwards((bill) => ({ ...bill, total: bill.total.plus('1e-25') }))],
  ['a warning that is not given', afterwards((bill) => ({ ...bill, warnings: [] }))],
  ['months that forget the ones before', anywhere(forgetful)],
  ['winter time all year', anywhere((input) => judgeLoad({ ...input, zone: 'Etc/GMT-1' }))],
  [
    'no rounding of intervals',
    misreading((each) => ({ ...each, rounding: { ...each.rounding, interval: undefined } })),
  ],
  [
    'no rounding of the bill',
    misreading((each) => ({ ...each, rounding: { ...each.rounding, bill: undefined } })),
  ],
  [
    'seasons that end a day early',
    misreading((document) => ({
      ...document,
      calendars: document.calendars.map((calendar) => ({
        ...calendar,
        seasons: calendar.seasons.map((season) => ({
          ...season,
          spans: season.spans.filter(({ from, through }) => from !== through),
        })),
      })),
    })),
  ],
  [
    'tiers by the month for tiers by the bill',
    componentwise((each) =>
      each.kind === 'energy' && each.tiers?.reset === 'bill'
        ? { ...each, tiers: { ...each.tiers, reset: 'month' } }
        : each,
    ),
  ],
  [
    'tiers in proportion for tiers in time order',
    componentwise((each) =>
      each.kind === 'energy' && each.tiers?.allocation === 'chronological'
        ? { ...each, tiers: { ...each.tiers, allocation: 'proportional' } }
        : each,
    ),
  ],
  [
    'gross registers for net ones',
    componentwise((each) =>
      each.kind === 'netting' && each.method === 'interval'
        ? { ...each, method: 'buyAllSellAll' }
        : each,
    ),
  ],
  [
    'estimates that make peaks',
    componentwise((each) => (each.kind === 'demand' ? { ...each, countsEstimates: true } : each)),
  ],
  [
    'windows that do not slide',
    componentwise((each) => (each.kind === 'demand' ? { ...each, sliding: false } : each)),
  ],
  [
    'ratchets that are left out',
    componentwise((each) => (each.kind === 'demand' ? { ...each, ratchets: [] } : each)),
  ],
  [
    'prices without their mean over an hour',
    componentwise((each) =>
      each.kind === 'dynamic' ? { ...each, resolutionMinutes: undefined } : each,
    ),
  ],
  [
    'taxes rounded once for once a line',
    componentwise((each) => (each.kind === 'tax' ? { ...each, each: 'sum' } : each)),
  ],
  [
    'credits that are not settled at the end of the year',
    componentwise((each) =>
      each.kind === 'netting' && 'trueUp' in each ? { ...each, trueUp: undefined } : each,
    ),
  ],
];

describe('a planted fault is found', () => {
  test.each(planted)('%s', (_, { judge, concerns }) => {
    const isFound = (seed: number): boolean => {
      const drawn = randomCase(seed);
      return concerns(drawn.documents) && verdictOf(drawn, judge).outcome === 'differ';
    };
    let seed = 0;
    while (seed < 2_000 && !isFound(seed)) seed += 1;
    expect(seed).toBeLessThan(2_000);
  });
});
