import { fraction, oneE8, product, roundTo } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { refuse } from '../outcome.ts';
import type { Refused } from '../outcome.ts';
import type { AttributeName, Base, Component, RoundingPoint } from '../tariff/component.ts';
import type { BillWarning, Carry, Line } from './bill.ts';
import type { CompiledComponent, CompiledTariff } from './compiled.ts';
import type { Folds } from './folds.ts';
import type { Accumulator } from './kernel.ts';
import type { Settlement } from './settlement.ts';

export type FinishRefusal = 'ATTRIBUTE_MISSING' | 'PRICE_MISSING' | 'REACTIVE_NOT_METERED';
/** Null: the component is on the bill as far as it belongs there. */
export type Finished = Refused<FinishRefusal> | null;

/** A bill while its components are worked out, in their order. */
export type BillDraft = {
  readonly compiled: CompiledTariff;
  readonly accumulator: Accumulator;
  readonly folds: Folds | null;
  readonly settlement: Settlement;
  /** The running form: nothing is rounded, and what belongs to the close is left out. */
  readonly isOpen: boolean;
  /** Billed days, of an open bill those up to now; and the same in real hours. */
  readonly days: Fraction;
  /** The same without those that carry no standing charge. */
  readonly standingDays: Fraction;
  readonly hours: Fraction;
  /** The bill's import, kWh. */
  readonly useKwh: Fraction;
  /** By component and span of its tiers, what is billed of flow net after the bank of credits. */
  readonly creditedKwh: Map<number, readonly (readonly Fraction[])[]>;
  readonly lines: Line[];
  /** By line, the index of its component. */
  readonly componentOfLine: number[];
  readonly warnings: BillWarning[];
  /** What this bill leaves: begins as what it got. */
  readonly carry: CarryDraft;
};

export type CarryDraft = {
  -readonly [Field in keyof Carry]: Carry[Field] extends ReadonlyMap<infer Key, infer Value>
    ? Map<Key, Value>
    : never;
};

export function carryDraftOf(carry: Carry): CarryDraft {
  return {
    tiers: new Map(carry.tiers),
    peaks: new Map(carry.peaks),
    energyCredits: new Map(carry.energyCredits),
    moneyCredits: new Map(carry.moneyCredits),
    minimumBase: new Map(carry.minimumBase),
  };
}

export const one: Fraction = { numerator: 1n, denominator: 1n };

export function fractionE8(valueE8: bigint): Fraction {
  return { numerator: valueE8, denominator: oneE8 };
}

export function wholeNumber(value: number | bigint): Fraction {
  return { numerator: BigInt(value), denominator: 1n };
}

/** A percentage at 10^-8 as a factor. */
export function shareOfPercent(percentE8: bigint): Fraction {
  return { numerator: percentE8, denominator: oneE8 * 100n };
}

/** Days of the bill as a part of its month or year. */
export function shareOfDays({ days }: Pick<BillDraft, 'days'>, whole: number): Fraction {
  return product(days, { numerator: 1n, denominator: BigInt(whole) });
}

/** Units of energy as kWh. */
export function kwhOf(compiled: CompiledTariff, units: bigint): Fraction {
  return { numerator: units, denominator: 1_000n * BigInt(compiled.unitsPerWh) };
}

export function roundAt(value: Fraction, point: RoundingPoint | null): Fraction {
  return point === null ? value : roundTo(value, fractionE8(point.stepE8), point.mode);
}

/** Where the lines of a component are rounded. */
export function linePointOf(draft: BillDraft, component: Component): RoundingPoint | null {
  if (draft.isOpen) return null;
  const { rounding } = draft.compiled;
  if (component.rounding !== null) return component.rounding;
  return (component.kind === 'tax' ? rounding.tax : null) ?? rounding.line;
}

/** Puts a line on the bill. `rounded` is what is rounded instead of `exact` where both differ. */
export function addLine(
  draft: BillDraft,
  index: number,
  line: Omit<Line, 'component' | 'amount'> & { readonly rounded?: Fraction },
): void {
  const { component } = draft.compiled.components[index];
  const { rounded, ...fields } = line;
  const amount = roundAt(rounded ?? line.exact, linePointOf(draft, component));
  draft.lines.push({ component: component.name, ...fields, amount });
  draft.componentOfLine.push(index);
}

/** Amounts, each after its own rounding, of the lines of components above. */
export function amountsOf(draft: BillDraft, base: Base): readonly Fraction[] {
  const wanted = new Set(base);
  return draft.lines
    .filter((_, at) => wanted.has(draft.componentOfLine[at]))
    .map(({ amount }) => amount);
}

/** What the agreement says, as a number; null: it does not say. */
export function attributeOf(draft: BillDraft, name: AttributeName): Fraction | null {
  const { attributes } = draft.settlement;
  const whole = (value: bigint | null): Fraction | null =>
    value === null ? null : fraction(value);
  const parts = (value: bigint | null): Fraction | null =>
    value === null ? null : fractionE8(value);
  switch (name) {
    case 'meters':
      return whole(attributes.meters);
    case 'phases':
      return whole(attributes.phases);
    case 'contractedKw':
      return parts(attributes.contractedKwE8);
    case 'fuseA':
      return parts(attributes.fuseAE8);
  }
}

export function refuseAttribute(
  component: string,
  attribute: string,
): Refused<'ATTRIBUTE_MISSING'> {
  const message = `${component} asks for ${attribute}, which the agreement does not say`;
  return refuse('ATTRIBUTE_MISSING', `${message}; add it to the agreement.`);
}

/** Units of a component's flow by period, over buckets [fromBucket, toBucket). */
export function unitsByPeriod(
  draft: BillDraft,
  { periodOfSuper }: CompiledComponent,
  part: {
    readonly channel: number;
    readonly fromBucket: number;
    readonly toBucket: number;
    readonly periodCount: number;
  },
): readonly bigint[] {
  const { compiled, accumulator } = draft;
  const { superPeriodOfBucket, bucketCount } = compiled;
  const units = new Float64Array(part.periodCount);
  const at = part.channel * bucketCount;
  for (let bucket = part.fromBucket; bucket < part.toBucket; bucket += 1) {
    units[periodOfSuper[superPeriodOfBucket[bucket]]] += accumulator.sums[at + bucket];
  }
  if (units.every(Number.isSafeInteger)) return Array.from(units, BigInt);
  // Sums of buckets are exact, their own sum as a float64 was not.
  const wide = Array.from(units, () => 0n);
  for (let bucket = part.fromBucket; bucket < part.toBucket; bucket += 1) {
    const period = periodOfSuper[superPeriodOfBucket[bucket]];
    wide[period] += BigInt(accumulator.sums[at + bucket]);
  }
  return wide;
}
