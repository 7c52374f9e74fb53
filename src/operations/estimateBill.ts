import type { Transaction } from '../db/connect.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { estimateBill as estimate } from '../domain/lab/estimate.ts';
import type { Estimate } from '../domain/lab/estimate.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { RateRefusal } from '../domain/rating/rateLoad.ts';
import { slotMs, slotOf, slotStartMs } from '../domain/rating/slot.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { TariffDocument, TariffRefusal } from '../domain/tariff/document.ts';
import { parseMonth, startOfMonthMs } from '../domain/time/month.ts';
import type { MonthNumber } from '../domain/time/month.ts';
import { readDocuments, readHistory } from './lab/readHistory.ts';
import type { HistoryCode } from './lab/readHistory.ts';

export type EstimateBillInput = {
  readonly agreementId: number;
  /** Local, `2026-03`. */
  readonly month: string;
  /** At most one of the two: another tariff, or a draft. */
  readonly tariffId: number | null;
  readonly document: unknown;
};

export type EstimateCode =
  | HistoryCode
  | RateRefusal
  | TariffRefusal
  | 'MONTH_MALFORMED'
  | 'MONTH_NOT_BEGUN'
  | 'DRAFT_AMBIGUOUS'
  | 'PERIOD_NOT_COVERED';

export type BillEstimateView = Estimate & {
  readonly agreementId: number;
  readonly month: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly currency: string;
};

/** The documents to estimate by; undefined: the agreement's own. */
async function otherDocuments(
  tx: Transaction,
  { tariffId, document }: EstimateBillInput,
): Promise<Outcome<readonly TariffDocument[] | undefined, EstimateCode>> {
  const isDraft = document !== null && document !== undefined;
  if (isDraft && tariffId !== null) {
    const message = 'Send a document or the id of a tariff, not both.';
    return refuse('DRAFT_AMBIGUOUS', message, ['document']);
  }
  if (tariffId !== null) return readDocuments(tx, { tariffId, zone: 'UTC' });
  if (!isDraft) return accept(undefined);
  const parsed = parseTariffDocument(document);
  if (!parsed.ok) {
    return refuse(parsed.code, parsed.message, ['document', ...(parsed.path ?? [])]);
  }
  return accept([{ ...parsed.value, validFrom: null, validTo: null }]);
}

function ceilToSlot(instantMs: number): number {
  return Math.ceil(instantMs / slotMs) * slotMs;
}

/** The part of a local month in which the agreement is valid. */
function billWindow(
  month: MonthNumber,
  zone: string,
  agreement: { readonly validFromMs: number; readonly validToMs: number },
): { readonly fromMs: number; readonly toMs: number } | null {
  const fromMs = Math.max(startOfMonthMs(zone, month), ceilToSlot(agreement.validFromMs));
  const endMs = Math.min(startOfMonthMs(zone, month + 1), agreement.validToMs);
  const toMs = slotStartMs(slotOf(endMs));
  return toMs > fromMs ? { fromMs, toMs } : null;
}

/** A month's bill of an agreement as far as it can be told now, by its own tariff or another. */
export async function estimateBill(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { readonly input: EstimateBillInput; readonly nowMs: number },
): Promise<Outcome<BillEstimateView, EstimateCode>> {
  const month = parseMonth(input.month);
  if (!month.ok) return refuse(month.code, month.message, ['month']);
  const documents = await otherDocuments(tx, input);
  if (!documents.ok) return documents;
  const read = await readHistory(tx, {
    companyId: viewer.companyId,
    agreementId: input.agreementId,
    fromMs: startOfMonthMs('UTC', month.value),
    toMs: Math.min(slotStartMs(slotOf(nowMs)), startOfMonthMs('UTC', month.value + 2)),
    // The weeks that the rest of the month is guessed from.
    monthsBefore: 2,
    ...(documents.value === undefined ? {} : { documents: documents.value }),
  });
  if (!read.ok) return read;
  const { history, agreement } = read.value;
  const window = billWindow(month.value, history.documents[0]?.zone ?? history.zone, agreement);
  if (window === null) {
    const message = 'The agreement was not valid in this month. Choose one in which it was.';
    return refuse('PERIOD_NOT_COVERED', message, ['month']);
  }
  if (window.fromMs > nowMs) {
    const message = 'This month has not begun. Ask for the present one, or for one before.';
    return refuse('MONTH_NOT_BEGUN', message, ['month']);
  }
  const estimated = estimate(history, { ...window, nowMs });
  if (!estimated.ok) return estimated;
  const { agreementId, currency } = agreement;
  return accept({ ...estimated.value, ...window, agreementId, month: input.month, currency });
}
