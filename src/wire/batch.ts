import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { EdgeId } from '../domain/ids.ts';
import { batchBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isSignedBy, plainForm, readEnvelope, sealEnvelope } from './envelope.ts';
import type { Envelope, PayloadForm, SigningKey } from './envelope.ts';

export type Stream = 'billing' | 'telemetry';
/** As messages and tables have it. */
export type StreamNumber = 1 | 2;

export function streamNumberOf(stream: Stream): StreamNumber {
  return stream === 'billing' ? 1 : 2;
}

export function streamOf(number: number): Stream | null {
  if (number === 1) return 'billing';
  return number === 2 ? 'telemetry' : null;
}

/** Readings of one channel as columns of the same length, in the order of the wire. */
export type RegisterBlock = {
  readonly channel: number;
  /** DLMS unit code: 27 W, 30 Wh, 32 varh. */
  readonly unit: number;
  /** Power of ten of the values. */
  readonly scaler: number;
  readonly meterId: Int32Array;
  readonly readAtMs: Float64Array;
  readonly value: BigInt64Array;
  /** 0 ACTUAL, 1 CALCULATED, 2 ESTIMATED; 4 VOID in an office's edit. */
  readonly quality: Uint8Array;
  /**
   * 0 as read; an edit is one above the revision that it supersedes. Absent: all 0. Only an office
   * may send others.
   */
  readonly revision?: Int32Array;
  /** How far the device's clock was ahead of the gateway's, milliseconds. Absent: all 0. */
  readonly clockOffsetMs?: Int32Array;
  /** Which of the batch's frames a reading was taken from, counted from 1; 0: not kept. */
  readonly frame?: Int32Array;
  /**
   * Which transformer ratio the sender believes in, thousandths; 0: not told. Checked against the
   * register's marks, never multiplied by.
   */
  readonly multiplierThousandths?: Int32Array;
};

/** What meters' event logs say, as columns of the same length. */
export type EventBlock = {
  /** domain/series/meterEvent. */
  readonly code: Int32Array;
  readonly meterId: Int32Array;
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
};

export type Batch = {
  readonly edgeId: EdgeId;
  readonly epoch: number;
  /** Contiguous from 1 within an epoch of a stream. */
  readonly sequence: bigint;
  /** The hash of the batch before, 32 zero bytes at sequence 1. */
  readonly previousHash: Uint8Array;
  readonly createdAtMs: number;
  readonly stream: Stream;
  readonly blocks: readonly RegisterBlock[];
  readonly events?: EventBlock;
  /** Answers of devices as they came over the bus or the air, for tracing readings back. */
  readonly frames?: readonly Uint8Array[];
};

/** A column of zeros is absent on the wire. */
export function isAllZero(column: Uint8Array | Int32Array): boolean {
  for (let row = 0; row < column.length; row += 1) if (column[row] !== 0) return false;
  return true;
}

export const batchHashBytes = 32;

const hashDomain = new TextEncoder().encode('joulebook/batch/1\0');

/**
 * SHA-256 of an inflated BatchPayload: names the batch in the chain, the guard and the receipt,
 * however it was carried.
 */
export function batchHash(payload: Uint8Array): Uint8Array {
  return createHash('sha256').update(hashDomain).update(payload).digest();
}

/** What the signature covers in front of the carried bytes: no form can be taken for another. */
function domainOf({ encoding, compression }: PayloadForm): Uint8Array {
  const kind = encoding === 'json' ? 'joulebook/batch-json/1' : 'joulebook/batch/1';
  const packed = compression === 'none' ? '' : `+${compression}`;
  return new TextEncoder().encode(`${kind}${packed}\0`);
}

/** `payload` are the bytes as they travel: of a compressed form, compressed already. */
export function signBatch(
  payload: Uint8Array,
  key: SigningKey,
  form = plainForm,
): Uint8Array<ArrayBuffer> {
  return sealEnvelope(domainOf(form), payload, key, form);
}

export type OpenCode = 'BATCH_TOO_LARGE' | 'BATCH_MALFORMED';

/** Takes the envelope apart before anything is known about the sender; allocates nothing. */
export function openEnvelope(bytes: Uint8Array): Outcome<Envelope, OpenCode> {
  if (bytes.length > batchBytesMax) {
    return refuse(
      'BATCH_TOO_LARGE',
      `A signed batch has at most ${batchBytesMax} bytes, and this one has more: send less.`,
    );
  }
  const envelope = readEnvelope(bytes);
  if (typeof envelope !== 'string') return accept(envelope);
  return refuse('BATCH_MALFORMED', `This is not a signed batch: ${envelope}.`);
}

export function verifyEnvelope(envelope: Envelope, publicKey: KeyObject): boolean {
  return isSignedBy(domainOf(envelope), envelope, publicKey);
}
