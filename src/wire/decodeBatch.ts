import { parseEdgeId } from '../domain/ids.ts';
import {
  batchBytesMax,
  batchSequenceMax,
  blocksPerBatchMax,
  eventsPerBatchMax,
  frameBytesPerBatchMax,
  framesPerBatchMax,
  int2Max,
  int4Max,
  readAtMsMax,
  readAtMsMin,
  readingsPerBatchMax,
  scalerMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { batchHashBytes, streamOf } from './batch.ts';
import type { Batch, EventBlock, RegisterBlock } from './batch.ts';
import {
  copyOf,
  eventCodeColumn,
  instantColumn,
  int64Bytes,
  malformed,
  meterColumn,
  meterIdBytes,
  outOfRange,
  qualityColumn,
  rareColumn,
  valueColumn,
} from './decodeColumns.ts';
import { cursorOver, isNext, takeBytes, takeEnd, takeNumber, takeSigned } from './protobuf.ts';
import type { ByteCursor } from './protobuf.ts';

export type DecodeCode =
  | 'BATCH_TOO_LARGE'
  | 'BATCH_MALFORMED'
  | 'BATCH_VERSION_UNKNOWN'
  | 'BATCH_READING_OUT_OF_RANGE'
  | 'BATCH_INFLATES_TOO_FAR'
  | 'BATCH_COMPRESSION_BROKEN';

type BlockHead = Pick<RegisterBlock, 'channel' | 'unit' | 'scaler'>;

function takeHead(cursor: ByteCursor): Outcome<BlockHead, DecodeCode> {
  const channel = takeNumber(cursor, 1);
  const unit = takeNumber(cursor, 2);
  const scaler = takeSigned(cursor, 3);
  if (cursor.problem !== null) return malformed(`${cursor.problem} of a block`);
  if (channel === 0 || channel > int2Max) return malformed(`channel ${channel}`);
  if (unit === 0 || unit > 255) return malformed(`unit ${unit}`);
  if (Math.abs(scaler) > scalerMax) return malformed(`scaler ${scaler}`);
  return accept({ channel, unit, scaler });
}

function decodeBlock(bytes: Uint8Array, readingsMax: number): Outcome<RegisterBlock, DecodeCode> {
  const cursor = cursorOver(bytes);
  const head = takeHead(cursor);
  if (!head.ok) return head;
  const meters = takeBytes(cursor, 4);
  const instants = takeBytes(cursor, 5);
  const values = takeBytes(cursor, 6);
  const qualities = takeBytes(cursor, 7);
  const revisions = takeBytes(cursor, 8);
  const clockOffsets = takeBytes(cursor, 9);
  const frames = takeBytes(cursor, 10);
  const multipliers = takeBytes(cursor, 11);
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(`${cursor.problem} of a block`);
  const count = meters.length / meterIdBytes;
  if (!Number.isInteger(count) || count === 0) {
    return malformed(`a column of meters has ${meters.length} bytes, not 4 a reading`);
  }
  if (instants.length !== count * int64Bytes || values.length !== count * int64Bytes) {
    return malformed(`${count} readings need ${count * int64Bytes} bytes of instants and values`);
  }
  if (count > readingsMax) {
    return refuse(
      'BATCH_TOO_LARGE',
      `A batch has at most ${readingsPerBatchMax} readings: send it in parts.`,
    );
  }
  const meterId = meterColumn(meters);
  if (!meterId.ok) return meterId;
  const readAtMs = instantColumn(instants);
  if (!readAtMs.ok) return readAtMs;
  const value = valueColumn(values);
  if (!value.ok) return value;
  const revision = rareColumn('revision', revisions, count);
  if (!revision.ok) return revision;
  const quality = qualityColumn(qualities, count, revision.value);
  if (!quality.ok) return quality;
  const clockOffsetMs = rareColumn('clockOffsetMs', clockOffsets, count);
  if (!clockOffsetMs.ok) return clockOffsetMs;
  const frame = rareColumn('frame', frames, count);
  if (!frame.ok) return frame;
  const multiplier = rareColumn('multiplierThousandths', multipliers, count);
  if (!multiplier.ok) return multiplier;
  return accept({
    ...head.value,
    meterId: meterId.value,
    readAtMs: readAtMs.value,
    value: value.value,
    quality: quality.value,
    ...(revision.value === null ? {} : { revision: revision.value }),
    ...(clockOffsetMs.value === null ? {} : { clockOffsetMs: clockOffsetMs.value }),
    ...(frame.value === null ? {} : { frame: frame.value }),
    ...(multiplier.value === null ? {} : { multiplierThousandths: multiplier.value }),
  });
}

function takeBlocks(cursor: ByteCursor): Outcome<readonly RegisterBlock[], DecodeCode> {
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
  return accept(blocks);
}

function decodeEvents(bytes: Uint8Array): Outcome<EventBlock, DecodeCode> {
  const cursor = cursorOver(bytes);
  const codes = takeBytes(cursor, 1);
  const meters = takeBytes(cursor, 2);
  const froms = takeBytes(cursor, 3);
  const tos = takeBytes(cursor, 4);
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(`${cursor.problem} of the events`);
  const count = codes.length / meterIdBytes;
  const isWhole = Number.isInteger(count) && count > 0 && meters.length === codes.length;
  if (!isWhole || froms.length !== count * int64Bytes || tos.length !== count * int64Bytes) {
    return malformed('the columns of events are not of 4, 4, 8 and 8 bytes an event');
  }
  if (count > eventsPerBatchMax) {
    const message = `A batch has at most ${eventsPerBatchMax} events: send it in parts.`;
    return refuse('BATCH_TOO_LARGE', message);
  }
  const code = eventCodeColumn(codes);
  if (!code.ok) return code;
  const meterId = meterColumn(meters);
  if (!meterId.ok) return meterId;
  const fromMs = instantColumn(froms);
  if (!fromMs.ok) return fromMs;
  const toMs = instantColumn(tos);
  if (!toMs.ok) return toMs;
  for (let row = 0; row < count; row += 1) {
    if ((toMs.value[row] ?? 0) < (fromMs.value[row] ?? 0)) {
      return outOfRange('An event ends before it begins');
    }
  }
  return accept({
    code: code.value,
    meterId: meterId.value,
    fromMs: fromMs.value,
    toMs: toMs.value,
  });
}

function takeFrames(cursor: ByteCursor): Outcome<readonly Uint8Array[], DecodeCode> {
  const frames: Uint8Array[] = [];
  let bytesLeft = frameBytesPerBatchMax;
  while (isNext(cursor, 10)) {
    const bytes = takeBytes(cursor, 10);
    if (cursor.problem !== null) return malformed(cursor.problem);
    bytesLeft -= bytes.length;
    if (frames.length === framesPerBatchMax || bytesLeft < 0) {
      return refuse(
        'BATCH_TOO_LARGE',
        `A batch has at most ${framesPerBatchMax} frames of ${frameBytesPerBatchMax} bytes ` +
          'together: send it in parts, or without them.',
      );
    }
    frames.push(new Uint8Array(copyOf(bytes)));
  }
  return accept(frames);
}

function namesNoFrame(blocks: readonly RegisterBlock[], frames: number): boolean {
  return blocks.some(({ frame }) => frame?.some((each) => each > frames) ?? false);
}

type BatchHead = Omit<Batch, 'blocks' | 'events' | 'frames'>;

function takeBatchHead(cursor: ByteCursor): Outcome<BatchHead, DecodeCode> {
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
  if (epoch === 0 || epoch > int4Max) return malformed(`epoch ${epoch}`);
  if (sequence === 0 || sequence > batchSequenceMax) return malformed(`sequence ${sequence}`);
  if (hash.length !== batchHashBytes) return malformed(`a previous hash of ${hash.length} bytes`);
  if (createdAtMs < readAtMsMin || createdAtMs >= readAtMsMax) {
    return malformed('its own date is not from 2000 to 2099');
  }
  if (stream === null) return malformed('a stream that is neither 1 billing nor 2 telemetry');
  return accept({
    edgeId: edge.value,
    epoch,
    sequence: BigInt(sequence),
    previousHash: new Uint8Array(copyOf(hash)),
    createdAtMs,
    stream,
  });
}

/**
 * An inflated BatchPayload whose signature holds, as columns. Never throws; sizes are checked
 * before memory is taken, and the work is bounded by the length of the bytes. Whether the edge
 * exists, owns the meters and may use the channels and revisions is for the operation to judge.
 */
export function decodeBatch(payload: Uint8Array): Outcome<Batch, DecodeCode> {
  if (payload.length > batchBytesMax) {
    return refuse('BATCH_TOO_LARGE', `A batch has at most ${batchBytesMax} bytes: send less.`);
  }
  const cursor = cursorOver(payload);
  const head = takeBatchHead(cursor);
  if (!head.ok) return head;
  const blocks = takeBlocks(cursor);
  if (!blocks.ok) return blocks;
  const eventBytes = takeBytes(cursor, 9);
  const events = eventBytes.length === 0 ? null : decodeEvents(eventBytes);
  if (events !== null && !events.ok) return events;
  const frames = takeFrames(cursor);
  if (!frames.ok) return frames;
  takeEnd(cursor);
  if (cursor.problem !== null) return malformed(cursor.problem);
  if (namesNoFrame(blocks.value, frames.value.length)) {
    return malformed('a reading names a frame that the batch does not carry');
  }
  return accept({
    ...head.value,
    blocks: blocks.value,
    ...(events === null ? {} : { events: events.value }),
    ...(frames.value.length === 0 ? {} : { frames: frames.value }),
  });
}
