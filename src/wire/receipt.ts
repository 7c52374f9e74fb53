import type { KeyObject } from 'node:crypto';
import { assert } from '../domain/assert.ts';
import { parseEdgeId } from '../domain/ids.ts';
import type { EdgeId } from '../domain/ids.ts';
import { batchSequenceMax, receiptBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { batchHashBytes } from './batch.ts';
import { isSignedBy, readEnvelope, sealEnvelope } from './envelope.ts';
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

/** The head-end's word that a batch is in the log: only then does an edge free its buffer. */
export type Receipt = {
  readonly edgeId: EdgeId;
  readonly epoch: number;
  readonly sequence: bigint;
  /** The hash of the committed payload: an edge that sent another one must raise an alarm. */
  readonly hash: Uint8Array;
  readonly state: 'committed' | 'duplicate';
  /** Position in the log. */
  readonly position: bigint;
};

export type ReceiptCode = 'RECEIPT_MALFORMED';

const receiptDomain = new TextEncoder().encode('joulebook/receipt/1\0');
const epochMax = 2_147_483_647; // int4

function malformed(problem: string): Refused<ReceiptCode> {
  return refuse('RECEIPT_MALFORMED', `This is not a receipt: ${problem}. Keep the batch.`);
}

export function encodeReceipt(receipt: Receipt): Uint8Array<ArrayBuffer> {
  assert(receipt.hash.length === batchHashBytes, 'a hash has 32 bytes');
  const sequence = Number(receipt.sequence);
  const position = Number(receipt.position);
  assert(sequence > 0 && sequence <= batchSequenceMax, 'sequences count from 1');
  assert(position >= 0 && position <= batchSequenceMax, 'a position is a safe integer');
  const state = receipt.state === 'committed' ? 1 : 2;
  const writer = writerOf(
    numberSize(1) +
      numberSize(receipt.edgeId) +
      numberSize(receipt.epoch) +
      numberSize(sequence) +
      bytesSize(batchHashBytes) +
      numberSize(state) +
      numberSize(position),
  );
  putNumber(writer, 1, 1);
  putNumber(writer, 2, receipt.edgeId);
  putNumber(writer, 3, receipt.epoch);
  putNumber(writer, 4, sequence);
  putBytes(writer, 5, receipt.hash);
  putNumber(writer, 6, state);
  putNumber(writer, 7, position);
  return written(writer);
}

export function signReceipt(payload: Uint8Array, key: SigningKey): Uint8Array<ArrayBuffer> {
  return sealEnvelope(receiptDomain, payload, key);
}

export function openReceipt(bytes: Uint8Array): Outcome<Envelope, ReceiptCode> {
  if (bytes.length > receiptBytesMax) return malformed(`it has ${bytes.length} bytes`);
  const envelope = readEnvelope(bytes);
  return typeof envelope === 'string' ? malformed(envelope) : accept(envelope);
}

export function verifyReceipt(envelope: Envelope, publicKey: KeyObject): boolean {
  return isSignedBy(receiptDomain, envelope, publicKey);
}

export function decodeReceipt(payload: Uint8Array): Outcome<Receipt, ReceiptCode> {
  if (payload.length > receiptBytesMax) return malformed(`it has ${payload.length} bytes`);
  const cursor = cursorOver(payload);
  const version = takeNumber(cursor, 1);
  const edge = parseEdgeId(takeNumber(cursor, 2));
  const epoch = takeNumber(cursor, 3);
  const sequence = takeNumber(cursor, 4);
  const hash = takeBytes(cursor, 5);
  const state = takeNumber(cursor, 6);
  const position = takeNumber(cursor, 7);
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(cursor.problem);
  if (version !== 1) return malformed(`layout ${version} is not known`);
  if (!edge.ok) return malformed(edge.message);
  if (epoch === 0 || epoch > epochMax) return malformed(`epoch ${epoch}`);
  if (sequence === 0 || sequence > batchSequenceMax) return malformed(`sequence ${sequence}`);
  if (hash.length !== batchHashBytes) return malformed(`a hash of ${hash.length} bytes`);
  if (state !== 1 && state !== 2) return malformed(`state ${state}`);
  if (position > batchSequenceMax) return malformed(`position ${position}`);
  return accept({
    edgeId: edge.value,
    epoch,
    sequence: BigInt(sequence),
    hash: Uint8Array.from(hash),
    state: state === 1 ? 'committed' : 'duplicate',
    position: BigInt(position),
  });
}
