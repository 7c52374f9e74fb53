import { assert, assertNever } from '../domain/assert.ts';
import { registerWhMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { RegisterField, RegisterSpec } from './registerMap.ts';

/** An exact number: every register type is a whole number or a dyadic fraction. */
type Ratio = { readonly numerator: bigint; readonly denominator: bigint };

const valueMax = BigInt(registerWhMax);

export type DecodeRefusal = 'VALUE_SENTINEL' | 'VALUE_IMPLAUSIBLE';

/**
 * Registers to a whole number in the field's unit, exactly: the device's number is taken as a
 * ratio, multiplied by the scale, and rounded once, to the nearest integer with halves away from
 * zero.
 */
export function decodeField(
  field: RegisterField,
  words: Uint16Array,
  offset: number,
): Outcome<bigint, DecodeRefusal> {
  assert(offset >= 0 && offset + field.count <= words.length, 'the field lies inside its block');
  const bits = assembleBits(field, words, offset);
  if (field.sentinels.includes(bits)) return noValue(field, bits);
  const raw = interpretBits(field, bits);
  if (!raw.ok) return raw;
  return accept(
    roundHalfAway({
      numerator: raw.value.numerator * field.scale.numerator,
      denominator: raw.value.denominator * field.scale.denominator,
    }),
  );
}

/** As `decodeField`, and it is a value that a batch can carry: an energy register's from zero. */
export function decodeRegister(
  spec: RegisterSpec,
  words: Uint16Array,
  offset: number,
): Outcome<bigint, DecodeRefusal> {
  const decoded = decodeField(spec, words, offset);
  if (decoded.ok && spec.unit === 'Wh' && decoded.value < 0n) {
    return refuse(
      'VALUE_IMPLAUSIBLE',
      `Channel ${spec.channel} reads ${decoded.value} Wh, and an energy register cannot be ` +
        `negative. Check the meter model and its word order.`,
    );
  }
  const isBeyond = decoded.ok && (decoded.value > valueMax || decoded.value < -valueMax);
  if (isBeyond) {
    return refuse(
      'VALUE_IMPLAUSIBLE',
      `Channel ${spec.channel} reads ${decoded.value}, more than any register counts. ` +
        `Check the meter model and its word order.`,
    );
  }
  return decoded;
}

/** The energy of one count of the register near this value, in Wh, rounded up. */
export function resolutionWh(spec: RegisterSpec, valueWh: bigint): bigint {
  const { numerator, denominator } = spec.scale;
  if (spec.type !== 'f32') return (numerator + denominator - 1n) / denominator;
  // binary32 has 24 significant bits: above 2^24 counts of the unit a step is more than one.
  const magnitude = (valueWh * denominator) / numerator;
  const bitLength = magnitude.toString(2).length;
  const stepTimes2To23 = 1n << BigInt(bitLength - 1);
  const two23 = 1n << 23n;
  return (stepTimes2To23 * numerator + denominator * two23 - 1n) / (denominator * two23);
}

function assembleBits(field: RegisterField, words: Uint16Array, offset: number): bigint {
  let bits = 0n;
  for (let index = 0; index < field.count; index += 1) {
    const place = field.wordOrder === 'highFirst' ? index : field.count - 1 - index;
    bits = (bits << 16n) | BigInt(words[offset + place] ?? 0);
  }
  return bits;
}

function interpretBits(field: RegisterField, bits: bigint): Outcome<Ratio, DecodeRefusal> {
  switch (field.type) {
    case 'u16':
    case 'u32':
    case 'acc32':
      return accept({ numerator: bits, denominator: 1n });
    case 'i16':
    case 'i32':
    case 'i64':
      return accept({ numerator: BigInt.asIntN(field.count * 16, bits), denominator: 1n });
    case 'f32':
      return interpretFloat(field, Number(bits));
    case 'bcd':
      return interpretBcd(field, bits);
    default:
      return assertNever(field.type);
  }
}

/** IEEE 754 binary32: (-1)^sign x significand x 2^(exponent - 150). */
function interpretFloat(field: RegisterField, bits: number): Outcome<Ratio, DecodeRefusal> {
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7f_ffff;
  if (exponent === 0xff) return noValue(field, BigInt(bits));
  const significand = BigInt(exponent === 0 ? fraction : fraction | 0x80_0000);
  const shift = BigInt((exponent === 0 ? 1 : exponent) - 150);
  const signed = bits >>> 31 === 1 ? -significand : significand;
  return accept(
    shift >= 0n
      ? { numerator: signed << shift, denominator: 1n }
      : { numerator: signed, denominator: 1n << -shift },
  );
}

function interpretBcd(field: RegisterField, bits: bigint): Outcome<Ratio, DecodeRefusal> {
  const digits = bits.toString(16).padStart(field.count * 4, '0');
  if (!/^\d+$/.test(digits)) {
    return refuse(
      'VALUE_IMPLAUSIBLE',
      `Register ${hex(field.address)} holds 0x${digits}, which is not decimal. ` +
        `Check the meter model.`,
    );
  }
  return accept({ numerator: BigInt(digits), denominator: 1n });
}

function noValue(field: RegisterField, bits: bigint): ReturnType<typeof refuse<'VALUE_SENTINEL'>> {
  return refuse(
    'VALUE_SENTINEL',
    `Register ${hex(field.address)} holds 0x${bits.toString(16)}, by which the device says that ` +
      `it has no value. Check the meter's wiring and the channels asked for.`,
  );
}

function roundHalfAway({ numerator, denominator }: Ratio): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(4, '0')}`;
}
