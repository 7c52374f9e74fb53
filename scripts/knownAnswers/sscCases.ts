import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { Line } from '../../src/domain/rating/bill.ts';
import type { MonthBill } from '../../src/domain/rating/rateLoad.ts';
import { importUrdb } from '../../src/wire/tariffs/urdb.ts';
import { answerOf } from './answer.ts';
import type { Answer, Answers, Compared } from './answer.ts';
import { judgeDifference, loadOf, rateRoad, roundedText, sumOf } from './road.ts';
import type { RoadInput } from './road.ts';
import { sscAsUrdb } from './sscUrdb.ts';
import { sscInputs, sscTariff } from './sscTariff.ts';
import type { SscSeries } from './sscTariff.ts';

/** The cases' year of 365 days begins on a Monday, as 2018 does; this zone knows no DST. */
const zone = 'Etc/GMT+8';
const from = '2018-01-01T00:00:00-08:00';
const fromMs = Date.UTC(2018, 0, 1, 8);
const hourMs = 3_600_000;
/** The expected amounts carry 9 places; longer ones were rounded half up. */
const places = 9;

const monthly = z.array(z.string()).length(12);
const expectedBills = z.object({
  energy: monthly,
  demandFlat: monthly.optional(),
  demandTou: monthly.optional(),
  fixed: monthly.optional(),
  minimum: monthly.optional(),
  bill: monthly,
  billCents: z.array(z.number().int()).length(12),
  annualBill: z.string(),
});
export type ExpectedBills = z.output<typeof expectedBills>;

const sscCase = z.object({
  id: z.string(),
  load: z.string(),
  gen: z.string().nullable(),
  inputs: sscInputs,
  expected: z.object({ withoutGen: expectedBills, withGen: expectedBills.optional() }),
});
const urdbCase = z.object({
  id: z.string(),
  urdbFile: z.string(),
  load: z.string(),
  ignoredUrdbFields: z.array(z.string()),
  expected: z.object({ withoutGen: expectedBills }),
});
const casesFile = z.object({
  series: z.record(z.string(), z.object({ sha256: z.string().optional() })),
  cases: z.array(sscCase),
  urdbCases: z.array(urdbCase),
});

/** Which of our components make one of the source's figures; all of them together the bill. */
export type ComponentsOf = { readonly [figure: string]: readonly string[] };

const sscComponents: ComponentsOf = {
  energy: ['energy', 'export', 'credits'],
  demandFlat: ['demandFlat'],
  demandTou: ['demandTou'],
  fixed: ['fixed'],
  minimum: ['minimum'],
};

/** Every monthly figure of a year: components and bill in exact decimals, the bill in cents. */
export function compareYear(
  bills: readonly MonthBill[],
  expected: ExpectedBills,
  componentsOf: ComponentsOf,
): readonly Compared[] {
  const { bill, billCents, annualBill, ...figures } = expected;
  const byFigure = Object.entries(figures).flatMap(([figure, amounts]) =>
    (amounts ?? []).map((amount, month) => ({ figure, month, amount })),
  );
  const counted = Object.values(componentsOf).flat();
  const billOf = (month: MonthBill) => sumOf(month, counted);
  const annual = bills
    .map(billOf)
    .reduce(
      (sum, value) => sum.plus(roundedText(value, 40)),
      new (Decimal.clone({ precision: 80 }))(0),
    );
  const at = (month: number, what: string) => `${bills[month]?.label ?? 'no bill'} ${what}`;
  const ours = (month: number, text: (found: MonthBill) => string) => {
    const found = bills[month];
    return found === undefined ? 'no bill' : text(found);
  };
  return [
    { at: 'bills', ours: String(bills.length), expected: '12' },
    ...byFigure.map(({ figure, month, amount }) => ({
      at: at(month, figure),
      ours: ours(month, (found) => roundedText(sumOf(found, componentsOf[figure] ?? []), places)),
      expected: new Decimal(amount).toFixed(),
    })),
    ...bill.map((amount, month) => ({
      at: at(month, 'bill'),
      ours: ours(month, (found) => roundedText(billOf(found), places)),
      expected: new Decimal(amount).toFixed(),
    })),
    ...billCents.map((cents, month) => ({
      at: at(month, 'bill in cents'),
      ours: ours(month, (found) => roundedText(billOf(found), 2)),
      expected: new Decimal(cents).div(100).toFixed(),
    })),
    {
      at: 'the year',
      ours: annual.toDecimalPlaces(places, Decimal.ROUND_HALF_UP).toFixed(),
      expected: new Decimal(annualBill).toFixed(),
    },
  ];
}

/** The generator that comes with the cases; the cases hold the hash of what it must make. */
async function openSeries(
  folder: string,
  hashes: Readonly<Record<string, { readonly sha256?: string | undefined }>>,
): Promise<SscSeries> {
  const generator: unknown = await import(pathToFileURL(path.join(folder, 'series.mjs')).href);
  const exported = z.record(z.string(), z.unknown()).parse(generator);
  const makerOf = new Map([
    ['load_res', exported['loadRes']],
    ['load_com', exported['loadCom']],
    ['pv_res', exported['pvRes']],
    ['load_com15', exported['loadCom15']],
    ['spot', exported['spot']],
  ]);
  const made = new Map<string, readonly number[]>();
  for (const [name, maker] of makerOf) {
    if (typeof maker !== 'function') throw new Error(`SERIES_MISSING: ${name} is not generated.`);
    const series = z.array(z.number().int()).parse(maker());
    const hash = createHash('sha256').update(series.join('\n')).digest('hex');
    if (hash !== hashes[name]?.sha256) throw new Error(`SERIES_CHANGED: ${name} has another hash.`);
    made.set(name, series);
  }
  return (name) => {
    const series = made.get(name);
    if (series === undefined) throw new Error(`SERIES_MISSING: ${name} is not generated.`);
    return series;
  };
}

export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

export type SscCases = z.output<typeof casesFile> & { readonly seriesOf: SscSeries };

export async function readSscCases(folder: string): Promise<SscCases> {
  const file = casesFile.parse(readJson(path.join(folder, 'ssc-cases.json')));
  return { ...file, seriesOf: await openSeries(folder, file.series) };
}

/** The year before, of which the source gives the peaks alone: one hour of each month. */
function yearBefore(peaksKw: readonly number[]): readonly number[] {
  return peaksKw.flatMap((kw, month) => {
    const hours = (Date.UTC(2017, month + 1, 1) - Date.UTC(2017, month, 1)) / hourMs;
    const peakWh = Number(new Decimal(kw).mul(1_000).toFixed());
    return [peakWh, ...Array.from({ length: hours - 1 }, () => 0)];
  });
}

/** One designed case as what the road takes, with or without generation. */
export function sscRoad(
  given: SscCases['cases'][number],
  seriesOf: SscSeries,
  isExporting: boolean,
): RoadInput {
  const before = yearBefore(given.inputs.arrays.ur_yearzero_usage_peaks ?? []);
  const registers = {
    import: [...before, ...seriesOf(given.load)],
    ...(isExporting && given.gen !== null ? { export: seriesOf(given.gen) } : {}),
  };
  return {
    tariff: sscTariff(given.inputs, { seriesOf, from, isExporting }),
    load: loadOf({ fromMs: fromMs - before.length * hourMs, minutes: 60 }, registers),
    zone,
  };
}

function check(
  name: string,
  input: RoadInput,
  expected: ExpectedBills,
  componentsOf: (bills: readonly MonthBill[]) => ComponentsOf,
): Answer[] {
  const bills = rateRoad(input);
  const ofYear = bills.filter(({ label }) => label.startsWith('2018-'));
  const values = compareYear(ofYear, expected, componentsOf(ofYear));
  const answer = answerOf(name, 'monthly figures in exact decimals', values);
  return [answer, judgeDifference(name, input, bills)];
}

/** A rate of the URDB over a year of hours from the first of January. */
export function urdbRoad(text: string, hourWh: readonly number[]): RoadInput {
  const imported = importUrdb(text);
  if (!imported.ok) throw new Error(`${imported.code}: ${imported.message}`);
  const load = loadOf({ fromMs, minutes: 60 }, { import: hourWh });
  return { tariff: imported.value.document, load, zone };
}

/** An imported rate's components by what they are; fixed charges only where the source has them. */
function urdbComponents(bills: readonly MonthBill[], isFixed: boolean): ComponentsOf {
  const lines = bills.flatMap((bill) => bill.lines);
  const named = (isAsked: (line: Line) => boolean) => [
    ...new Set(lines.filter(isAsked).map(({ component }) => component)),
  ];
  const isDemand = ({ kind }: Line) => kind === 'demand';
  const isFlat = ({ component }: Line) => component.includes('flat');
  return {
    energy: named(({ kind }) => kind === 'energy' || kind === 'credit'),
    demandFlat: named((line) => isDemand(line) && isFlat(line)),
    demandTou: named((line) => isDemand(line) && !isFlat(line)),
    fixed: isFixed ? named(({ kind }) => kind === 'fixed') : [],
  };
}

/** The same case as a rate of the URDB, over the same load. */
function checkAsUrdb(
  name: string,
  given: SscCases['cases'][number],
  like: { readonly road: RoadInput; readonly isExporting: boolean; readonly year: ExpectedBills },
): Answers {
  const text = sscAsUrdb(given.inputs, like.isExporting);
  if (text === null) {
    return { answers: [], leftOut: [`${name}: the database has no fields for what it needs`] };
  }
  const imported = importUrdb(text);
  if (!imported.ok) throw new Error(`${name}: ${imported.code}: ${imported.message}`);
  const input = { ...like.road, tariff: imported.value.document };
  const isFixed = like.year.fixed !== undefined;
  const answers = check(name, input, like.year, (bills) => ({
    ...urdbComponents(bills, isFixed),
    minimum: ['minimum'],
  }));
  return { answers, leftOut: [] };
}

/** Bills computed by NREL's ssc, of designed tariffs and of rates of the URDB. */
export async function sscAnswers(folder: string): Promise<Answers> {
  const { cases, urdbCases, seriesOf } = await readSscCases(folder);
  const answers: Answer[] = [];
  const leftOut: string[] = [];
  for (const given of cases) {
    const { withoutGen, withGen } = given.expected;
    const years = [
      { name: `ssc ${given.id}`, isExporting: false, year: withoutGen },
      { name: `ssc ${given.id}, generating`, isExporting: true, year: withGen },
    ];
    for (const { name, isExporting, year } of years) {
      if (year === undefined) continue;
      const road = sscRoad(given, seriesOf, isExporting);
      answers.push(...check(name, road, year, () => sscComponents));
      const asUrdb = checkAsUrdb(`${name}, as a URDB rate`, given, { road, isExporting, year });
      answers.push(...asUrdb.answers);
      leftOut.push(...asUrdb.leftOut);
    }
  }
  for (const { id, urdbFile, load, ignoredUrdbFields, expected } of urdbCases) {
    const input = urdbRoad(readFileSync(path.join(folder, urdbFile), 'utf8'), seriesOf(load));
    const isFixed = expected.withoutGen.fixed !== undefined;
    answers.push(
      ...check(`ssc ${id}`, input, expected.withoutGen, (bills) => urdbComponents(bills, isFixed)),
    );
    for (const field of ignoredUrdbFields) leftOut.push(`ssc ${id}: the source says: ${field}`);
  }
  return { answers, leftOut };
}
