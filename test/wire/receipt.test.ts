import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { openEnvelope, signBatch, verifyEnvelope } from '../../src/wire/batch.ts';
import type { Stream } from '../../src/wire/batch.ts';
import {
  decodeReceipt,
  encodeReceipt,
  openReceipt,
  signReceipt,
  verifyReceipt,
} from '../../src/wire/receipt.ts';
import type { Receipt } from '../../src/wire/receipt.ts';
import { edgeId } from './sampleBatch.ts';

const keys = generateKeyPairSync('ed25519');
const signer = { privateKey: keys.privateKey, keyId: Uint8Array.of(9) };
const outcome = fc.oneof(
  fc.record({
    state: fc.constantFrom<'committed' | 'duplicate'>('committed', 'duplicate'),
    code: fc.constant(null),
  }),
  fc.record({
    state: fc.constant<'refused'>('refused'),
    code: fc.constantFrom('BATCH_MALFORMED', 'BATCH_CHAIN_BROKEN', 'EMS.E12'),
  }),
);
/** Runs of 1 to 1,000 sequences with holes of 1 to 1,000 committed ones between them. */
const progress = fc
  .record({
    contiguous: fc.bigInt({ min: 0n, max: 2n ** 49n }),
    steps: fc.array(fc.tuple(fc.bigInt(1n, 1_000n), fc.bigInt(0n, 999n)), { maxLength: 16 }),
  })
  .map(({ contiguous, steps }) => {
    let at = contiguous;
    const missing = steps.map(([hole, more]) => {
      const run = { from: at + hole, to: at + hole + more };
      at = run.to;
      return run;
    });
    return { contiguous, missing };
  });
const head = fc.record({
  edgeId: fc.integer({ min: 1, max: 2_147_483_647 }).map(edgeId),
  epoch: fc.integer({ min: 1, max: 2_147_483_647 }),
  sequence: fc.bigInt({ min: 1n, max: 2n ** 50n - 1n }),
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  position: fc.bigInt({ min: 0n, max: 2n ** 50n - 1n }),
  stream: fc.constantFrom<Stream>('billing', 'telemetry'),
});
const receipt: fc.Arbitrary<Receipt> = fc
  .tuple(head, outcome, progress)
  .map(([first, second, third]) => ({ ...first, ...second, ...third }));

function receive(bytes: Uint8Array): Receipt | null {
  const opened = openReceipt(bytes);
  if (!opened.ok || opened.value.keyId[0] !== 9) return null;
  if (!verifyReceipt(opened.value, keys.publicKey)) return null;
  const decoded = decodeReceipt(opened.value.payload);
  return decoded.ok ? decoded.value : null;
}

describe('the receipt', () => {
  it('gives back what was signed', () => {
    fc.assert(
      fc.property(receipt, (sent) => {
        expect(receive(signReceipt(encodeReceipt(sent), signer))).toEqual(sent);
      }),
    );
  });

  it('is refused with any one bit flipped', () => {
    const [sent] = fc.sample(receipt, { numRuns: 1, seed: 7 });
    assert(sent !== undefined, 'a sample');
    const bytes = signReceipt(encodeReceipt(sent), signer);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(receive(flipped)).toBeNull();
    }
  });

  it('cannot be made of a signed batch, nor a batch of it', () => {
    const [sent] = fc.sample(receipt, { numRuns: 1, seed: 8 });
    assert(sent !== undefined, 'a sample');
    const payload = encodeReceipt(sent);
    expect(receive(signBatch(payload, signer))).toBeNull();
    const opened = openEnvelope(signReceipt(payload, signer));
    assert(opened.ok, 'the envelopes look alike');
    expect(verifyEnvelope(opened.value, keys.publicKey)).toBe(false);
  });

  it('never throws, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        openReceipt(bytes);
        decodeReceipt(bytes);
        decodeReceipt(Buffer.concat([Buffer.of(8, 1), bytes]));
      }),
    );
  });
});
