import { pricesPerSeriesMax } from '../../domain/tariff/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseSeriesPrice } from '../../domain/tariff/priceSeries.ts';
import { minuteMs } from '../../domain/time/civil.ts';
import { parseInstant } from '../../domain/time/instantText.ts';
import { parsePeriod, readPublication, rootName, sequenceOf } from './entsoeXml.ts';
import type { EntsoeXmlRefusal, PeriodElement, TimeSeriesElement } from './entsoeXml.ts';
import { collectRemarks, isRecord, refuseAt } from './imported.ts';
import type { Path, Remarks } from './imported.ts';
import { plainDecimal } from './plainDecimal.ts';
import type { ImportedSeries } from './priceCsv.ts';
import { orderSpans, seriesOf } from './priceGrid.ts';
import type { GridRefusal, PriceSpan } from './priceGrid.ts';

export type EntsoeRefusal =
  | EntsoeXmlRefusal
  | GridRefusal
  | 'ENTSOE_AREAS_MIXED'
  | 'ENTSOE_UNIT_UNEXPECTED'
  | 'ENTSOE_CURVE_UNKNOWN'
  | 'ENTSOE_RESOLUTION_UNKNOWN'
  | 'ENTSOE_INTERVAL_MALFORMED'
  | 'ENTSOE_POSITION_MALFORMED'
  | 'ENTSOE_PRICE_MALFORMED';

export type EntsoeOptions = {
  readonly name: string;
  /** ISO 4217; what the prices must be in. */
  readonly currency: string;
  /** Where an area has several auctions: 1 is the coupled day-ahead one, 2 another (EXAA). */
  readonly sequence: number;
  /** Only periods of this resolution; null: all, in steps of the finest. */
  readonly minutes: 15 | 30 | 60 | null;
};

/** Every price twice is still read, since a period may be published again. */
const spansMax = 2 * pricesPerSeriesMax;

type Minutes = 15 | 30 | 60;
type Placed = { readonly series: TimeSeriesElement; readonly path: Path };

function refuseAmount(path: Path) {
  const message = `there are more than ${spansMax} prices; give a shorter time.`;
  return refuseAt('PRICES_TOO_MANY', path, message);
}

function minutesOf(period: PeriodElement, path: Path): Outcome<Minutes, EntsoeRefusal> {
  switch (period.resolution) {
    case 'PT15M':
      return accept(15);
    case 'PT30M':
      return accept(30);
    case 'PT60M':
    case 'PT1H':
      return accept(60);
    default: {
      const message = 'prices of 15, 30 or 60 minutes are read.';
      return refuseAt('ENTSOE_RESOLUTION_UNKNOWN', [...path, 'resolution'], message);
    }
  }
}

/** The series of the auction that is asked for; others are named. */
function chosenSeries(
  all: readonly TimeSeriesElement[],
  options: EntsoeOptions,
  remarks: Remarks,
): Outcome<readonly Placed[], EntsoeRefusal> {
  const placed = all.map((series, index) => ({ series, path: [rootName, 'TimeSeries', index] }));
  const chosen = placed.filter(({ series }) => sequenceOf(series) === options.sequence);
  if (chosen.length < placed.length) {
    const message =
      `${placed.length - chosen.length} of ${placed.length} series are of another auction than ` +
      `sequence ${options.sequence} and left out.`;
    remarks.add('ENTSOE_SEQUENCE_LEFT_OUT', [rootName, 'TimeSeries'], message);
  }
  const [first] = chosen;
  for (const { series, path } of chosen) {
    if (series['in_Domain.mRID'] !== first?.series['in_Domain.mRID']) {
      const message = 'the prices are of several areas; give the publication of one.';
      return refuseAt('ENTSOE_AREAS_MIXED', [...path, 'in_Domain.mRID'], message);
    }
    if ((series['contract_MarketAgreement.type'] ?? 'A01') !== 'A01') {
      const message = 'the prices are not day-ahead (A01); give those that are.';
      return refuseAt('ENTSOE_NOT_PRICES', [...path, 'contract_MarketAgreement.type'], message);
    }
    if (series['currency_Unit.name'] !== options.currency) {
      const message = `prices in ${options.currency} are expected; name the currency they are in.`;
      return refuseAt('ENTSOE_UNIT_UNEXPECTED', [...path, 'currency_Unit.name'], message);
    }
    if (series['price_Measure_Unit.name'] !== 'MWH') {
      const message = 'prices a MWh are expected (MWH).';
      return refuseAt('ENTSOE_UNIT_UNEXPECTED', [...path, 'price_Measure_Unit.name'], message);
    }
    if (series.curveType !== 'A01' && series.curveType !== 'A03') {
      const message = 'curves of equal blocks (A01) or of variable blocks (A03) are read.';
      return refuseAt('ENTSOE_CURVE_UNKNOWN', [...path, 'curveType'], message);
    }
  }
  return accept(chosen);
}

function intervalOf(
  period: PeriodElement,
  stepMs: number,
  path: Path,
): Outcome<{ startMs: number; steps: number }, EntsoeRefusal> {
  const start = parseInstant(period.timeInterval.start);
  const end = parseInstant(period.timeInterval.end);
  const steps = start.ok && end.ok ? (end.value - start.value) / stepMs : 0;
  if (!start.ok || !Number.isInteger(steps) || steps <= 0) {
    const message = 'the interval is from an instant to a later one, in whole steps; correct it.';
    return refuseAt('ENTSOE_INTERVAL_MALFORMED', [...path, 'timeInterval'], message);
  }
  if (steps > pricesPerSeriesMax) {
    const message = `${steps} prices are too many; at most ${pricesPerSeriesMax}.`;
    return refuseAt('PRICES_TOO_MANY', [...path, 'timeInterval'], message);
  }
  return accept({ startMs: start.value, steps });
}

/** Prices by position, from 1; null where the period gives none. */
function pointsOf(
  period: PeriodElement,
  steps: number,
  path: Path,
): Outcome<(string | null)[], EntsoeRefusal> {
  const prices = Array.from({ length: steps }, (): string | null => null);
  for (const [index, point] of period.Point.entries()) {
    const fields = isRecord(point) ? point : {};
    const { position: ordinal } = fields;
    const isOrdinal = typeof ordinal === 'string' && /^[1-9][0-9]{0,5}$/.test(ordinal);
    const position = isOrdinal ? Number(ordinal) : 0;
    const place = [...path, 'Point', index];
    if (position === 0 || position > steps || prices[position - 1] !== null) {
      const message = `a position is from 1 to ${steps}, the steps of the period, and comes once.`;
      return refuseAt('ENTSOE_POSITION_MALFORMED', [...place, 'position'], message);
    }
    const price = plainDecimal(fields['price.amount']);
    if (price === null || !parseSeriesPrice(price, 'MWh').ok) {
      const message = 'the price a MWh is a decimal of at most 5 decimals; correct it.';
      return refuseAt('ENTSOE_PRICE_MALFORMED', [...place, 'price.amount'], message);
    }
    prices[position - 1] = price;
  }
  return accept(prices);
}

/** IEC 62325-451-3: in a curve of variable blocks a price holds until the next position. */
function carriedOn(prices: readonly (string | null)[]): (string | null)[] {
  let last: string | null = null;
  return prices.map((price) => {
    last = price ?? last;
    return last;
  });
}

function spansOf(
  { series, path: seriesPath }: Placed,
  options: EntsoeOptions,
): Outcome<{ spans: PriceSpan[]; minutes: Minutes[]; leftOut: number }, EntsoeRefusal> {
  const spans: PriceSpan[] = [];
  const found = new Set<Minutes>();
  let leftOut = 0;
  for (const [index, element] of series.Period.entries()) {
    const path = [...seriesPath, 'Period', index];
    const parsed = parsePeriod(element, path);
    if (!parsed.ok) return parsed;
    const period = parsed.value;
    const minutes = minutesOf(period, path);
    if (!minutes.ok) return minutes;
    if (options.minutes !== null && minutes.value !== options.minutes) {
      leftOut += 1;
      continue;
    }
    const stepMs = minutes.value * minuteMs;
    const interval = intervalOf(period, stepMs, path);
    if (!interval.ok) return interval;
    if (spans.length + interval.value.steps > spansMax) return refuseAmount(path);
    const points = pointsOf(period, interval.value.steps, path);
    if (!points.ok) return points;
    const isBlocks = series.curveType === 'A03';
    if (isBlocks && points.value[0] === null) {
      const message = 'a curve of variable blocks begins with position 1; it is missing.';
      return refuseAt('ENTSOE_POSITION_MALFORMED', [...path, 'Point'], message);
    }
    found.add(minutes.value);
    for (const [step, price] of (isBlocks ? carriedOn(points.value) : points.value).entries()) {
      const fromMs = interval.value.startMs + step * stepMs;
      spans.push({ fromMs, toMs: fromMs + stepMs, price });
    }
  }
  return accept({ spans, minutes: [...found], leftOut });
}

/**
 * Day-ahead prices of the ENTSO-E transparency platform (A44) as a price series a MWh. Time is UTC
 * in the source, so days of 23 and 25 hours need nothing. Of several auctions one is taken, by its
 * sequence; the same period published twice with the same prices counts once, with other prices it
 * is refused. Hourly and quarter-hourly periods one after the other give quarter hours.
 */
export function importEntsoe(
  text: string,
  options: EntsoeOptions,
): Outcome<ImportedSeries, EntsoeRefusal> {
  const publication = readPublication(text);
  if (!publication.ok) return publication;
  const remarks = collectRemarks();
  const chosen = chosenSeries(publication.value, options, remarks);
  if (!chosen.ok) return chosen;
  const spans: PriceSpan[] = [];
  const minutes = new Set<Minutes>();
  let leftOut = 0;
  for (const placed of chosen.value) {
    const read = spansOf(placed, options);
    if (!read.ok) return read;
    // One by one: a spread of many thousand arguments would overflow the stack.
    for (const span of read.value.spans) spans.push(span);
    for (const found of read.value.minutes) minutes.add(found);
    leftOut += read.value.leftOut;
    if (spans.length > spansMax) return refuseAmount([rootName]);
  }
  if (leftOut > 0) {
    const message = `${leftOut} periods are of another resolution and left out.`;
    remarks.add('ENTSOE_RESOLUTION_LEFT_OUT', [rootName, 'TimeSeries'], message);
  }
  const path = [rootName, 'TimeSeries'];
  const ordered = orderSpans(spans, path, remarks);
  if (!ordered.ok && minutes.size > 1) {
    const message = `${ordered.message} Or choose one resolution, such as ${Math.min(...minutes)}.`;
    return { ...ordered, message };
  }
  if (!ordered.ok) return ordered;
  const finest = [60, 30, 15].reduce<Minutes>((held, each) => {
    const known = [...minutes].find((found) => found === each);
    return known ?? held;
  }, 60);
  const series = { name: options.name, unit: 'MWh', minutes: finest } as const;
  const filled = seriesOf(ordered.value, series, { path, remarks });
  return filled.ok ? accept({ series: filled.value, warnings: remarks.list() }) : filled;
}
