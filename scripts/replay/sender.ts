import { createHash, generateKeyPairSync } from 'node:crypto';
import { importChannel } from '../../src/domain/channel.ts';
import type { EdgeId } from '../../src/domain/ids.ts';
import { batchHash, batchHashBytes, signBatch } from '../../src/wire/batch.ts';
import type { RegisterBlock } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { SigningKey } from '../../src/wire/envelope.ts';

const dlmsUnitWh = 30;
const keyIdBytes = 16;

export type EdgeKey = SigningKey & { readonly publicKey: Uint8Array };

export function makeEdgeKey(): EdgeKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  // The raw key is the end of its SubjectPublicKeyInfo (RFC 8410, 4).
  const raw = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const digest = createHash('sha256').update(raw).digest();
  return { publicKey: raw, privateKey, keyId: Uint8Array.from(digest.subarray(0, keyIdBytes)) };
}

export type SentReading = {
  readonly meterId: number;
  readonly readAtMs: number;
  readonly registerWh: bigint;
};

function blockOf(readings: readonly SentReading[]): RegisterBlock {
  return {
    channel: importChannel,
    unit: dlmsUnitWh,
    scaler: 0,
    meterId: Int32Array.from(readings, ({ meterId }) => meterId),
    readAtMs: Float64Array.from(readings, ({ readAtMs }) => readAtMs),
    value: BigInt64Array.from(readings, ({ registerWh }) => registerWh),
    quality: new Uint8Array(readings.length),
  };
}

/** Makes the next signed batch of the edge's chain. */
export function openSender(
  key: EdgeKey,
  edgeId: EdgeId,
): (readings: readonly SentReading[], createdAtMs: number) => Uint8Array {
  let sequence = 0n;
  let previousHash: Uint8Array = new Uint8Array(batchHashBytes);
  return (readings, createdAtMs) => {
    sequence += 1n;
    const payload = encodeBatch({
      edgeId,
      epoch: 1,
      sequence,
      previousHash,
      createdAtMs,
      stream: 'billing',
      blocks: [blockOf(readings)],
    });
    previousHash = batchHash(payload);
    return signBatch(payload, key);
  };
}
