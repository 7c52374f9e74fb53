import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { PriceSeries } from '../domain/tariff/priceSeries.ts';
import { importPriceCsv } from '../wire/tariffs/priceCsv.ts';
import { Misused } from './answer.ts';
import { readText } from './inputFile.ts';
import { spotDocument } from './priceImport.ts';

/** `NAME=FILE.csv`, or `NAME:MWh=FILE.csv` where the prices are of a MWh. */
const seriesPattern = /^([A-Za-z][A-Za-z0-9 _-]*)(?::(kWh|MWh))?=(.+)$/;

/** Price series that dynamic components ask for by name; they go before those of the document. */
export function readSeriesFiles(
  options: readonly string[],
): Outcome<ReadonlyMap<string, PriceSeries>, string> {
  const byName = new Map<string, PriceSeries>();
  for (const option of options) {
    const [, name, unit, file] = seriesPattern.exec(option) ?? [];
    if (name === undefined || file === undefined) {
      throw new Misused('--series is NAME=FILE.csv, or NAME:MWh=FILE.csv');
    }
    if (byName.has(name)) {
      return refuse('SERIES_REPEATED', `The series ${name} is given twice; give one file for it.`);
    }
    const text = readText(file);
    if (!text.ok) return text;
    const imported = importPriceCsv(text.value, { name, unit: unit === 'MWh' ? 'MWh' : 'kWh' });
    if (!imported.ok) return { ...imported, message: `${file}: ${imported.message}` };
    // The parser reads series of documents; the currency is the tariff's that asks for it.
    const parsed = parseTariffDocument(spotDocument(imported.value.series, 'EUR'));
    if (!parsed.ok) return { ...parsed, message: `${file}: ${parsed.message}` };
    for (const series of parsed.value.priceSeries) byName.set(series.name, series);
  }
  return accept(byName);
}
