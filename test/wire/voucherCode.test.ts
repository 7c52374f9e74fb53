import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSigned, readVoucher, voucherPayload, writeVoucher } from '../../src/wire/voucherCode.ts';
import type { VoucherContent } from '../../src/wire/voucherCode.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519').publicKey;

const content: VoucherContent = {
  companyId: 7,
  serial: 1_001n,
  amountMicros: 25_000_000n,
  currency: 'EUR',
  lastDay: 20_778,
};
const code = writeVoucher(content, privateKey);

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

describe('the code of a voucher', () => {
  test('says its content, and whose key signed it', () => {
    const read = readVoucher(code);
    expect(read).toMatchObject({ ok: true, value: { content } });
    if (!read.ok) return;
    expect(isSigned(read.value, [other, publicKey])).toBe(true);
    expect(isSigned(read.value, [other])).toBe(false);
    expect(isSigned(read.value, [])).toBe(false);
  });

  test('has groups of five, and is read as people type it', () => {
    expect(code).toMatch(/^(?:[0-9A-Z]{5}-){27}[0-9A-Z]{2}$/);
    const typed = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
    expect(readVoucher(typed)).toEqual(readVoucher(code));
  });

  test('one wrong character, two exchanged neighbours or one too few is always found', () => {
    const plain = code.replaceAll('-', '');
    const places = Array.from(plain, (_, at) => at);
    const wrong = places.flatMap((at) => {
      const [before, here, after] = [plain.slice(0, at), plain.charAt(at), plain.slice(at + 1)];
      const others = Array.from(alphabet.replace(here, ''), (each) => before + each + after);
      const swapped = before + after.slice(0, 1) + here + after.slice(1);
      return [...others, before + after, ...(swapped === plain ? [] : [swapped])];
    });
    expect(wrong.length).toBeGreaterThan(137 * 32);
    expect(wrong.filter((text) => readVoucher(text).ok)).toEqual([]);
  });

  test('whatever it can carry comes back, and nothing else is written', () => {
    const contents = fc.record({
      companyId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      serial: fc.bigInt({ min: 0n, max: 2n ** 48n - 1n }),
      amountMicros: fc.bigInt({ min: 1n, max: 2n ** 48n - 1n }),
      currency: fc.stringMatching(/^[A-Z]{3}$/),
      lastDay: fc.integer({ min: 0, max: 65_535 }),
    });
    fc.assert(
      fc.property(contents, (each) => {
        const read = readVoucher(writeVoucher(each, privateKey));
        expect(read).toMatchObject({ ok: true, value: { content: each } });
      }),
      { numRuns: 50 },
    );
    for (const part of [{ amountMicros: 0n }, { currency: 'eur' }, { lastDay: 65_536 }]) {
      expect(() => voucherPayload({ ...content, ...part })).toThrow(RangeError);
    }
  });

  test('noise is refused', () => {
    fc.assert(fc.property(fc.string(), (text) => !readVoucher(text).ok));
    expect(readVoucher('0'.repeat(100_000))).toMatchObject({ code: 'VOUCHER_CODE_MALFORMED' });
  });
});
