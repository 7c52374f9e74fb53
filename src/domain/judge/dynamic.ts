import type { Decimal } from 'decimal.js';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Bill, ComponentOf, DraftLine, JudgeRefusal, Piece, Prices } from './bill.ts';
import { energyOf } from './bill.ts';
import { intervalsOf } from './energy.ts';
import { Num, difference, rounded, sumOf } from './number.ts';
import { localStretchOf } from './windows.ts';
import { minuteMs, wallAt } from './wallClock.ts';

type Dynamic = ComponentOf<'dynamic'>;
const quarterMs = 15 * minuteMs;

/** The number of the price that is in force at an instant. */
function indexAt(prices: Prices, instantMs: number): number {
  return Math.floor((instantMs - prices.fromMs) / prices.stepMs);
}

/** Rule 20: the series' last known price that began before an instant; null where there is none. */
function lastBefore(prices: Prices, instantMs: number): Decimal | null {
  const end = Math.ceil((instantMs - prices.fromMs) / prices.stepMs);
  return prices.values.slice(0, Math.max(0, end)).findLast((price) => price !== null) ?? null;
}

/** Rule 19: the quarter hours over which the price of a piece is worked out. */
function stretchOf(bill: Bill, component: Dynamic, piece: Piece): readonly number[] {
  const { resolutionMinutes } = component;
  const here = Math.floor(piece.startMs / quarterMs) * quarterMs;
  if (resolutionMinutes === undefined) return [here];
  const stretch = localStretchOf(piece, resolutionMinutes);
  const found: number[] = [];
  for (let step = 1 - resolutionMinutes / 15; step < resolutionMinutes / 15; step += 1) {
    const startMs = here + step * quarterMs;
    const wall = wallAt(bill.zone, startMs);
    if (localStretchOf({ ...piece, wall }, resolutionMinutes) === stretch) found.push(startMs);
  }
  return found;
}

/**
 * Rule 19: the simple mean of the prices that are in force in a stretch; null if one is missing.
 */
function quotedOver(prices: Prices, stretch: readonly number[]): Decimal | null {
  const indexes = new Set(stretch.map((startMs) => indexAt(prices, startMs)));
  const quoted = [...indexes].map((index) => prices.values[index] ?? null);
  const known = quoted.filter((price) => price !== null);
  return known.length < quoted.length ? null : sumOf(known).div(known.length);
}

function priceOf(component: Dynamic, quoted: Decimal): Decimal {
  let price = quoted.mul(component.factor ?? '1').plus(component.adder ?? '0');
  if (component.cap !== undefined && price.greaterThan(component.cap)) {
    price = new Num(component.cap);
  }
  if (component.floor !== undefined && price.lessThan(component.floor)) {
    price = new Num(component.floor);
  }
  return price;
}

/** Rule 20: an interval without data needs no price. */
function isMeasured(bill: Bill, { flow }: Dynamic, piece: Piece): boolean {
  return !piece.missing.has(flow) && (flow === 'import' || bill.isExportMetered);
}

/** Rules 19 and 20: what a kWh costs at a piece; null where nobody knows. */
function priceAt(bill: Bill, component: Dynamic, prices: Prices, piece: Piece): Decimal | null {
  const stretch = stretchOf(bill, component, piece);
  const quoted = quotedOver(prices, stretch);
  if (quoted !== null) return priceOf(component, quoted);
  const { missing } = component;
  if (missing === 'refuse') return null;
  if (missing !== 'last') {
    if (isMeasured(bill, component, piece)) bill.warnings.add('PRICE_PROVISIONAL');
    return new Num(missing.price);
  }
  const last = lastBefore(prices, stretch[0] ?? piece.startMs);
  if (last !== null && isMeasured(bill, component, piece)) bill.warnings.add('PRICE_PROVISIONAL');
  return last === null ? null : priceOf(component, last);
}

/** Rules 19 to 21. */
export function judgeDynamic(
  bill: Bill,
  component: Dynamic,
): Outcome<readonly DraftLine[], JudgeRefusal> {
  const prices = bill.prices.get(component.series);
  if (prices === undefined) {
    return refuse('PRICE_MISSING', `There is no series ${component.series}.`);
  }
  const sign = component.flow === 'export' ? -1 : 1;
  const priceOfPiece = new Map<Piece, Decimal>();
  for (const piece of bill.pieces) {
    const price = priceAt(bill, component, prices, piece);
    if (price !== null) priceOfPiece.set(piece, price);
    else if (isMeasured(bill, component, piece)) {
      const at = new Date(piece.startMs).toISOString();
      return refuse('PRICE_MISSING', `${component.series} has no price at ${at}.`);
    }
  }
  const amountOf = (pieces: readonly Piece[]): Decimal =>
    sumOf(pieces.map((piece) => piece[component.flow].mul(priceOfPiece.get(piece) ?? 0).mul(sign)));
  const [first, ...others] = priceOfPiece.values();
  const isOne =
    first !== undefined &&
    priceOfPiece.size === bill.pieces.length &&
    others.every((price) => difference(price, first).isZero());
  const point = bill.document.rounding.interval;
  const intervals = point === undefined ? [] : intervalsOf(bill, bill.pieces);
  return accept([
    {
      quantity: energyOf(bill.pieces, component.flow),
      unit: 'kWh',
      price: isOne ? first : null,
      exact: amountOf(bill.pieces),
      ...(point === undefined
        ? {}
        : { summed: sumOf(intervals.map((pieces) => rounded(amountOf(pieces), point))) }),
    },
  ]);
}
