import { add, divideRounded, fraction, zero } from '../../src/domain/exact.ts';
import type { Fraction } from '../../src/domain/exact.ts';
import { exactText } from '../../src/domain/exactText.ts';
import { differencesOf } from '../../src/domain/judge/agreement.ts';
import { judgeLoad } from '../../src/domain/judge/judge.ts';
import type { Load } from '../../src/domain/rating/load.ts';
import { rateLoad } from '../../src/domain/rating/rateLoad.ts';
import type { MonthBill } from '../../src/domain/rating/rateLoad.ts';
import { parseAttributes } from '../../src/domain/tariff/attributes.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import type { AttributesShape } from '../../src/domain/tariff/shape.ts';
import type { Answer } from './answer.ts';

/** The months of a load, and what the agreement says of itself. */
export type RoadInput = {
  /** A tariff file: a document, or versions of one. */
  readonly tariff: unknown;
  readonly load: Load;
  readonly zone: string;
  readonly attributes?: AttributesShape;
};

export type Register = 'import' | 'export' | 'q1' | 'q2' | 'q3' | 'q4';

/** Whole Wh and varh of consecutive intervals. */
export function loadOf(
  span: { readonly fromMs: number; readonly minutes: number },
  registers: Partial<Record<Register, readonly number[]>>,
): Load {
  const { import: used = [], export: generated, q1, q2, q3, q4 } = registers;
  const empty = () => new Float64Array(used.length);
  const column = (values: readonly number[] | undefined) =>
    values === undefined ? empty() : Float64Array.from(values);
  const isReactive = [q1, q2, q3, q4].some((values) => values !== undefined);
  return {
    fromMs: span.fromMs,
    intervalMs: span.minutes * 60_000,
    unitsPerWh: 1,
    import: column(used),
    export: generated === undefined ? null : column(generated),
    reactive: isReactive
      ? { q1: column(q1), q2: column(q2), q3: column(q3), q4: column(q4) }
      : null,
    estimated: null,
  };
}

function windowOf({ load }: RoadInput): { fromMs: number; toMs: number } {
  return { fromMs: load.fromMs, toMs: load.fromMs + load.import.length * load.intervalMs };
}

/** The road that a tariff file takes everywhere: parsed, compiled, summed and finished. */
export function rateRoad(input: RoadInput): readonly MonthBill[] {
  const documents = parseTariffFile(input.tariff);
  if (!documents.ok) {
    const where = documents.path?.join('.') ?? '';
    throw new Error(`${documents.code}: ${where}: ${documents.message}`);
  }
  const attributes = parseAttributes(input.attributes ?? {});
  if (!attributes.ok) throw new Error(`${attributes.code}: ${attributes.message}`);
  const rated = rateLoad({
    documents: documents.value,
    load: input.load,
    zone: input.zone,
    ...windowOf(input),
    attributes: attributes.value,
  });
  if (!rated.ok) throw new Error(`${rated.code}: ${rated.message}`);
  return rated.value.bills;
}

/** The sum of a bill's lines by the names of their components. */
export function sumOf(bill: MonthBill, components?: readonly string[]): Fraction {
  const lines = bill.lines.filter(
    ({ component }) => components === undefined || components.includes(component),
  );
  return lines.reduce((sum, { amount }) => add(sum, amount), zero);
}

/** Half away from zero to so many decimals, as the sources write their figures; no zeros at the
 * end. */
export function roundedText(value: Fraction, decimals: number): string {
  const scale = 10n ** BigInt(decimals);
  const scaled = divideRounded(value.numerator * scale, value.denominator, 'half-up');
  return exactText(fraction(scaled, scale));
}

function versionsOf(tariff: unknown): readonly unknown[] {
  const isFile = typeof tariff === 'object' && tariff !== null && 'versions' in tariff;
  return isFile && Array.isArray(tariff.versions) ? tariff.versions : [tariff];
}

/** The second engine over the same file and load: every line, quantity, price and amount. */
export function judgeDifference(
  name: string,
  input: RoadInput,
  bills: readonly MonthBill[],
): Answer {
  const { load, zone, attributes = {} } = input;
  const documents = versionsOf(input.tariff);
  const judged = judgeLoad({ documents, load, zone, ...windowOf(input), attributes });
  const both = `${name}, both engines`;
  if (!judged.ok)
    return { name: both, isRight: false, detail: `${judged.code}: ${judged.message}` };
  const [first] = differencesOf(bills, judged.value.bills);
  const lines = bills.reduce((sum, bill) => sum + bill.lines.length, 0);
  const detail = first ?? `${bills.length} bills, ${lines} lines`;
  return { name: both, isRight: first === undefined && lines > 0, detail };
}
