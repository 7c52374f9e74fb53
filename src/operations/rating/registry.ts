import type { Statement } from '../../db/connect.ts';
import { readAgreements, readMeters, readVersions, registryMark } from '../../db/ratingInputs.ts';
import type { RatedAgreement, RatedMeter, RatedVersion } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { compiledTariffsCachedMax } from '../../domain/limits.ts';
import { compileTariff } from '../../domain/rating/compile.ts';
import type { CompiledTariff } from '../../domain/rating/compile.ts';
import { segmentAt } from '../../domain/rating/segment.ts';
import type { RatedSegment, Segment } from '../../domain/rating/segment.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import type { TariffDocument } from '../../domain/tariff/document.ts';

export type RatingSegment = Segment<RatedAgreement, RatedVersion>;
export type PricedSegment = RatedSegment<RatedAgreement, RatedVersion>;

/**
 * What a rater remembers of the registry between commits. Only a saving: it is thrown away when
 * the registry's mark has moved, and an empty one gives the same charges.
 */
export type RatingMemory = {
  mark: string;
  readonly meters: Map<number, RatedMeter>;
  readonly agreements: Map<number, readonly RatedAgreement[]>;
  readonly versions: Map<number, readonly RatedVersion[]>;
  readonly documents: Map<number, TariffDocument>;
  readonly compiled: Map<string, CompiledTariff>;
  /** By service point, the segment asked for last: nearly always the one asked for next. */
  readonly segments: Map<number, RatingSegment>;
};

export function createRatingMemory(): RatingMemory {
  return {
    mark: '',
    meters: new Map(),
    agreements: new Map(),
    versions: new Map(),
    documents: new Map(),
    compiled: new Map(),
    segments: new Map(),
  };
}

function forget(memory: RatingMemory): void {
  memory.meters.clear();
  memory.agreements.clear();
  memory.versions.clear();
  memory.documents.clear();
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
 * Makes sure that the memory has these meters, their agreements and tariff versions. All of it
 * enters the memory at once: a connection lost between two reads would otherwise leave meters that
 * look known and have no agreement, and their energy would stay unrated.
 */
export async function loadRegistry(
  tx: Statement,
  memory: RatingMemory,
  meterIds: ReadonlySet<number>,
): Promise<void> {
  const mark = await registryMark(tx);
  if (mark !== memory.mark) {
    forget(memory);
    memory.mark = mark;
  }
  const missing = [...meterIds].filter((meterId) => !memory.meters.has(meterId));
  if (missing.length === 0) return;
  const meters = await readMeters(tx, missing);
  const points = [...new Set(meters.map((meter) => meter.servicePointId))].filter(
    (servicePointId) => !memory.agreements.has(servicePointId),
  );
  const agreements = await readAgreements(tx, points);
  const tariffs = [...new Set(agreements.map((agreement) => agreement.tariffId))].filter(
    (tariffId) => !memory.versions.has(tariffId),
  );
  const versions = tariffs.length === 0 ? [] : await readVersions(tx, tariffs);
  const byPoint = groupBy(agreements, (agreement) => agreement.servicePointId);
  const byTariff = groupBy(versions, (version) => version.tariffId);
  for (const tariff of tariffs) memory.versions.set(tariff, byTariff.get(tariff) ?? []);
  for (const point of points) memory.agreements.set(point, byPoint.get(point) ?? []);
  for (const meter of meters) memory.meters.set(meter.meterId, meter);
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

/** The segment's tariff as tables; thousands of agreements share one. */
export function compiledFor(
  memory: RatingMemory,
  { version, firstSlot, endSlot }: PricedSegment,
  zone: string,
): CompiledTariff {
  const key = `${version.versionId}/${zone}/${firstSlot}/${endSlot}`;
  const known = memory.compiled.get(key);
  if (known !== undefined) return known;
  let document = memory.documents.get(version.versionId);
  if (document === undefined) {
    const parsed = parseTariffDocument(version.document);
    assert(parsed.ok, `tariff version ${version.versionId} was checked when it was published`);
    document = parsed.value;
    memory.documents.set(version.versionId, document);
  }
  const compiled = compileTariff(document, {
    zone,
    fromMs: slotStartMs(firstSlot),
    toMs: slotStartMs(endSlot),
  });
  assert(compiled.ok, `tariff version ${version.versionId} can be compiled for ${zone}`);
  if (memory.compiled.size >= compiledTariffsCachedMax) memory.compiled.clear();
  memory.compiled.set(key, compiled.value);
  return compiled.value;
}
