import { assert } from '../domain/assert.ts';
import {
  batchBytesMax,
  batchSequenceMax,
  blocksPerBatchMax,
  eventsPerBatchMax,
  frameBytesPerBatchMax,
  framesPerBatchMax,
  readAtMsMax,
  readAtMsMin,
  readingsPerBatchMax,
  scalerMax,
} from '../domain/limits.ts';
import { batchHashBytes, isAllZero, streamNumberOf } from './batch.ts';
import type { Batch, EventBlock, RegisterBlock } from './batch.ts';
import {
  bytesSize,
  numberSize,
  putBytes,
  putHead,
  putNumber,
  writerOf,
  written,
  zigzag,
} from './protobuf.ts';
import type { ByteWriter } from './protobuf.ts';

/** Of a reading with all columns: 4 meter, 8 instant, 8 value, 1 quality, four rare ones of 4. */
const readingBytesMax = 37;
const eventBytes = 24;
/** Heads of blocks and frames, and the batch's own fields. */
const headBytesMax = 64;

assert(
  readingsPerBatchMax * readingBytesMax +
    eventsPerBatchMax * eventBytes +
    frameBytesPerBatchMax +
    framesPerBatchMax * 5 +
    (blocksPerBatchMax + 8) * headBytesMax <
    batchBytesMax,
  'a batch with as much of everything as is allowed stays below the bytes of a batch',
);

type BlockColumns = {
  readonly block: RegisterBlock;
  /** All zero is absent on the wire. */
  readonly quality: Uint8Array;
  readonly revision: Uint8Array;
  readonly clockOffsetMs: Uint8Array;
  readonly frame: Uint8Array;
  readonly multiplierThousandths: Uint8Array;
};

const noBytes = new Uint8Array(0);

function rareBytes(column: Int32Array | undefined): Uint8Array {
  return column === undefined || isAllZero(column) ? noBytes : columnBytes(column);
}

function columnsOf(block: RegisterBlock): BlockColumns {
  return {
    block,
    quality: isAllZero(block.quality) ? noBytes : block.quality,
    revision: rareBytes(block.revision),
    clockOffsetMs: rareBytes(block.clockOffsetMs),
    frame: rareBytes(block.frame),
    multiplierThousandths: rareBytes(block.multiplierThousandths),
  };
}

function columnBytes(column: Int32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

function assertBlock(block: RegisterBlock): void {
  const count = block.meterId.length;
  assert(count > 0, 'a block carries at least one reading');
  assert(
    block.readAtMs.length === count &&
      block.value.length === count &&
      block.quality.length === count &&
      (block.revision?.length ?? count) === count &&
      (block.clockOffsetMs?.length ?? count) === count &&
      (block.frame?.length ?? count) === count &&
      (block.multiplierThousandths?.length ?? count) === count,
    'the columns of a block have one length',
  );
  assert(Number.isInteger(block.channel) && block.channel > 0, 'a channel code is positive');
  assert(Number.isInteger(block.unit) && block.unit > 0 && block.unit < 256, 'a DLMS unit code');
  assert(
    Number.isInteger(block.scaler) && Math.abs(block.scaler) <= scalerMax,
    'a scaler is a small power of ten',
  );
}

/** sfixed64 column of instants: low and high words, since a BigInt a reading would be slow. */
function instantBytes(readAtMs: Float64Array): Uint8Array {
  const words = new Int32Array(readAtMs.length * 2);
  for (let row = 0; row < readAtMs.length; row += 1) {
    const instantMs = readAtMs[row] ?? Number.NaN;
    assert(
      Number.isInteger(instantMs) && instantMs >= readAtMsMin && instantMs < readAtMsMax,
      'a reading is of this century',
    );
    words[2 * row] = instantMs % 4_294_967_296;
    words[2 * row + 1] = Math.floor(instantMs / 4_294_967_296);
  }
  return columnBytes(words);
}

function blockSize({ block, ...rare }: BlockColumns): number {
  const count = block.meterId.length;
  return (
    numberSize(block.channel) +
    numberSize(block.unit) +
    numberSize(zigzag(block.scaler)) +
    bytesSize(count * 4) +
    bytesSize(count * 8) * 2 +
    bytesSize(rare.quality.length) +
    bytesSize(rare.revision.length) +
    bytesSize(rare.clockOffsetMs.length) +
    bytesSize(rare.frame.length) +
    bytesSize(rare.multiplierThousandths.length)
  );
}

function putBlock(writer: ByteWriter, { block, ...rare }: BlockColumns, size: number): void {
  putHead(writer, 8, size);
  putNumber(writer, 1, block.channel);
  putNumber(writer, 2, block.unit);
  putNumber(writer, 3, zigzag(block.scaler));
  putBytes(writer, 4, columnBytes(block.meterId));
  putBytes(writer, 5, instantBytes(block.readAtMs));
  putBytes(writer, 6, columnBytes(block.value));
  putBytes(writer, 7, rare.quality);
  putBytes(writer, 8, rare.revision);
  putBytes(writer, 9, rare.clockOffsetMs);
  putBytes(writer, 10, rare.frame);
  putBytes(writer, 11, rare.multiplierThousandths);
}

function eventsSize(count: number): number {
  return bytesSize(count * 4) * 2 + bytesSize(count * 8) * 2;
}

function putEvents(writer: ByteWriter, events: EventBlock): void {
  putHead(writer, 9, eventsSize(events.code.length));
  putBytes(writer, 1, columnBytes(events.code));
  putBytes(writer, 2, columnBytes(events.meterId));
  putBytes(writer, 3, instantBytes(events.fromMs));
  putBytes(writer, 4, instantBytes(events.toMs));
}

function assertBatch({ previousHash, sequence, blocks, events, frames = [] }: Batch): void {
  assert(previousHash.length === batchHashBytes, 'a hash has 32 bytes');
  assert(sequence > 0n && sequence <= BigInt(batchSequenceMax), 'sequences count from 1');
  assert(blocks.length <= blocksPerBatchMax, 'a batch has few blocks');
  blocks.forEach(assertBlock);
  const readings = blocks.reduce((sum, { meterId }) => sum + meterId.length, 0);
  assert(readings <= readingsPerBatchMax, 'the edge splits larger batches');
  assert(frames.length <= framesPerBatchMax, 'a batch carries few frames');
  const frameBytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  assert(frameBytes <= frameBytesPerBatchMax, 'the frames of a batch are short');
  assert(
    frames.every((frame) => frame.length > 0),
    'a frame is not empty',
  );
  if (events === undefined) return;
  const count = events.code.length;
  assert(count <= eventsPerBatchMax, 'the edge splits long event logs');
  assert(
    events.meterId.length === count &&
      events.fromMs.length === count &&
      events.toMs.length === count,
    'the columns of events have one length',
  );
}

/**
 * The BatchPayload of a batch, in its one spelling. The caller is our own edge or poller, which
 * keeps within the limits: a batch beyond them is a bug here, and a refusal (`decodeBatch`) at the
 * other end.
 */
export function encodeBatch(batch: Batch): Uint8Array<ArrayBuffer> {
  assertBatch(batch);
  const sequence = Number(batch.sequence);
  const createdAt = zigzag(batch.createdAtMs);
  const stream = streamNumberOf(batch.stream);
  const blocks = batch.blocks.map(columnsOf);
  const blockSizes = blocks.map(blockSize);
  const events = batch.events?.code.length === 0 ? undefined : batch.events;
  const frames = batch.frames ?? [];
  const writer = writerOf(
    numberSize(1) +
      numberSize(batch.edgeId) +
      numberSize(batch.epoch) +
      numberSize(sequence) +
      bytesSize(batchHashBytes) +
      numberSize(createdAt) +
      numberSize(stream) +
      blockSizes.reduce((sum, size) => sum + bytesSize(size), 0) +
      (events === undefined ? 0 : bytesSize(eventsSize(events.code.length))) +
      frames.reduce((sum, frame) => sum + bytesSize(frame.length), 0),
  );
  putNumber(writer, 1, 1);
  putNumber(writer, 2, batch.edgeId);
  putNumber(writer, 3, batch.epoch);
  putNumber(writer, 4, sequence);
  putBytes(writer, 5, batch.previousHash);
  putNumber(writer, 6, createdAt);
  putNumber(writer, 7, stream);
  blocks.forEach((block, index) => putBlock(writer, block, blockSizes[index] ?? 0));
  if (events !== undefined) putEvents(writer, events);
  for (const frame of frames) putBytes(writer, 10, frame);
  const payload = written(writer);
  assert(payload.length < batchBytesMax, 'the other limits keep a batch below the bytes limit');
  return payload;
}
