import { assert } from '../assert.ts';
import { add, compare, fraction, parseDecimal, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { exactText } from '../exactText.ts';
import { differencesOf } from '../judge/agreement.ts';
import { judgeLoad } from '../judge/judge.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { parseAttributes } from '../tariff/attributes.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { instantOfLocal } from '../tariff/localTime.ts';
import type { ExampleShape } from '../tariff/shape.ts';
import { minuteMs } from '../time/civil.ts';
import type { Load } from './load.ts';
import { rateLoad } from './rateLoad.ts';
import type { MonthBill, RateRefusal } from './rateLoad.ts';

/** A golden example of a document, and what came out. */
export type ExampleResult = {
  readonly name: string;
  /** Index among the document's examples. */
  readonly index: number;
  readonly outcome: Outcome<null, ExampleCode>;
};

export type ExampleCode =
  | RateRefusal
  /** The bill is not the one that the example expects. */
  | 'TARIFF_EXAMPLE_FAILED'
  /** An example that names no zone, of a tariff that has none. */
  | 'TARIFF_EXAMPLE_WITHOUT_ZONE'
  /** The two engines do not agree about it: the fault is ours, and nothing is billed so. */
  | 'ENGINES_DIFFER';

type Piece = ExampleShape['load'][number];

const energyFields = {
  import: 'importKwh',
  export: 'exportKwh',
  q1: 'q1Kvarh',
  q2: 'q2Kvarh',
  q3: 'q3Kvarh',
  q4: 'q4Kvarh',
} as const;
type Register = keyof typeof energyFields;

/** Whole Wh as even as can be: n intervals of a total W get W/n, rounded so that the sum is W. */
function spreadEvenly(
  column: Float64Array,
  span: { first: number; after: number },
  energyWh: bigint,
): void {
  const { first, after } = span;
  const count = BigInt(after - first);
  for (let at = first; at < after; at += 1) {
    const index = BigInt(at - first);
    const upTo = (energyWh * (index + 1n)) / count;
    column[at] = (column[at] ?? 0) + Number(upTo - (energyWh * index) / count);
  }
}

function columnOf(
  pieces: readonly Piece[],
  register: Register,
  grid: { readonly length: number; indexOf(text: string): number },
): Float64Array | null {
  const field = energyFields[register];
  if (pieces.every((piece) => piece[field] === undefined)) return null;
  const column = new Float64Array(grid.length);
  for (const piece of pieces) {
    const energyWh = parseDecimal(piece[field] ?? '0', 3);
    assert(energyWh.ok, 'the parser has read the energies of examples');
    const span = { first: grid.indexOf(piece.from), after: grid.indexOf(piece.to) };
    spreadEvenly(column, span, energyWh.value);
  }
  return column;
}

/** The load that an example describes; hours that the clocks skip or repeat are real hours. */
function loadOf(example: ExampleShape, zone: string): Load {
  const fromMs = instantOfLocal(zone, example.from);
  const intervalMs = example.intervalMinutes * minuteMs;
  const indexOf = (text: string): number =>
    Math.round((instantOfLocal(zone, text) - fromMs) / intervalMs);
  const grid = { length: indexOf(example.to), indexOf };
  const column = (register: Register) => columnOf(example.load, register, grid);
  const quadrants = [column('q1'), column('q2'), column('q3'), column('q4')];
  const empty = (found: Float64Array | null | undefined) => found ?? new Float64Array(grid.length);
  const [q1, q2, q3, q4] = quadrants.map(empty);
  return {
    fromMs,
    intervalMs,
    unitsPerWh: 1,
    import: column('import') ?? new Float64Array(grid.length),
    export: column('export'),
    reactive:
      quadrants.every((found) => found === null) || !q1 || !q2 || !q3 || !q4
        ? null
        : { q1, q2, q3, q4 },
    estimated: null,
  };
}

function expectedOf(text: string): Fraction {
  const parsed = parseDecimal(text, 18);
  assert(parsed.ok, 'the parser has read the amounts of examples');
  return fraction(parsed.value, 10n ** 18n);
}

/** One bill is expected; a version that ends within the example makes two, which then add up. */
function compareBills(example: ExampleShape, bills: readonly MonthBill[]): readonly string[] {
  const lines = bills.flatMap((bill) => bill.lines);
  const total = bills.reduce<Fraction>((sum, bill) => add(sum, bill.total), zero);
  const pairs = [
    { what: 'total', got: total, expected: expectedOf(example.expect.total) },
    ...Object.entries(example.expect.components ?? {}).map(([name, amount]) => ({
      what: name,
      got: lines
        .filter(({ component }) => component === name)
        .reduce<Fraction>((sum, line) => add(sum, line.amount), zero),
      expected: expectedOf(amount),
    })),
  ];
  return pairs
    .filter(({ got, expected }) => compare(got, expected) !== 0)
    .map(
      ({ what, got, expected }) => `${what} is ${exactText(got)}, expected ${exactText(expected)}`,
    );
}

function runExample(
  document: TariffDocument,
  example: ExampleShape,
  text: unknown,
): Outcome<null, ExampleCode> {
  const zone = document.zone ?? example.zone;
  if (zone === undefined) {
    const message = `The example "${example.name}" has no zone, and neither has the tariff.`;
    return refuse('TARIFF_EXAMPLE_WITHOUT_ZONE', `${message} Give it one.`);
  }
  const load = loadOf(example, zone);
  const attributes = parseAttributes(example.attributes ?? {});
  assert(attributes.ok, 'the parser has read the attributes of examples');
  const window = {
    zone,
    fromMs: load.fromMs,
    toMs: load.fromMs + load.import.length * load.intervalMs,
  };
  const rated = rateLoad({ documents: [document], load, ...window, attributes: attributes.value });
  if (!rated.ok) return rated;
  const wrong = compareBills(example, rated.value.bills);
  if (wrong.length > 0) {
    const message = `The example "${example.name}" gives another bill: ${wrong.join('; ')}.`;
    return refuse('TARIFF_EXAMPLE_FAILED', `${message} Correct the tariff or the example.`);
  }
  const judged = judgeLoad({
    documents: [text],
    load,
    ...window,
    attributes: example.attributes ?? {},
  });
  if (!judged.ok) return refuse('ENGINES_DIFFER', judged.message);
  const [difference] = differencesOf(rated.value.bills, judged.value.bills);
  return difference === undefined ? accept(null) : refuse('ENGINES_DIFFER', difference);
}

/** Every golden example of a document through both engines; `text` is the document as written. */
export function runExamples(document: TariffDocument, text: unknown): readonly ExampleResult[] {
  return document.examples.map((example, index) => {
    const outcome = runExample(document, example, text);
    const path = ['examples', String(index)];
    return { name: example.name, index, outcome: outcome.ok ? outcome : { ...outcome, path } };
  });
}
