import { expect, test } from 'vitest';
import { lookInside } from '../../src/operations/office/batchContent.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { envelopeBytes } from '../../src/wire/envelope.ts';
import { sampleBatch, sampleBlock } from '../wire/sampleBatch.ts';

/** What the signature says is another question here: 64 bytes of anything. */
const unsigned = {
  keyId: new Uint8Array(16).fill(7),
  signature: new Uint8Array(64),
  compression: 'none' as const,
};

function carriedOf(payload: Uint8Array): Uint8Array {
  return envelopeBytes({ ...unsigned, payload, encoding: 'protobuf' });
}

test('readings out of range are shown as they came, and told why they were refused', () => {
  const payload = encodeBatch(sampleBatch([sampleBlock(2, 1)]));
  const value = new Uint8Array(BigInt64Array.of(sampleBlock(2, 1).value[1]).buffer);
  const at = Buffer.from(payload).lastIndexOf(value);
  // 2^60, little-endian: more than any register counts (2^50).
  payload.set([0, 0, 0, 0, 0, 0, 0, 0x10], at);
  const told = lookInside(carriedOf(payload), 10);
  expect(told.problem).toMatchObject({ code: 'BATCH_READING_OUT_OF_RANGE' });
  expect(told.batch).toBeNull();
  expect(told.raw).toMatchObject({
    blocks: [{ readingCount: 2, readings: [{}, { value: '1152921504606846976' }] }],
  });
  // Bounded, whatever is asked of it.
  expect(lookInside(carriedOf(payload), 1).raw).toMatchObject({
    blocks: [{ readingCount: 2, readings: [{}] }],
  });
});

test('a JSON batch that cannot be read is shown as its text, a long one in part', () => {
  const inJson = (text: string) =>
    lookInside(
      envelopeBytes({ ...unsigned, payload: new TextEncoder().encode(text), encoding: 'json' }),
      10,
    );
  const text = '{"version":1,"edge":7,"blocks":[{"values":[NaN]}]}';
  const told = inJson(text);
  expect(told).toMatchObject({ batch: null, raw: { text, isCut: false } });
  expect(told.problem).toMatchObject({ code: 'BATCH_MALFORMED' });
  // 16 384 characters are shown.
  const long = inJson(`{"version":1${' '.repeat(20_000)}`).raw;
  expect(long).toEqual({ text: `{"version":1${' '.repeat(16_384 - 12)}`, isCut: true });
});

test('of what is nothing that is known the first bytes are shown', () => {
  const bytes = new Uint8Array(300).fill(0xff);
  const shown = { hex: 'ff'.repeat(256), byteCount: 300, isCut: true };
  expect(lookInside(bytes, 10)).toMatchObject({ keyId: null, raw: shown });
  const inside = carriedOf(bytes);
  expect(lookInside(inside, 10)).toMatchObject({ keyId: '07'.repeat(16), raw: shown });
});

test('of a batch that can be read nothing is shown twice', () => {
  const carried = carriedOf(encodeBatch(sampleBatch([sampleBlock(2, 1)])));
  expect(lookInside(carried, 10)).toMatchObject({ problem: null, raw: null });
});
