import { setTimeout as pause } from 'node:timers/promises';
import { findMeterIds } from '../../db/meterIds.ts';
import { keyIdOf } from '../../db/fleet.ts';
import { assert } from '../../domain/assert.ts';
import { parseEdgeId } from '../../domain/ids.ts';
import { readingsPerBatchMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { batchHash, signBatch } from '../../wire/batch.ts';
import type { RegisterBlock } from '../../wire/batch.ts';
import { deflate } from '../../wire/compression.ts';
import { encodeBatch } from '../../wire/encodeBatch.ts';
import type { Compression, SigningKey } from '../../wire/envelope.ts';
import { jsonOfBatch } from '../../wire/jsonBatch.ts';
import { decodeReceipt, openReceipt } from '../../wire/receipt.ts';
import type { Receipt } from '../../wire/receipt.ts';
import type { Answer } from '../answer.ts';
import { Misused } from '../answer.ts';
import { openJournal, saveJournal } from '../batchJournal.ts';
import type { BatchJournal } from '../batchJournal.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readText } from '../inputFile.ts';
import { rawPublicKey, readKeyFile } from '../keyFile.ts';
import { readReadingsCsv } from '../readingsCsv.ts';
import type { CsvReading } from '../readingsCsv.ts';

export type SendBatchOptions = {
  readonly url: string;
  readonly key: string;
  readonly edge: string;
  readonly csv: string;
  readonly journal?: string;
  readonly epoch?: string;
  readonly readings: string;
  readonly jsonTwin: boolean;
  readonly compress?: string;
  /** Where serial numbers are looked up. */
  readonly database?: string | undefined;
};

type Row = Omit<CsvReading, 'meter'> & { readonly meterId: number };

/** A server that is away is asked again for two minutes; then the journal keeps what is left. */
const triesMax = 120;
const retryMsDefault = 1_000;

function wholeOf(text: string, name: string, max: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= 1 && value <= max) return value;
  throw new Misused(`${name} is a whole number from 1 to ${max}, not "${text}"`);
}

function compressionOf(text: string | undefined): Compression {
  if (text === undefined) return 'none';
  if (text === 'gzip' || text === 'zstd') return text;
  throw new Misused(`--compress is gzip or zstd, not "${text}"`);
}

/** Ids stay; serial numbers are looked up in the registry. */
async function resolveMeters(
  readings: readonly CsvReading[],
  { edge, database }: { edge: number; database: string | undefined },
): Promise<Outcome<readonly Row[], string>> {
  const serials = new Set(
    readings.flatMap(({ meter }) => ('serial' in meter ? [meter.serial] : [])),
  );
  let ids: ReadonlyMap<string, number> = new Map();
  if (serials.size > 0) {
    const found = await withDatabase(databaseUrl(database), 'joulebook_writer', async (sql) =>
      accept(await findMeterIds(sql, { edgeId: edge, serials: [...serials] })),
    );
    if (!found.ok) return found;
    ids = found.value;
  }
  const rows: Row[] = [];
  for (const { meter, ...rest } of readings) {
    const meterId = 'id' in meter ? meter.id : ids.get(meter.serial);
    if (meterId === undefined) {
      const serial = 'serial' in meter ? meter.serial : '';
      return refuse('METER_UNKNOWN', `The company of edge ${edge} has no meter "${serial}".`);
    }
    rows.push({ ...rest, meterId });
  }
  return accept(rows);
}

function blocksOf(rows: readonly Row[]): readonly RegisterBlock[] {
  const byChannel = Map.groupBy(rows, ({ channel }) => channel);
  return [...byChannel].map(([channel, ones]) => ({
    channel,
    unit: ones[0].unit,
    scaler: 0,
    meterId: Int32Array.from(ones, (one) => one.meterId),
    readAtMs: Float64Array.from(ones, (one) => one.readAtMs),
    value: BigInt64Array.from(ones, (one) => one.value),
    quality: new Uint8Array(ones.length),
  }));
}

/** Adds the rows to the journal as signed batches, each named by the next. */
function makeBatches(
  journal: BatchJournal,
  rows: readonly Row[],
  terms: { key: SigningKey; perBatch: number; isJson: boolean; compression: Compression },
): void {
  const { key, perBatch, isJson, compression } = terms;
  const edgeId = parseEdgeId(journal.edge);
  assert(edgeId.ok, 'the edge was checked');
  for (let at = 0; at < rows.length; at += perBatch) {
    const batch = {
      edgeId: edgeId.value,
      epoch: journal.epoch,
      sequence: BigInt(journal.nextSequence),
      previousHash: Buffer.from(journal.previousHash, 'hex'),
      createdAtMs: Date.now(),
      stream: 'billing',
      blocks: blocksOf(rows.slice(at, at + perBatch)),
    } as const;
    const plain = encodeBatch(batch);
    const content = isJson ? Buffer.from(jsonOfBatch(batch), 'utf8') : plain;
    const form = { encoding: isJson ? 'json' : 'protobuf', compression } as const;
    const carried = signBatch(deflate(content, compression), key, form);
    journal.pending.push({
      sequence: journal.nextSequence,
      carried: Buffer.from(carried).toString('base64'),
    });
    journal.nextSequence += 1;
    journal.previousHash = Buffer.from(batchHash(plain)).toString('hex');
  }
}

type Sent =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: string };

function receiptOf(bytes: Uint8Array): Receipt | null {
  const opened = openReceipt(bytes);
  const receipt = opened.ok ? decodeReceipt(opened.value.payload) : opened;
  return receipt.ok ? receipt.value : null;
}

async function post(url: string, carried: Uint8Array): Promise<Sent> {
  try {
    const response = await fetch(new URL('/v1/batches', url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.from(carried),
    });
    const bytes = await response.bytes();
    if (response.status === 200) {
      const receipt = receiptOf(bytes);
      if (receipt !== null) return { kind: 'receipt', receipt };
      return { kind: 'later', afterMs: retryMsDefault, why: 'the answer is no receipt' };
    }
    const afterMs = Number(response.headers.get('retry-after') ?? '1') * 1_000;
    const isLater = response.status === 429 || response.status >= 500;
    if (isLater) return { kind: 'later', afterMs, why: `HTTP ${response.status}` };
    const problem: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const { code, detail } = Object(problem);
    return { kind: 'refused', code: String(code), detail: String(detail) };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const why = cause instanceof Error ? cause.message : String(error);
    return { kind: 'later', afterMs: retryMsDefault, why };
  }
}

type Report = {
  readonly receipts: Receipt[];
  readonly refused: { readonly sequence: number; readonly code: string; readonly detail: string }[];
};

/** What has a receipt leaves the journal; what is refused is kept aside; the rest stays. */
async function sendPending(
  file: string,
  journal: BatchJournal,
  url: string,
): Promise<Outcome<Report, 'INTAKE_UNREACHABLE'>> {
  const report: Report = { receipts: [], refused: [] };
  for (const { sequence, carried } of journal.pending) {
    let sent: Sent = { kind: 'later', afterMs: 0, why: '' };
    for (let tries = 0; sent.kind === 'later' && tries < triesMax; tries += 1) {
      await pause(sent.afterMs);
      sent = await post(url, Buffer.from(carried, 'base64'));
    }
    if (sent.kind === 'later') {
      const message =
        `${url} takes no batches (${sent.why}). ${journal.pending.length} are kept in ${file}; ` +
        'the same command sends them again.';
      return refuse('INTAKE_UNREACHABLE', message);
    }
    journal.pending = journal.pending.filter((each) => each.sequence !== sequence);
    if (sent.kind === 'receipt') report.receipts.push(sent.receipt);
    else {
      const { code, detail } = sent;
      journal.refused.push({ sequence, code, carried });
      report.refused.push({ sequence, code, detail });
    }
    saveJournal(file, journal);
  }
  return accept(report);
}

function told({ receipts, refused }: Report, journal: string): Answer {
  const facts = {
    receipts: receipts.map(({ hash, ...receipt }) => ({
      ...receipt,
      hash: Buffer.from(hash).toString('hex'),
      missing: receipt.missing.map(({ from, to }) => ({ from: Number(from), to: Number(to) })),
    })),
    refused,
    journal,
  };
  const lines = receipts.map(
    ({ sequence, state, position, contiguous }) =>
      `batch ${sequence}: ${state}, position ${position}; all up to ${contiguous} are in`,
  );
  if (refused.length === 0) {
    return accept({ sentence: lines.join('\n'), facts });
  }
  const [{ sequence, code, detail }] = refused;
  const more = refused.length === 1 ? '' : ` ${refused.length - 1} more were refused.`;
  const message = `batch ${sequence}: ${detail}${more} They are kept aside in ${journal}.`;
  return { ...refuse(code, message), facts };
}

/** Plays a gateway: signed and chained batches of a CSV, kept in a journal until their receipts. */
export async function sendBatch(options: SendBatchOptions): Promise<Answer> {
  const edge = wholeOf(options.edge, '--edge', 2_147_483_647);
  const epoch =
    options.epoch === undefined ? null : wholeOf(options.epoch, '--epoch', 2_147_483_647);
  const perBatch = wholeOf(options.readings, '--readings', readingsPerBatchMax);
  const compression = compressionOf(options.compress);
  if (!URL.canParse(options.url) || !/^https?:$/.test(new URL(options.url).protocol)) {
    throw new Misused('--url begins with http:// or https://');
  }
  const privateKey = readKeyFile(options.key);
  if (!privateKey.ok) return privateKey;
  const key = { privateKey: privateKey.value, keyId: keyIdOf(rawPublicKey(privateKey.value)) };
  const text = readText(options.csv);
  if (!text.ok) return text;
  const readings = readReadingsCsv(text.value);
  if (!readings.ok) return readings;
  const rows = await resolveMeters(readings.value, { edge, database: options.database });
  if (!rows.ok) return rows;
  const file = options.journal ?? `edge-${edge}.journal.json`;
  const journal = openJournal(file, { edge, epoch });
  if (!journal.ok) return journal;
  // What was left over from the last time is sent first; only then the file counts as new.
  if (journal.value.pending.length === 0) {
    const isJson = options.jsonTwin;
    makeBatches(journal.value, rows.value, { key, perBatch, isJson, compression });
    saveJournal(file, journal.value);
  }
  const report = await sendPending(file, journal.value, options.url);
  return report.ok ? told(report.value, file) : report;
}
