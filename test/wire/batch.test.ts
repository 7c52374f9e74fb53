import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { batchBytesMax, readingsPerBatchMax } from '../../src/domain/limits.ts';
import { batchHash, openEnvelope, signBatch, verifyEnvelope } from '../../src/wire/batch.ts';
import type { Batch } from '../../src/wire/batch.ts';
import { decodeBatch } from '../../src/wire/decodeBatch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { arbitraryBatch } from './arbitraryBatch.ts';
import { sampleBatch, sampleBlock } from './sampleBatch.ts';
import endless from './vectors/endlessNumbers.json' with { type: 'json' };

const keys = generateKeyPairSync('ed25519');
const keyId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const signer = { privateKey: keys.privateKey, keyId };

/** What the head-end does with bytes from outside, up to the columns. */
function receive(bytes: Uint8Array): Batch | string {
  const opened = openEnvelope(bytes);
  if (!opened.ok) return opened.code;
  if (Buffer.compare(opened.value.keyId, keyId) !== 0) return 'KEY_UNKNOWN';
  if (!verifyEnvelope(opened.value, keys.publicKey)) return 'SIGNATURE_WRONG';
  const decoded = decodeBatch(opened.value.payload);
  return decoded.ok ? decoded.value : decoded.code;
}

describe('the signed batch', () => {
  it('gives back what was encoded, whatever the alignment of the carried bytes', () => {
    fc.assert(
      fc.property(arbitraryBatch, fc.integer({ min: 0, max: 7 }), (sent, shift) => {
        const payload = encodeBatch(sent);
        const carried = new Uint8Array(payload.length + shift).subarray(shift);
        carried.set(payload);
        const decoded = decodeBatch(carried);
        assert(decoded.ok, 'what we encode we decode');
        expect(decoded.value).toEqual(sent);
      }),
    );
  });

  it('has one spelling: whatever is accepted is what we would have encoded', () => {
    const anyByte = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(arbitraryBatch, fc.array(anyByte, { maxLength: 2 }), (sent, hits) => {
        const payload = encodeBatch(sent);
        for (const [at, byte] of hits) payload[at % payload.length] = byte;
        const decoded = decodeBatch(payload);
        return !decoded.ok || Buffer.compare(encodeBatch(decoded.value), payload) === 0;
      }),
      { numRuns: 1_000 },
    );
  });

  it('carries the readings limit within the bytes limit, and one reading more is refused', () => {
    const full = encodeBatch(sampleBatch([sampleBlock(readingsPerBatchMax, 1)]));
    expect(signBatch(full, signer).length).toBeLessThan(batchBytesMax);
    const received = receive(signBatch(full, signer));
    assert(typeof received !== 'string', 'a full batch is received');
    expect(received.blocks[0]?.meterId.length).toBe(readingsPerBatchMax);
    expect(() => encodeBatch(sampleBatch([sampleBlock(readingsPerBatchMax + 1)]))).toThrow(
      'splits larger',
    );
    // Two blocks of a bit more than half, joined by hand: blocks are the last field of a payload.
    const half = encodeBatch(sampleBatch([sampleBlock(readingsPerBatchMax / 2 + 1)]));
    const head = encodeBatch(sampleBatch([]));
    const joined = Buffer.concat([half, half.subarray(head.length)]);
    expect(decodeBatch(joined)).toMatchObject({ ok: false, code: 'BATCH_TOO_LARGE' });
  });

  it('is refused with any one bit flipped', () => {
    const bytes = signBatch(encodeBatch(sampleBatch([sampleBlock(3, 1), sampleBlock(1)])), signer);
    expect(typeof receive(bytes)).toBe('object');
    const survivors: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (typeof receive(flipped) !== 'string') survivors.push(bit);
    }
    expect(survivors).toEqual([]);
  });

  it('signs the domain prefix too: a bare signature over the payload is refused', () => {
    const payload = encodeBatch(sampleBatch([sampleBlock(2)]));
    const opened = openEnvelope(signBatch(payload, signer));
    assert(opened.ok, 'an own envelope opens');
    expect(Buffer.from(opened.value.payload).equals(payload)).toBe(true);
    const { signature } = opened.value;
    const prefixed = Buffer.concat([Buffer.from('joulebook/batch/1\0', 'latin1'), payload]);
    expect(verify(null, prefixed, keys.publicKey, signature)).toBe(true);
    expect(verify(null, payload, keys.publicKey, signature)).toBe(false);
    expect(
      Buffer.from(batchHash(payload)).equals(createHash('sha256').update(prefixed).digest()),
    ).toBe(true);
    const stranger = generateKeyPairSync('ed25519');
    expect(verifyEnvelope(opened.value, stranger.publicKey)).toBe(false);
  });

  it('keeps what arrived: changing the message afterwards changes no column', () => {
    const payload = encodeBatch(sampleBatch([sampleBlock(5)]));
    const decoded = decodeBatch(payload);
    payload.fill(0xff);
    expect(decoded).toMatchObject({ ok: true, value: { blocks: [sampleBlock(5)] } });
  });
});

describe('a malformed batch', () => {
  const valid = encodeBatch(sampleBatch([sampleBlock(3)]));

  it.each([
    ['BATCH_VERSION_UNKNOWN', Buffer.concat([Buffer.of(8, 2), valid.subarray(2)])],
    ['BATCH_VERSION_UNKNOWN', valid.subarray(2)],
    ['BATCH_VERSION_UNKNOWN', Buffer.alloc(0)],
    ['BATCH_MALFORMED', valid.subarray(0, valid.length - 1)],
    ['BATCH_MALFORMED', Buffer.concat([valid, Buffer.of(0x48, 1)])], // a field 9
    ['BATCH_MALFORMED', Buffer.concat([valid, valid.subarray(2)])], // fields again
    ['BATCH_MALFORMED', Buffer.from([8, 0x81, 0x00, ...valid.subarray(2)])], // 1 in two bytes
    ['BATCH_MALFORMED', Buffer.concat([valid, Buffer.of(0x4a, 0)])], // empty events
    ['BATCH_MALFORMED', Buffer.concat([valid, Buffer.of(0x52, 0)])], // an empty frame
    ['BATCH_MALFORMED', Buffer.concat([Buffer.of(8, 1, 16, 0), valid.subarray(2)])], // a zero
    ['BATCH_TOO_LARGE', new Uint8Array(batchBytesMax + 1)],
  ])('%s: refused with a code', (code, payload) => {
    expect(decodeBatch(payload)).toMatchObject({ ok: false, code });
  });

  it.each(endless.payloads)('refuses $number without an end', ({ payloadHex }) => {
    const decoded = decodeBatch(Buffer.from(payloadHex, 'hex'));
    expect(decoded).toMatchObject({ ok: false, code: 'BATCH_MALFORMED' });
  });

  it('refuses readings that no meter can have made', () => {
    const base = sampleBlock(2);
    const last = (at: number, patch: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(encodeBatch(sampleBatch([base])));
      // The columns are at the end: 2 meters, head, 2 instants, head, 2 values (no quality).
      patch(bytes.subarray(bytes.length - at));
      return bytes;
    };
    const planted = [
      last(16, (value) => value.writeBigInt64LE(2n ** 50n)),
      last(16, (value) => value.writeBigInt64LE(-(2n ** 50n) - 1n)),
      last(34, (readAtMs) => readAtMs.writeBigInt64LE(946_684_799_999n)),
      last(34, (readAtMs) => readAtMs.writeBigInt64LE(4_102_444_800_000n)),
      last(34, (readAtMs) => readAtMs.writeBigInt64LE(-1n)),
      last(44, (meterId) => meterId.writeUInt32LE(0)),
      last(44, (meterId) => meterId.writeUInt32LE(2 ** 31)),
      encodeBatch(sampleBatch([sampleBlock(2, 3)])),
    ];
    for (const payload of planted) {
      expect(decodeBatch(payload)).toMatchObject({ ok: false, code: 'BATCH_READING_OUT_OF_RANGE' });
    }
  });

  it('refuses an envelope that is too large, empty or of another algorithm', () => {
    expect(openEnvelope(new Uint8Array(batchBytesMax + 1))).toMatchObject({
      code: 'BATCH_TOO_LARGE',
    });
    expect(openEnvelope(new Uint8Array(0))).toMatchObject({ code: 'BATCH_MALFORMED' });
    const signed = signBatch(valid, signer);
    const algorithmAt = signed.length - 67; // before 2 bytes of head and 64 of signature
    expect(signed[algorithmAt]).toBe(1);
    signed[algorithmAt] = 2;
    expect(openEnvelope(signed)).toMatchObject({ code: 'BATCH_MALFORMED' });
  });

  it('never throws, for any bytes and for a valid batch damaged anywhere', () => {
    const damage = fc.array(
      fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.nat(5), add: fc.nat(5) }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        openEnvelope(bytes);
        decodeBatch(bytes);
        decodeBatch(Buffer.concat([Buffer.of(8, 1), bytes]));
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(arbitraryBatch, damage, (sent, hits) => {
        let bytes = Buffer.from(encodeBatch(sent));
        for (const { at, byte, cut, add } of hits) {
          const index = at % (bytes.length + 1);
          const rest = bytes.subarray(Math.min(bytes.length, index + cut));
          bytes = Buffer.concat([bytes.subarray(0, index), Buffer.alloc(add, byte), rest]);
        }
        const decoded = decodeBatch(bytes);
        if (!decoded.ok) return;
        // What survives damage is a batch in its own right, with columns of one length.
        for (const part of decoded.value.blocks) {
          expect(part.readAtMs.length).toBe(part.meterId.length);
          expect(part.value.length).toBe(part.meterId.length);
          expect(part.quality.length).toBe(part.meterId.length);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
