import { createHash, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { importChannel } from '../../../src/domain/channel.ts';
import { parseEdgeId } from '../../../src/domain/ids.ts';
import { batchHash, signBatch } from '../../../src/wire/batch.ts';
import type { EventBlock, RegisterBlock, Stream } from '../../../src/wire/batch.ts';
import { deflate } from '../../../src/wire/compression.ts';
import { encodeBatch } from '../../../src/wire/encodeBatch.ts';
import type { Compression } from '../../../src/wire/envelope.ts';

export type TestReading = {
  readonly meterId: number;
  readonly atMs: number;
  readonly wh: number | bigint;
  readonly quality?: number;
};

/** An edge's signing side, as a gateway would do it. */
export type TestEdge = {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
  readonly keyId: Uint8Array;
};

export function testEdge(): TestEdge {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const keyId = createHash('sha256').update(raw).digest().subarray(0, 16);
  return { publicKey: Uint8Array.from(raw), privateKey, keyId: Uint8Array.from(keyId) };
}

export function importBlock(readings: readonly TestReading[]): RegisterBlock {
  return {
    channel: importChannel,
    unit: 30,
    scaler: 0,
    meterId: Int32Array.from(readings, (reading) => reading.meterId),
    readAtMs: Float64Array.from(readings, (reading) => reading.atMs),
    value: BigInt64Array.from(readings, (reading) => BigInt(reading.wh)),
    quality: Uint8Array.from(readings, (reading) => reading.quality ?? 0),
  };
}

export class BatchMaker {
  readonly edge: TestEdge;
  readonly #edgeId: number;
  readonly #epoch: number;
  readonly #compression: Compression;
  readonly #stream: Stream;
  #sequence = 0n;
  #previousHash: Uint8Array = new Uint8Array(32);

  constructor(
    edge: TestEdge,
    given: {
      readonly edgeId: number;
      readonly epoch?: number;
      readonly compression?: Compression;
      readonly stream?: Stream;
    },
  ) {
    this.edge = edge;
    this.#edgeId = given.edgeId;
    this.#epoch = given.epoch ?? 1;
    this.#compression = given.compression ?? 'none';
    this.#stream = given.stream ?? 'billing';
  }

  /** The next signed batch of the chain. */
  sign(
    blocks: readonly RegisterBlock[],
    createdAtMs = Date.UTC(2026, 0, 1),
    frames: readonly Uint8Array[] = [],
    events: EventBlock | null = null,
  ): Uint8Array {
    const edgeId = parseEdgeId(this.#edgeId);
    if (!edgeId.ok) throw new Error(edgeId.message);
    this.#sequence += 1n;
    const payload = encodeBatch({
      edgeId: edgeId.value,
      epoch: this.#epoch,
      sequence: this.#sequence,
      previousHash: this.#previousHash,
      createdAtMs,
      stream: this.#stream,
      blocks,
      ...(frames.length > 0 && { frames }),
      ...(events !== null && { events }),
    });
    this.#previousHash = batchHash(payload);
    const compression = this.#compression;
    const form = { encoding: 'protobuf', compression } as const;
    return signBatch(deflate(payload, compression), this.edge, form);
  }

  readings(readings: readonly TestReading[]): Uint8Array {
    return this.sign([importBlock(readings)]);
  }
}
