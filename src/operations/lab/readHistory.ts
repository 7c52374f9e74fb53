import type { Statement } from '../../db/connect.ts';
import { readIdleDays } from '../../db/idleDays.ts';
import { readLabAgreements, readPackedMeters } from '../../db/labReads.ts';
import type { LabAgreement } from '../../db/labReads.ts';
import { readVersions } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { monthsLookedBack } from '../../domain/lab/lookBack.ts';
import type { History } from '../../domain/lab/history.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { slotMs } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import { loadOfMeters } from '../../domain/series/loadOfDays.ts';
import { parseAttributes } from '../../domain/tariff/attributes.ts';
import type { TariffDocument } from '../../domain/tariff/document.ts';
import { documentsOf } from '../../domain/tariff/versions.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { firstMonthNumber, monthOfLabel, startOfMonthMs } from '../../domain/time/month.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { readSeriesPrices } from '../rating/readSeriesPrices.ts';

export type HistoryCode = 'AGREEMENT_NOT_FOUND' | 'TARIFF_NOT_FOUND' | 'CURRENCY_MISMATCH';

export type AgreementHistory = {
  readonly history: History;
  readonly agreement: LabAgreement;
};

/** The published documents of a tariff, as the viewer may see it. */
export async function readDocuments(
  tx: Statement,
  { tariffId, zone }: { readonly tariffId: number; readonly zone: string },
): Promise<Outcome<readonly TariffDocument[], 'TARIFF_NOT_FOUND'>> {
  const documents = documentsOf(await readVersions(tx, [tariffId]), zone);
  assert(documents.ok, 'published tariffs can be read again');
  if (documents.value.length > 0) return documents;
  const message = 'The tariff is not there, or has no published version. Check its id.';
  return refuse('TARIFF_NOT_FOUND', message, ['tariffId']);
}

/**
 * An agreement with the readings of [fromMs, toMs) and of the months before that decide what is
 * carried in. The documents are those of its tariff unless others are given.
 */
export async function readHistory(
  tx: Statement,
  wanted: {
    readonly companyId: number;
    readonly agreementId: number;
    readonly fromMs: number;
    readonly toMs: number;
    readonly documents?: readonly TariffDocument[];
    /** Whole months more before it, for what is guessed from them. */
    readonly monthsBefore?: number;
  },
): Promise<Outcome<AgreementHistory, HistoryCode>> {
  const { companyId, fromMs, toMs } = wanted;
  const agreementIds = [wanted.agreementId];
  const [agreement] = await readLabAgreements(tx, { companyId, agreementIds });
  if (agreement === undefined) {
    const message = 'There is no such agreement. Check its id.';
    return refuse('AGREEMENT_NOT_FOUND', message, ['agreementId']);
  }
  const { zone, tariffId } = agreement;
  const documents =
    wanted.documents === undefined
      ? await readDocuments(tx, { tariffId, zone })
      : accept(wanted.documents);
  if (!documents.ok) return documents;
  const currency = documents.value[0]?.currency;
  if (currency !== agreement.currency) {
    const message = `The tariff is in ${currency}, the account in ${agreement.currency}.`;
    return refuse('CURRENCY_MISMATCH', `${message} Choose another tariff.`, ['tariffId']);
  }
  const months = Math.max(monthsLookedBack(documents.value), wanted.monthsBefore ?? 0);
  const month = monthOfLabel(billingPeriodAt(zone, fromMs).label);
  // A document's own zone may be a day away from the service point's.
  const firstMs = startOfMonthMs(zone, Math.max(firstMonthNumber, month - months)) - dayMs;
  const loadFromMs = Math.floor(firstMs / dayMs) * dayMs;
  const loadToMs = Math.max(loadFromMs + slotMs, Math.ceil(toMs / slotMs) * slotMs);
  const meters = await readPackedMeters(tx, {
    companyId,
    servicePointIds: [agreement.servicePointId],
    fromDay: dayOf(loadFromMs),
    throughDay: dayOf(loadToMs - 1),
  });
  const window = { fromMs: loadFromMs, toMs: loadToMs };
  const attributes = parseAttributes(agreement.attributes);
  assert(attributes.ok, 'stored attributes were checked');
  const prices = await readSeriesPrices(tx, {
    companyId,
    documents: documents.value,
    fromMs: loadFromMs,
    toMs: Math.max(loadToMs, fromMs) + pricesMarginMs,
  });
  return accept({
    agreement,
    history: {
      documents: documents.value,
      zone,
      load: loadOfMeters(meters.get(agreement.servicePointId) ?? [], window),
      attributes: attributes.value,
      prices,
      validFromMs: agreement.validFromMs,
      validToMs: agreement.validToMs,
      idle: await readIdleDays(tx, wanted.agreementId),
    },
  });
}

/** Prices are known ahead of readings: as far as a month and the days of a price window. */
const pricesMarginMs = 40 * dayMs;
