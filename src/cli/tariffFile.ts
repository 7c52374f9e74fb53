import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { TariffDocument } from '../domain/tariff/document.ts';
import { parseTariffFile } from '../domain/tariff/file.ts';
import type { ImportWarning } from '../wire/tariffs/imported.ts';
import { importUrdb } from '../wire/tariffs/urdb.ts';
import { Misused } from './answer.ts';
import { readJson, readText } from './inputFile.ts';

/** Where a command's tariff comes from: exactly one of the two. */
export type TariffSource = {
  readonly tariff?: string | undefined;
  readonly urdb?: string | undefined;
};

export type OpenedTariff = {
  /** In order of their validity. */
  readonly documents: readonly TariffDocument[];
  /** The same as they are written: what the second engine reads. */
  readonly texts: readonly unknown[];
  /** What an imported file says and the document does not. */
  readonly warnings: readonly ImportWarning[];
};

function versionsOf(raw: unknown): readonly unknown[] {
  const isFile = typeof raw === 'object' && raw !== null && 'versions' in raw;
  return isFile && Array.isArray(raw.versions) ? raw.versions : [raw];
}

function parse(raw: unknown, warnings: readonly ImportWarning[]): Outcome<OpenedTariff, string> {
  const documents = parseTariffFile(raw);
  if (!documents.ok) {
    // A message alone does not always name the field; the path does.
    const where = documents.path?.join('.') ?? '';
    const isNamed = where === '' || documents.message.includes(where);
    const message = isNamed ? documents.message : `${where}: ${documents.message}`;
    return { ...documents, message };
  }
  return accept({ documents: documents.value, texts: versionsOf(raw), warnings });
}

/** A file of our own, or a rate of the URDB that is imported on the way. */
export function openTariff(source: TariffSource): Outcome<OpenedTariff, string> {
  const { tariff, urdb } = source;
  if ((tariff === undefined) === (urdb === undefined)) {
    throw new Misused('give either --tariff FILE or --urdb FILE');
  }
  if (tariff !== undefined) {
    const json = readJson(tariff);
    return json.ok ? parse(json.value, []) : json;
  }
  const text = readText(urdb ?? '');
  if (!text.ok) return text;
  const imported = importUrdb(text.value);
  if (!imported.ok) return imported;
  return parse(imported.value.document, imported.value.warnings);
}

/** Versions of one file have one currency and one zone. */
export function firstDocument({ documents }: OpenedTariff): TariffDocument {
  const [first] = documents;
  if (first === undefined) throw new Error('a tariff file has a document');
  return first;
}

/** Rule 2: the document's zone, else the service point's. */
export function zoneOf(
  opened: OpenedTariff,
  zone: string | undefined,
): Outcome<string, 'ZONE_MISSING'> {
  const known = firstDocument(opened).zone ?? zone;
  if (known !== undefined) return accept(known);
  const message = 'The tariff has no zone of its own; give --zone, such as Europe/Berlin.';
  return refuse('ZONE_MISSING', message);
}
