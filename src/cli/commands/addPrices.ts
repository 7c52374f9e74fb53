import { randomUUID } from 'node:crypto';
import { ringBell } from '../../db/bells.ts';
import type { Bell } from '../../domain/bell.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minuteMs } from '../../domain/time/civil.ts';
import { recordPrices } from '../../operations/recordPrices.ts';
import { importEntsoe } from '../../wire/tariffs/entsoe.ts';
import type { ImportedSeries } from '../../wire/tariffs/priceCsv.ts';
import { importPriceCsv } from '../../wire/tariffs/priceCsv.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readText } from '../inputFile.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type AddPricesOptions = {
  readonly company: string;
  readonly series: string;
  readonly currency: string;
  readonly unit: string;
  readonly database: string | undefined;
};

function readSeries(
  file: string,
  { series: name, unit, currency }: AddPricesOptions,
): Outcome<ImportedSeries, string> {
  if (unit !== 'kWh' && unit !== 'MWh') throw new Misused('--unit is kWh or MWh');
  const text = readText(file);
  if (!text.ok) return text;
  const imported = file.endsWith('.xml')
    ? importEntsoe(text.value, { name, currency, sequence: 1, minutes: null })
    : importPriceCsv(text.value, { name, unit });
  return imported.ok ? imported : { ...imported, message: `${file}: ${imported.message}` };
}

/** Prices of a file into a series of the database; those that are known already change nothing. */
export async function addPrices(file: string, options: AddPricesOptions): Promise<Answer> {
  const read = readSeries(file, options);
  if (!read.ok) return read;
  const { unit, minutes, from, prices } = read.value.series;
  const fromMs = Date.parse(from);
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
      {
        idempotencyKey: randomUUID(),
        series: { name: options.series, currency: options.currency, unit, stepMinutes: minutes },
        // What the file leaves open says nothing of what is known.
        points: prices.flatMap((price, index) =>
          price === null ? [] : [{ startMs: fromMs + index * minutes * minuteMs, price }],
        ),
      },
    );
    if (!recorded.ok) return recorded;
    for (const bell of bells) if (bell.kind !== 'events') await ringBell(sql, bell);
    const { recorded: count, metersToRate } = recorded.value;
    const { warnings } = read.value;
    const news = `${count} prices are new`;
    const sentence = `${options.series}: ${news}; ${metersToRate} meters are rated again.`;
    return accept({
      sentence,
      facts: { series: options.series, recorded: count, metersToRate, warnings },
    });
  });
}
