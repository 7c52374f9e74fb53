import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import {
  ensurePriceSeries,
  insertPriceDuties,
  insertPricePoints,
  readPricePoints,
} from '../db/prices.ts';
import type { PricePointRow } from '../db/prices.ts';
import { holdPrices, insertPricingChange } from '../db/tariffVersions.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { instantMsMax } from '../domain/limits.ts';
import { pricesPerSeriesMax } from '../domain/tariff/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { minorDigitsOf } from '../domain/tariff/currency.ts';
import { parseSeriesPrice } from '../domain/tariff/priceSeries.ts';
import { name as seriesName } from '../domain/tariff/textShape.ts';
import { minuteMs } from '../domain/time/civil.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';

export type RecordPricesInput = {
  readonly idempotencyKey: string;
  readonly series: {
    readonly name: string;
    readonly currency: string;
    readonly unit: 'kWh' | 'MWh';
    readonly stepMinutes: 15 | 30 | 60;
  };
  /** Decimal texts a unit of the series; null takes a price back: none is known. */
  readonly points: readonly { readonly startMs: number; readonly price: string | null }[];
};

export type RecordPricesCode =
  | KeyCode
  | 'NOT_PERMITTED'
  | 'CURRENCY_UNKNOWN'
  | 'SERIES_NAME_MALFORMED'
  | 'SERIES_CONFLICT'
  | 'PRICES_EMPTY'
  | 'PRICES_TOO_MANY'
  | 'PRICE_OFF_GRID'
  | 'PRICE_REPEATED'
  | 'PRICE_OUT_OF_RANGE'
  | 'DECIMAL_MALFORMED';

export type RecordedPrices = {
  /** Points that say something new; the others were known. */
  readonly recorded: number;
  /** Meters whose past is rated again. */
  readonly metersToRate: number;
  readonly isReplay: boolean;
};

function parsePoint(
  { series }: RecordPricesInput,
  point: RecordPricesInput['points'][number],
  path: readonly string[],
): Outcome<PricePointRow, RecordPricesCode> {
  const { startMs, price } = point;
  const isOnGrid = startMs >= 0 && startMs <= instantMsMax;
  if (!isOnGrid || startMs % (series.stepMinutes * minuteMs) !== 0) {
    const message = `A price begins on a full step of ${series.stepMinutes} minutes of UTC.`;
    return refuse('PRICE_OFF_GRID', message, [...path, 'start']);
  }
  if (price === null) return accept({ startMs, priceE8: null });
  const parsed = parseSeriesPrice(price, series.unit);
  if (!parsed.ok) return refuse(parsed.code, parsed.message, [...path, 'price']);
  return accept({ startMs, priceE8: parsed.value });
}

/** In the order of time, each instant once. */
function parsePoints(
  input: RecordPricesInput,
): Outcome<readonly PricePointRow[], RecordPricesCode> {
  const { points } = input;
  const path = ['points'];
  if (points.length === 0) return refuse('PRICES_EMPTY', 'There is no price to record.', path);
  if (points.length > pricesPerSeriesMax) {
    const message = `At most ${pricesPerSeriesMax} prices at a time; record them in parts.`;
    return refuse('PRICES_TOO_MANY', message, path);
  }
  const parsed = new Map<number, PricePointRow>();
  for (const [index, point] of points.entries()) {
    const at = [...path, String(index)];
    const row = parsePoint(input, point, at);
    if (!row.ok) return row;
    const known = parsed.get(row.value.startMs);
    if (known !== undefined && known.priceE8 !== row.value.priceE8) {
      const message = `${new Date(point.startMs).toISOString()} has two prices; send one.`;
      return refuse('PRICE_REPEATED', message, at);
    }
    parsed.set(row.value.startMs, row.value);
  }
  return accept([...parsed.values()].toSorted((a, b) => a.startMs - b.startMs));
}

/** Those that are not what is known already. */
async function newsAmong(
  tx: Transaction,
  seriesId: number,
  points: readonly PricePointRow[],
): Promise<readonly PricePointRow[]> {
  const fromMs = points[0].startMs;
  const toMs = points[points.length - 1].startMs + 1;
  const rows = await readPricePoints(tx, { seriesId, fromMs, toMs });
  const known = new Map(rows.map((row) => [row.startMs, row.priceE8]));
  return points.filter(({ startMs, priceE8 }) =>
    known.has(startMs) ? known.get(startMs) !== priceE8 : priceE8 !== null,
  );
}

async function record(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: RecordPricesInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, RecordPricesCode>> {
  const { companyId } = viewer;
  const { series } = input;
  if (minorDigitsOf(series.currency) === undefined) {
    const message = `${series.currency} is not an ISO 4217 code in use; write one such as EUR.`;
    return refuse('CURRENCY_UNKNOWN', message, ['series', 'currency']);
  }
  if (!seriesName.safeParse(series.name).success) {
    const message = 'A series is named by letters, digits, space, _ or -, a letter first.';
    return refuse('SERIES_NAME_MALFORMED', message, ['series', 'name']);
  }
  const points = parsePoints(input);
  if (!points.ok) return points;
  // Before anything is read: a rating commit underway shall not miss the duty.
  await holdPrices(tx);
  const row = await ensurePriceSeries(tx, { companyId, ...series });
  const isSame =
    row.currency === series.currency &&
    row.unit === series.unit &&
    row.stepMinutes === series.stepMinutes;
  if (!isSame) {
    return refuse(
      'SERIES_CONFLICT',
      `The series "${series.name}" has ${row.currency} a ${row.unit} by ${row.stepMinutes} ` +
        'minutes. Record it so, or under another name.',
      ['series'],
    );
  }
  const news = await newsAmong(tx, row.id, points.value);
  if (news.length === 0) return accept({ recorded: '0', metersToRate: '0' });
  const fromMs = news[0].startMs;
  await insertPricePoints(tx, { companyId, seriesId: row.id, knownAtMs: nowMs, points: news });
  await insertPricingChange(tx, { companyId, what: 'prices', atMs: nowMs });
  const metersToRate = await insertPriceDuties(tx, { companyId, series: series.name, fromMs });
  await insertAudit(tx, {
    id: derivedId('audit', 'prices', String(companyId), viewer.actor, input.idempotencyKey),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'prices.record',
    subject: `price_series/${row.id}`,
    before: null,
    after: { recorded: news.length, from: new Date(fromMs).toISOString(), metersToRate },
  });
  return accept({ recorded: String(news.length), metersToRate: String(metersToRate) });
}

/** Adds prices to a series; what was rated with others, or could not be rated, is rated again. */
export async function recordPrices(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: RecordPricesInput,
): Promise<Outcome<RecordedPrices, RecordPricesCode>> {
  if (!isAllowed(viewer.role, 'Mutation.recordPrices')) {
    return refuse('NOT_PERMITTED', 'Your role may not record prices. Ask an administrator.');
  }
  const nowMs = clock.nowMs();
  const { series, points } = input;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'recordPrices',
        input: [JSON.stringify(series), JSON.stringify(points)],
        nowMs,
      },
      () => record(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'rating' });
  return accept({
    recorded: Number(textOf(answer, 'recorded')),
    metersToRate: Number(textOf(answer, 'metersToRate')),
    isReplay,
  });
}
