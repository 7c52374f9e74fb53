import { describe, expect, test } from 'vitest';
import { sipHash24 } from '../../src/wire/sipHash.ts';

/** Key 00..0f; the message of n bytes is 00, 01, ..., n-1. */
const key = Uint8Array.from({ length: 16 }, (_, at) => at);

/**
 * From vectors_sip64 of the reference implementation (github.com/veorq/SipHash, vectors.h), whose
 * bytes are little-endian; the one of 15 bytes is the worked example of the paper, appendix A.
 */
const published: readonly (readonly [number, string])[] = [
  [0, '310e0edd47db6f72'],
  [1, 'fd67dc93c539f874'],
  [2, '5a4fa9d909806c0d'],
  [3, '2d7efbd796666785'],
  [7, '37d1018bf50002ab'],
  [8, '6224939a79f5f593'],
  [15, 'e545be4961ca29a1'],
];

describe('SipHash-2-4', () => {
  test.each(published)('of %i bytes is the published one', (length, hex) => {
    const message = Uint8Array.from({ length }, (_, at) => at);
    const hash = Buffer.alloc(8);
    hash.writeBigUInt64LE(sipHash24(key, message));
    expect(hash.toString('hex')).toBe(hex);
  });

  test('a key of another length is a fault of the caller', () => {
    expect(() => sipHash24(key.subarray(1), key)).toThrow(RangeError);
  });
});
