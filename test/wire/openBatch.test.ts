import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { batchBytesMax } from '../../src/domain/limits.ts';
import { batchHash, openEnvelope, signBatch, verifyEnvelope } from '../../src/wire/batch.ts';
import { deflate } from '../../src/wire/compression.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { Envelope, PayloadForm } from '../../src/wire/envelope.ts';
import { jsonOfBatch } from '../../src/wire/jsonBatch.ts';
import { carriedOfJson, carriedOfParts } from '../../src/wire/jsonEnvelope.ts';
import { decodeEnvelope } from '../../src/wire/openBatch.ts';
import { arbitraryBatch } from './arbitraryBatch.ts';
import { sampleBatch, sampleBlock } from './sampleBatch.ts';
import tiny from './vectors/tinyBatch.json' with { type: 'json' };

const keys = generateKeyPairSync('ed25519');
const signer = { privateKey: keys.privateKey, keyId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };

const forms: readonly PayloadForm[] = [
  { encoding: 'protobuf', compression: 'none' },
  { encoding: 'protobuf', compression: 'gzip' },
  { encoding: 'protobuf', compression: 'zstd' },
  { encoding: 'json', compression: 'none' },
  { encoding: 'json', compression: 'gzip' },
  { encoding: 'json', compression: 'zstd' },
];

function open(carried: Uint8Array): Envelope {
  const envelope = openEnvelope(carried);
  assert(envelope.ok, 'an own envelope opens');
  return envelope.value;
}

function carriedAs(payload: Uint8Array, form: Partial<PayloadForm>): Envelope {
  const whole: PayloadForm = { encoding: 'protobuf', compression: 'none', ...form };
  return open(signBatch(payload, signer, whole));
}

function refusalOf(envelope: Envelope): string {
  const decoded = decodeEnvelope(envelope);
  return decoded.ok ? 'accepted' : decoded.code;
}

describe('what an envelope carries', () => {
  it('is the same batch with the same hash in every encoding and compression', () => {
    fc.assert(
      fc.property(arbitraryBatch, (batch) => {
        const payload = encodeBatch(batch);
        const text = Buffer.from(jsonOfBatch(batch), 'utf8');
        for (const form of forms) {
          const plain = form.encoding === 'json' ? text : payload;
          const envelope = open(signBatch(deflate(plain, form.compression), signer, form));
          expect(verifyEnvelope(envelope, keys.publicKey)).toBe(true);
          const decoded = decodeEnvelope(envelope);
          assert(decoded.ok, 'what we seal we open');
          expect(decoded.value.batch).toEqual(batch);
          expect(Buffer.compare(decoded.value.hash, batchHash(payload))).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is signed with its form: no signature counts for another encoding or compression', () => {
    for (const form of forms) {
      const envelope = open(signBatch(Buffer.from('any bytes'), signer, form));
      const accepted = forms.filter((other) =>
        verifyEnvelope({ ...envelope, ...other }, keys.publicKey),
      );
      expect(accepted).toEqual([form]);
    }
  });

  it('is refused when its form is not known, or is spelt out as zero', () => {
    const plain = signBatch(encodeBatch(sampleBatch([])), signer);
    const tails = [
      [0x28, 2],
      [0x28, 0],
      [0x30, 3],
      [0x30, 0],
      [0x30, 1, 0x28, 1],
      [0x38, 1],
    ];
    for (const tail of tails) {
      const opened = openEnvelope(Buffer.concat([plain, Buffer.from(tail)]));
      expect(opened).toMatchObject({ ok: false, code: 'BATCH_MALFORMED' });
    }
  });
});

describe('a compressed payload', () => {
  const payload = encodeBatch(sampleBatch([sampleBlock(40)]));
  const packers = { gzip: gzipSync, zstd: zstdCompressSync } as const;

  it.each(['gzip', 'zstd'] as const)('that is a bomb of %s costs no more than a batch', (name) => {
    const bomb = packers[name](Buffer.alloc(200_000_000));
    expect(bomb.length).toBeLessThan(batchBytesMax);
    const envelope = carriedAs(bomb, { compression: name });
    const beforeBytes = process.memoryUsage().rss;
    expect(refusalOf(envelope)).toBe('BATCH_INFLATES_TOO_FAR');
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(64_000_000);
  });

  it.each(['gzip', 'zstd'] as const)(
    'of %s is taken up to the limit and no byte beyond',
    (name) => {
      // Neither is a batch: what tells them apart is how far they got.
      const full = carriedAs(packers[name](Buffer.alloc(batchBytesMax)), { compression: name });
      expect(refusalOf(full)).toBe('BATCH_VERSION_UNKNOWN');
      const over = carriedAs(packers[name](Buffer.alloc(batchBytesMax + 1)), { compression: name });
      expect(refusalOf(over)).toBe('BATCH_INFLATES_TOO_FAR');
    },
  );

  it.each(['gzip', 'zstd'] as const)('of %s is refused when cut, extended or damaged', (name) => {
    const packed = packers[name](payload);
    const broken = [
      ...Array.from(packed, (_, length) => packed.subarray(0, length)).slice(1),
      Buffer.concat([packed, Buffer.of(0)]),
      Buffer.concat([packed, Buffer.from('garbage')]),
      Buffer.from(payload),
    ];
    for (const bytes of broken) {
      expect(refusalOf(carriedAs(bytes, { compression: name }))).toBe('BATCH_COMPRESSION_BROKEN');
    }
    expect(refusalOf(carriedAs(packed, { compression: name }))).toBe('accepted');
  });

  it('is one frame of zstd: further and skippable frames are refused', () => {
    const frame = zstdCompressSync(payload);
    // RFC 8878, 3.1.2: magic 0x184D2A50, 3 bytes to skip.
    const skippable = Buffer.from('502a4d1803000000010203', 'hex');
    for (const parts of [[frame, frame], [skippable, frame], [frame, skippable], [skippable]]) {
      const code = refusalOf(carriedAs(Buffer.concat(parts), { compression: 'zstd' }));
      expect(['BATCH_COMPRESSION_BROKEN', 'BATCH_VERSION_UNKNOWN']).toContain(code);
    }
  });

  it('cannot make us take more than 8 MiB of window by its head', () => {
    // RFC 8878, 3.1.1.1: no single segment, no content size; window 2^(10 + 17) = 128 MiB.
    const head = Buffer.from('28b52ffd0088', 'hex');
    const lastRawBlockOfThree = Buffer.from('190000010203', 'hex');
    const frame = Buffer.concat([head, lastRawBlockOfThree]);
    expect(refusalOf(carriedAs(frame, { compression: 'zstd' }))).toBe('BATCH_COMPRESSION_BROKEN');
    const small = Buffer.from(frame);
    small[5] = 0x00;
    expect(refusalOf(carriedAs(small, { compression: 'zstd' }))).toBe('BATCH_VERSION_UNKNOWN');
  });
});

describe('the published example', () => {
  // vectors/tinyBatch.json was made with protoc 3.21, sha256sum and OpenSSL 3 (see its source).
  const publicKey = createPublicKey(
    createPrivateKey({
      key: Buffer.concat([
        Buffer.from('302e020100300506032b657004220420', 'hex'),
        Buffer.from(tiny.privateKeyHex, 'hex'),
      ]),
      format: 'der',
      type: 'pkcs8',
    }),
  );

  it('opens from protobuf and from JSON to one batch with the published hash', () => {
    const protobuf = Buffer.from(tiny.protobuf.carriedHex, 'hex');
    const json = carriedOfParts(Buffer.from(tiny.json.text, 'utf8'), tiny.json, {
      encoding: 'json',
      compression: 'none',
    });
    const envelope = carriedOfJson(Buffer.from(tiny.json.envelope, 'utf8'));
    assert(json.ok && envelope.ok, 'the example is well formed');
    expect(Buffer.compare(json.value, envelope.value)).toBe(0);
    const hashes = [protobuf, json.value].map((carried) => {
      const opened = open(carried);
      expect(verifyEnvelope(opened, publicKey)).toBe(true);
      const decoded = decodeEnvelope(opened);
      assert(decoded.ok, 'the example is a batch');
      return Buffer.from(decoded.value.hash).toString('hex');
    });
    expect(hashes).toEqual([tiny.hashHex, tiny.hashHex]);
    const payload = Buffer.from(tiny.protobuf.payloadHex, 'hex');
    const named = Buffer.concat([Buffer.from('joulebook/batch/1\0', 'latin1'), payload]);
    expect(createHash('sha256').update(named).digest('hex')).toBe(tiny.hashHex);
  });

  it('is the JSON example of the handbook, which may be laid out as one likes', () => {
    const handbook = readFileSync(new URL('../../docs/ingest.md', import.meta.url), 'utf8');
    const [, example = ''] = /<<JSON\n([^]*?)\nJSON\n/.exec(handbook) ?? [];
    const text = example.replace('$edge', '7').replace('$meters', '1, 2');
    const decoded = decodeEnvelope(carriedAs(Buffer.from(text, 'utf8'), { encoding: 'json' }));
    assert(decoded.ok, 'the example of the handbook is a batch');
    expect(Buffer.from(decoded.value.hash).toString('hex')).toBe(tiny.hashHex);
    expect(handbook).toContain(tiny.hashHex);
  });
});
