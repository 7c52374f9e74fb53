import { ringBell } from '../../db/bells.ts';
import type { Bell } from '../../domain/bell.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minuteMs } from '../../domain/time/civil.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { recordPrices } from '../../operations/recordPrices.ts';
import type { ImportedSeries } from '../../wire/tariffs/priceCsv.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readText } from '../inputFile.ts';
import { fromMsOf, importPrices } from '../priceImport.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type AddPricesOptions = {
  readonly company: string;
  readonly series: string;
  readonly currency: string;
  readonly unit: string;
  readonly sequence: string;
  readonly minutes: string | undefined;
  readonly database: string | undefined;
};

function readPrices(file: string, options: AddPricesOptions): Outcome<ImportedSeries, string> {
  const text = readText(file);
  if (!text.ok) return text;
  const kind = file.endsWith('.xml') ? 'entsoe' : 'prices';
  const imported = importPrices(text.value, kind, { ...options, name: options.series });
  return imported.ok ? imported : { ...imported, message: `${file}: ${imported.message}` };
}

/**
 * Prices of a file into a series of the database; those that are known already change nothing.
 * What the file says is its idempotency key: adding it twice, or after a lost answer, is one
 * recording.
 */
export async function addPrices(file: string, options: AddPricesOptions): Promise<Answer> {
  const read = readPrices(file, options);
  if (!read.ok) return read;
  const { unit, minutes, prices } = read.value.series;
  const fromMs = fromMsOf(read.value.series);
  const { series: name, currency } = options;
  const series = { name, currency, unit, stepMinutes: minutes };
  // What the file leaves open says nothing of what is known.
  const points = prices.flatMap((price, index) =>
    price === null ? [] : [{ startMs: fromMs + index * minutes * minuteMs, price }],
  );
  const idempotencyKey = derivedId('prices', JSON.stringify(series), JSON.stringify(points));
  const url = databaseUrl(options.database);
  const companyId = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!companyId.ok) return companyId;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells: Bell[] = [];
    const recorded = await recordPrices(
      { sql, clock: { nowMs: Date.now }, wake: (bell) => bells.push(bell) },
      staffViewer(companyId.value, 'administrator'),
      { idempotencyKey, series, points },
    );
    if (!recorded.ok) return recorded;
    for (const bell of bells) if (bell.kind !== 'events') await ringBell(sql, bell);
    const { recorded: count, metersToRate, isReplay } = recorded.value;
    const { warnings } = read.value;
    const sentence = isReplay
      ? `${name}: these prices were added before; nothing is new.`
      : `${name}: ${count} prices are new; ${metersToRate} meters are rated again.`;
    const facts = { series: name, recorded: count, metersToRate, isReplay, warnings };
    return accept({ sentence, facts });
  });
}
