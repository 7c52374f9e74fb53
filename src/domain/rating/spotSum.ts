import type { CompiledTariff } from './compiled.ts';
import type { SlotColumns } from './folds.ts';

export type SpotSum = {
  /** Units times price, in 1/denominator currency a kWh. */
  readonly sum: bigint;
  /** The first slot with data that has no price, counted from the bill's first; Infinity: none. */
  readonly unpricedSlot: number;
  /** Slots with data whose price stands in for a missing one. */
  readonly provisionalSlots: number;
};

type Range = {
  /** Into the columns. */
  readonly from: number;
  readonly count: number;
  readonly firstInBill: number;
};

/** Slots summed in one go; more make the check of a chunk fail more often, fewer cost flushes. */
const chunkSlots = 1_024;

/**
 * The sum of products of a chunk, or NaN where it is not exact or a value is missing. Products and
 * their partial sums are integers no larger than (sum of units) x (largest price): below 2^53 each
 * step was exact. Four sums side by side, because one alone waits for each addition.
 */
export function sumOfProducts(
  units: Float64Array,
  prices: Float64Array,
  at: {
    readonly from: number;
    readonly to: number;
    readonly shift: number;
    readonly priceMax: number;
  },
): number {
  const { from, to, shift } = at;
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let unitSum = 0;
  let index = from;
  for (; index + 3 < to; index += 4) {
    const a = units[index];
    const b = units[index + 1];
    const c = units[index + 2];
    const d = units[index + 3];
    unitSum += a + b + c + d;
    first += a * prices[index + shift];
    second += b * prices[index + shift + 1];
    third += c * prices[index + shift + 2];
    fourth += d * prices[index + shift + 3];
  }
  for (; index < to; index += 1) {
    unitSum += units[index];
    first += units[index] * prices[index + shift];
  }
  // NaN, from missing data or a missing price, is not below anything.
  return unitSum * at.priceMax < Number.MAX_SAFE_INTEGER
    ? first + second + third + fourth
    : Number.NaN;
}

type Slow = { sum: bigint; unpricedSlot: number };

/** One by one, for chunks with gaps and for numbers beyond the safe integers. */
function addOneByOne(
  compiled: CompiledTariff,
  spot: number,
  part: Range & { readonly units: Float64Array },
  into: Slow,
): void {
  const { prices, wide } = compiled.spots[spot];
  for (let index = 0; index < part.count; index += 1) {
    const units = part.units[part.from + index];
    if (!(units >= 0)) continue; // no data
    const slot = part.firstInBill + index;
    if (Number.isNaN(prices[slot])) into.unpricedSlot = Math.min(into.unpricedSlot, slot);
    else into.sum += BigInt(units) * (wide === null ? BigInt(prices[slot]) : wide[slot]);
  }
}

function provisionalOf(flags: Uint8Array | null, units: Float64Array, range: Range): number {
  if (flags === null) return 0;
  let slots = 0;
  for (let index = 0; index < range.count; index += 1) {
    if (flags[range.firstInBill + index] !== 0 && units[range.from + index] >= 0) slots += 1;
  }
  return slots;
}

export function sumSpot(
  compiled: CompiledTariff,
  spot: number,
  slots: Pick<SlotColumns, 'columns'>,
  range: Range,
): SpotSum {
  const { flow, prices, wide, priceMax, isProvisional } = compiled.spots[spot];
  const units = slots.columns[compiled.channels.indexOf(flow)];
  if (units === null) return { sum: 0n, unpricedSlot: Infinity, provisionalSlots: 0 };
  const into: Slow = { sum: 0n, unpricedSlot: Infinity };
  const shift = range.firstInBill - range.from;
  const end = range.from + range.count;
  for (let from = range.from; from < end; from += chunkSlots) {
    const to = Math.min(end, from + chunkSlots);
    const chunk =
      wide === null ? sumOfProducts(units, prices, { from, to, shift, priceMax }) : Number.NaN;
    if (Number.isNaN(chunk)) {
      const part = { units, from, count: to - from, firstInBill: from + shift };
      addOneByOne(compiled, spot, part, into);
    } else into.sum += BigInt(chunk);
  }
  return { ...into, provisionalSlots: provisionalOf(isProvisional, units, range) };
}
