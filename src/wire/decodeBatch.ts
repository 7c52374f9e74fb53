import { parseEdgeId } from '../domain/ids.ts';
import {
  batchBytesMax,
  batchSequenceMax,
  blocksPerBatchMax,
  readAtMsMax,
  readAtMsMin,
  readingsPerBatchMax,
  registerWhMax,
  scalerMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { batchHashBytes } from './batch.ts';
import type { Batch, RegisterBlock, Stream } from './batch.ts';
import { cursorOver, isNext, takeBytes, takeEnd, takeNumber, takeSigned } from './protobuf.ts';

export type DecodeCode =
  | 'BATCH_TOO_LARGE'
  | 'BATCH_MALFORMED'
  | 'BATCH_VERSION_UNKNOWN'
  | 'BATCH_READING_OUT_OF_RANGE'
  | 'BATCH_INFLATES_TOO_FAR'
  | 'BATCH_COMPRESSION_BROKEN';

const epochMax = 2_147_483_647; // int4
const channelMax = 32_767; // int2
const meterIdBytes = 4;
const int64Bytes = 8;
const qualityMax = 2; // ESTIMATED, the last one that a meter or gateway may claim
const wordSpan = 4_294_967_296;
/** High words of int64 values from -(2^50) to 2^50 - 1. */
const valueHighMax = Math.floor(registerWhMax / wordSpan);
const valueHighMin = -valueHighMax - 1;

function malformed(problem: string): Refused<'BATCH_MALFORMED'> {
  return refuse('BATCH_MALFORMED', `The payload is not a batch: ${problem}.`);
}

function outOfRange(problem: string): Refused<'BATCH_READING_OUT_OF_RANGE'> {
  return refuse('BATCH_READING_OUT_OF_RANGE', `${problem}; the batch is refused as a whole.`);
}

/** An own, aligned copy: the column outlives the message and may be transferred to a thread. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy.buffer;
}

function meterColumn(bytes: Uint8Array): Int32Array | null {
  const meterId = new Int32Array(copyOf(bytes));
  for (let row = 0; row < meterId.length; row += 1) if ((meterId[row] ?? 0) <= 0) return null;
  return meterId;
}

function instantColumn(bytes: Uint8Array): Float64Array | null {
  const words = new Int32Array(copyOf(bytes));
  const readAtMs = new Float64Array(words.length / 2);
  for (let row = 0; row < readAtMs.length; row += 1) {
    const instantMs = (words[2 * row + 1] ?? 0) * wordSpan + ((words[2 * row] ?? 0) >>> 0);
    if (instantMs < readAtMsMin || instantMs >= readAtMsMax) return null;
    readAtMs[row] = instantMs;
  }
  return readAtMs;
}

function valueColumn(bytes: Uint8Array): BigInt64Array | null {
  const buffer = copyOf(bytes);
  const words = new Int32Array(buffer);
  for (let at = 1; at < words.length; at += 2) {
    const high = words[at] ?? 0;
    if (high > valueHighMax || high < valueHighMin) return null;
  }
  return new BigInt64Array(buffer);
}

function qualityColumn(bytes: Uint8Array, count: number): Uint8Array | null {
  const quality = new Uint8Array(count);
  quality.set(bytes);
  for (let row = 0; row < count; row += 1) if ((quality[row] ?? 0) > qualityMax) return null;
  return quality;
}

function decodeBlock(bytes: Uint8Array, readingsMax: number): Outcome<RegisterBlock, DecodeCode> {
  const cursor = cursorOver(bytes);
  const channel = takeNumber(cursor, 1);
  const unit = takeNumber(cursor, 2);
  const scaler = takeSigned(cursor, 3);
  const meters = takeBytes(cursor, 4);
  const instants = takeBytes(cursor, 5);
  const values = takeBytes(cursor, 6);
  const qualities = takeBytes(cursor, 7);
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(`${cursor.problem} of a block`);
  if (channel === 0 || channel > channelMax) return malformed(`channel ${channel}`);
  if (unit === 0 || unit > 255) return malformed(`unit ${unit}`);
  if (Math.abs(scaler) > scalerMax) return malformed(`scaler ${scaler}`);
  const count = meters.length / meterIdBytes;
  if (!Number.isInteger(count) || count === 0) {
    return malformed(`a column of meters has ${meters.length} bytes, not 4 a reading`);
  }
  if (instants.length !== count * int64Bytes || values.length !== count * int64Bytes) {
    return malformed(`${count} readings need ${count * int64Bytes} bytes of instants and values`);
  }
  if (qualities.length !== 0 && qualities.length !== count) {
    return malformed(`${count} readings have ${qualities.length} bytes of quality`);
  }
  if (count > readingsMax) {
    return refuse(
      'BATCH_TOO_LARGE',
      `A batch has at most ${readingsPerBatchMax} readings: send it in parts.`,
    );
  }
  const meterId = meterColumn(meters);
  if (meterId === null) return outOfRange('A meter id is not between 1 and 2147483647');
  const readAtMs = instantColumn(instants);
  if (readAtMs === null)
    return outOfRange('A reading is not dated from 2000 to 2099: set the clock');
  const value = valueColumn(values);
  if (value === null) return outOfRange('A value is beyond 2^50, more than any register counts');
  const quality = qualityColumn(qualities, count);
  if (quality === null) return outOfRange('A quality is not 0 ACTUAL, 1 CALCULATED or 2 ESTIMATED');
  return accept({ channel, unit, scaler, meterId, readAtMs, value, quality });
}

function streamOf(code: number): Stream | null {
  if (code === 1) return 'billing';
  return code === 2 ? 'telemetry' : null;
}

/**
 * A payload whose signature holds, as columns. Never throws; sizes are checked before memory is
 * taken, and the work is bounded by the length of the bytes. Whether the edge exists, owns the
 * meters and may use the channels is for the operation to judge.
 */
export function decodeBatch(payload: Uint8Array): Outcome<Batch, DecodeCode> {
  if (payload.length > batchBytesMax) {
    return refuse('BATCH_TOO_LARGE', `A batch has at most ${batchBytesMax} bytes: send less.`);
  }
  const cursor = cursorOver(payload);
  const version = takeNumber(cursor, 1);
  if (cursor.problem === null && version !== 1) {
    return refuse('BATCH_VERSION_UNKNOWN', `Layout ${version} is not known; this side reads 1.`);
  }
  const edge = parseEdgeId(takeNumber(cursor, 2));
  const epoch = takeNumber(cursor, 3);
  const sequence = takeNumber(cursor, 4);
  const hash = takeBytes(cursor, 5);
  const createdAtMs = takeSigned(cursor, 6);
  const stream = streamOf(takeNumber(cursor, 7));
  if (cursor.problem !== null) return malformed(cursor.problem);
  if (!edge.ok) return malformed(edge.message);
  if (epoch === 0 || epoch > epochMax) return malformed(`epoch ${epoch}`);
  if (sequence === 0 || sequence > batchSequenceMax) return malformed(`sequence ${sequence}`);
  if (hash.length !== batchHashBytes) return malformed(`a previous hash of ${hash.length} bytes`);
  if (createdAtMs < readAtMsMin || createdAtMs >= readAtMsMax) {
    return malformed('its own date is not from 2000 to 2099');
  }
  if (stream === null) return malformed('a stream that is neither 1 billing nor 2 telemetry');
  const blocks: RegisterBlock[] = [];
  let readingsLeft = readingsPerBatchMax;
  while (isNext(cursor, 8)) {
    if (blocks.length === blocksPerBatchMax) return malformed('too many blocks');
    const bytes = takeBytes(cursor, 8);
    if (cursor.problem !== null) return malformed(cursor.problem);
    const block = decodeBlock(bytes, readingsLeft);
    if (!block.ok) return block;
    readingsLeft -= block.value.meterId.length;
    blocks.push(block.value);
  }
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(cursor.problem);
  return accept({
    edgeId: edge.value,
    epoch,
    sequence: BigInt(sequence),
    previousHash: new Uint8Array(copyOf(hash)),
    createdAtMs,
    stream,
    blocks,
  });
}
