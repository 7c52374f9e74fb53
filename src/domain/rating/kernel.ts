import { assert } from '../assert.ts';
import { add, divideRounded, fractionOfMicros, microsOf, roundTo, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { RoundingPoint, TariffRounding } from '../tariff/document.ts';
import type { CompiledTariff } from './compile.ts';

/**
 * What rating keeps of the readings of a period. Sums of two parts add up to the sum of the whole,
 * so parts may be rated apart and in any order. Nothing is ever taken out of an accumulator: a
 * maximum cannot be, so a corrected period is accumulated again.
 */
export type Accumulator = {
  /** By super period. Float64 holds whole Wh exactly up to 2^53, nine million GWh. */
  readonly sumWh: Float64Array;
  /** Slots with energy. */
  ratedSlots: number;
  /** Slots without data: they cost nothing and are shown, never taken for zero use. */
  missingSlots: number;
};

/** Energy of consecutive slots. */
export type SlotEnergies = {
  /** Whole Wh, zero or more; NaN marks a slot without data. */
  readonly slotWh: Float64Array;
  /** Where in `slotWh` to begin; 0 unless given. */
  readonly offset?: number;
  /** How many slots; all up to the end unless given. */
  readonly count?: number;
  /** The UTC slot number of the first one. */
  readonly firstSlot: number;
};

export function emptyAccumulator(compiled: CompiledTariff): Accumulator {
  const sumWh = new Float64Array(compiled.superPeriodCount);
  return { sumWh, ratedSlots: 0, missingSlots: 0 };
}

/** The run that holds a slot, the slot counted from the first of the table. */
function runAt(runEnds: Int32Array, slot: number): number {
  let low = 0;
  let high = runEnds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runEnds[middle] ?? 0) <= slot) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds slots that may be missing, one by one; returns the sum, and counts the missing. */
function addWithGaps(
  slotWh: Float64Array,
  range: { readonly from: number; readonly to: number },
  missing: { slots: number },
): number {
  let sumWh = 0;
  for (let index = range.from; index < range.to; index += 1) {
    const energyWh = slotWh[index] ?? Number.NaN;
    if (energyWh >= 0) sumWh += energyWh;
    else {
      assert(Number.isNaN(energyWh), 'a slot has zero or more Wh, or NaN for no data');
      missing.slots += 1;
    }
  }
  return sumWh;
}

/**
 * The inner loop of all rating: the sum of a run, or NaN when a slot of it has no data. Four sums
 * side by side, because one alone waits for each addition to finish. Without negative values a sum
 * that ends below 2^53 was exact at every step.
 */
function sumRun(slotWh: Float64Array, from: number, to: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let index = from;
  for (; index + 3 < to; index += 4) {
    const a = slotWh[index];
    const b = slotWh[index + 1];
    const c = slotWh[index + 2];
    const d = slotWh[index + 3];
    if (!(a >= 0 && b >= 0 && c >= 0 && d >= 0)) return Number.NaN; // NaN compares false
    first += a;
    second += b;
    third += c;
    fourth += d;
  }
  for (; index < to; index += 1) {
    const energyWh = slotWh[index];
    if (!(energyWh >= 0)) return Number.NaN;
    first += energyWh;
  }
  return first + second + third + fourth;
}

/** Adds `count` slots into `sums` at `sumsAt` and returns how many were missing. */
export function sumSlots(
  compiled: CompiledTariff,
  energies: Required<SlotEnergies>,
  target: { readonly sums: Float64Array; readonly sumsAt: number },
): number {
  const { slotWh, offset, count } = energies;
  const { runEnds, superPeriodOfRun } = compiled;
  const { sums, sumsAt } = target;
  const firstInTable = energies.firstSlot - compiled.firstSlot;
  assert(firstInTable >= 0 && count >= 0, 'the slots are not before the compiled window');
  assert(firstInTable + count <= compiled.slotCount, 'the slots are not after the window');
  assert(offset >= 0 && offset + count <= slotWh.length, 'the slots are within their column');
  assert(Number.isInteger(firstInTable + offset + count), 'slots are counted in whole numbers');
  // From here on 32-bit integers: an instant's slot number came as a float64.
  const end = (offset + count) | 0;
  const shift = (offset - firstInTable) | 0;
  const missing = { slots: 0 };
  let from = offset | 0;
  for (let run = runAt(runEnds, firstInTable | 0); from < end; run += 1) {
    const to = Math.min(end, (shift + runEnds[run]) | 0);
    assert(to > from, 'the runs cover the window');
    const at = sumsAt + superPeriodOfRun[run];
    const runWh = sumRun(slotWh, from, to);
    const sumWh = sums[at] + (runWh >= 0 ? runWh : addWithGaps(slotWh, { from, to }, missing));
    assert(Number.isSafeInteger(sumWh), 'sums are whole Wh below 2^53');
    sums[at] = sumWh;
    from = to;
  }
  return missing.slots;
}

/** Adds slots to `into`, or to a new accumulator, and returns it. */
export function accumulate(
  compiled: CompiledTariff,
  energies: SlotEnergies,
  into: Accumulator = emptyAccumulator(compiled),
): Accumulator {
  assert(into.sumWh.length === compiled.superPeriodCount, 'the accumulator is of this tariff');
  const { slotWh, firstSlot, offset = 0 } = energies;
  const count = energies.count ?? slotWh.length - offset;
  const target = { sums: into.sumWh, sumsAt: 0 };
  const missingSlots = sumSlots(compiled, { slotWh, firstSlot, offset, count }, target);
  into.missingSlots += missingSlots;
  into.ratedSlots += count - missingSlots;
  return into;
}

/** Of two parts of one period, or of two windows of one document; neither is changed. */
export function merge(left: Accumulator, right: Accumulator): Accumulator {
  assert(left.sumWh.length === right.sumWh.length, 'both accumulators are of one tariff');
  const sumWh = left.sumWh.map((valueWh, index) => valueWh + (right.sumWh[index] ?? Number.NaN));
  assert(sumWh.every(Number.isSafeInteger), 'sums are whole Wh below 2^53');
  return {
    sumWh,
    ratedSlots: left.ratedSlots + right.ratedSlots,
    missingSlots: left.missingSlots + right.missingSlots,
  };
}

export type Line = {
  readonly component: string;
  readonly kind: 'energy';
  readonly period: string;
  readonly quantityWh: bigint;
  /** 10^-8 currency units a kWh. */
  readonly priceE8: bigint;
  /** Currency units. */
  readonly exact: Fraction;
  /** Rounded where the tariff rounds lines, otherwise the exact amount. */
  readonly amount: Fraction;
};

/** Wh times 10^-8 currency a kWh is 10^-11 currency. */
const exactDenominator = 100_000_000_000n;
/** The same in micro-units: 10^-11 over 10^-6. */
const exactPerMicro = 100_000n;

function roundAt(value: Fraction, point: RoundingPoint | null): Fraction {
  return point === null ? value : roundTo(value, fractionOfMicros(point.stepMicros), point.mode);
}

/** The bill's lines: one for each component and period in the order of the document, also
 * where nothing was used, so that the lines of two runs stand side by side. */
export function finish(compiled: CompiledTariff, accumulator: Accumulator): Line[] {
  assert(accumulator.sumWh.length === compiled.superPeriodCount, 'the sums are of this tariff');
  const lines: Line[] = [];
  for (const { kind, name, periods, periodOfSuper } of compiled.components) {
    for (const [index, period] of periods.entries()) {
      let quantityWh = 0n;
      for (const [superPeriod, periodIndex] of periodOfSuper.entries()) {
        if (periodIndex === index)
          quantityWh += BigInt(accumulator.sumWh[superPeriod] ?? Number.NaN);
      }
      const numerator = quantityWh * period.priceE8;
      const exact = { numerator, denominator: exactDenominator };
      lines.push({
        component: name,
        kind,
        period: period.name,
        quantityWh,
        priceE8: period.priceE8,
        exact,
        amount: roundAt(exact, compiled.rounding.line),
      });
    }
  }
  return lines;
}

/** The running form, for prepaid: the exact sum, rounded half-even to a micro-unit once. What the
 * tariff's own rounding makes of it is posted when the period closes. */
export function chargeMicros(lines: readonly Line[]): bigint {
  return microsOf(lines.reduce((sum, line) => add(sum, line.exact), zero));
}

/** chargeMicros(finish(...)) without the lines: what live rating calls for every agreement. */
export function runningMicros(compiled: CompiledTariff, sums: Float64Array, sumsAt = 0): bigint {
  assert(sumsAt + compiled.superPeriodCount <= sums.length, 'the sums are of this tariff');
  let totalE11 = 0;
  for (let superPeriod = 0; superPeriod < compiled.superPeriodCount; superPeriod += 1) {
    const energyWh = sums[sumsAt + superPeriod] ?? Number.NaN;
    const product = energyWh * (compiled.sumPriceNumbersE8[superPeriod] ?? Number.NaN);
    totalE11 += product;
    // A float64 product or sum that is inexact is beyond the safe integers.
    if (!Number.isSafeInteger(product) || !Number.isSafeInteger(totalE11)) {
      return runningMicrosWide(compiled, sums, sumsAt);
    }
  }
  return BigInt(divideHalfEven(totalE11, Number(exactPerMicro)));
}

/** Of safe integers; the divisor is even and positive. */
function divideHalfEven(dividend: number, divisor: number): number {
  const remainder = dividend % divisor; // exact, with the sign of the dividend
  const quotient = (dividend - remainder) / divisor;
  const half = divisor / 2;
  const size = Math.abs(remainder);
  if (size < half || (size === half && quotient % 2 === 0)) return quotient;
  return remainder < 0 ? quotient - 1 : quotient + 1;
}

function runningMicrosWide(compiled: CompiledTariff, sums: Float64Array, sumsAt: number): bigint {
  let totalE11 = 0n;
  for (const [superPeriod, priceE8] of compiled.sumPricesE8.entries()) {
    totalE11 += BigInt(sums[sumsAt + superPeriod] ?? Number.NaN) * priceE8;
  }
  return divideRounded(totalE11, exactPerMicro, 'half-even');
}

export type ClosedBill = {
  /** By line, what is posted for it. */
  readonly lineMicros: readonly bigint[];
  /** The visible difference between the rounded bill and the sum of its lines; often 0. */
  readonly roundingMicros: bigint;
  readonly totalMicros: bigint;
};

/** The closed form: the tariff's rounding applied. Lines and rounding sum to the total. */
export function closeBill(lines: readonly Line[], rounding: TariffRounding): ClosedBill {
  // A rounding step is a whole number of micro-units, so rounded lines are exact here.
  const lineMicros = lines.map((line) => microsOf(roundAt(line.exact, rounding.line)));
  const sum = lines.reduce((total, line) => add(total, roundAt(line.exact, rounding.line)), zero);
  const totalMicros = microsOf(roundAt(sum, rounding.bill));
  const sumMicros = lineMicros.reduce((total, micros) => total + micros, 0n);
  return { lineMicros, roundingMicros: totalMicros - sumMicros, totalMicros };
}

export function billMicros(lines: readonly Line[], rounding: TariffRounding): bigint {
  return closeBill(lines, rounding).totalMicros;
}
