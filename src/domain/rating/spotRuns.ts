import { assert } from '../assert.ts';
import type { CompiledTariff } from './compiled.ts';
import type { Folds, SlotPiece } from './folds.ts';

/** Import at one spot price that is always known, and no more: the commonest dynamic tariff. */
export function isSpotAlone(compiled: CompiledTariff): boolean {
  const [spot] = compiled.spots;
  return (
    spot !== undefined &&
    compiled.spots.length === 1 &&
    compiled.channels.length === 1 &&
    compiled.windowTables.length === 0 &&
    !compiled.keepsSlots &&
    spot.flow === 'import' &&
    spot.wide === null &&
    spot.isProvisional === null
  );
}

/** NaN where a slot has no data. */
type RunSums = { units: number; product: number };

type RunRange = { readonly from: number; readonly to: number; readonly shift: number };

/**
 * Sums and products in one reading of the column, by runs; four of each side by side. Two numbers
 * are zero or more when their sum is not below their distance, which NaN is not either: one check
 * for two slots. Where rounding hides a negative one, the sum is too large to be exact.
 */
function sumBoth(units: Float64Array, prices: Float64Array, at: RunRange, into: RunSums): void {
  // 32-bit integers: the index of a slot came as a float64.
  const to = at.to | 0;
  const shift = at.shift | 0;
  let index = at.from | 0;
  let u0 = 0;
  let u1 = 0;
  let p0 = 0;
  let p1 = 0;
  let p2 = 0;
  let p3 = 0;
  into.units = Number.NaN;
  for (; index + 3 < to; index = (index + 4) | 0) {
    const slot = (index + shift) | 0;
    const a = units[index];
    const b = units[index + 1];
    const c = units[index + 2];
    const d = units[index + 3];
    const ab = a + b;
    const cd = c + d;
    if (!(ab >= Math.abs(a - b) && cd >= Math.abs(c - d))) return;
    u0 += ab;
    u1 += cd;
    p0 += a * prices[slot];
    p1 += b * prices[slot + 1];
    p2 += c * prices[slot + 2];
    p3 += d * prices[slot + 3];
  }
  for (; index < to; index = (index + 1) | 0) {
    const energy = units[index];
    if (!(energy >= 0)) return;
    u0 += energy;
    p0 += energy * prices[(index + shift) | 0];
  }
  into.units = u0 + u1;
  into.product = p0 + p1 + p2 + p3;
}

/** The same where four slots have one price: their energy is summed first. */
function sumByFour(units: Float64Array, prices: Float64Array, at: RunRange, into: RunSums): void {
  const to = at.to | 0;
  const shift = at.shift | 0;
  let index = at.from | 0;
  let u0 = 0;
  let u1 = 0;
  let p0 = 0;
  let p1 = 0;
  into.units = Number.NaN;
  for (; index + 7 < to; index = (index + 8) | 0) {
    const slot = (index + shift) | 0;
    const a = units[index];
    const b = units[index + 1];
    const c = units[index + 2];
    const d = units[index + 3];
    const e = units[index + 4];
    const f = units[index + 5];
    const g = units[index + 6];
    const h = units[index + 7];
    const ab = a + b;
    const cd = c + d;
    const ef = e + f;
    const gh = g + h;
    if (!(ab >= Math.abs(a - b) && cd >= Math.abs(c - d))) return;
    if (!(ef >= Math.abs(e - f) && gh >= Math.abs(g - h))) return;
    const first = ab + cd;
    const second = ef + gh;
    u0 += first;
    u1 += second;
    p0 += first * prices[slot];
    p1 += second * prices[slot + 4];
  }
  for (; index < to; index = (index + 1) | 0) {
    const energy = units[index];
    if (!(energy >= 0)) return;
    u0 += energy;
    p0 += energy * prices[(index + shift) | 0];
  }
  into.units = u0 + u1;
  into.product = p0 + p1;
}

const halves = new DataView(new ArrayBuffer(8));

/** BigInt(whole) of a safe integer by its two halves: the same, and several times as fast. */
function bigOf(whole: number): bigint {
  const high = Math.floor(whole / 4_294_967_296);
  halves.setInt32(4, high, true);
  halves.setUint32(0, whole - high * 4_294_967_296, true);
  return halves.getBigInt64(0, true);
}

/**
 * Adds a piece to the sums by bucket and to the one spot sum. False: a value or a price is missing,
 * or a number is too large; nothing has been added then, and the general way takes over.
 */
export function addSpotRuns(
  compiled: CompiledTariff,
  units: Float64Array,
  piece: SlotPiece,
  target: { readonly sums: Float64Array; readonly sumsAt: number; readonly folds: Folds },
): boolean {
  const { runEnds, bucketOfRun, spots } = compiled;
  const { prices, priceMax, isByFour } = spots[0];
  const { offset, count, firstInBill } = piece;
  const shift = firstInBill - offset;
  const end = offset + count;
  const run: RunSums = { units: Number.NaN, product: Number.NaN };
  // Most spot tariffs have no periods, and so one sum; a list of one costs more than the adding.
  const added = compiled.bucketCount === 1 ? null : new Float64Array(compiled.bucketCount);
  let whole = 0;
  let product = 0;
  let at = 0;
  while (runEnds[at] <= firstInBill) at += 1;
  for (let from = offset; from < end; at += 1) {
    const to = Math.min(end, runEnds[at] - shift);
    // A run that begins within a price has fours across two prices.
    const isFour = isByFour && (from + shift) % 4 === 0;
    if (isFour) sumByFour(units, prices, { from, to, shift }, run);
    else sumBoth(units, prices, { from, to, shift }, run);
    if (added !== null) added[bucketOfRun[at]] += run.units;
    whole += run.units;
    product += run.product;
    from = to;
  }
  // Each product and partial sum is an integer no larger than all units times the largest price.
  const isExact = whole * Math.max(1, priceMax) < Number.MAX_SAFE_INTEGER;
  if (!isExact || Number.isNaN(product)) return false;
  for (let bucket = 0; bucket < compiled.bucketCount; bucket += 1) {
    const sum = target.sums[target.sumsAt + bucket] + (added === null ? whole : added[bucket]);
    assert(Number.isSafeInteger(sum), 'sums are whole units below 2^53');
    target.sums[target.sumsAt + bucket] = sum;
  }
  target.folds.spotSums[0] += bigOf(product);
  return true;
}
