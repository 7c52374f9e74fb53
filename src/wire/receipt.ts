import type { KeyObject } from 'node:crypto';
import { assert } from '../domain/assert.ts';
import { parseEdgeId } from '../domain/ids.ts';
import type { EdgeId } from '../domain/ids.ts';
import {
  batchSequenceMax,
  codeLengthMax,
  int4Max,
  missingRunsMax,
  receiptBytesMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { batchHashBytes, streamNumberOf, streamOf } from './batch.ts';
import type { Stream } from './batch.ts';
import { isSignedBy, readEnvelope, sealEnvelope, signBytes } from './envelope.ts';
import type { Envelope, SigningKey } from './envelope.ts';
import {
  bytesSize,
  cursorOver,
  numberSize,
  putBytes,
  putNumber,
  takeBytes,
  takeEnd,
  takeNumber,
  writerOf,
  written,
} from './protobuf.ts';
import type { ByteCursor } from './protobuf.ts';

/** Sequences from the first to the last, both included. */
export type SequenceRun = { readonly from: bigint; readonly to: bigint };

/**
 * The head-end's word on one batch. Committed and duplicate say that it is in the log: only then
 * does an edge free its buffer.
 */
export type Receipt = {
  readonly edgeId: EdgeId;
  readonly epoch: number;
  readonly stream: Stream;
  readonly sequence: bigint;
  /** The hash of the committed payload: an edge that sent another one must raise an alarm. */
  readonly hash: Uint8Array;
  /** Refused: to be kept aside and not sent again as it is. */
  readonly state: 'committed' | 'duplicate' | 'refused';
  /** Position in the log; 0 of a refused batch. */
  readonly position: bigint;
  /** Why it was refused; null otherwise. */
  readonly code: string | null;
  /** All sequences of the stream and epoch up to here are committed. */
  readonly contiguous: bigint;
  /** The first holes beyond `contiguous`, ascending, at most `missingRunsMax`: to be sent again. */
  readonly missing: readonly SequenceRun[];
};

export type ReceiptCode = 'RECEIPT_MALFORMED';

const receiptDomain = new TextEncoder().encode('joulebook/receipt/1\0');
const receiptJsonDomain = new TextEncoder().encode('joulebook/receipt-json/1\0');
/** By their codes on the wire, from 1. */
const states = ['committed', 'duplicate', 'refused'] as const;
const codePattern = /^[A-Z][A-Z0-9_.]*$/;
const runBytes = 16;

function malformed(problem: string): Refused<ReceiptCode> {
  return refuse('RECEIPT_MALFORMED', `This is not a receipt: ${problem}. Keep the batch.`);
}

function isSequence(sequence: bigint): boolean {
  return sequence > 0n && sequence <= BigInt(batchSequenceMax);
}

/** Ascending, apart from one another, and beyond what is committed without a hole. */
function areRunsInOrder(missing: readonly SequenceRun[], contiguous: bigint): boolean {
  let lastTo = contiguous;
  for (const { from, to } of missing) {
    if (from <= lastTo || to < from || !isSequence(to)) return false;
    lastTo = to;
  }
  return true;
}

function isCode(code: string): boolean {
  return code.length <= codeLengthMax && codePattern.test(code);
}

function assertReceipt({ hash, sequence, position, code, state, ...progress }: Receipt): void {
  assert(hash.length === batchHashBytes, 'a hash has 32 bytes');
  assert(isSequence(sequence), 'sequences count from 1');
  assert(position >= 0n && position <= BigInt(batchSequenceMax), 'a position is a safe integer');
  assert((state === 'refused') === (code !== null), 'a refusal, and nothing else, has a code');
  assert(code === null || isCode(code), 'a code is a short word in capitals');
  const { contiguous, missing } = progress;
  assert(
    contiguous >= 0n && contiguous <= BigInt(batchSequenceMax),
    'a watermark is a safe integer',
  );
  assert(missing.length <= missingRunsMax, 'one receipt asks for a few runs');
  assert(areRunsInOrder(missing, contiguous), 'missing runs ascend beyond what is contiguous');
}

function missingBytes(missing: readonly SequenceRun[]): Uint8Array {
  const runs = BigUint64Array.from(missing.flatMap(({ from, to }) => [from, to]));
  return new Uint8Array(runs.buffer);
}

export function encodeReceipt(receipt: Receipt): Uint8Array<ArrayBuffer> {
  assertReceipt(receipt);
  const sequence = Number(receipt.sequence);
  const position = Number(receipt.position);
  const contiguous = Number(receipt.contiguous);
  const state = states.indexOf(receipt.state) + 1;
  const stream = streamNumberOf(receipt.stream);
  const code = new TextEncoder().encode(receipt.code ?? '');
  const missing = missingBytes(receipt.missing);
  const writer = writerOf(
    numberSize(1) +
      numberSize(receipt.edgeId) +
      numberSize(receipt.epoch) +
      numberSize(sequence) +
      bytesSize(batchHashBytes) +
      numberSize(state) +
      numberSize(position) +
      numberSize(stream) +
      bytesSize(code.length) +
      numberSize(contiguous) +
      bytesSize(missing.length),
  );
  putNumber(writer, 1, 1);
  putNumber(writer, 2, receipt.edgeId);
  putNumber(writer, 3, receipt.epoch);
  putNumber(writer, 4, sequence);
  putBytes(writer, 5, receipt.hash);
  putNumber(writer, 6, state);
  putNumber(writer, 7, position);
  putNumber(writer, 8, stream);
  putBytes(writer, 9, code);
  putNumber(writer, 10, contiguous);
  putBytes(writer, 11, missing);
  return written(writer);
}

/** For people and simple senders; the fields have the names of a JSON batch. */
export function receiptJson({ hash, ...receipt }: Receipt): string {
  return JSON.stringify({
    version: 1,
    edge: receipt.edgeId,
    epoch: receipt.epoch,
    sequence: Number(receipt.sequence),
    stream: receipt.stream,
    hash: Buffer.from(hash).toString('hex'),
    state: receipt.state,
    position: Number(receipt.position),
    code: receipt.code,
    contiguous: Number(receipt.contiguous),
    missing: receipt.missing.map(({ from, to }) => ({ from: Number(from), to: Number(to) })),
  });
}

export type SealedText = {
  readonly text: string;
  /** Hex. */
  readonly keyId: string;
  /** Base64. */
  readonly signature: string;
};

/** The receipt as JSON with a signature over the domain, a zero byte and the text as sent. */
export function sealReceiptJson(receipt: Receipt, key: SigningKey): SealedText {
  const text = receiptJson(receipt);
  const { signature, keyId } = signBytes(receiptJsonDomain, Buffer.from(text, 'utf8'), key);
  return {
    text,
    keyId: Buffer.from(keyId).toString('hex'),
    signature: Buffer.from(signature).toString('base64'),
  };
}

export function signReceipt(payload: Uint8Array, key: SigningKey): Uint8Array<ArrayBuffer> {
  return sealEnvelope(receiptDomain, payload, key);
}

export function openReceipt(bytes: Uint8Array): Outcome<Envelope, ReceiptCode> {
  if (bytes.length > receiptBytesMax) return malformed(`it has ${bytes.length} bytes`);
  const envelope = readEnvelope(bytes);
  if (typeof envelope === 'string') return malformed(envelope);
  const isPlain = envelope.encoding === 'protobuf' && envelope.compression === 'none';
  return isPlain ? accept(envelope) : malformed('a receipt is neither JSON nor compressed');
}

export function verifyReceipt(envelope: Envelope, publicKey: KeyObject): boolean {
  return isSignedBy(receiptDomain, envelope, publicKey);
}

function runsOf(bytes: Uint8Array): readonly SequenceRun[] {
  const words = new BigUint64Array(Uint8Array.from(bytes).buffer);
  const runs: SequenceRun[] = [];
  for (let at = 0; at < words.length; at += 2) {
    runs.push({ from: words[at] ?? 0n, to: words[at + 1] ?? 0n });
  }
  return runs;
}

type Progress = Pick<Receipt, 'state' | 'code' | 'contiguous' | 'missing'>;

function takeProgress(cursor: ByteCursor, state: Receipt['state']): Outcome<Progress, ReceiptCode> {
  const codeBytes = takeBytes(cursor, 9);
  const contiguous = takeNumber(cursor, 10);
  const missing = takeBytes(cursor, 11);
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(cursor.problem);
  const code = codeBytes.length === 0 ? null : Buffer.from(codeBytes).toString('latin1');
  if ((state === 'refused') !== (code !== null)) return malformed('a code belongs to a refusal');
  if (code !== null && !isCode(code)) return malformed('its code is no word in capitals');
  if (contiguous > batchSequenceMax) return malformed(`contiguous up to ${contiguous}`);
  if (missing.length % runBytes !== 0 || missing.length > missingRunsMax * runBytes) {
    return malformed(`${missing.length} bytes of missing sequences`);
  }
  const runs = runsOf(missing);
  if (!areRunsInOrder(runs, BigInt(contiguous))) return malformed('missing runs out of order');
  return accept({ state, code, contiguous: BigInt(contiguous), missing: runs });
}

export function decodeReceipt(payload: Uint8Array): Outcome<Receipt, ReceiptCode> {
  if (payload.length > receiptBytesMax) return malformed(`it has ${payload.length} bytes`);
  const cursor = cursorOver(payload);
  const version = takeNumber(cursor, 1);
  const edge = parseEdgeId(takeNumber(cursor, 2));
  const epoch = takeNumber(cursor, 3);
  const sequence = takeNumber(cursor, 4);
  const hash = takeBytes(cursor, 5);
  const state = states[takeNumber(cursor, 6) - 1];
  const position = takeNumber(cursor, 7);
  const streamNumber = takeNumber(cursor, 8);
  const stream = streamOf(streamNumber);
  if (cursor.problem !== null) return malformed(cursor.problem);
  if (version !== 1) return malformed(`layout ${version} is not known`);
  if (!edge.ok) return malformed(edge.message);
  if (epoch === 0 || epoch > int4Max) return malformed(`epoch ${epoch}`);
  if (sequence === 0 || sequence > batchSequenceMax) return malformed(`sequence ${sequence}`);
  if (hash.length !== batchHashBytes) return malformed(`a hash of ${hash.length} bytes`);
  if (state === undefined) return malformed('its state is not known');
  if (position > batchSequenceMax) return malformed(`position ${position}`);
  if (stream === null) return malformed(`stream ${streamNumber}`);
  const progress = takeProgress(cursor, state);
  if (!progress.ok) return progress;
  return accept({
    edgeId: edge.value,
    epoch,
    sequence: BigInt(sequence),
    hash: Uint8Array.from(hash),
    stream,
    position: BigInt(position),
    ...progress.value,
  });
}
