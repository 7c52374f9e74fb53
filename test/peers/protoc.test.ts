import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { openEnvelope, signBatch } from '../../src/wire/batch.ts';
import { decodeBatch } from '../../src/wire/decodeBatch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { sampleAtMs, sampleBatch, sampleBlock } from '../wire/sampleBatch.ts';

const wireDirectory = new URL('../../src/wire/', import.meta.url).pathname;

function protoc(argument: string, input: Uint8Array | string): Buffer {
  try {
    const command = [argument, `--proto_path=${wireDirectory}`, 'joulebook.proto'];
    return execFileSync('protoc', command, { input });
  } catch (cause) {
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (!isAbsent) throw cause;
    throw new Error('protoc is missing: sudo apt-get install -y protobuf-compiler', { cause });
  }
}

const atMs = BigInt(sampleAtMs);
const previousHash =
  '\\000\\007\\016\\025\\034#*18?FMT[bipw~\\205\\214\\223\\232' +
  '\\241\\250\\257\\266\\275\\304\\313\\322\\331';
/** The text format of the message that `sampleBatch` describes, written by hand. */
const payloadText = `version: 1
edge_id: 70001
epoch: 3
sequence: 90210
previous_hash: "${previousHash}"
created_at_ms: ${atMs + 5_000n}
stream: 1
blocks {
  channel: 1
  unit: 30
  meter_id: 1
  meter_id: 2
  read_at_ms: ${atMs}
  read_at_ms: ${atMs + 37n}
  value: 12345678
  value: 12346669
  quality: "\\001\\001"
}
`;

describe('protoc, with the published joulebook.proto', () => {
  it('decodes a signed batch and its payload to the same values', () => {
    const payload = encodeBatch(sampleBatch([sampleBlock(2, 1)]));
    const text = protoc('--decode=joulebook.v1.BatchPayload', payload).toString();
    expect(text).toBe(payloadText);
    const { privateKey } = generateKeyPairSync('ed25519');
    const signed = signBatch(payload, { privateKey, keyId: Buffer.from('key-0001') });
    const envelope = protoc('--decode=joulebook.v1.SignedBatch', signed).toString();
    expect(envelope).toContain('key_id: "key-0001"\nalgorithm: 1\n');
  });

  it('encodes a batch to the very bytes that we encode, and they are accepted', () => {
    const encoded = protoc('--encode=joulebook.v1.BatchPayload', payloadText);
    expect(encoded.equals(encodeBatch(sampleBatch([sampleBlock(2, 1)])))).toBe(true);
    const decoded = decodeBatch(encoded);
    assert(decoded.ok, 'a batch of another encoder is accepted');
    expect(decoded.value).toEqual(sampleBatch([sampleBlock(2, 1)]));
  });

  it('encodes an envelope that we open', () => {
    const text = `payload: "x"\nkey_id: "k"\nalgorithm: 1\nsignature: "${'s'.repeat(64)}"\n`;
    expect(openEnvelope(protoc('--encode=joulebook.v1.SignedBatch', text)).ok).toBe(true);
  });
});
