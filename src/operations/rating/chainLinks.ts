import type { ChargeKey, ChargeRow, StoredCharges } from '../../db/charges.ts';
import type { RatedAgreement, RatedMeter } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { segmentOf, versionOf } from './registry.ts';
import type { PricedSegment, RatingMemory } from './registry.ts';
import { chargeKey } from './touchedBills.ts';
import type { TouchedBill } from './touchedBills.ts';

/** What a charge is of, whether it is priced or not. */
export type ChargePlace = Pick<PricedSegment, 'agreement' | 'period'>;

/** One bill of a chain: touched, or as it is stored. */
export type Link = {
  readonly startMs: number;
  readonly versionId: number;
  readonly bill: TouchedBill | null;
  readonly stored: ChargeRow | undefined;
};

/** The bills of one agreement in the order of time. */
export function linksOf(
  memory: RatingMemory,
  agreement: RatedAgreement,
  given: { readonly bills: readonly TouchedBill[]; readonly stored: StoredCharges },
): readonly Link[] {
  const [only] = given.bills;
  const [known] = given.stored.charges;
  // The usual bill: the only one that is touched, and the only one that is stored.
  if (given.bills.length === 1 && given.stored.charges.length === 1) {
    if (only.key === chargeKey(known)) {
      const { version, firstSlot } = only.segment;
      const startMs = slotStartMs(firstSlot);
      return [{ startMs, versionId: version.versionId, bill: only, stored: known }];
    }
  }
  const links = new Map<string, Link>();
  for (const row of given.stored.charges) {
    const versionId = row.tariffVersionId;
    const version = versionOf(memory, { tariffId: agreement.tariffId, versionId });
    assert(version !== undefined, 'a charge is of a version of its agreement');
    const startMs = Math.max(row.periodStartMs, version.validFromMs, agreement.validFromMs);
    links.set(chargeKey(row), { startMs, versionId, bill: null, stored: row });
  }
  for (const bill of given.bills) {
    const { version, firstSlot } = bill.segment;
    const stored = links.get(bill.key)?.stored;
    const startMs = slotStartMs(firstSlot);
    links.set(bill.key, { startMs, versionId: version.versionId, bill, stored });
  }
  return [...links.values()].toSorted((a, b) => a.startMs - b.startMs || a.versionId - b.versionId);
}

/** A stored charge as a bill whose slots did not move; null where it is of no segment any more. */
export function billAgain(memory: RatingMemory, meter: RatedMeter, link: Link): TouchedBill | null {
  const { stored } = link;
  if (stored === undefined) return null;
  const segment = segmentOf(memory, meter, slotOf(link.startMs));
  const isSame =
    !('code' in segment) &&
    stored.meterId === meter.meterId &&
    segment.version.versionId === stored.tariffVersionId &&
    segment.agreement.agreementId === stored.agreementId &&
    segment.period.startMs === stored.periodStartMs;
  if (!isSame) return null;
  return {
    key: chargeKey(stored),
    segment,
    meter,
    pieces: [],
    isRecomputed: false,
    isFirst: false,
    isWhole: true,
    isDue: true,
  };
}

/** Of a charge that nothing prices any more. */
export function placeOfStored(
  memory: RatingMemory,
  { agreement, meter }: { readonly agreement: RatedAgreement; readonly meter: RatedMeter },
  stored: ChargeKey,
): ChargePlace {
  const version = versionOf(memory, {
    tariffId: agreement.tariffId,
    versionId: stored.tariffVersionId,
  });
  assert(version !== undefined, 'a charge is of a version of its agreement');
  const period = billingPeriodAt(version.zone ?? meter.timeZone, stored.periodStartMs);
  return { agreement, period };
}

/** A touched bill of the same period, which has the energy of all meters. */
export function isBeside({ bill }: Link, stored: ChargeRow): boolean {
  return (
    bill !== null &&
    bill.segment.period.startMs === stored.periodStartMs &&
    bill.segment.version.versionId === stored.tariffVersionId
  );
}
