import { billingPeriodAt } from '../time/zone.ts';
import type { BillingPeriod } from '../time/zone.ts';
import { slotOf, slotStartMs } from './slot.ts';

/** An agreement as far as it decides which tariff prices a slot. */
export type AgreementSpan = {
  readonly agreementId: number;
  readonly tariffId: number;
  readonly validFromMs: number;
  /** Infinity while it is open. */
  readonly validToMs: number;
};

export type VersionSpan = {
  readonly versionId: number;
  readonly tariffId: number;
  readonly validFromMs: number;
  /** The document's own; null: the service point's. */
  readonly zone: string | null;
};

/**
 * A stretch of slots that one tariff version of one agreement prices within one billing period:
 * what one charge is about. Slots [firstSlot, endSlot).
 */
export type RatedSegment<A extends AgreementSpan, V extends VersionSpan> = {
  readonly agreement: A;
  readonly version: V;
  readonly period: BillingPeriod;
  readonly firstSlot: number;
  readonly endSlot: number;
};

/** A stretch that nothing prices: visible as unrated energy, never zero. */
export type UnratedSegment = {
  readonly code: 'AGREEMENT_NOT_FOUND' | 'TARIFF_NOT_FOUND';
  readonly period: BillingPeriod;
  readonly firstSlot: number;
  readonly endSlot: number;
};

export type Segment<A extends AgreementSpan, V extends VersionSpan> =
  | RatedSegment<A, V>
  | UnratedSegment;

type Input<A extends AgreementSpan, V extends VersionSpan> = {
  /** Of one service point, in the order of validFrom, not overlapping. */
  readonly agreements: readonly A[];
  /** Of the agreements' tariffs, in the order of validFrom. */
  readonly versions: readonly V[];
  readonly zone: string;
  readonly slot: number;
};

/** A span that only shrinks, to what every rule allows of it. */
type Bounds = { fromMs: number; toMs: number };

/** The one that is valid at an instant; `bounds` shrinks to where that stays so. */
function agreementAt<A extends AgreementSpan>(
  agreements: readonly A[],
  atMs: number,
  bounds: Bounds,
): A | null {
  let agreement: A | null = null;
  for (const candidate of agreements) {
    if (candidate.validFromMs > atMs) {
      bounds.toMs = Math.min(bounds.toMs, candidate.validFromMs);
    } else if (candidate.validToMs > atMs) {
      agreement = candidate;
      bounds.fromMs = Math.max(bounds.fromMs, candidate.validFromMs);
      bounds.toMs = Math.min(bounds.toMs, candidate.validToMs);
    } else {
      bounds.fromMs = Math.max(bounds.fromMs, candidate.validToMs);
    }
  }
  return agreement;
}

function versionAt<V extends VersionSpan>(
  versions: readonly V[],
  { tariffId, atMs }: { readonly tariffId: number; readonly atMs: number },
  bounds: Bounds,
): V | null {
  let version: V | null = null;
  for (const candidate of versions) {
    if (candidate.tariffId !== tariffId) continue;
    if (candidate.validFromMs > atMs) {
      bounds.toMs = Math.min(bounds.toMs, candidate.validFromMs);
    } else {
      version = candidate;
      bounds.fromMs = Math.max(bounds.fromMs, candidate.validFromMs);
    }
  }
  return version;
}

/**
 * The segment that holds a slot, within a month of the tariff's own zone where it has one. Validity
 * is on the slot grid: whoever registers it checks.
 */
export function segmentAt<A extends AgreementSpan, V extends VersionSpan>({
  agreements,
  versions,
  zone,
  slot,
}: Input<A, V>): Segment<A, V> {
  const atMs = slotStartMs(slot);
  const bounds: Bounds = { fromMs: -Infinity, toMs: Infinity };
  const within = (period: BillingPeriod) => ({
    period,
    firstSlot: slotOf(Math.max(period.startMs, bounds.fromMs)),
    endSlot: slotOf(Math.min(period.endMs, bounds.toMs)),
  });
  const agreement = agreementAt(agreements, atMs, bounds);
  if (agreement === null) {
    return { code: 'AGREEMENT_NOT_FOUND', ...within(billingPeriodAt(zone, atMs)) };
  }
  const { tariffId } = agreement;
  const version = versionAt(versions, { tariffId, atMs }, bounds);
  if (version === null) {
    return { code: 'TARIFF_NOT_FOUND', ...within(billingPeriodAt(zone, atMs)) };
  }
  return { agreement, version, ...within(billingPeriodAt(version.zone ?? zone, atMs)) };
}
