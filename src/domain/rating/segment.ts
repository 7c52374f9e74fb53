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

/** The segment that holds a slot. Validity is on the slot grid: whoever registers it checks. */
export function segmentAt<A extends AgreementSpan, V extends VersionSpan>({
  agreements,
  versions,
  zone,
  slot,
}: Input<A, V>): Segment<A, V> {
  const atMs = slotStartMs(slot);
  const period = billingPeriodAt(zone, atMs);
  let fromMs = period.startMs;
  let toMs = period.endMs;
  let agreement: A | null = null;
  for (const candidate of agreements) {
    if (candidate.validFromMs > atMs) {
      toMs = Math.min(toMs, candidate.validFromMs);
    } else if (candidate.validToMs > atMs) {
      agreement = candidate;
      fromMs = Math.max(fromMs, candidate.validFromMs);
      toMs = Math.min(toMs, candidate.validToMs);
    } else {
      fromMs = Math.max(fromMs, candidate.validToMs);
    }
  }
  const bounds = () => ({ period, firstSlot: slotOf(fromMs), endSlot: slotOf(toMs) });
  if (agreement === null) return { code: 'AGREEMENT_NOT_FOUND', ...bounds() };
  let version: V | null = null;
  for (const candidate of versions) {
    if (candidate.tariffId !== agreement.tariffId) continue;
    if (candidate.validFromMs > atMs) {
      toMs = Math.min(toMs, candidate.validFromMs);
    } else {
      version = candidate;
      fromMs = Math.max(fromMs, candidate.validFromMs);
    }
  }
  if (version === null) return { code: 'TARIFF_NOT_FOUND', ...bounds() };
  return { agreement, version, ...bounds() };
}
