import { assert } from '../assert.ts';
import { oneE8 } from '../exact.ts';
import type { DynamicComponent } from '../tariff/component.ts';
import type { TariffDocument } from '../tariff/document.ts';
import type { PriceSeries } from '../tariff/priceSeries.ts';
import { minuteMs } from '../time/civil.ts';
import { offsetSegments } from '../time/zone.ts';
import type { OffsetSegment } from '../time/zone.ts';
import type { CompileWindow } from './compile.ts';
import { sharedFloat64, sharedUint8 } from './compiled.ts';
import type { SpotPrices } from './compiled.ts';

/** A stretch of an hour has 1 to 4 prices of a series, and half an hour of Lord Howe's 1 or 2; 12
 * is a multiple of all these counts, so that every mean is an integer of twelfths. */
const meanParts = 12n;

type Stretch = { readonly fromMs: number; readonly toMs: number };

/** Where the price of an instant is worked out over: the local stretch, or the slot alone. */
function stretchAt(
  segments: readonly OffsetSegment[],
  slot: Stretch,
  resolutionMinutes: number | null,
): Stretch {
  if (resolutionMinutes === null) return slot;
  const segment = segments.find(({ endMs }) => slot.fromMs < endMs);
  assert(segment !== undefined, 'the segments cover the bill');
  const { startMs, endMs, offsetMs } = segment;
  const lengthMs = resolutionMinutes * minuteMs;
  const localMs = slot.fromMs + offsetMs;
  const fromMs = localMs - (((localMs % lengthMs) + lengthMs) % lengthMs) - offsetMs;
  return { fromMs: Math.max(startMs, fromMs), toMs: Math.min(endMs, fromMs + lengthMs) };
}

/** The simple mean of a series over a stretch, in twelfths of 10^-8; null when one is missing. */
function meanOver(series: PriceSeries, stretch: Stretch): bigint | null {
  const first = Math.floor((stretch.fromMs - series.fromMs) / series.stepMs);
  const end = Math.ceil((stretch.toMs - series.fromMs) / series.stepMs);
  let sum = 0n;
  for (let index = first; index < end; index += 1) {
    const priceE8 = series.pricesE8[index] ?? null;
    if (priceE8 === null) return null;
    sum += priceE8;
  }
  const count = BigInt(end - first);
  assert(meanParts % count === 0n, 'a stretch has one to four prices');
  return (sum * meanParts) / count;
}

/** The last price that is known before a stretch. */
function lastBefore(series: PriceSeries, stretch: Stretch): bigint | null {
  const end = Math.ceil((stretch.fromMs - series.fromMs) / series.stepMs);
  for (let index = Math.min(end, series.pricesE8.length) - 1; index >= 0; index -= 1) {
    const priceE8 = series.pricesE8[index] ?? null;
    if (priceE8 !== null) return priceE8 * meanParts;
  }
  return null;
}

type SlotPrice = { readonly price: bigint; readonly isProvisional: boolean } | null;

/** Prices of a series are integers at 10^-8, and so are factors and means' twelfths of them. */
const scale = meanParts * oneE8;

/** Integers of 1/(12 x 10^16) currency a kWh. */
function slotPriceOf(
  component: DynamicComponent,
  series: PriceSeries | undefined,
  stretch: Stretch,
): SlotPrice {
  const { missing, factorE8, adderE8, capE8, floorE8 } = component;
  const known = series === undefined ? null : meanOver(series, stretch);
  let mean = known;
  if (mean === null) {
    if (missing === 'refuse') return null;
    if (missing !== 'last') return { price: missing.priceE8 * scale, isProvisional: true };
    mean = series === undefined ? null : lastBefore(series, stretch);
    if (mean === null) return null;
  }
  let price = mean * factorE8 + adderE8 * scale;
  if (capE8 !== null && price > capE8 * scale) price = capE8 * scale;
  if (floorE8 !== null && price < floorE8 * scale) price = floorE8 * scale;
  return { price, isProvisional: known === null };
}

function commonDivisor(prices: readonly (SlotPrice | null)[], start: bigint): bigint {
  let divisor = start;
  for (const found of prices) {
    let other = found === null ? 0n : found.price < 0n ? -found.price : found.price;
    while (other !== 0n) [divisor, other] = [other, divisor % other];
    if (divisor === 1n) return divisor;
  }
  return divisor;
}

function uniformOf(prices: readonly SlotPrice[], divisor: bigint): bigint | null {
  const first = prices[0];
  if (first === null || prices.some((each) => each?.price !== first.price)) return null;
  return first.price / divisor;
}

export function seriesOf(
  component: DynamicComponent,
  context: { readonly document: TariffDocument; readonly window: Required<CompileWindow> },
): PriceSeries | undefined {
  const { document, window } = context;
  const { series: wanted } = component;
  return window.prices.get(wanted) ?? document.priceSeries.find(({ name }) => name === wanted);
}

/** The price of each slot of a bill, in the largest unit in which all are whole. */
export function spotPricesOf(
  component: DynamicComponent,
  context: {
    readonly document: TariffDocument;
    readonly window: Required<CompileWindow>;
  },
): SpotPrices {
  const { fromMs, toMs, slotMs, zone } = context.window;
  const series = seriesOf(component, context);
  // A stretch may reach beyond the bill, by less than an hour.
  const marginMs = 60 * minuteMs;
  const segments = offsetSegments(zone, { fromMs: fromMs - marginMs, toMs: toMs + marginMs });
  const found: SlotPrice[] = [];
  let last: Stretch | null = null;
  let lastPrice: SlotPrice = null;
  for (let atMs = fromMs; atMs < toMs; atMs += slotMs) {
    const slot = { fromMs: atMs, toMs: atMs + slotMs };
    const stretch = stretchAt(segments, slot, component.resolutionMinutes);
    if (last?.fromMs !== stretch.fromMs) lastPrice = slotPriceOf(component, series, stretch);
    last = stretch;
    found.push(lastPrice);
  }
  const wholeDenominator = scale * oneE8;
  const divisor = commonDivisor(found, wholeDenominator);
  const wide = found.map((each) => (each === null ? 0n : each.price / divisor));
  const isSafe = wide.every((price) => Number.isSafeInteger(Number(price)));
  const prices = sharedFloat64(found.length);
  const isProvisional = found.some((each) => each?.isProvisional)
    ? sharedUint8(found.length)
    : null;
  let priceMax = 0;
  for (const [slot, each] of found.entries()) {
    prices[slot] = each === null ? Number.NaN : isSafe ? Number(wide[slot]) : 0;
    if (each !== null) priceMax = Math.max(priceMax, Math.abs(prices[slot]));
    if (isProvisional !== null) isProvisional[slot] = each?.isProvisional === true ? 1 : 0;
  }
  return {
    flow: component.flow,
    prices,
    wide: isSafe ? null : wide,
    denominator: wholeDenominator / divisor,
    priceMax,
    isByFour: prices.every((price, slot) => Object.is(price, prices[slot - (slot % 4)])),
    uniform: uniformOf(found, divisor),
    isProvisional,
  };
}
