import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeField, decodeRegister, resolutionWh } from '../../src/devices/codec.ts';
import { crc16 } from '../../src/devices/crc16.ts';
import type { RegisterField, RegisterSpec } from '../../src/devices/registerMap.ts';
import { registerMaps } from '../../src/devices/registerMaps.ts';

function field(overrides: Partial<RegisterField>): RegisterField {
  return {
    functionCode: 4,
    address: 0,
    count: 2,
    type: 'f32',
    wordOrder: 'highFirst',
    scale: { numerator: 1n, denominator: 1n },
    sentinels: [],
    ...overrides,
  };
}

function words(hex: string): Uint16Array {
  return Uint16Array.from(hex.split(' ').map((word) => Number.parseInt(word, 16)));
}

const thousand = { numerator: 1000n, denominator: 1n };

describe('published encodings', () => {
  // IEEE 754-2019 binary32; the patterns of 1, 0.1, pi and the smallest subnormal are in any table.
  test.each([
    ['3f80 0000', 1000n], // 1
    ['3dcc cccd', 100n], // 0.100000001490116119384765625
    ['4049 0fdb', 3142n], // 3.1415927410125732421875
    ['c2c7 fae1', -99_990n], // -99.9899978637695
    ['0000 0001', 0n], // 2^-149
    ['8000 0000', 0n], // minus zero
    // The voltage example of Eastron's protocol document: 230.2 V.
    ['4366 3334', 230_200n],
  ])('float32 %s times 1000 is %s', (hex, expected) => {
    const decoded = decodeField(field({ scale: thousand }), words(hex), 0);
    expect(decoded).toEqual({ ok: true, value: expected });
  });

  test('halves are rounded away from zero, on both sides', () => {
    // 0.5, -0.5, 2.5 and -2.5 are exact in binary32.
    const values = ['3f00 0000', 'bf00 0000', '4020 0000', 'c020 0000'].map((hex) =>
      decodeField(field({}), words(hex), 0),
    );
    expect(values.map((one) => (one.ok ? one.value : one.code))).toEqual([1n, -1n, 3n, -3n]);
  });

  test('words of the EM24 come low word first', () => {
    // 123,456.7 kWh = 1,234,567 counts = 0x0012D687.
    const spec = registerMaps.em24.registers.find((one) => one.channel === '1.8.0');
    const decoded = spec && decodeRegister(spec, words('d687 0012'), 0);
    expect(decoded).toEqual({ ok: true, value: 123_456_700n });
  });

  test('a value that no batch can carry is refused, the largest one is taken', () => {
    const wide: RegisterSpec = {
      ...field({ count: 4, type: 'i64' }),
      channel: '16.7.0',
      unit: 'W',
      wrapModulus: null,
      resolution: '1 W',
    };
    // 2^50 - 1 and its negative, then one more each.
    expect(decodeRegister(wide, words('0003 ffff ffff ffff'), 0)).toMatchObject({ ok: true });
    expect(decodeRegister(wide, words('fffc 0000 0000 0001'), 0)).toMatchObject({ ok: true });
    for (const hex of ['0004 0000 0000 0000', 'fffc 0000 0000 0000', '7fff ffff ffff ffff']) {
      expect(decodeRegister(wide, words(hex), 0)).toMatchObject({ code: 'VALUE_IMPLAUSIBLE' });
    }
  });

  test('packed decimals read as digits, and other nibbles are refused', () => {
    const bcd = field({ type: 'bcd' });
    expect(decodeField(bcd, words('0012 3456'), 0)).toEqual({ ok: true, value: 123_456n });
    expect(decodeField(bcd, words('0012 34a6'), 0)).toMatchObject({ code: 'VALUE_IMPLAUSIBLE' });
  });

  test('the CRC gives the published check value', () => {
    // CRC RevEng catalogue, CRC-16/MODBUS: check = 0x4b37 over the ASCII digits 1 to 9.
    expect(crc16(Buffer.from('123456789'))).toBe(0x4b37);
  });
});

describe('no value', () => {
  test.each(['7fc0 0000', 'ffc0 0000', '7f80 0000', 'ff80 0000', '7f80 0001'])(
    'float32 %s (NaN or infinite) is refused',
    (hex) => {
      expect(decodeField(field({}), words(hex), 0)).toMatchObject({ code: 'VALUE_SENTINEL' });
    },
  );

  test('a sentinel of the map is refused and not read as a number', () => {
    const spec = registerMaps.iem3000.registers.find((one) => one.channel === '1.8.0');
    const decoded = spec && decodeRegister(spec, words('8000 0000 0000 0000'), 0);
    expect(decoded).toMatchObject({ ok: false, code: 'VALUE_SENTINEL' });
  });

  test('an energy register below zero is refused', () => {
    const spec = registerMaps.iem3000.registers.find((one) => one.channel === '1.8.0');
    const decoded = spec && decodeRegister(spec, words('ffff ffff ffff ffff'), 0);
    expect(decoded).toMatchObject({ ok: false, code: 'VALUE_IMPLAUSIBLE' });
  });
});

describe('for every bit pattern', () => {
  const exact = Decimal.clone({ precision: 400, rounding: Decimal.ROUND_HALF_UP });

  test('a finite float32 of kWh becomes the nearest Wh of its exact value', () => {
    const view = new DataView(new ArrayBuffer(4));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xffff }),
        (h, l) => {
          view.setUint16(0, h);
          view.setUint16(2, l);
          const float = view.getFloat32(0);
          const decoded = decodeField(field({ scale: thousand }), Uint16Array.of(h, l), 0);
          if (!Number.isFinite(float)) return !decoded.ok;
          // decimal.js is the second opinion; digits to base 2 and 400 places keep it exact.
          const magnitude = new exact(`0b${Math.abs(float).toString(2)}`).times(1000);
          const nearest = BigInt(magnitude.toDecimalPlaces(0).toFixed());
          return decoded.ok && decoded.value === (float < 0 ? -nearest : nearest);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('signed integers of both word orders survive the way through the registers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64BE(value);
        const high = Uint16Array.of(...[0, 2, 4, 6].map((at) => bytes.readUInt16BE(at)));
        const i64 = field({ type: 'i64', count: 4 });
        const low = decodeField({ ...i64, wordOrder: 'lowFirst' }, high.toReversed(), 0);
        const straight = decodeField(i64, high, 0);
        return straight.ok && low.ok && straight.value === value && low.value === value;
      }),
    );
  });

  test('no registers make the codec throw', () => {
    const specs = Object.values(registerMaps).flatMap((map) => map.registers);
    const anyWords = fc.uint16Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...specs), anyWords, (spec: RegisterSpec, registers) => {
        const decoded = decodeRegister(spec, registers, 0);
        return decoded.ok ? typeof decoded.value === 'bigint' : decoded.message.length > 0;
      }),
    );
  });
});

test('a float32 kWh register knows what one of its counts is worth', () => {
  const spec = registerMaps.sdm630.registers.find((one) => one.channel === '1.8.0');
  // 131,072 kWh = 2^17 kWh: a step is 2^-6 kWh = 15.625 Wh (binary32 has 24 significant bits).
  expect(spec && resolutionWh(spec, 131_072_000n)).toBe(16n);
  expect(spec && resolutionWh(spec, 131_071_000n)).toBe(8n);
  expect(spec && resolutionWh(spec, 0n)).toBe(1n);
});
