import { assert } from '../assert.ts';
import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { isOnSlotGrid } from '../rating/slot.ts';
import { isKnownZone } from '../time/zone.ts';
import { isAllZero } from './allZero.ts';
import type { Calendar, SuperPeriod } from './calendar.ts';
import type { Component, RoundingPoint } from './component.ts';
import { minorDigitsOf } from './currency.ts';
import { wallClockMsOf } from './localTime.ts';
import { readPriceSeries } from './priceSeries.ts';
import type { PriceSeries } from './priceSeries.ts';
import { readCalendars } from './readCalendar.ts';
import { readComponents, reportIntervalRounding } from './readComponent.ts';
import { reportExamples } from './readExample.ts';
import { readRoundingPoint } from './readNumber.ts';
import { readShape } from './readShape.ts';
import { readEach, refusalAt, report, reportRepeated, startAt, within } from './refusal.ts';
import type { ReportCode, Spot } from './refusal.ts';
import { tariffShape } from './shape.ts';
import type { ExampleShape, TariffShape } from './shape.ts';

/** Null: nothing is rounded there. */
export type TariffRounding = {
  readonly interval: RoundingPoint | null;
  readonly line: RoundingPoint | null;
  readonly tax: RoundingPoint | null;
  readonly bill: RoundingPoint | null;
};

export type TariffDocument = {
  /** ISO 4217. */
  readonly currency: string;
  readonly minorDigits: number;
  /** IANA name; null: the zone of the service point. */
  readonly zone: string | null;
  /**
   * Local, [validFrom, validTo), `2026-04-01` or `2026-04-01T06:00`; null: without an end there.
   */
  readonly validFrom: string | null;
  readonly validTo: string | null;
  readonly rounding: TariffRounding;
  readonly intervalMinutes: 15 | 30 | 60 | null;
  readonly calendars: readonly Calendar[];
  /** The calendars intersected; the order of the entries is the order of the sums in rating. */
  readonly superPeriods: ReadonlyMap<string, SuperPeriod>;
  readonly priceSeries: readonly PriceSeries[];
  /** In the order of evaluation. */
  readonly components: readonly Component[];
  readonly examples: readonly ExampleShape[];
};

export type TariffRefusal = ReportCode;

function readZone(spot: Spot, zone: string | undefined): string | null {
  if (zone !== undefined && !isKnownZone(zone)) {
    const message = 'the zone is unknown; write an IANA name such as Europe/Berlin.';
    report(spot, 'TARIFF_ZONE_UNKNOWN', message);
  }
  return zone ?? null;
}

function readMinorDigits(spot: Spot, currency: string): number {
  const minorDigits = minorDigitsOf(currency);
  if (minorDigits !== undefined) return minorDigits;
  const message = `${currency} is not an ISO 4217 code in use; write one such as EUR.`;
  report(spot, 'TARIFF_CURRENCY_UNKNOWN', message);
  return 0;
}

function readValidity(
  spot: Spot,
  shape: TariffShape,
): Pick<TariffDocument, 'validFrom' | 'validTo'> {
  const { validFrom = null, validTo = null } = shape;
  const wallMsOf = (field: 'validFrom' | 'validTo'): number | null => {
    const text = shape[field];
    if (text === undefined) return null;
    const wallMs = wallClockMsOf(text);
    if (wallMs === null) {
      const message = `no clock of the years 1970 to 2199 shows ${text}; correct it.`;
      report(within(spot, field), 'TARIFF_MALFORMED', message);
    } else if (!isOnSlotGrid(wallMs)) {
      const message = `${text} is not on the quarter hour; use minutes 00, 15, 30 or 45.`;
      report(within(spot, field), 'TARIFF_TIME_OFF_GRID', message);
    }
    return wallMs;
  };
  const fromMs = wallMsOf('validFrom');
  const toMs = wallMsOf('validTo');
  if (fromMs !== null && toMs !== null && toMs <= fromMs) {
    const message = 'the tariff ends before it begins; correct it or validFrom.';
    report(within(spot, 'validTo'), 'TARIFF_MALFORMED', message);
  }
  return { validFrom, validTo };
}

function readRounding(spot: Spot, raw: TariffShape['rounding']): TariffRounding {
  const { interval, line, tax, bill } = raw;
  return {
    interval: readRoundingPoint(within(spot, 'interval'), interval),
    line: readRoundingPoint(within(spot, 'line'), line),
    tax: readRoundingPoint(within(spot, 'tax'), tax),
    bill: readRoundingPoint(within(spot, 'bill'), bill),
  };
}

function readSeries(spot: Spot, raw: TariffShape['priceSeries']): readonly PriceSeries[] {
  reportRepeated(
    spot,
    raw.map(({ name }) => name),
    'name',
  );
  return readEach(spot, raw, readPriceSeries);
}

function readDocument(spot: Spot, raw: unknown): TariffDocument | null {
  const shape = readShape(spot, tariffShape, raw);
  if (shape === null) return null;
  const minorDigits = readMinorDigits(within(spot, 'currency'), shape.currency);
  const zone = readZone(within(spot, 'zone'), shape.zone);
  const validity = readValidity(spot, shape);
  const rounding = readRounding(within(spot, 'rounding'), shape.rounding);
  const calendars = readCalendars(within(spot, 'calendars'), shape.calendars);
  if (calendars === null) return null;
  const priceSeries = readSeries(within(spot, 'priceSeries'), shape.priceSeries);
  const componentsSpot = within(spot, 'components');
  const components = readComponents(componentsSpot, shape.components, calendars.calendars);
  if (rounding.interval !== null) reportIntervalRounding(spot, components);
  if (isAllZero(components, priceSeries)) {
    const message = 'nothing can ever cost or credit anything; give a price other than 0.';
    report(componentsSpot, 'TARIFF_ALL_ZERO', message);
  }
  const names = components.map(({ name }) => name);
  reportExamples(within(spot, 'examples'), shape.examples, names);
  return {
    currency: shape.currency,
    minorDigits,
    zone,
    ...validity,
    rounding,
    intervalMinutes: shape.intervalMinutes ?? null,
    ...calendars,
    priceSeries,
    components,
    examples: shape.examples,
  };
}

/** `path` is where the document stands in the input, in front of the paths of refusals. */
export function parseTariffDocument(
  raw: unknown,
  path: readonly (string | number)[] = [],
): Outcome<TariffDocument, TariffRefusal> {
  const spot = startAt(path);
  const document = readDocument(spot, raw);
  const refusal = refusalAt(spot);
  if (refusal !== null) return refusal;
  assert(document !== null, 'what cannot be read is reported');
  return accept(document);
}
