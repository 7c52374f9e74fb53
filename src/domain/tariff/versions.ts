import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { localTextAt } from '../time/localText.ts';
import { parseTariffDocument } from './document.ts';
import type { TariffDocument, TariffRefusal } from './document.ts';

/** A version as it was published: its document is valid until the next one's. */
export type PublishedVersion = { readonly validFromMs: number; readonly document: unknown };

/**
 * A tariff's published versions, in order, as the documents that `rateLoad` takes. When a version
 * begins was said when it was published; what its text says of that is put in agreement with it.
 */
export function documentsOf(
  versions: readonly PublishedVersion[],
  zone: string,
): Outcome<readonly TariffDocument[], TariffRefusal> {
  const documents: TariffDocument[] = [];
  for (const [index, { validFromMs, document }] of versions.entries()) {
    const parsed = parseTariffDocument(document);
    if (!parsed.ok) return parsed;
    const clock = parsed.value.zone ?? zone;
    const next = versions[index + 1];
    documents.push({
      ...parsed.value,
      validFrom: localTextAt(clock, validFromMs),
      validTo: next === undefined ? null : localTextAt(clock, next.validFromMs),
    });
  }
  return accept(documents);
}
