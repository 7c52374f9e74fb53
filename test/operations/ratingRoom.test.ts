import { expect, test } from 'vitest';
import { openWithin } from '../../src/operations/rating/ratingRoom.ts';
import { BatchMaker, importBlock, testEdge } from '../support/build/edge.ts';

const startMs = Date.UTC(2026, 2, 1);
const maker = new BatchMaker(testEdge(), { edgeId: 1, compression: 'gzip' });

function taken(carried: Uint8Array, count: number): number {
  const of = { shard: 0, companyId: 1, edgeId: 1, receivedAtMs: startMs, carried };
  const entries = Array.from({ length: count }, (_, index) => ({
    ...of,
    position: BigInt(index + 1),
  }));
  return openWithin(entries).length;
}

function lines(count: number): Uint8Array {
  return maker.sign([], startMs, [], {
    code: new Int32Array(count).fill(1),
    meterId: new Int32Array(count).fill(1),
    fromMs: new Float64Array(count).fill(startMs),
    toMs: new Float64Array(count).fill(startMs),
  });
}

test('one commit takes what 32 batches of the largest kind have, however small they came', () => {
  const reading = { meterId: 1, atMs: startMs, wh: 1 };
  const readings = importBlock(Array.from({ length: 16_384 }, () => reading));
  const frame = new Uint8Array(262_144);
  expect(taken(maker.sign([readings]), 40)).toBe(32);
  expect(taken(lines(4_096), 40)).toBe(32);
  // Of a MiB there are four times as many frames.
  const packed = maker.sign([importBlock([reading])], startMs, [frame]);
  expect(packed.length).toBeLessThan(2_048);
  expect(taken(packed, 150)).toBeLessThanOrEqual(128);
  // Of usual ones all that were read.
  expect(taken(lines(1), 1_024)).toBe(1_024);
});
