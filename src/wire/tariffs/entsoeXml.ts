import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { boundedText, isRecord, refuseAt, tooLarge } from './imported.ts';
import type { Path } from './imported.ts';

export type EntsoeXmlRefusal =
  | 'ENTSOE_TOO_LARGE'
  | 'ENTSOE_NOT_XML'
  | 'ENTSOE_NO_DATA'
  | 'ENTSOE_NOT_PRICES';

const sequenceName = 'classificationSequence_AttributeInstanceComponent.position';

/**
 * Elements as text; what is not named here is not needed. Lists are of unknown elements, each
 * looked at in its turn: a list of a million bad ones is refused at the first.
 */
const elements = z.array(z.unknown()).default([]);
const periodElement = z.object({
  timeInterval: z.object({ start: z.string(), end: z.string() }),
  resolution: z.string(),
  Point: elements,
});
const timeSeriesElement = z.object({
  'in_Domain.mRID': z.string().optional(),
  'contract_MarketAgreement.type': z.string().optional(),
  'currency_Unit.name': z.string(),
  'price_Measure_Unit.name': z.string(),
  curveType: z.string().default('A01'),
  [sequenceName]: z.string().optional(),
  Period: elements,
});
const publication = z.object({ type: z.string(), TimeSeries: elements });

export type PeriodElement = z.output<typeof periodElement>;
export type TimeSeriesElement = z.output<typeof timeSeriesElement>;

export function sequenceOf(series: TimeSeriesElement): number {
  return Number(series[sequenceName] ?? '1');
}

/** Texts stay texts, so that no price becomes a float; entities are not expanded. */
const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  maxNestedTags: 16,
  isArray: (name) => ['TimeSeries', 'Period', 'Point', 'Reason'].includes(name),
});

function parseXml(text: string): Outcome<unknown, 'ENTSOE_NOT_XML'> {
  const message = 'it is no XML of prices; give the whole answer as it was stored.';
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return refuseAt('ENTSOE_NOT_XML', [], message);
  try {
    if (XMLValidator.validate(text) !== true) return refuseAt('ENTSOE_NOT_XML', [], message);
    const root: unknown = parser.parse(text);
    return accept(root);
  } catch {
    return refuseAt('ENTSOE_NOT_XML', [], message);
  }
}

/** What the platform says instead of data, in its own words. */
function reasonOf(acknowledgement: unknown): string {
  const shaped = z.object({ Reason: elements }).safeParse(acknowledgement);
  const reason = shaped.success ? shaped.data.Reason[0] : undefined;
  const text = isRecord(reason) ? reason['text'] : undefined;
  return typeof text === 'string' ? text : 'no reason is given';
}

function parseElement<T>(
  schema: z.ZodType<T>,
  element: unknown,
  path: Path,
): Outcome<T, 'ENTSOE_NOT_PRICES'> {
  const shaped = schema.safeParse(element);
  if (shaped.success) return accept(shaped.data);
  const inside = (shaped.error.issues[0]?.path ?? []).map(String);
  const message = 'it is missing or no text; give a publication of prices (A44).';
  return refuseAt('ENTSOE_NOT_PRICES', [...path, ...inside], message);
}

export function parsePeriod(element: unknown, path: Path) {
  return parseElement(periodElement, element, path);
}

export const rootName = 'Publication_MarketDocument';

/** The time series of a publication of day-ahead prices (document type A44). */
export function readPublication(
  text: string,
): Outcome<readonly TimeSeriesElement[], EntsoeXmlRefusal> {
  const bounded = boundedText(text);
  if (bounded === null) return refuseAt('ENTSOE_TOO_LARGE', [], tooLarge);
  const parsed = parseXml(bounded);
  if (!parsed.ok) return parsed;
  const root = isRecord(parsed.value) ? parsed.value : {};
  if ('Acknowledgement_MarketDocument' in root) {
    const reason = reasonOf(root['Acknowledgement_MarketDocument']).slice(0, 200);
    const message = `the platform has no prices: ${reason}. Ask for another area or time.`;
    return refuseAt('ENTSOE_NO_DATA', [], message);
  }
  const whole = parseElement(publication, root[rootName], [rootName]);
  if (!whole.ok) return whole;
  if (whole.value.type !== 'A44') {
    const message = `the document is of type ${whole.value.type.slice(0, 8)}; prices are A44.`;
    return refuseAt('ENTSOE_NOT_PRICES', [rootName, 'type'], message);
  }
  const all: TimeSeriesElement[] = [];
  for (const [index, element] of whole.value.TimeSeries.entries()) {
    const series = parseElement(timeSeriesElement, element, [rootName, 'TimeSeries', index]);
    if (!series.ok) return series;
    all.push(series.value);
  }
  return accept(all);
}
