import { z } from 'zod';
import { fraction } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { carriedDigitsMax } from '../tariff/limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Carry } from './bill.ts';

/** An exact ratio as text in lowest terms: `12`, `-1/3`. */
const ratioText = z
  .string()
  .max(carriedDigitsMax)
  .regex(/^(?:0|-?[1-9][0-9]*)(?:\/[1-9][0-9]*)?$/);
const monthText = z.string().regex(/^[0-9]{4}-[0-9]{2}$/);

const carryShape = z.strictObject({
  tiers: z.record(z.string(), z.strictObject({ span: z.string(), usedKwh: ratioText })),
  peaks: z.record(
    z.string(),
    z.array(z.strictObject({ month: monthText, period: z.string().nullable(), peak: ratioText })),
  ),
  energyCredits: z.record(
    z.string(),
    z.array(z.strictObject({ period: z.string().nullable(), kwh: ratioText })),
  ),
  moneyCredits: z.record(z.string(), ratioText),
  minimumBase: z.record(z.string(), z.strictObject({ sum: ratioText, months: z.int().min(0) })),
});

/** A carry as plain data for storage. Equal carries give equal texts. */
export type CarryText = z.output<typeof carryShape>;

function textOf(value: Fraction): string {
  const { numerator, denominator } = fraction(value.numerator, value.denominator);
  return denominator === 1n ? String(numerator) : `${numerator}/${denominator}`;
}

function ratioOf(text: string): Fraction {
  const [numerator = '0', denominator = '1'] = text.split('/');
  return { numerator: BigInt(numerator), denominator: BigInt(denominator) };
}

/** In the order of the names' code units, which no locale changes. */
function sorted<Value, Text>(
  map: ReadonlyMap<string, Value>,
  encode: (value: Value) => Text,
): Record<string, Text> {
  const names = [...map.keys()].toSorted();
  const entries = names.flatMap((name) => {
    const value = map.get(name);
    return value === undefined ? [] : [[name, encode(value)] as const];
  });
  return Object.fromEntries(entries);
}

function byPeriod(left: { period: string | null }, right: { period: string | null }): number {
  const [a, b] = [left.period ?? '', right.period ?? ''];
  return a === b ? 0 : a < b ? -1 : 1;
}

export function encodeBillCarry(carry: Carry): CarryText {
  return {
    tiers: sorted(carry.tiers, ({ span, usedKwh }) => ({ span, usedKwh: textOf(usedKwh) })),
    peaks: sorted(carry.peaks, (peaks) =>
      peaks
        .map(({ month, period, peak }) => ({ month, period, peak: textOf(peak) }))
        .toSorted((left, right) =>
          left.month === right.month ? byPeriod(left, right) : left.month < right.month ? -1 : 1,
        ),
    ),
    energyCredits: sorted(carry.energyCredits, (credits) =>
      [...credits].map(([period, kwh]) => ({ period, kwh: textOf(kwh) })).toSorted(byPeriod),
    ),
    moneyCredits: sorted(carry.moneyCredits, textOf),
    minimumBase: sorted(carry.minimumBase, ({ sum, months }) => ({ sum: textOf(sum), months })),
  };
}

function mapOf<Text, Value>(
  record: Record<string, Text>,
  decode: (text: Text) => Value,
): Map<string, Value> {
  return new Map(Object.entries(record).map(([name, text]) => [name, decode(text)]));
}

export function decodeBillCarry(raw: unknown): Outcome<Carry, 'CARRY_MALFORMED'> {
  const malformed = refuse(
    'CARRY_MALFORMED',
    'What the month before left cannot be read; rate that month again from its readings.',
  );
  const shaped = carryShape.safeParse(raw);
  if (!shaped.success) return malformed;
  const { tiers, peaks, energyCredits, moneyCredits, minimumBase } = shaped.data;
  const carry: Carry = {
    tiers: mapOf(tiers, ({ span, usedKwh }) => ({ span, usedKwh: ratioOf(usedKwh) })),
    peaks: mapOf(peaks, (list) => list.map((each) => ({ ...each, peak: ratioOf(each.peak) }))),
    energyCredits: mapOf(
      energyCredits,
      (list) => new Map(list.map(({ period, kwh }) => [period, ratioOf(kwh)])),
    ),
    moneyCredits: mapOf(moneyCredits, ratioOf),
    minimumBase: mapOf(minimumBase, ({ sum, months }) => ({ sum: ratioOf(sum), months })),
  };
  // What was written here comes back as it was; anything else has been altered.
  return carryKey(encodeBillCarry(carry)) === carryKey(shaped.data) ? accept(carry) : malformed;
}

/** The same text for equal carries, whatever order their fields came in: jsonb keeps none. */
function carryKey(text: CarryText): string {
  const inOrder = <Text>(record: Record<string, Text>): readonly (readonly [string, Text])[] =>
    Object.entries(record).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([
    inOrder(text.tiers).map(([name, { span, usedKwh }]) => [name, span, usedKwh]),
    inOrder(text.peaks).map(([name, list]) => [
      name,
      list.map(({ month, period, peak }) => [month, period, peak]),
    ]),
    inOrder(text.energyCredits).map(([name, list]) => [
      name,
      list.map(({ period, kwh }) => [period, kwh]),
    ]),
    inOrder(text.moneyCredits),
    inOrder(text.minimumBase).map(([name, { sum, months }]) => [name, sum, months]),
  ]);
}

export function isSameCarry(left: Carry, right: Carry): boolean {
  return carryKey(encodeBillCarry(left)) === carryKey(encodeBillCarry(right));
}
