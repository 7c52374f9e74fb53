import { billedDaysMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { AgreementAttributes } from '../domain/rating/bill.ts';
import type { Load } from '../domain/rating/load.ts';
import { noAttributes, parseAttributes } from '../domain/tariff/attributes.ts';
import type { TariffDocument } from '../domain/tariff/document.ts';
import type { PriceSeries } from '../domain/tariff/priceSeries.ts';
import { attributesShape } from '../domain/tariff/shape.ts';
import type { AttributesShape } from '../domain/tariff/shape.ts';
import { dayMs } from '../domain/time/civil.ts';
import { parseDate } from '../domain/time/localText.ts';
import { isKnownZone, startOfLocalDayMs } from '../domain/time/zone.ts';
import { readJson, readText } from './inputFile.ts';
import { parseLoadCsv } from './loadCsv.ts';
import { localText, wholeDays } from './localDates.ts';
import { readSeriesFiles } from './seriesFiles.ts';
import { zoneOf } from './tariffFile.ts';
import type { OpenedTariff } from './tariffFile.ts';
import { wholeNumber } from './wholeNumber.ts';

/** What decides a bill beside its tariff and its load, as options of a command. */
export type CircumstanceOptions = {
  readonly zone?: string | undefined;
  readonly interval?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly attributes?: string | undefined;
  readonly series: readonly string[];
};

export type Circumstances = {
  /** The tariff's, else the service point's (rule 2). */
  readonly zone: string;
  readonly attributes: AgreementAttributes;
  /** As written: what the second engine reads. */
  readonly attributesText: AttributesShape;
  readonly prices: ReadonlyMap<string, PriceSeries>;
};

/** What is one for all tariffs of a command. */
export type Terms = Omit<Circumstances, 'zone'>;

export type RateInput = Circumstances & {
  readonly load: Load;
  readonly fromMs: number;
  readonly toMs: number;
};

function intervalMinutesOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  return wholeNumber(text, '--interval');
}

export function readLoad(file: string, interval: string | undefined): Outcome<Load, string> {
  const intervalMinutes = intervalMinutesOf(interval);
  const text = readText(file);
  if (!text.ok) return text;
  const load = parseLoadCsv(text.value, intervalMinutes);
  return load.ok ? load : { ...load, message: `${file}: ${load.message}` };
}

type Agreed = Pick<Circumstances, 'attributes' | 'attributesText'>;

export function agreedOf(raw: unknown, where: string): Outcome<Agreed, string> {
  const parsed = parseAttributes(raw);
  if (!parsed.ok) return { ...parsed, message: `${where}: ${parsed.message}` };
  return accept({ attributes: parsed.value, attributesText: attributesShape.parse(raw) });
}

function readAgreed(file: string | undefined): Outcome<Agreed, string> {
  if (file === undefined) return accept({ attributes: noAttributes, attributesText: {} });
  const json = readJson(file);
  return json.ok ? agreedOf(json.value, file) : json;
}

/** Of one tariff, or of several that are compared. */
export function readTerms(
  documents: readonly TariffDocument[],
  options: CircumstanceOptions,
): Outcome<Terms, string> {
  if (options.zone !== undefined && !isKnownZone(options.zone)) {
    const message = `"${options.zone.slice(0, 64)}" is no zone; give one such as Europe/Berlin.`;
    return refuse('ZONE_UNKNOWN', message);
  }
  const agreed = readAgreed(options.attributes);
  if (!agreed.ok) return agreed;
  const prices = readSeriesFiles(options.series, documents);
  return prices.ok ? accept({ ...agreed.value, prices: prices.value }) : prices;
}

export function readCircumstances(
  opened: OpenedTariff,
  options: CircumstanceOptions,
): Outcome<Circumstances, string> {
  const terms = readTerms(opened.documents, options);
  if (!terms.ok) return terms;
  const zone = zoneOf(opened, options.zone);
  return zone.ok ? accept({ ...terms.value, zone: zone.value }) : zone;
}

/** The asked days, each end where it is given; else the local days that hold the load. */
function windowOf(
  options: CircumstanceOptions,
  load: Load,
  zone: string,
): Outcome<{ readonly fromMs: number; readonly toMs: number }, string> {
  const held = wholeDays(zone, {
    fromMs: load.fromMs,
    toMs: load.fromMs + load.import.length * load.intervalMs,
  });
  const from = options.from === undefined ? null : parseDate(options.from);
  if (from !== null && !from.ok) return from;
  const to = options.to === undefined ? null : parseDate(options.to);
  if (to !== null && !to.ok) return to;
  const fromMs = from === null ? held.fromMs : startOfLocalDayMs(zone, from.value);
  const toMs = to === null ? held.toMs : startOfLocalDayMs(zone, to.value);
  if (fromMs < 0) {
    const message = 'The first day begins before 1970-01-01T00:00Z; give a later --from.';
    return refuse('WINDOW_OUT_OF_RANGE', message);
  }
  const asked = `${localText(zone, fromMs)} to ${localText(zone, toMs)}`;
  if (fromMs >= toMs || fromMs >= held.toMs || toMs <= held.fromMs) {
    const there = `${localText(zone, held.fromMs)} to ${localText(zone, held.toMs)}`;
    const message = `${asked} has nothing of the load, which is of ${there}; ends are exclusive.`;
    return refuse('WINDOW_EMPTY', message);
  }
  if (toMs - fromMs > billedDaysMax * dayMs) {
    const message = `${asked} is more than ${billedDaysMax} days; ask for less at a time.`;
    return refuse('WINDOW_TOO_LONG', message);
  }
  return accept({ fromMs, toMs });
}

/** A load and the days of it that are billed. */
export function rateInputOf(
  circumstances: Circumstances,
  load: Load,
  options: CircumstanceOptions,
): Outcome<RateInput, string> {
  const window = windowOf(options, load, circumstances.zone);
  return window.ok ? accept({ ...circumstances, load, ...window.value }) : window;
}

export function readRateInput(
  circumstances: Circumstances,
  file: string,
  options: CircumstanceOptions,
): Outcome<RateInput, string> {
  const load = readLoad(file, options.interval);
  return load.ok ? rateInputOf(circumstances, load.value, options) : load;
}
