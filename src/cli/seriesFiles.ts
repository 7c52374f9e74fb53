import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { TariffDocument } from '../domain/tariff/document.ts';
import type { PriceSeries } from '../domain/tariff/priceSeries.ts';
import { Misused } from './answer.ts';
import { readText } from './inputFile.ts';
import { importPrices, spotDocument } from './priceImport.ts';

/** `NAME=FILE.csv`; `NAME:MWh=FILE.csv` for prices of a MWh; `NAME@30=FILE.csv` says the step. */
const seriesPattern = /^([A-Za-z][A-Za-z0-9 _-]*)(?::(kWh|MWh))?(?:@(15|30|60))?=(.+)$/;
const seriesForm = '--series is NAME=FILE.csv, NAME:MWh=FILE.csv or NAME@30=FILE.csv';

function seriesNames(documents: readonly TariffDocument[]): ReadonlySet<string> {
  const components = documents.flatMap((document) => [...document.components]);
  return new Set(components.flatMap((each) => (each.kind === 'dynamic' ? [each.series] : [])));
}

/** A series that nobody asks for is usually a name that is written otherwise in the tariff. */
function refuseUnused(
  given: Iterable<string>,
  documents: readonly TariffDocument[],
): Outcome<null, 'SERIES_UNUSED'> {
  const used = seriesNames(documents);
  const unused = [...given].find((name) => !used.has(name));
  if (unused === undefined) return accept(null);
  const known = [...used].map((name) => `"${name}"`).join(', ');
  const advice =
    used.size === 0 ? 'it has no dynamic component; leave --series out' : `it asks for ${known}`;
  return refuse('SERIES_UNUSED', `The tariff asks for no series "${unused}"; ${advice}.`);
}

/** Price series that dynamic components ask for by name; they go before those of the documents. */
export function readSeriesFiles(
  options: readonly string[],
  documents: readonly TariffDocument[],
): Outcome<ReadonlyMap<string, PriceSeries>, string> {
  const byName = new Map<string, PriceSeries>();
  for (const option of options) {
    const [, name, unit = 'kWh', minutes, file] = seriesPattern.exec(option) ?? [];
    if (name === undefined || file === undefined) throw new Misused(seriesForm);
    if (byName.has(name)) {
      return refuse('SERIES_REPEATED', `The series ${name} is given twice; give one file for it.`);
    }
    const text = readText(file);
    if (!text.ok) return text;
    const csv = { name, unit, minutes, currency: 'EUR', sequence: '1' };
    const imported = importPrices(text.value, 'prices', csv);
    if (!imported.ok) return { ...imported, message: `${file}: ${imported.message}` };
    const { series: read } = imported.value;
    if (minutes === undefined) {
      const advice = `state it with ${name}@${read.minutes}=FILE`;
      process.stderr.write(`${file}: a price holds for ${read.minutes} minutes; ${advice}.\n`);
    }
    // The parser reads series of documents; the currency is the tariff's that asks for it.
    const parsed = parseTariffDocument(spotDocument(read, 'EUR'));
    if (!parsed.ok) return { ...parsed, message: `${file}: ${parsed.message}` };
    for (const series of parsed.value.priceSeries) byName.set(series.name, series);
  }
  const used = refuseUnused(byName.keys(), documents);
  return used.ok ? accept(byName) : used;
}
