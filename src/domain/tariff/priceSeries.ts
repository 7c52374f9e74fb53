import { parseDecimal } from '../exact.ts';
import { instantMsMax } from '../limits.ts';
import { priceE8Max, pricesPerSeriesMax } from './limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { isOnSlotGrid } from '../rating/slot.ts';
import { minuteMs } from '../time/civil.ts';
import { readInstant } from './readInstant.ts';
import { readEach, report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';
import type { PriceSeriesShape } from './shape.ts';

/** Prices of consecutive equal stretches of time. */
export type PriceSeries = {
  readonly name: string;
  readonly fromMs: number;
  readonly stepMs: number;
  /** Currency a kWh at 10^-8; null where the price is not known. */
  readonly pricesE8: readonly (bigint | null)[];
};

export type PriceUnit = PriceSeriesShape['unit'];

/**
 * A market's price as currency a kWh at 10^-8. One a MWh has at most 5 decimals, so that it too is
 * exact there; markets publish two.
 */
export function parseSeriesPrice(
  text: string,
  unit: PriceUnit,
): Outcome<bigint, 'DECIMAL_MALFORMED' | 'PRICE_OUT_OF_RANGE'> {
  const parsed = parseDecimal(text, unit === 'MWh' ? 5 : 8);
  if (!parsed.ok) return parsed;
  if (parsed.value > priceE8Max || parsed.value < -priceE8Max) {
    const message = `${text} is beyond ten million a kWh; check the unit of the series.`;
    return refuse('PRICE_OUT_OF_RANGE', message);
  }
  return parsed;
}

export function readPriceSeries(spot: Spot, raw: PriceSeriesShape): PriceSeries {
  const fromMs = readInstant(within(spot, 'from'), raw.from);
  if (!isOnSlotGrid(fromMs)) {
    const message = `${raw.from} is not on the quarter hour; begin on one.`;
    report(within(spot, 'from'), 'TARIFF_TIME_OFF_GRID', message);
  }
  const pricesE8 = readEach(within(spot, 'prices'), raw.prices, (priceSpot, text) => {
    if (text === null) return null;
    const price = parseSeriesPrice(text, raw.unit);
    if (price.ok) return price.value;
    const code = price.code === 'DECIMAL_MALFORMED' ? price.code : 'TARIFF_MALFORMED';
    report(priceSpot, code, price.message);
    return null;
  });
  return { name: raw.name, fromMs, stepMs: raw.minutes * minuteMs, pricesE8 };
}

export type PricePoint = { readonly fromMs: number; readonly priceE8: bigint };

export type PricePointsRefusal =
  | 'PRICES_MISSING'
  | 'PRICES_OVERLAP'
  | 'PRICES_OFF_GRID'
  | 'PRICES_TOO_MANY'
  | 'PRICES_OUT_OF_RANGE';

/**
 * A series from stored points in order of time, one a stretch of time; what lies between is not
 * known.
 */
export function priceSeriesOfPoints(
  series: { readonly name: string; readonly stepMs: number },
  points: readonly PricePoint[],
): Outcome<PriceSeries, PricePointsRefusal> {
  const { name, stepMs } = series;
  const fromMs = points[0]?.fromMs;
  const lastMs = points.at(-1)?.fromMs;
  if (fromMs === undefined || lastMs === undefined) {
    return refuse('PRICES_MISSING', `The series ${name} has no prices; add some.`);
  }
  if (fromMs < 0 || points.some((point) => point.fromMs >= instantMsMax)) {
    return refuse('PRICES_OUT_OF_RANGE', `The series ${name} leaves the years 1970 to 2199.`);
  }
  const length = (lastMs - fromMs) / stepMs + 1;
  if (length > pricesPerSeriesMax) {
    const spanned = `The series ${name} spans ${Math.floor(length)} prices`;
    const message = `${spanned}; at most ${pricesPerSeriesMax}.`;
    return refuse('PRICES_TOO_MANY', `${message} Ask for a shorter stretch of time.`);
  }
  const pricesE8: (bigint | null)[] = [];
  for (const point of points) {
    const index = (point.fromMs - fromMs) / stepMs;
    if (!Number.isInteger(index) || !isOnSlotGrid(point.fromMs)) {
      const message = `A price of ${name} does not begin on its steps of ${stepMs / minuteMs} min.`;
      return refuse('PRICES_OFF_GRID', `${message} Give every price the same grid.`);
    }
    if (index < pricesE8.length) {
      const message = `The prices of ${name} overlap or go back in time; give one for each step.`;
      return refuse('PRICES_OVERLAP', message);
    }
    while (pricesE8.length < index) pricesE8.push(null);
    pricesE8.push(point.priceE8);
  }
  return accept({ name, fromMs, stepMs, pricesE8 });
}
