import { pricesPerSeriesMax } from '../../domain/tariff/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseSeriesPrice } from '../../domain/tariff/priceSeries.ts';
import type { PriceUnit } from '../../domain/tariff/priceSeries.ts';
import { minuteMs } from '../../domain/time/civil.ts';
import { parseInstant } from '../../domain/time/instantText.ts';
import { boundedText, collectRemarks, refuseAt, tooLarge } from './imported.ts';
import type { ImportWarning, PriceSeriesText } from './imported.ts';
import { plainDecimal } from './plainDecimal.ts';
import { seriesOf } from './priceGrid.ts';
import type { GridRefusal, PriceSpan } from './priceGrid.ts';

export type CsvRefusal =
  | GridRefusal
  | 'CSV_TOO_LARGE'
  | 'CSV_HEADER_UNKNOWN'
  | 'CSV_LINE_MALFORMED'
  | 'CSV_LINE_REPEATED'
  | 'CSV_NOT_IN_ORDER'
  | 'CSV_STEP_UNKNOWN';

export type ImportedSeries = {
  readonly series: PriceSeriesText;
  readonly warnings: readonly ImportWarning[];
};

const header = 'start,price';
/** Null for every missing price, and a header. */
const linesMax = pricesPerSeriesMax + 1;

type Row = { readonly startMs: number; readonly price: string | null; readonly line: number };

function parseRow(text: string, line: number, unit: PriceUnit): Outcome<Row, CsvRefusal> {
  const [start = '', price, ...rest] = text.split(',', 3);
  const instant = parseInstant(start.trim());
  if (!instant.ok) {
    const message = 'write the start with its offset, such as 2026-01-01T00:00:00+01:00.';
    return refuseAt('CSV_LINE_MALFORMED', [`line ${line}`, 'start'], message);
  }
  const startMs = instant.value;
  if (price === undefined || rest.length > 0) {
    return refuseAt('CSV_LINE_MALFORMED', [`line ${line}`], 'a line is a start and a price.');
  }
  if (price.trim() === '') return accept({ startMs, price: null, line });
  const decimal = plainDecimal(price);
  if (decimal === null || !parseSeriesPrice(decimal, unit).ok) {
    const decimals = unit === 'MWh' ? 5 : 8;
    const message = `write a decimal with a point and at most ${decimals} decimals, or nothing.`;
    return refuseAt('CSV_LINE_MALFORMED', [`line ${line}`, 'price'], message);
  }
  return accept({ startMs, price: decimal, line });
}

function parseRows(text: string, unit: PriceUnit): Outcome<readonly Row[], CsvRefusal> {
  const lines = text.split('\n', linesMax + 2).map((line) => line.replace(/\r$/, ''));
  // The end of the last line is not a line more.
  if (lines.length > linesMax + 1 || (lines.length > linesMax && lines.at(-1) !== '')) {
    const message = `more than ${pricesPerSeriesMax} prices; take less time.`;
    return refuseAt('PRICES_TOO_MANY', [], message);
  }
  const [first = '', ...rows] = lines;
  if (first.trim().toLowerCase() !== header) {
    return refuseAt('CSV_HEADER_UNKNOWN', ['line 1'], `the first line is "${header}"; add it.`);
  }
  const parsed: Row[] = [];
  for (const [index, row] of rows.entries()) {
    if (row.trim() === '') continue;
    const line = index + 2;
    const next = parseRow(row, line, unit);
    if (!next.ok) return next;
    const before = parsed.at(-1);
    if (before !== undefined && next.value.startMs <= before.startMs) {
      const isTwin = next.value.startMs === before.startMs;
      const message = isTwin
        ? 'the start is the one of the line above; keep one of them.'
        : 'the start is before the one above; put the lines in time order.';
      const code = isTwin ? 'CSV_LINE_REPEATED' : 'CSV_NOT_IN_ORDER';
      return refuseAt(code, [`line ${line}`, 'start'], message);
    }
    parsed.push(next.value);
  }
  return accept(parsed);
}

/** The shortest time between two lines; longer ones are gaps of whole steps. */
function stepOf(rows: readonly Row[]): Outcome<15 | 30 | 60, CsvRefusal> {
  let shortestMs = Number.POSITIVE_INFINITY;
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    if (before !== undefined) shortestMs = Math.min(shortestMs, row.startMs - before.startMs);
  }
  switch (shortestMs / minuteMs) {
    case 15:
      return accept(15);
    case 30:
      return accept(30);
    case 60:
      return accept(60);
    default: {
      const message = 'prices are 15, 30 or 60 minutes apart, and at least two are needed.';
      return refuseAt('CSV_STEP_UNKNOWN', [], message);
    }
  }
}

/**
 * `start,price` with ISO instants and their offset, one line a price; the step is the shortest
 * time between two lines. A gap, or a line with an empty price, becomes a missing price.
 */
export function importPriceCsv(
  text: string,
  options: { readonly name: string; readonly unit: PriceUnit },
): Outcome<ImportedSeries, CsvRefusal> {
  const bounded = boundedText(text);
  if (bounded === null) return refuseAt('CSV_TOO_LARGE', [], tooLarge);
  const rows = parseRows(bounded, options.unit);
  if (!rows.ok) return rows;
  const step = stepOf(rows.value);
  if (!step.ok) return step;
  const stepMs = step.value * minuteMs;
  const spans = rows.value.map(({ startMs, price }): PriceSpan => ({
    fromMs: startMs,
    toMs: startMs + stepMs,
    price,
  }));
  const remarks = collectRemarks();
  const series = seriesOf(spans, { ...options, minutes: step.value }, { path: [], remarks });
  return series.ok ? accept({ series: series.value, warnings: remarks.list() }) : series;
}
