import { assert } from '../domain/assert.ts';
import {
  batchBytesMax,
  batchSequenceMax,
  blocksPerBatchMax,
  readAtMsMax,
  readAtMsMin,
  readingsPerBatchMax,
  scalerMax,
} from '../domain/limits.ts';
import { batchHashBytes } from './batch.ts';
import type { Batch, RegisterBlock } from './batch.ts';
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

function isAllActual(quality: Uint8Array): boolean {
  for (let row = 0; row < quality.length; row += 1) if (quality[row] !== 0) return false;
  return true;
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
      block.quality.length === count,
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

function blockSize(block: RegisterBlock): number {
  const count = block.meterId.length;
  return (
    numberSize(block.channel) +
    numberSize(block.unit) +
    numberSize(zigzag(block.scaler)) +
    bytesSize(count * 4) +
    bytesSize(count * 8) * 2 +
    (isAllActual(block.quality) ? 0 : bytesSize(count))
  );
}

function putBlock(writer: ByteWriter, block: RegisterBlock, size: number): void {
  putHead(writer, 8, size);
  putNumber(writer, 1, block.channel);
  putNumber(writer, 2, block.unit);
  putNumber(writer, 3, zigzag(block.scaler));
  putBytes(writer, 4, columnBytes(block.meterId));
  putBytes(writer, 5, instantBytes(block.readAtMs));
  putBytes(writer, 6, columnBytes(block.value));
  if (!isAllActual(block.quality)) putBytes(writer, 7, block.quality);
}

/**
 * The payload bytes of a batch. The caller is our own edge or poller, which keeps within the
 * limits: a batch beyond them is a bug here, and a refusal (`decodeBatch`) at the other end.
 */
export function encodeBatch(batch: Batch): Uint8Array<ArrayBuffer> {
  assert(batch.previousHash.length === batchHashBytes, 'a hash has 32 bytes');
  assert(
    batch.sequence > 0n && batch.sequence <= BigInt(batchSequenceMax),
    'sequences count from 1',
  );
  assert(batch.blocks.length <= blocksPerBatchMax, 'a batch has few blocks');
  let readings = 0;
  for (const block of batch.blocks) {
    assertBlock(block);
    readings += block.meterId.length;
  }
  assert(readings <= readingsPerBatchMax, 'the edge splits larger batches');
  const sequence = Number(batch.sequence);
  const createdAt = zigzag(batch.createdAtMs);
  const stream = batch.stream === 'billing' ? 1 : 2;
  const blockSizes = batch.blocks.map(blockSize);
  const writer = writerOf(
    numberSize(1) +
      numberSize(batch.edgeId) +
      numberSize(batch.epoch) +
      numberSize(sequence) +
      bytesSize(batchHashBytes) +
      numberSize(createdAt) +
      numberSize(stream) +
      blockSizes.reduce((sum, size) => sum + bytesSize(size), 0),
  );
  putNumber(writer, 1, 1);
  putNumber(writer, 2, batch.edgeId);
  putNumber(writer, 3, batch.epoch);
  putNumber(writer, 4, sequence);
  putBytes(writer, 5, batch.previousHash);
  putNumber(writer, 6, createdAt);
  putNumber(writer, 7, stream);
  batch.blocks.forEach((block, index) => putBlock(writer, block, blockSizes[index] ?? 0));
  const payload = written(writer);
  assert(payload.length < batchBytesMax, 'the readings limit keeps a batch below the bytes limit');
  return payload;
}
