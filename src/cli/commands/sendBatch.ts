import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { findMeterIds } from '../../db/directory.ts';
import { keyIdOf } from '../../db/fleet.ts';
import { assert } from '../../domain/assert.ts';
import { parseEdgeId } from '../../domain/ids.ts';
import { readingsPerBatchMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { batchHash, openEnvelope, signBatch } from '../../wire/batch.ts';
import type { RegisterBlock } from '../../wire/batch.ts';
import { deflate } from '../../wire/compression.ts';
import { encodeBatch } from '../../wire/encodeBatch.ts';
import type { Compression, SigningKey } from '../../wire/envelope.ts';
import { jsonOfBatch } from '../../wire/jsonBatch.ts';
import type { Receipt } from '../../wire/receipt.ts';
import type { Answer } from '../answer.ts';
import { Misused } from '../answer.ts';
import { journalFilesMax, openJournal, saveJournal } from '../batchJournal.ts';
import type { BatchJournal } from '../batchJournal.ts';
import { postBatch } from '../batchPost.ts';
import type { Sent } from '../batchPost.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readText } from '../inputFile.ts';
import { withJournalLocked } from '../journalLock.ts';
import { rawPublicKey, readKeyFile } from '../keyFile.ts';
import { progressLines } from '../progress.ts';
import { readReadingsCsv } from '../readingsCsv.ts';
import type { CsvReading } from '../readingsCsv.ts';
import { idNumberMax, wholeNumber } from '../wholeNumber.ts';

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
  readonly wait: string;
  /** Where serial numbers are looked up. */
  readonly database?: string | undefined;
};

type Row = Omit<CsvReading, 'meter'> & { readonly meterId: number };

/** An intake answers within 20 s, with 503 if nothing else; a longer silence is a lost request. */
const answerMsMax = 30_000;
/** The last try has time to learn why: the reason told is not our own impatience. */
const lastTryMs = 1_000;
const waitSMax = 86_400;

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

type Report = {
  readonly receipts: Receipt[];
  readonly refused: { readonly sequence: number; readonly code: string; readonly detail: string }[];
};

/**
 * Refused for who sends it and not for what it says: it waits for the right key, and what is behind
 * it waits, too.
 */
const ofSender: ReadonlySet<string> = new Set([
  'BATCH_KEY_UNKNOWN',
  'BATCH_KEY_REVOKED',
  'BATCH_SIGNATURE_WRONG',
  'BATCH_EDGE_FOREIGN',
]);

/** A batch may have waited since it was signed with another key; its hash does not cover that. */
function signedWith(key: SigningKey, carried: Uint8Array): Uint8Array {
  const opened = openEnvelope(carried);
  if (!opened.ok) return carried;
  const { payload, encoding, compression } = opened.value;
  return signBatch(payload, key, { encoding, compression });
}

type Sending = {
  readonly key: SigningKey;
  readonly url: string;
  readonly file: string;
  readonly waitMs: number;
  readonly isJson: boolean;
};

/** Tries until the intake has spoken about the batch, or nothing was heard of it for `waitMs`. */
async function sendOne(
  carried: Uint8Array,
  { url, waitMs, isJson }: Sending,
): Promise<Outcome<Exclude<Sent, { kind: 'later' }>, 'INTAKE_UNREACHABLE'>> {
  const endMs = performance.now() + waitMs;
  const progress = progressLines(isJson);
  for (let tries = 1; ; tries += 1) {
    const leftMs = Math.max(lastTryMs, endMs - performance.now());
    const sent = await postBatch(url, carried, Math.min(leftMs, answerMsMax));
    if (sent.kind !== 'later') return accept(sent);
    const nowMs = performance.now();
    if (nowMs >= endMs) return refuse('INTAKE_UNREACHABLE', sent.why);
    const leftS = Math.ceil((endMs - nowMs) / 1_000);
    const line = `INTAKE_UNREACHABLE: ${url} (${sent.why}); trying again for ${leftS} s.`;
    // The first one is told at once, also beside JSON: silence looks like a program that hangs.
    if (tries === 1) process.stderr.write(`${line}\n`);
    else progress(line);
    await pause(Math.min(sent.afterMs, endMs - nowMs));
  }
}

/** What has a receipt leaves the journal; what its content has refused is kept aside. */
async function sendPending(
  journal: BatchJournal,
  sending: Sending,
): Promise<Outcome<Report, 'INTAKE_UNREACHABLE'>> {
  const { url, file, key, isJson } = sending;
  const report: Report = { receipts: [], refused: [] };
  const progress = progressLines(isJson);
  const count = journal.pending.length;
  for (const { sequence, carried } of journal.pending) {
    const sent = await sendOne(signedWith(key, Buffer.from(carried, 'base64')), sending);
    if (!sent.ok) {
      const message =
        `${url} takes no batches (${sent.message}). ${journal.pending.length} are kept in ` +
        `${file}; the same command sends them again.`;
      return refuse(sent.code, message);
    }
    const answer = sent.value;
    const mustStop = answer.kind === 'refused' && ofSender.has(answer.code);
    if (answer.kind === 'refused') {
      const { code, detail } = answer;
      report.refused.push({ sequence, code, detail });
      if (!mustStop) journal.refused.push({ sequence, code, carried });
    } else report.receipts.push(answer.receipt);
    if (!mustStop) {
      journal.pending = journal.pending.filter((each) => each.sequence !== sequence);
      saveJournal(file, journal);
    }
    const waiting = journal.pending.length + journal.refused.length;
    progress(`${report.receipts.length} of ${count} batches taken, ${waiting} waiting.`);
    if (mustStop) break;
  }
  return accept(report);
}

/** What became of the file, and what waited before it. */
type Origin = {
  readonly csv: string;
  readonly leftOver: number;
  readonly readings: number;
  readonly batches: number;
  /** Batches of this journal were made of the same content before. */
  readonly isKnown: boolean;
};

function originLines({ csv, leftOver, readings, batches, isKnown }: Origin): readonly string[] {
  const left = leftOver === 0 ? [] : [`batches left over from the last time: ${leftOver}`];
  if (!isKnown) return [...left, `${csv}: ${readings} readings, new batches: ${batches}`];
  const known =
    `${csv} was made into batches of this journal before: no second ones are made of it. ` +
    'A higher --epoch sends its readings anew.';
  return [...left, known];
}

function told(
  { receipts, refused }: Report,
  origin: Origin,
  { file, waiting }: { readonly file: string; readonly waiting: number },
): Answer {
  const facts = {
    ...origin,
    receipts: receipts.map(({ hash, ...receipt }) => ({
      ...receipt,
      hash: Buffer.from(hash).toString('hex'),
      missing: receipt.missing.map(({ from, to }) => ({ from: Number(from), to: Number(to) })),
    })),
    refused,
    waiting,
    journal: file,
  };
  const lines = receipts.map(
    ({ sequence, state, position, contiguous }) =>
      `batch ${sequence}: ${state}, position ${position}; all up to ${contiguous} are in`,
  );
  if (refused.length === 0) {
    return accept({ sentence: [...originLines(origin), ...lines].join('\n'), facts });
  }
  const [{ sequence, code, detail }] = refused;
  const more = refused.length === 1 ? '' : ` ${refused.length - 1} more were refused.`;
  const message =
    `batch ${sequence}: ${detail}${more} ${file} keeps all that is not in (${waiting}); once the ` +
    'cause is gone, the same command sends them again.';
  return { ...refuse(code, message), facts };
}

type Given = {
  readonly edge: number;
  readonly epoch: number | null;
  readonly key: SigningKey;
  readonly perBatch: number;
  readonly compression: Compression;
  readonly text: string;
  readonly readings: readonly CsvReading[];
  readonly waitMs: number;
};

function givenOf(options: SendBatchOptions): Outcome<Given, string> {
  const edge = wholeNumber(options.edge, '--edge', { min: 1, max: idNumberMax });
  const epoch =
    options.epoch === undefined
      ? null
      : wholeNumber(options.epoch, '--epoch', { min: 1, max: idNumberMax });
  const perBatch = wholeNumber(options.readings, '--readings', {
    min: 1,
    max: readingsPerBatchMax,
  });
  const waitMs = wholeNumber(options.wait, '--wait', { min: 1, max: waitSMax }) * 1_000;
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
  return accept({
    edge,
    epoch,
    key,
    perBatch,
    compression,
    waitMs,
    text: text.value,
    readings: readings.value,
  });
}

/** Plays a gateway: signed and chained batches of a CSV, kept in a journal until their receipts. */
export async function sendBatch(options: SendBatchOptions, isJson: boolean): Promise<Answer> {
  const given = givenOf(options);
  if (!given.ok) return given;
  const file = options.journal ?? `edge-${given.value.edge}.journal.json`;
  return withJournalLocked(file, () => sendWith(given.value, { options, file, isJson }));
}

async function sendWith(
  { edge, epoch, key, perBatch, compression, text, readings, waitMs }: Given,
  terms: { options: SendBatchOptions; file: string; isJson: boolean },
): Promise<Answer> {
  const { options, file, isJson } = terms;
  const opened = openJournal(file, { edge, epoch });
  if (!opened.ok) return opened;
  const journal = opened.value;
  const leftOver = journal.pending.length;
  const digest = createHash('sha256').update(text).digest('hex');
  const isKnown = journal.files.includes(digest);
  if (!isKnown) {
    const rows = await resolveMeters(readings, { edge, database: options.database });
    if (!rows.ok) return rows;
    makeBatches(journal, rows.value, { key, perBatch, isJson: options.jsonTwin, compression });
    journal.files = [...journal.files, digest].slice(-journalFilesMax);
    // Batches and digest at once: after a crash the file is either all there or unknown.
    saveJournal(file, journal);
  }
  const batches = journal.pending.length - leftOver;
  const origin = { csv: options.csv, leftOver, readings: readings.length, batches, isKnown };
  const report = await sendPending(journal, { url: options.url, file, key, waitMs, isJson });
  const waiting = journal.pending.length + journal.refused.length;
  return report.ok
    ? told(report.value, origin, { file, waiting })
    : { ...report, facts: { ...origin, waiting } };
}
