import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { openEnvelope, signBatch, verifyEnvelope } from '../../src/wire/batch.ts';
import { deflate } from '../../src/wire/compression.ts';
import { decodeBatch } from '../../src/wire/decodeBatch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { jsonOfBatch } from '../../src/wire/jsonBatch.ts';
import { decodeEnvelope } from '../../src/wire/openBatch.ts';
import { decodeReceipt, encodeReceipt } from '../../src/wire/receipt.ts';
import type { Receipt } from '../../src/wire/receipt.ts';
import { fullBatch, sampleAtMs, sampleBatch, sampleBlock } from '../wire/sampleBatch.ts';

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

/** The same of `fullBatch`. */
const fullText = `version: 1
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
  meter_id: 3
  read_at_ms: ${atMs}
  read_at_ms: ${atMs + 37n}
  read_at_ms: ${atMs + 74n}
  value: 12345678
  value: 12346669
  value: 12347660
  quality: "\\000\\001\\004"
  revision: 0
  revision: 1
  revision: 2
  clock_offset_ms: 0
  clock_offset_ms: -250
  clock_offset_ms: 61000
  frame: 2
  frame: 0
  frame: 1
  multiplier_thousandths: 0
  multiplier_thousandths: 40000
  multiplier_thousandths: 1500
}
events {
  code: 1
  code: 3
  meter_id: 2
  meter_id: 3
  from_ms: ${atMs - 60_000n}
  from_ms: ${atMs}
  to_ms: ${atMs}
  to_ms: ${atMs}
}
frames: "h\\003\\026"
frames: "\\001"
`;
const receiptText = `version: 1
edge_id: 70001
epoch: 3
sequence: 90210
hash: "${previousHash}"
state: 3
stream: 2
code: "BATCH_CHAIN_BROKEN"
contiguous: 90000
missing: 90001
missing: 90209
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

  it('decodes and encodes edits, clock offsets, frames and events as we do', () => {
    const payload = encodeBatch(fullBatch());
    expect(protoc('--decode=joulebook.v1.BatchPayload', payload).toString()).toBe(fullText);
    const encoded = protoc('--encode=joulebook.v1.BatchPayload', fullText);
    expect(encoded.equals(payload)).toBe(true);
    expect(decodeBatch(encoded)).toEqual({ ok: true, value: fullBatch() });
  });

  it('decodes what an envelope says of its form, and we verify and open what it encodes', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const form = { encoding: 'json', compression: 'zstd' } as const;
    const packed = deflate(Buffer.from(jsonOfBatch(fullBatch()), 'utf8'), form.compression);
    const signed = signBatch(packed, { privateKey, keyId: Buffer.from('key-0001') }, form);
    const text = protoc('--decode=joulebook.v1.SignedBatch', signed);
    expect(text.toString()).toContain('encoding: 1\ncompression: 2\n');
    const opened = openEnvelope(protoc('--encode=joulebook.v1.SignedBatch', text));
    assert(opened.ok && verifyEnvelope(opened.value, publicKey), 'the same bytes');
    expect(decodeEnvelope(opened.value)).toMatchObject({ value: { batch: fullBatch() } });
  });

  it('encodes a receipt that we decode', () => {
    const { edgeId, epoch, sequence, previousHash: hash } = sampleBatch([]);
    const encoded = protoc('--encode=joulebook.v1.ReceiptPayload', receiptText);
    const value: Receipt = {
      edgeId,
      epoch,
      sequence,
      hash,
      stream: 'telemetry',
      state: 'refused',
      code: 'BATCH_CHAIN_BROKEN',
      position: 0n,
      contiguous: 90_000n,
      missing: [{ from: 90_001n, to: 90_209n }],
    };
    expect(decodeReceipt(encoded)).toEqual({ ok: true, value });
    expect(encoded.equals(encodeReceipt(value))).toBe(true);
  });
});
