import { assert } from '../domain/assert.ts';
import { pricesPerSeriesMax } from '../domain/tariff/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { PriceSeriesShape, TariffText } from '../domain/tariff/shape.ts';
import { minuteMs } from '../domain/time/civil.ts';
import { parseInstant } from '../domain/time/instantText.ts';
import { importEntsoe } from '../wire/tariffs/entsoe.ts';
import { importPriceCsv } from '../wire/tariffs/priceCsv.ts';
import type { ImportedSeries } from '../wire/tariffs/priceCsv.ts';
import { Misused } from './answer.ts';
import { wholeNumber } from './wholeNumber.ts';

export type MergeCode = 'PRICES_OVERLAP' | 'PRICES_MIXED' | 'PRICES_OFF_GRID' | 'PRICES_TOO_MANY';

type PriceTextOptions = {
  readonly name: string;
  readonly currency: string;
  /** Of a CSV: kWh or MWh. */
  readonly unit: string;
  /** Of an ENTSO-E publication: which auction. */
  readonly sequence: string;
  /**
   * Of an ENTSO-E publication: only prices of so many; otherwise all, in steps of the finest. Of a
   * CSV: how far its lines are apart, which is refused where it is not so.
   */
  readonly minutes?: string | undefined;
};

function minutesOf(text: string | undefined): 15 | 30 | 60 | null {
  switch (text) {
    case undefined:
      return null;
    case '15':
      return 15;
    case '30':
      return 30;
    case '60':
      return 60;
    default:
      throw new Misused('--minutes is 15, 30 or 60');
  }
}

function withStep(
  imported: Outcome<ImportedSeries, string>,
  minutes: number | null,
): Outcome<ImportedSeries, string> {
  if (!imported.ok || minutes === null) return imported;
  const found = imported.value.series.minutes;
  if (found === minutes) return imported;
  const message = `The shortest step between two prices is ${found} minutes, not ${minutes}.`;
  return refuse('SERIES_STEP_DIFFERS', `${message} Correct the step, or the file.`);
}

/** The prices of one file. */
export function importPrices(
  text: string,
  kind: 'entsoe' | 'prices',
  { name, currency, unit, sequence, minutes }: PriceTextOptions,
): Outcome<ImportedSeries, string> {
  const place = wholeNumber(sequence, '--sequence', { max: 99 });
  if (unit !== 'kWh' && unit !== 'MWh') throw new Misused('--unit is kWh or MWh');
  const step = minutesOf(minutes);
  if (kind === 'prices') return withStep(importPriceCsv(text, { name, unit }), step);
  return importEntsoe(text, { name, currency, sequence: place, minutes: step });
}

export function fromMsOf({ from }: PriceSeriesShape): number {
  const instant = parseInstant(from);
  assert(instant.ok, 'an importer writes instants');
  return instant.value;
}

function stepMsOf({ minutes }: PriceSeriesShape): number {
  return minutes * minuteMs;
}

/** Publications of several days as one series; what lies between them has no price. */
export function mergeSeries(
  parts: readonly PriceSeriesShape[],
): Outcome<PriceSeriesShape, MergeCode> {
  const [first, ...others] = parts.toSorted((left, right) => fromMsOf(left) - fromMsOf(right));
  assert(first !== undefined, 'a file that is imported has a series');
  const prices = [...first.prices];
  const stepMs = stepMsOf(first);
  for (const part of others) {
    if (part.minutes !== first.minutes || part.unit !== first.unit) {
      const message = `Prices of ${first.minutes} and of ${part.minutes} minutes, or of different`;
      return refuse('PRICES_MIXED', `${message} units; import them one by one.`);
    }
    const index = (fromMsOf(part) - fromMsOf(first)) / stepMs;
    if (!Number.isInteger(index)) {
      const message = `${part.from} is not on the steps that begin at ${first.from}.`;
      return refuse('PRICES_OFF_GRID', `${message} Import the files one by one.`);
    }
    if (index < prices.length) {
      const message = `The prices that begin at ${part.from} are in another file already.`;
      return refuse('PRICES_OVERLAP', `${message} Give every day once.`);
    }
    if (index + part.prices.length > pricesPerSeriesMax) {
      const message = `The files span more than ${pricesPerSeriesMax} prices.`;
      return refuse('PRICES_TOO_MANY', `${message} Import a shorter time.`);
    }
    while (prices.length < index) prices.push(null);
    for (const price of part.prices) prices.push(price);
  }
  return accept({ ...first, prices });
}

/** A series is no tariff: with it comes the component that bills import at its price. */
export function spotDocument(series: PriceSeriesShape, currency: string): TariffText {
  return {
    currency,
    priceSeries: [series],
    components: [
      { kind: 'dynamic', name: 'energy', flow: 'import', series: series.name, missing: 'refuse' },
    ],
  };
}
