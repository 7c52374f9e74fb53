import { pricesPerSeriesMax } from '../../domain/tariff/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { PriceUnit } from '../../domain/tariff/priceSeries.ts';
import { minuteMs } from '../../domain/time/civil.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { refuseAt } from './imported.ts';
import type { Path, PriceSeriesText, Remarks } from './imported.ts';

export type GridRefusal =
  | 'PRICES_ABSENT'
  | 'PRICES_OVERLAP'
  | 'PRICES_OFF_GRID'
  | 'PRICES_TOO_MANY'
  | 'PRICES_ALL_MISSING';

/** One price for [fromMs, toMs); null: the source says that there is none. */
export type PriceSpan = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly price: string | null;
};

/**
 * In time order and without repetitions; the same span with the same price twice is told, two
 * prices for one time are refused.
 */
export function orderSpans(
  spans: readonly PriceSpan[],
  path: Path,
  remarks: Remarks,
): Outcome<readonly PriceSpan[], GridRefusal> {
  const sorted = spans.toSorted((left, right) => left.fromMs - right.fromMs);
  const kept: PriceSpan[] = [];
  let repetitions = 0;
  for (const span of sorted) {
    const before = kept.at(-1);
    if (before === undefined || span.fromMs >= before.toMs) {
      kept.push(span);
    } else if (
      span.fromMs === before.fromMs &&
      span.toMs === before.toMs &&
      span.price === before.price
    ) {
      repetitions += 1;
    } else {
      const message = `two entries are for ${atText(span.fromMs)}; keep the one that is valid.`;
      return refuseAt('PRICES_OVERLAP', path, message);
    }
  }
  if (repetitions > 0) {
    const message = `${repetitions} entries come twice with the same price; one of each is kept.`;
    remarks.add('PRICES_REPEATED', path, message);
  }
  return accept(kept);
}

/** Spans that are open have no finite end to be shown. */
export function atText(instantMs: number): string {
  return Number.isFinite(instantMs) ? instantText(instantMs) : 'an open time';
}

export type SeriesOf = {
  readonly name: string;
  readonly unit: PriceUnit;
  readonly minutes: 15 | 30 | 60;
};

function fill(spans: readonly PriceSpan[], fromMs: number, stepMs: number): (string | null)[] {
  const prices: (string | null)[] = [];
  for (const span of spans) {
    while (fromMs + prices.length * stepMs < span.fromMs) prices.push(null);
    while (fromMs + prices.length * stepMs < span.toMs) prices.push(span.price);
  }
  return prices;
}

/** A price for every step from the first to the last; nulls where no span is. */
export function seriesOf(
  ordered: readonly PriceSpan[],
  series: SeriesOf,
  context: { readonly path: Path; readonly remarks: Remarks },
): Outcome<PriceSeriesText, GridRefusal> {
  const { path } = context;
  const fromMs = ordered.at(0)?.fromMs;
  const toMs = ordered.at(-1)?.toMs;
  if (fromMs === undefined || toMs === undefined) {
    return refuseAt('PRICES_ABSENT', path, 'there is no price; ask for a time that has some.');
  }
  const stepMs = series.minutes * minuteMs;
  const onGrid = ({ fromMs: beginMs, toMs: endMs }: PriceSpan): boolean =>
    (beginMs - fromMs) % stepMs === 0 && (endMs - beginMs) % stepMs === 0 && endMs > beginMs;
  const stray = fromMs % (15 * minuteMs) === 0 ? ordered.find((span) => !onGrid(span)) : ordered[0];
  if (stray !== undefined) {
    const message =
      `${atText(stray.fromMs)} to ${atText(stray.toMs)} is not whole steps of ` +
      `${series.minutes} minutes that begin on the quarter hour; correct it.`;
    return refuseAt('PRICES_OFF_GRID', path, message);
  }
  const steps = (toMs - fromMs) / stepMs;
  if (steps > pricesPerSeriesMax) {
    const message = `${steps} prices are too many; at most ${pricesPerSeriesMax}: take less time.`;
    return refuseAt('PRICES_TOO_MANY', path, message);
  }
  const prices = fill(ordered, fromMs, stepMs);
  const missing = prices.filter((price) => price === null).length;
  if (missing === prices.length) {
    return refuseAt('PRICES_ALL_MISSING', path, 'every price is missing; there is none to keep.');
  }
  if (missing > 0) {
    const firstMs = fromMs + prices.indexOf(null) * stepMs;
    const message = `${missing} of ${prices.length} prices are missing, first ${atText(firstMs)}.`;
    context.remarks.add('PRICES_MISSING', path, message);
  }
  const { name, unit, minutes } = series;
  return accept({ name, unit, minutes, from: instantText(fromMs), prices });
}
