import { assert } from '../../src/domain/assert.ts';
import { parseEdgeId } from '../../src/domain/ids.ts';
import type { EdgeId } from '../../src/domain/ids.ts';
import type { Batch, RegisterBlock } from '../../src/wire/batch.ts';

export function edgeId(raw: number): EdgeId {
  const parsed = parseEdgeId(raw);
  assert(parsed.ok, 'the edge id of a test is well formed');
  return parsed.value;
}

/** 2026-03-29T00:15Z, an arbitrary instant of the series. */
export const sampleAtMs = 1_774_743_300_000;

/** Made-up household registers: 30 Wh, import, one reading of each meter. */
export function sampleBlock(count: number, quality = 0): RegisterBlock {
  return {
    channel: 1,
    unit: 30,
    scaler: 0,
    meterId: Int32Array.from({ length: count }, (_, row) => row + 1),
    readAtMs: Float64Array.from({ length: count }, (_, row) => sampleAtMs + row * 37),
    value: BigInt64Array.from({ length: count }, (_, row) => 12_345_678n + BigInt(row) * 991n),
    quality: new Uint8Array(count).fill(quality),
  };
}

export function sampleBatch(blocks: readonly RegisterBlock[]): Batch {
  return {
    edgeId: edgeId(70_001),
    epoch: 3,
    sequence: 90_210n,
    previousHash: Uint8Array.from({ length: 32 }, (_, at) => at * 7),
    createdAtMs: sampleAtMs + 5_000,
    stream: 'billing',
    blocks,
  };
}

/** A batch with every field that the wire has, in small: an edit, offsets, frames and an event. */
export function fullBatch(): Batch {
  const block = {
    ...sampleBlock(3, 1),
    revision: Int32Array.of(0, 1, 2),
    clockOffsetMs: Int32Array.of(0, -250, 61_000),
    frame: Int32Array.of(2, 0, 1),
    multiplierThousandths: Int32Array.of(0, 40_000, 1_500),
  };
  block.quality.set([0, 1, 4]);
  return {
    ...sampleBatch([block]),
    events: {
      code: Int32Array.of(1, 3),
      meterId: Int32Array.of(2, 3),
      fromMs: Float64Array.of(sampleAtMs - 60_000, sampleAtMs),
      toMs: Float64Array.of(sampleAtMs, sampleAtMs),
    },
    frames: [Uint8Array.of(0x68, 0x03, 0x16), Uint8Array.of(0x01)],
  };
}
