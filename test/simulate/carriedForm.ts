import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Batch } from '../../src/wire/batch.ts';
import { signBatch } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { Compression, SigningKey } from '../../src/wire/envelope.ts';
import type { SeededRandom } from './seededRandom.ts';

/** The JSON twin as a simple sender writes it by hand, from docs/ingest.md alone. */
export function jsonText(batch: Batch): string {
  return JSON.stringify({
    version: 1,
    edge: batch.edgeId,
    epoch: batch.epoch,
    sequence: Number(batch.sequence),
    previousHash: Buffer.from(batch.previousHash).toString('hex'),
    createdAt: new Date(batch.createdAtMs).toISOString(),
    stream: batch.stream,
    blocks: batch.blocks.map((block) => ({
      channel: block.channel,
      unit: block.unit,
      scaler: block.scaler,
      meters: [...block.meterId],
      readAt: [...block.readAtMs].map((atMs) => new Date(atMs).toISOString()),
      values: [...block.value].map(String),
      quality: [...block.quality],
      ...(block.clockOffsetMs !== undefined && { clockOffsetMs: [...block.clockOffsetMs] }),
    })),
    ...(batch.events !== undefined && { events: eventLines(batch.events) }),
  });
}

function eventLines({ code, meterId, fromMs, toMs }: NonNullable<Batch['events']>) {
  return [...code].map((each, index) => ({
    code: each,
    meter: meterId[index],
    from: new Date(fromMs[index]).toISOString(),
    to: new Date(toMs[index]).toISOString(),
  }));
}

/** One batch in any of the six forms in which it may travel. */
export function carriedForm(batch: Batch, key: SigningKey, random: SeededRandom): Uint8Array {
  const encoding = random.chance(0.3) ? 'json' : 'protobuf';
  const compression: Compression = random.pick(['none', 'none', 'gzip', 'zstd']);
  const plain = encoding === 'json' ? Buffer.from(jsonText(batch)) : encodeBatch(batch);
  const packed = {
    none: () => plain,
    gzip: () => gzipSync(plain),
    zstd: () => zstdCompressSync(plain),
  };
  return signBatch(packed[compression](), key, { encoding, compression });
}
