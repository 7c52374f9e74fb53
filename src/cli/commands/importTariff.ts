import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseTariffFile } from '../../domain/tariff/file.ts';
import { parseDate } from '../../domain/time/localText.ts';
import { startOfLocalDayMs } from '../../domain/time/zone.ts';
import type { ImportedTariff, ImportWarning } from '../../wire/tariffs/imported.ts';
import { importOctopus, octopusDefaults } from '../../wire/tariffs/octopus.ts';
import type { OctopusOptions } from '../../wire/tariffs/octopus.ts';
import type { ImportedSeries } from '../../wire/tariffs/priceCsv.ts';
import { importUrdb } from '../../wire/tariffs/urdb.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { readText, writeJson } from '../inputFile.ts';
import { importPrices, mergeSeries, spotDocument } from '../priceImport.ts';

export type ImportOptions = {
  readonly urdb: boolean;
  readonly octopusRates: boolean;
  readonly entsoe: boolean;
  readonly prices: boolean;
  readonly octopusStanding?: string | undefined;
  readonly exVat?: string | undefined;
  readonly paymentMethod?: string | undefined;
  readonly halfHourRounding: boolean;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly unit: string;
  readonly name: string;
  readonly currency: string;
  readonly sequence: string;
  readonly minutes?: string | undefined;
  readonly out?: string | undefined;
};

const kinds = ['urdb', 'octopusRates', 'entsoe', 'prices'] as const;
type Kind = (typeof kinds)[number];

function kindOf(options: ImportOptions): Kind {
  const [kind, ...others] = kinds.filter((name) => options[name]);
  if (kind !== undefined && others.length === 0) return kind;
  throw new Misused('give one of --urdb, --octopus-rates, --entsoe and --prices');
}

function onlyText(files: readonly string[]): Outcome<string, string> {
  const [file, ...others] = files;
  if (file === undefined || others.length > 0) throw new Misused('give one file of this kind');
  return readText(file);
}

/** Octopus sells in Great Britain alone, so its dates are London's. */
const octopusZone = 'Europe/London';

function octopusWindow(options: ImportOptions): Outcome<OctopusOptions['window'], string> {
  const { from, to } = options;
  if (from === undefined && to === undefined) return accept(null);
  if (from === undefined || to === undefined) throw new Misused('--from and --to go together');
  const [first, after] = [parseDate(from), parseDate(to)];
  if (!first.ok) return first;
  if (!after.ok) return after;
  const fromMs = startOfLocalDayMs(octopusZone, first.value);
  const toMs = startOfLocalDayMs(octopusZone, after.value);
  if (fromMs < toMs) return accept({ fromMs, toMs });
  return refuse('WINDOW_EMPTY', `${from} to ${to} has no days; --to is exclusive.`);
}

function importRates(
  files: readonly string[],
  options: ImportOptions,
): Outcome<ImportedTariff, string> {
  const unitRates = onlyText(files);
  if (!unitRates.ok) return unitRates;
  const standing = options.octopusStanding === undefined ? null : readText(options.octopusStanding);
  if (standing !== null && !standing.ok) return standing;
  const window = octopusWindow(options);
  if (!window.ok) return window;
  const { exVat, paymentMethod, halfHourRounding } = options;
  return importOctopus(
    { unitRates: unitRates.value, standingCharges: standing === null ? null : standing.value },
    {
      ...octopusDefaults,
      vat: exVat === undefined ? 'included' : { percent: exVat },
      paymentMethod: paymentMethod ?? null,
      window: window.value,
      halfHourRounding,
    },
  );
}

function importSeries(
  files: readonly string[],
  kind: 'entsoe' | 'prices',
  options: ImportOptions,
): Outcome<ImportedTariff, string> {
  const parts: ImportedSeries[] = [];
  for (const file of files) {
    const text = readText(file);
    if (!text.ok) return text;
    const read = importPrices(text.value, kind, options);
    if (!read.ok) return { ...read, message: `${file}: ${read.message}` };
    if (kind === 'prices' && options.minutes === undefined) {
      const { minutes } = read.value.series;
      const advice = `state it with --minutes ${minutes}`;
      process.stderr.write(`${file}: a price holds for ${minutes} minutes; ${advice}.\n`);
    }
    parts.push(read.value);
  }
  const merged = mergeSeries(parts.map(({ series }) => series));
  if (!merged.ok) return merged;
  const warnings = parts.flatMap((part) => part.warnings);
  return accept({ document: spotDocument(merged.value, options.currency), warnings });
}

function importFiles(
  files: readonly string[],
  options: ImportOptions,
): Outcome<ImportedTariff, string> {
  const kind = kindOf(options);
  switch (kind) {
    case 'urdb': {
      const text = onlyText(files);
      return text.ok ? importUrdb(text.value) : text;
    }
    case 'octopusRates':
      return importRates(files, options);
    case 'entsoe':
    case 'prices':
      return importSeries(files, kind, options);
  }
}

function tellWarnings(warnings: readonly ImportWarning[]): void {
  for (const { code, path, message } of warnings) {
    const where = path.length === 0 ? '' : `${path.join('.')}: `;
    process.stderr.write(`${code}: ${where}${message}\n`);
  }
}

/** A document that lints, or a refusal that names the field; what is left out is told. */
export function importTariff(
  files: readonly string[],
  options: ImportOptions,
  isJson: boolean,
): Answer {
  const imported = importFiles(files, options);
  if (!imported.ok) return imported;
  const { document, warnings } = imported.value;
  const parsed = parseTariffFile(document);
  if (!parsed.ok) return parsed;
  if (!isJson) tellWarnings(warnings);
  const { out } = options;
  if (out === undefined) {
    const sentence = JSON.stringify(document, null, 2);
    return accept({ sentence, facts: { document, warnings } });
  }
  const written = writeJson(out, document);
  if (!written.ok) return written;
  const count = `${document.components.length} components, ${warnings.length} warnings`;
  return accept({ sentence: `${out} is written: ${count}.`, facts: { out, warnings } });
}
