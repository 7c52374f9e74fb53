import type { Statement } from '../../db/connect.ts';
import {
  readAgreements,
  readMetersBeside,
  readOffices,
  readVersions,
  registryMark,
} from '../../db/ratingInputs.ts';
import type { RatedAgreement, RatedMeter, RatedVersion } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { compiledTariffsCachedMax } from '../../domain/limits.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { AgreementAttributes } from '../../domain/rating/bill.ts';
import { segmentAt } from '../../domain/rating/segment.ts';
import type { RatedSegment, Segment } from '../../domain/rating/segment.ts';
import { parseAttributes } from '../../domain/tariff/attributes.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import type { TariffDocument, TariffRefusal } from '../../domain/tariff/document.ts';
import type { CompiledSegment } from './compiledSegment.ts';

export type RatingSegment = Segment<RatedAgreement, RatedVersion>;
export type PricedSegment = RatedSegment<RatedAgreement, RatedVersion>;

/**
 * What a rater remembers of the registry between commits. Only a saving: it is thrown away when
 * the registry's mark has moved, and an empty one gives the same charges.
 */
export type RatingMemory = {
  mark: string;
  /** Edges that enter readings by hand, and whose. */
  readonly offices: Map<number, number>;
  readonly meters: Map<number, RatedMeter>;
  /** By service point, in the order of their ids. */
  readonly pointMeters: Map<number, readonly RatedMeter[]>;
  readonly agreements: Map<number, readonly RatedAgreement[]>;
  readonly versions: Map<number, readonly RatedVersion[]>;
  readonly documents: Map<number, Outcome<TariffDocument, TariffRefusal>>;
  readonly attributes: Map<number, AgreementAttributes>;
  readonly compiled: Map<string, CompiledSegment>;
  /** By service point, the segment asked for last: nearly always the one asked for next. */
  readonly segments: Map<number, RatingSegment>;
  /** Rows that somebody left out before they are rated, where the log is rated anew. */
  readonly dismissed: ReadonlySet<string>;
};

export function createRatingMemory(dismissed: ReadonlySet<string> = new Set()): RatingMemory {
  return {
    mark: '',
    offices: new Map(),
    meters: new Map(),
    pointMeters: new Map(),
    agreements: new Map(),
    versions: new Map(),
    documents: new Map(),
    attributes: new Map(),
    compiled: new Map(),
    segments: new Map(),
    dismissed,
  };
}

function forget(memory: RatingMemory): void {
  memory.offices.clear();
  memory.meters.clear();
  memory.pointMeters.clear();
  memory.agreements.clear();
  memory.versions.clear();
  memory.documents.clear();
  memory.attributes.clear();
  memory.compiled.clear();
  memory.segments.clear();
}

function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => number): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}

/**
 * Makes sure that the memory has these meters and those beside them, their agreements and tariff
 * versions. All of it enters the memory at once: a connection lost between two reads would
 * otherwise leave meters that look known and have no agreement, and their energy would stay
 * unrated.
 */
export async function loadRegistry(
  tx: Statement,
  memory: RatingMemory,
  meterIds: ReadonlySet<number>,
): Promise<void> {
  const mark = await registryMark(tx);
  if (mark !== memory.mark) {
    const offices = await readOffices(tx);
    forget(memory);
    for (const { edgeId, companyId } of offices) memory.offices.set(edgeId, companyId);
    memory.mark = mark;
  }
  const missing = [...meterIds].filter((meterId) => !memory.meters.has(meterId));
  if (missing.length === 0) return;
  const meters = await readMetersBeside(tx, missing);
  const byMeterPoint = groupBy(meters, (meter) => meter.servicePointId);
  const points = [...byMeterPoint.keys()].filter((point) => !memory.agreements.has(point));
  const agreements = await readAgreements(tx, points);
  const tariffs = [...new Set(agreements.map((agreement) => agreement.tariffId))].filter(
    (tariffId) => !memory.versions.has(tariffId),
  );
  const versions = tariffs.length === 0 ? [] : await readVersions(tx, tariffs);
  const byPoint = groupBy(agreements, (agreement) => agreement.servicePointId);
  const byTariff = groupBy(versions, (version) => version.tariffId);
  for (const tariff of tariffs) memory.versions.set(tariff, byTariff.get(tariff) ?? []);
  for (const point of points) memory.agreements.set(point, byPoint.get(point) ?? []);
  for (const [point, beside] of byMeterPoint) memory.pointMeters.set(point, beside);
  for (const meter of meters) memory.meters.set(meter.meterId, meter);
}

/** The edge of a company that edits come from; a company has one at most. */
export function officeOf({ offices }: RatingMemory, companyId: number): number | undefined {
  for (const [edgeId, owner] of offices) if (owner === companyId) return edgeId;
  return undefined;
}

/** The meters of a service point; the first of them carries the charges of its agreements. */
export function metersAt(memory: RatingMemory, servicePointId: number): readonly RatedMeter[] {
  const meters = memory.pointMeters.get(servicePointId);
  assert(meters !== undefined, 'the meters of a rated service point are known');
  return meters;
}

/** Service points of these meters that have more than one. */
export function sharedPoints(
  memory: RatingMemory,
  meterIds: ReadonlySet<number>,
): readonly number[] {
  const points = new Set<number>();
  for (const meterId of meterIds) {
    const point = memory.meters.get(meterId)?.servicePointId;
    if (point !== undefined && metersAt(memory, point).length > 1) points.add(point);
  }
  return [...points];
}

/** Which agreement and tariff version price a slot of a meter, or why none does. */
export function segmentOf(memory: RatingMemory, meter: RatedMeter, slot: number): RatingSegment {
  const last = memory.segments.get(meter.servicePointId);
  if (last !== undefined && last.firstSlot <= slot && slot < last.endSlot) return last;
  const agreements = memory.agreements.get(meter.servicePointId) ?? [];
  const versions = agreements.flatMap(({ tariffId }) => memory.versions.get(tariffId) ?? []);
  const segment = segmentAt({ agreements, versions, zone: meter.timeZone, slot });
  memory.segments.set(meter.servicePointId, segment);
  return segment;
}

/** The account that a meter's energy of an instant belongs to, priced or not; 0 for nobody's. */
export function accountOf(memory: RatingMemory, meter: RatedMeter, atMs: number): number {
  const agreement = (memory.agreements.get(meter.servicePointId) ?? []).findLast(
    ({ validFromMs, validToMs }) => validFromMs <= atMs && atMs < validToMs,
  );
  return agreement?.accountId ?? 0;
}

export function versionOf(
  memory: RatingMemory,
  { tariffId, versionId }: { readonly tariffId: number; readonly versionId: number },
): RatedVersion | undefined {
  return memory.versions.get(tariffId)?.find((version) => version.versionId === versionId);
}

/** The version's document; thousands of agreements share one. */
export function documentOf(
  memory: RatingMemory,
  version: RatedVersion,
): Outcome<TariffDocument, TariffRefusal> {
  const known = memory.documents.get(version.versionId);
  if (known !== undefined) return known;
  const parsed = parseTariffDocument(version.document);
  memory.documents.set(version.versionId, parsed);
  return parsed;
}

export function attributesOf(memory: RatingMemory, agreement: RatedAgreement): AgreementAttributes {
  const known = memory.attributes.get(agreement.agreementId);
  if (known !== undefined) return known;
  const parsed = parseAttributes(agreement.attributes);
  assert(parsed.ok, 'attributes are checked when they are registered');
  memory.attributes.set(agreement.agreementId, parsed.value);
  return parsed.value;
}

export function keepCompiled(memory: RatingMemory, key: string, segment: CompiledSegment): void {
  if (memory.compiled.size >= compiledTariffsCachedMax) memory.compiled.clear();
  memory.compiled.set(key, segment);
}
