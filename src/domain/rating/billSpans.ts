import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { instantOfLocal } from '../tariff/localTime.ts';
import type { PriceSeries } from '../tariff/priceSeries.ts';
import { minuteMs } from '../time/civil.ts';
import { billingPeriodAt, offsetSegments } from '../time/zone.ts';
import type { Load } from './load.ts';
import { slotMs as quarterMs } from './slot.ts';

/** One bill of several: what one version says about one month or a part of it. */
export type BillSpan = {
  readonly document: TariffDocument;
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
};

type Validity = {
  readonly document: TariffDocument;
  readonly fromMs: number;
  readonly toMs: number;
};

function validitiesOf(documents: readonly TariffDocument[], zone: string): readonly Validity[] {
  const instantOf = (document: TariffDocument, text: string): number =>
    instantOfLocal(document.zone ?? zone, text);
  const spans = documents.map((document) => ({
    document,
    fromMs: document.validFrom === null ? -Infinity : instantOf(document, document.validFrom),
    toMs: document.validTo === null ? Infinity : instantOf(document, document.validTo),
  }));
  // A version that names no end is valid until the next one begins.
  return spans.map((span, index) => ({
    ...span,
    toMs: Math.min(span.toMs, spans[index + 1]?.fromMs ?? Infinity),
  }));
}

/** [fromMs, toMs) cut where a month or a version ends. */
export function billSpansOf(
  documents: readonly TariffDocument[],
  window: { readonly zone: string; readonly fromMs: number; readonly toMs: number },
): Outcome<readonly BillSpan[], 'TARIFF_NOT_VALID'> {
  const validities = validitiesOf(documents, window.zone);
  const spans: BillSpan[] = [];
  let fromMs = window.fromMs;
  while (fromMs < window.toMs) {
    const atMs = fromMs;
    const valid = validities.find((each) => each.fromMs <= atMs && atMs < each.toMs);
    if (valid === undefined) {
      const instant = new Date(atMs).toISOString();
      const message = `No version of the tariff is valid at ${instant}`;
      return refuse('TARIFF_NOT_VALID', `${message}; choose a shorter time or add a version.`);
    }
    const zone = valid.document.zone ?? window.zone;
    const period = billingPeriodAt(zone, atMs);
    const toMs = Math.min(window.toMs, period.endMs, valid.toMs);
    spans.push({ document: valid.document, zone, fromMs, toMs });
    fromMs = toMs;
  }
  return accept(spans);
}

function greatestCommonDivisor(left: number, right: number): number {
  let larger = Math.abs(left);
  let smaller = Math.abs(right);
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

/** Lengths and instants that slots of a span have to fit. */
function marksOf(
  span: BillSpan,
  load: Pick<Load, 'fromMs' | 'intervalMs'>,
  prices: ReadonlyMap<string, PriceSeries>,
): readonly number[] {
  const { document, zone, fromMs, toMs } = span;
  const marks = [fromMs, toMs];
  for (const { startMs, offsetMs } of offsetSegments(zone, span)) marks.push(startMs, offsetMs);
  if (document.superPeriods.size > 1) marks.push(quarterMs);
  const windowMs: number[] = [];
  if (document.rounding.interval !== null)
    windowMs.push((document.intervalMinutes ?? 0) * minuteMs);
  for (const component of document.components) {
    if (component.kind === 'demand' && component.measure !== 'contracted') {
      windowMs.push(component.windowMinutes * minuteMs);
      for (const coincident of component.coincident ?? []) {
        marks.push(coincident.fromMs, coincident.toMs);
      }
    }
    if (component.kind === 'reactive' && component.measure === 'kvaAdjustment') {
      windowMs.push(component.windowMinutes * minuteMs);
    }
    if (component.kind === 'energy' && component.tierRule?.kw === 'peak') windowMs.push(quarterMs);
    if (component.kind !== 'dynamic') continue;
    const series =
      prices.get(component.series) ??
      document.priceSeries.find(({ name }) => name === component.series);
    if (series !== undefined) marks.push(series.fromMs, series.stepMs);
    if (component.resolutionMinutes !== null) marks.push(component.resolutionMinutes * minuteMs);
  }
  // Shorter windows than the load's interval are not made.
  marks.push(...windowMs.filter((lengthMs) => lengthMs > load.intervalMs));
  return marks;
}

/** The longest slots that fit a load, the zone's clocks and what the tariff looks at. */
export function slotMsFor(
  span: BillSpan,
  load: Pick<Load, 'fromMs' | 'intervalMs'>,
  prices: ReadonlyMap<string, PriceSeries>,
): Outcome<number, 'LOAD_OFF_GRID'> {
  const marks = [load.fromMs, ...marksOf(span, load, prices)];
  const slotMs = marks.reduce(greatestCommonDivisor, load.intervalMs);
  if (slotMs % minuteMs === 0) return accept(slotMs);
  const message = 'The load, the months and the clocks do not share a grid of whole minutes';
  return refuse('LOAD_OFF_GRID', `${message}; begin the load on a minute of its zone.`);
}
