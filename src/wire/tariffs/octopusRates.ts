import { pricesPerSeriesMax } from '../../domain/tariff/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseInstant } from '../../domain/time/instantText.ts';
import { isRecord, parseJsonText, refuseAt } from './imported.ts';
import type { Path, Remarks } from './imported.ts';
import { isPriceText, plainDecimal } from './plainDecimal.ts';
import type { GridRefusal, PriceSpan } from './priceGrid.ts';

export type OctopusRefusal =
  | GridRefusal
  | 'OCTOPUS_TOO_LARGE'
  | 'OCTOPUS_NOT_JSON'
  | 'OCTOPUS_NOT_RATES'
  | 'OCTOPUS_FIELD_MALFORMED'
  | 'OCTOPUS_PRICE_TOO_FINE'
  | 'OCTOPUS_PAYMENT_METHOD_NEEDED'
  | 'OCTOPUS_WINDOW_NEEDED'
  | 'OCTOPUS_STANDING_CHARGE_CHANGES'
  | 'OCTOPUS_DOCUMENT_REFUSED';

export type RateChoice = {
  readonly value: 'value_inc_vat' | 'value_exc_vat';
  /** As the entries name it; needed where they differ by it. */
  readonly paymentMethod: string | null;
  /** Entries outside are left out, those across its bounds cut; null: all there are. */
  readonly window: { readonly fromMs: number; readonly toMs: number } | null;
};

/** Entries of all pages of a year of half hours, and as many of another payment method. */
const entriesMax = 2 * pricesPerSeriesMax;

/** Absent and null ends are open. */
function endOf(value: unknown, open: number, path: Path): Outcome<number, OctopusRefusal> {
  if (value === undefined || value === null) return accept(open);
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  if (instant?.ok === true) return instant;
  const message = 'write an instant with its offset, such as 2026-01-01T00:00:00Z, or null.';
  return refuseAt('OCTOPUS_FIELD_MALFORMED', path, message);
}

/** Pence to pounds: the point moves by two places, so nothing is rounded. */
function priceOf(value: unknown, path: Path): Outcome<string, OctopusRefusal> {
  const text = plainDecimal(value, -2);
  if (text === null) {
    return refuseAt('OCTOPUS_FIELD_MALFORMED', path, 'it is not a number of pence; correct it.');
  }
  if (isPriceText(text)) return accept(text);
  const message = `GBP ${text} has more than 8 decimals and prices are not rounded; shorten it.`;
  return refuseAt('OCTOPUS_PRICE_TOO_FINE', path, message);
}

type Entry = { readonly fields: Readonly<Record<string, unknown>>; readonly index: number };

function spanOf(
  { fields: entry, index }: Entry,
  choice: RateChoice,
  results: Path,
): Outcome<PriceSpan, OctopusRefusal> {
  const path = [...results, index];
  const fromMs = endOf(entry['valid_from'], Number.NEGATIVE_INFINITY, [...path, 'valid_from']);
  if (!fromMs.ok) return fromMs;
  const toMs = endOf(entry['valid_to'], Number.POSITIVE_INFINITY, [...path, 'valid_to']);
  if (!toMs.ok) return toMs;
  if (toMs.value <= fromMs.value) {
    const message = 'the entry ends before it begins; correct it.';
    return refuseAt('OCTOPUS_FIELD_MALFORMED', [...path, 'valid_to'], message);
  }
  const price = priceOf(entry[choice.value], [...path, choice.value]);
  if (!price.ok) return price;
  const { window } = choice;
  return accept({
    fromMs: Math.max(fromMs.value, window?.fromMs ?? fromMs.value),
    toMs: Math.min(toMs.value, window?.toMs ?? toMs.value),
    price: price.value,
  });
}

function methodOf({ fields }: Entry): string | null {
  const method = fields['payment_method'];
  return typeof method === 'string' ? method : null;
}

/** Entries of one payment method; those without one are for all. */
function ofMethod(
  entries: readonly Entry[],
  choice: RateChoice,
  path: Path,
): Outcome<readonly Entry[], OctopusRefusal> {
  const methods = new Set(entries.map(methodOf).filter((method) => method !== null));
  if (choice.paymentMethod === null && methods.size > 1) {
    const known = [...methods].slice(0, 8).join(', ');
    const message = `prices differ by payment method; choose one of ${known}.`;
    return refuseAt('OCTOPUS_PAYMENT_METHOD_NEEDED', path, message);
  }
  const [only = null] = methods;
  const wanted = choice.paymentMethod ?? only;
  return accept(entries.filter((entry) => methodOf(entry) === null || methodOf(entry) === wanted));
}

/** The entries of one answer that apply, newest first as they came, in pounds. */
export function readOctopusRates(
  text: string,
  choice: RateChoice,
  context: { readonly name: string; readonly remarks: Remarks },
): Outcome<readonly PriceSpan[], OctopusRefusal> {
  const path = [context.name, 'results'];
  const parsed = parseJsonText(text);
  if (!parsed.ok) return refuseAt(`OCTOPUS_${parsed.code}`, [context.name], parsed.message);
  const results: unknown = isRecord(parsed.value) ? parsed.value['results'] : null;
  if (!Array.isArray(results) || !isRecord(parsed.value)) {
    const message = 'there is no list of rates; give the answer of a rates endpoint as it came.';
    return refuseAt('OCTOPUS_NOT_RATES', path, message);
  }
  if (results.length > entriesMax) {
    const message = `${results.length} entries are too many; at most ${entriesMax}.`;
    return refuseAt('PRICES_TOO_MANY', path, message);
  }
  const { next } = parsed.value;
  if (typeof next === 'string') {
    const message = 'this is one page of several; older prices are on the next.';
    context.remarks.add('OCTOPUS_PAGE_OF_SEVERAL', [context.name, 'next'], message);
  }
  const entries: Entry[] = [];
  for (const [index, entry] of results.entries()) {
    if (!isRecord(entry)) {
      return refuseAt('OCTOPUS_NOT_RATES', [...path, index], 'it is no rate; correct it.');
    }
    entries.push({ fields: entry, index });
  }
  const chosen = ofMethod(entries, choice, path);
  if (!chosen.ok) return chosen;
  const spans: PriceSpan[] = [];
  for (const entry of chosen.value) {
    const span = spanOf(entry, choice, path);
    if (!span.ok) return span;
    if (span.value.fromMs < span.value.toMs) spans.push(span.value);
  }
  return accept(spans);
}
