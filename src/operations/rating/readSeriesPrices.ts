import type { Statement } from '../../db/connect.ts';
import { findPriceBefore, readPricePoints, readPriceSeries } from '../../db/prices.ts';
import type { PricePointRow, PriceSeriesRow } from '../../db/prices.ts';
import { lastPriceMsMax } from '../../domain/tariff/limits.ts';
import type { TariffDocument } from '../../domain/tariff/document.ts';
import { priceSeriesOfPoints } from '../../domain/tariff/priceSeries.ts';
import type { PriceSeries } from '../../domain/tariff/priceSeries.ts';
import { minuteMs } from '../../domain/time/civil.ts';

type Window = { readonly fromMs: number; readonly toMs: number };

async function readOne(
  tx: Statement,
  row: PriceSeriesRow,
  { fromMs, toMs }: Window,
): Promise<PriceSeries | null> {
  const stepMs = row.stepMinutes * minuteMs;
  const firstMs = Math.floor(fromMs / stepMs) * stepMs;
  const points = await readPricePoints(tx, { seriesId: row.id, fromMs: firstMs, toMs });
  const before = await findPriceBefore(tx, { seriesId: row.id, beforeMs: firstMs });
  const isNear = before !== null && before.startMs >= firstMs - lastPriceMsMax;
  const all: readonly PricePointRow[] = isNear ? [before, ...points] : points;
  const known = all.flatMap(({ startMs, priceE8 }) =>
    priceE8 === null ? [] : [{ fromMs: startMs, priceE8 }],
  );
  const series = priceSeriesOfPoints({ name: row.name, stepMs }, known);
  return series.ok ? series.value : null;
}

/**
 * The company's stored prices that these documents name, by name; a series that is not there, or
 * has no prices, is left out, and rating says so as the document wants it.
 */
export async function readSeriesPrices(
  tx: Statement,
  wanted: Window & {
    readonly companyId: number;
    readonly documents: readonly TariffDocument[];
  },
): Promise<ReadonlyMap<string, PriceSeries>> {
  const named = new Map<string, string>();
  for (const { currency, components } of wanted.documents) {
    for (const each of components) if (each.kind === 'dynamic') named.set(each.series, currency);
  }
  const prices = new Map<string, PriceSeries>();
  if (named.size === 0) return prices;
  for (const row of await readPriceSeries(tx, { companyIds: [wanted.companyId] })) {
    if (named.get(row.name) !== row.currency) continue;
    const series = await readOne(tx, row, wanted);
    if (series !== null) prices.set(row.name, series);
  }
  return prices;
}
