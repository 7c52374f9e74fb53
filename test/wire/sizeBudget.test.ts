import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signBatch } from '../../src/wire/batch.ts';
import type { RegisterBlock } from '../../src/wire/batch.ts';
import { deflate } from '../../src/wire/compression.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { encodeReceipt, signReceipt } from '../../src/wire/receipt.ts';
import { sampleBatch, sampleBlock } from './sampleBatch.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const signer = { privateKey, keyId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };

/**
 * What a gateway of 100 meters catches up on after a day without a network: 100 quarter hours,
 * meter by meter. Made-up households of 20 to 600 Wh a quarter hour, no two of them alike.
 */
function backFill(): RegisterBlock {
  const meters = 100;
  const slots = 100;
  const rows = meters * slots;
  const block = {
    ...sampleBlock(rows),
    readAtMs: new Float64Array(rows),
    value: new BigInt64Array(rows),
  };
  let noise = 1;
  for (let meter = 0; meter < meters; meter += 1) {
    let registerWh = 1_000_000 + meter * 7_919;
    for (let slot = 0; slot < slots; slot += 1) {
      noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0; // the C standard's example
      const evening = slot % 96 > 68 && slot % 96 < 90 ? 300 : 20;
      registerWh += evening + ((noise >>> 8) % 300);
      const row = meter * slots + slot;
      block.meterId[row] = 40_001 + meter;
      block.readAtMs[row] = Date.UTC(2026, 10, 1) + slot * 900_000;
      block.value[row] = BigInt(registerWh);
    }
  }
  return block;
}

describe('the size budget', () => {
  it('000.12: 60 readings take at most 1.4 kB, signature and all, without compression', () => {
    const signed = signBatch(encodeBatch(sampleBatch([sampleBlock(60)])), signer);
    expect(signed.length).toBeLessThan(1_400);
  });

  it('000.7: a back-fill of 10,000 quarter hours takes at most 2.3 bytes a reading', () => {
    const payload = encodeBatch(sampleBatch([backFill()]));
    expect(payload.length / 10_000).toBeLessThan(20.1);
    const form = { encoding: 'protobuf', compression: 'zstd' } as const;
    const carried = signBatch(deflate(payload, form.compression), signer, form);
    expect(carried.length / 10_000).toBeLessThan(2.3);
    expect(deflate(payload, 'gzip').length / 10_000).toBeLessThan(3);
  });

  it('a receipt takes at most 200 bytes, and 512 with all that it can ask for', () => {
    const { edgeId, epoch, sequence, stream, previousHash: hash } = sampleBatch([]);
    const head = { edgeId, epoch, sequence, stream, hash, position: 2n ** 40n };
    const usual = { ...head, state: 'committed', code: null, contiguous: sequence } as const;
    const signed = signReceipt(encodeReceipt({ ...usual, missing: [] }), signer);
    expect(signed.length).toBeLessThan(200);
    const missing = Array.from({ length: 16 }, (_, run) => ({
      from: sequence + BigInt(run * 10 + 1),
      to: sequence + BigInt(run * 10 + 5),
    }));
    const code = 'BATCH_READING_OUT_OF_RANGE';
    const refused = { ...usual, state: 'refused', position: 0n, code, missing } as const;
    expect(signReceipt(encodeReceipt(refused), signer).length).toBeLessThan(512);
  });
});
