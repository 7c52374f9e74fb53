import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { assert } from '../../src/domain/assert.ts';
import { fraction } from '../../src/domain/exact.ts';
import type { Fraction } from '../../src/domain/exact.ts';
import type { Load } from '../../src/domain/rating/load.ts';
import { attributesShape } from '../../src/domain/tariff/shape.ts';

/**
 * A bill worked by hand: WHY.md has the arithmetic, tariff.json the document (or its versions),
 * readings.csv runs of equal intervals, bill.json what must come out. With a correction, the
 * `.corrected` files are rated too, and the difference of the totals is what is posted.
 */
const goldenDirectory = join(import.meta.dirname, 'golden');

/** A decimal, or a ratio of two where the decimals have no end. */
const number = z.string().regex(/^-?[0-9]+(?:\.[0-9]+)?(?:\/[0-9]+)?$/);
const line = z.strictObject({
  component: z.string(),
  kind: z.string(),
  period: z.string().nullable(),
  tier: z.int().nullable(),
  quantity: number,
  unit: z.string(),
  price: number.nullable(),
  exact: number,
  amount: number,
});
const bill = z.strictObject({
  label: z.string(),
  total: number,
  lines: z.array(line),
  /** Left out: whatever they are. */
  warnings: z.array(z.string()).optional(),
});
const caseShape = z.strictObject({
  zone: z.string(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  intervalMinutes: z.int(),
  attributes: attributesShape.default({}),
  bills: z.array(bill).default([]),
  refused: z.string().optional(),
  correction: z.strictObject({ bills: z.array(bill), difference: number }).optional(),
});
const fileShape = z.union([
  z.strictObject({ versions: z.array(z.unknown()).min(1) }),
  z.looseObject({ currency: z.string() }),
]);

export type GoldenLine = z.output<typeof line>;
export type GoldenBill = z.output<typeof bill>;
export type GoldenRun = {
  /** Document texts in order of validity. */
  readonly documents: readonly unknown[];
  readonly load: Load;
  readonly bills: readonly GoldenBill[];
};
export type GoldenCase = Omit<z.output<typeof caseShape>, 'bills' | 'correction'> & {
  readonly run: GoldenRun;
  readonly correction: (GoldenRun & { readonly difference: Fraction }) | null;
};

export function ratioOf(text: string): Fraction {
  const [top = '', bottom = '1'] = text.split('/');
  const [whole = '', part = ''] = top.split('.');
  return fraction(BigInt(whole + part), 10n ** BigInt(part.length) * BigInt(bottom));
}

const columns = ['import_wh', 'export_wh', 'q1_varh', 'q2_varh', 'q3_varh', 'q4_varh', 'estimated'];

/** Rows of start, count and the values of each interval; empty, and what no row names: no data. */
function readLoad(csv: string, intervalMs: number): Load {
  const [header = '', ...rows] = csv.trim().split('\n');
  const [start, count, ...names] = header.split(',');
  assert(start === 'start' && count === 'count', 'readings begin with start and count');
  for (const name of names) assert(columns.includes(name), `${name} is a column of readings`);
  const runs = rows.map((row) => {
    const [from = '', intervals = '', ...values] = row.split(',');
    return { fromMs: Date.parse(from), intervals: Number(intervals), values };
  });
  const fromMs = Math.min(...runs.map((run) => run.fromMs));
  const toMs = Math.max(...runs.map((run) => run.fromMs + run.intervals * intervalMs));
  const column = (name: string): Float64Array => {
    const energies = new Float64Array((toMs - fromMs) / intervalMs).fill(Number.NaN);
    const index = names.indexOf(name);
    for (const run of runs) {
      const value = index === -1 ? '0' : run.values[index];
      const first = (run.fromMs - fromMs) / intervalMs;
      assert(Number.isInteger(first), `${run.fromMs} is on the grid of the readings`);
      energies.fill(value ? Number(value) : Number.NaN, first, first + run.intervals);
    }
    return energies;
  };
  const reactive = names.some((name) => name.endsWith('_varh'));
  return {
    fromMs,
    intervalMs,
    unitsPerWh: 1,
    import: column('import_wh'),
    export: names.includes('export_wh') ? column('export_wh') : null,
    reactive: reactive
      ? {
          q1: column('q1_varh'),
          q2: column('q2_varh'),
          q3: column('q3_varh'),
          q4: column('q4_varh'),
        }
      : null,
    estimated: names.includes('estimated') ? Uint8Array.from(column('estimated')) : null,
  };
}

export const goldenNames: readonly string[] = readdirSync(goldenDirectory).toSorted();

export function whyOf(name: string): string {
  return readFileSync(join(goldenDirectory, name, 'WHY.md'), 'utf8');
}

export function readGoldenCase(name: string): GoldenCase {
  const directory = join(goldenDirectory, name);
  const text = (file: string): string => readFileSync(join(directory, file), 'utf8');
  const { bills, correction, ...rest } = caseShape.parse(JSON.parse(text('bill.json')));
  const intervalMs = rest.intervalMinutes * 60_000;
  const run = (suffix: string, expected: readonly GoldenBill[]): GoldenRun => {
    const corrected = (stem: string, ending: string): string =>
      text(
        existsSync(join(directory, `${stem}${suffix}${ending}`))
          ? `${stem}${suffix}${ending}`
          : `${stem}${ending}`,
      );
    const file = fileShape.parse(JSON.parse(corrected('tariff', '.json')));
    const documents = Array.isArray(file.versions) ? file.versions : [file];
    return {
      documents,
      load: readLoad(corrected('readings', '.csv'), intervalMs),
      bills: expected,
    };
  };
  return {
    ...rest,
    run: run('', bills),
    correction:
      correction === undefined
        ? null
        : {
            ...run('.corrected', correction.bills),
            difference: ratioOf(correction.difference),
          },
  };
}
