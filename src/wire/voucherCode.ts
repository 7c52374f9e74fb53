import { createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** What is signed into a voucher. */
export type VoucherContent = {
  readonly companyId: number;
  readonly serial: bigint;
  readonly amountMicros: bigint;
  readonly currency: string;
  /** The last UTC day on which it is taken, as days since 1970. */
  readonly lastDay: number;
};

export type VoucherCodeCode = 'VOUCHER_CODE_MALFORMED';

export type ReadVoucher = {
  readonly content: VoucherContent;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
};

const version = 1;
/** Version 1, company 4, serial 6, amount 6, currency 2, last day 2. */
const payloadBytes = 21;
const signatureBytes = 64;
/** 85 bytes are 136 characters of five bits exactly, and one to check them. */
const characters = ((payloadBytes + signatureBytes) * 8) / 5;
const groupLength = 5;

/** Without I, L, O and U, which are read as others. Source: D. Crockford, "Base 32". */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const signedAs = Buffer.from('joulebook/voucher/1\0', 'utf8');

const uint48End = 2n ** 48n;
const dayEnd = 65_536;

function currencyBits(currency: string): number | null {
  if (!/^[A-Z]{3}$/.test(currency)) return null;
  return Array.from(currency).reduce((bits, letter) => bits * 32 + letter.charCodeAt(0) - 65, 0);
}

function currencyOf(bits: number): string | null {
  const letters = [bits >> 10, (bits >> 5) & 31, bits & 31];
  if (letters.some((letter) => letter > 25)) return null;
  return String.fromCharCode(...letters.map((letter) => letter + 65));
}

function uint48(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes.subarray(2);
}

/** @throws RangeError for what no voucher can carry: it was checked before. */
export function voucherPayload(content: VoucherContent): Uint8Array {
  const { companyId, serial, amountMicros, lastDay } = content;
  const currency = currencyBits(content.currency);
  const isWithin =
    serial >= 0n && serial < uint48End && amountMicros > 0n && amountMicros < uint48End;
  if (currency === null || !isWithin || lastDay < 0 || lastDay >= dayEnd) {
    throw new RangeError('a voucher cannot carry this content');
  }
  const bytes = Buffer.alloc(payloadBytes);
  bytes.writeUInt8(version, 0);
  bytes.writeUInt32BE(companyId, 1);
  uint48(serial).copy(bytes, 5);
  uint48(amountMicros).copy(bytes, 11);
  bytes.writeUInt16BE(currency, 17);
  bytes.writeUInt16BE(lastDay, 19);
  return bytes;
}

function contentOf(payload: Buffer): VoucherContent | null {
  const currency = currencyOf(payload.readUInt16BE(17));
  const amountMicros = BigInt(payload.readUIntBE(11, 6));
  const isKnown = payload.readUInt8(0) === version && payload.readUInt16BE(17) < 32_768;
  if (!isKnown || currency === null || amountMicros === 0n) return null;
  return {
    companyId: payload.readUInt32BE(1),
    serial: BigInt(payload.readUIntBE(5, 6)),
    amountMicros,
    currency,
    lastDay: payload.readUInt16BE(19),
  };
}

/** Times two in the field of 32 elements under x^5 + x^2 + 1. */
function double(value: number): number {
  return value & 16 ? ((value << 1) & 31) ^ 5 : value << 1;
}

/**
 * Each character weighs another power of two than its neighbours, so that one wrong character and
 * two exchanged neighbours are always found before anybody's attempts are counted.
 */
function checkOf(values: readonly number[]): number {
  return values.reduceRight((sum, value) => double(sum ^ value), 0);
}

function valuesOf(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) values.push((held >> (bits - 5)) & 31);
  }
  return values;
}

function bytesOf(values: readonly number[]): Buffer {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = ((held << 5) | value) & 0x1fff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}

/** The code as it is printed: groups of five, the last character checks the others. */
export function writeVoucher(content: VoucherContent, privateKey: KeyObject): string {
  const payload = voucherPayload(content);
  const signature = sign(null, Buffer.concat([signedAs, payload]), privateKey);
  const values = valuesOf(Buffer.concat([payload, signature]));
  const text = [...values, checkOf(values)].map((value) => alphabet[value]).join('');
  return (text.match(new RegExp(`.{1,${groupLength}}`, 'g')) ?? []).join('-');
}

const malformed = refuse(
  'VOUCHER_CODE_MALFORMED',
  'This is no code of a voucher, or a character is wrong. Compare it group by group.',
);

/** As people type: any case, spaces and dashes, O for 0, I and L for 1. Not yet believed. */
export function readVoucher(text: string): Outcome<ReadVoucher, VoucherCodeCode> {
  if (text.length > characters * 3) return malformed;
  const plain = text
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  if (plain.length !== characters + 1) return malformed;
  const values = Array.from(plain, (character) => alphabet.indexOf(character));
  const check = values.pop();
  if (values.includes(-1) || check !== checkOf(values)) return malformed;
  const bytes = bytesOf(values);
  const payload = bytes.subarray(0, payloadBytes);
  const content = contentOf(payload);
  if (content === null) return malformed;
  return accept({ content, payload, signature: bytes.subarray(payloadBytes) });
}

/** Whether one of the company's keys signed it. */
export function isSigned(
  { payload, signature }: Pick<ReadVoucher, 'payload' | 'signature'>,
  publicKeys: readonly KeyObject[],
): boolean {
  const signed = Buffer.concat([signedAs, payload]);
  return publicKeys.some((key) => verify(null, signed, key, signature));
}

/** SubjectPublicKeyInfo of Ed25519 before the key itself. Source: RFC 8410, 4. */
const publicKeyHead = Buffer.from('302a300506032b6570032100', 'hex');

/** Of a channel of kind voucher: whose signatures count, as `ems-cli key make` prints them. */
export const voucherSettings = z.strictObject({
  publicKeys: z
    .array(z.string().regex(/^[A-Za-z0-9+/]{43}=$/))
    .min(1)
    .max(10),
});

export function publicKeyOf(base64: string): KeyObject {
  const der = Buffer.concat([publicKeyHead, Buffer.from(base64, 'base64')]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

export function publicKeyText(key: KeyObject): string {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return der.subarray(publicKeyHead.length).toString('base64');
}
