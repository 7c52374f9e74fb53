import type { Transaction } from '../db/connect.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { pricesAhead } from '../domain/lab/pricesAhead.ts';
import type { PriceStretch, PricesAheadRefusal } from '../domain/lab/pricesAhead.ts';
import { instantMsMax, pricesAheadHoursMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { slotMs, slotOf, slotStartMs } from '../domain/rating/slot.ts';
import { noAttributes } from '../domain/tariff/attributes.ts';
import { hourMs } from '../domain/time/civil.ts';
import { isKnownZone } from '../domain/time/zone.ts';
import type { History } from '../domain/lab/history.ts';
import { readDocuments, readHistory } from './lab/readHistory.ts';
import type { HistoryCode } from './lab/readHistory.ts';
import { readSeriesPrices } from './rating/readSeriesPrices.ts';

export type PriceSubject = {
  /** Exactly one of the two: as somebody pays it, or as it is published. */
  readonly agreementId: number | null;
  readonly tariffId: number | null;
  /** For a tariff that names no zone of its own. */
  readonly zone: string | null;
};

export type PriceCode =
  | HistoryCode
  | PricesAheadRefusal
  | 'SUBJECT_MISSING'
  | 'ZONE_MISSING'
  | 'ZONE_UNKNOWN'
  | 'INSTANT_OUT_OF_RANGE'
  | 'HOURS_OUT_OF_RANGE';

export type PricesView = {
  readonly stretches: readonly PriceStretch[];
  readonly currency: string;
};

type Window = { readonly fromMs: number; readonly toMs: number };

/** Of a tariff alone nothing has been used: its first tiers. */
async function tariffHistory(
  tx: Transaction,
  { companyId }: Viewer,
  wanted: Window & { readonly tariffId: number; readonly zone: string | null },
): Promise<Outcome<History, PriceCode>> {
  if (wanted.zone !== null && !isKnownZone(wanted.zone)) {
    const message = 'The zone is unknown. Write an IANA name such as "Europe/Berlin".';
    return refuse('ZONE_UNKNOWN', message, ['timeZone']);
  }
  const found = await readDocuments(tx, { ...wanted, zone: wanted.zone ?? 'UTC' });
  if (!found.ok) return found;
  const documents = found.value;
  if (wanted.zone === null && documents.some(({ zone }) => zone === null)) {
    const message = 'The tariff goes by the zone of its customers. Say one, as timeZone.';
    return refuse('ZONE_MISSING', message, ['timeZone']);
  }
  const prices = await readSeriesPrices(tx, { companyId, documents, ...wanted });
  const nothing = new Float64Array(0);
  return accept({
    documents,
    zone: wanted.zone ?? 'UTC',
    load: {
      fromMs: wanted.fromMs,
      intervalMs: slotMs,
      unitsPerWh: 1,
      import: nothing,
      export: null,
      reactive: null,
      estimated: null,
    },
    attributes: noAttributes,
    prices,
    validFromMs: 0,
    validToMs: Infinity,
  });
}

async function subjectHistory(
  tx: Transaction,
  viewer: Viewer,
  subject: PriceSubject & Window,
): Promise<Outcome<History, PriceCode>> {
  const { agreementId, tariffId, fromMs, toMs } = subject;
  if (agreementId !== null && tariffId === null) {
    const { companyId } = viewer;
    const read = await readHistory(tx, { companyId, agreementId, fromMs, toMs });
    return read.ok ? accept(read.value.history) : read;
  }
  if (tariffId !== null && agreementId === null) {
    return tariffHistory(tx, viewer, { ...subject, tariffId });
  }
  return refuse('SUBJECT_MISSING', 'Send either an agreementId or a tariffId.', ['agreementId']);
}

/** Stretches of [from, from + hours) in which the next kWh costs the same. */
export async function nextPrices(
  tx: Transaction,
  viewer: Viewer,
  wanted: PriceSubject & { readonly fromMs: number; readonly hours: number },
): Promise<Outcome<PricesView, PriceCode>> {
  const { hours } = wanted;
  if (hours < 1 || hours > pricesAheadHoursMax) {
    const message = `Prices are told for 1 to ${pricesAheadHoursMax} hours. Ask for fewer.`;
    return refuse('HOURS_OUT_OF_RANGE', message, ['hours']);
  }
  const fromMs = slotStartMs(slotOf(wanted.fromMs));
  const toMs = fromMs + hours * hourMs;
  if (fromMs < 0 || toMs > instantMsMax) {
    const message = 'Choose an instant between 1970 and 2199.';
    return refuse('INSTANT_OUT_OF_RANGE', message, ['from']);
  }
  const history = await subjectHistory(tx, viewer, { ...wanted, fromMs, toMs });
  if (!history.ok) return history;
  const stretches = pricesAhead(history.value, { fromMs, toMs });
  if (!stretches.ok) return stretches;
  const currency = history.value.documents[0]?.currency ?? '';
  return accept({ stretches: stretches.value, currency });
}

export type PriceView = {
  readonly stretch: PriceStretch;
  /** Null: it holds longer than prices are told ahead. */
  readonly untilMs: number | null;
  readonly currency: string;
};

/** What the next kWh costs at an instant, and until when. */
export async function priceAt(
  tx: Transaction,
  viewer: Viewer,
  wanted: PriceSubject & { readonly atMs: number },
): Promise<Outcome<PriceView, PriceCode>> {
  const hours = pricesAheadHoursMax;
  const found = await nextPrices(tx, viewer, { ...wanted, fromMs: wanted.atMs, hours });
  if (!found.ok) return found;
  const { stretches, currency } = found.value;
  const [stretch, next] = stretches;
  if (stretch === undefined) {
    return refuse('PERIOD_NOT_COVERED', 'The agreement ends at that instant. Choose another one.');
  }
  return accept({ stretch, untilMs: next === undefined ? null : stretch.toMs, currency });
}
