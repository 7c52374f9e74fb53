import { assert } from '../domain/assert.ts';

/**
 * The little of the protobuf encoding that the wire needs, without an object a reading: varints,
 * length-delimited fields and packed fixed-width columns (protobuf.dev, "Encoding"). Reading is
 * strict: fields ascend and come at most once, varints have one spelling, zeros are left out,
 * nothing follows the end. A message therefore has one spelling, and a hash names its content.
 */
const wireVarint = 0;
const wireBytes = 2;
/** Of the largest safe integer, 2^53 - 1, seven bits a byte. */
const varintBytesMax = 8;

assert(
  new Uint8Array(Uint32Array.of(1).buffer)[0] === 1,
  'the wire columns are little-endian arrays and are copied as they are',
);

/** Stays where it is and keeps the first problem: after one, every further take is empty. */
export type ByteCursor = { readonly bytes: Uint8Array; at: number; problem: string | null };

export function cursorOver(bytes: Uint8Array): ByteCursor {
  return { bytes, at: 0, problem: null };
}

const emptyBytes = new Uint8Array(0);

function failAt(cursor: ByteCursor, problem: string): void {
  cursor.problem ??= `${problem} at byte ${cursor.at}`;
  cursor.at = cursor.bytes.length;
}

function readVarint(cursor: ByteCursor): number {
  const from = cursor.at;
  let value = 0;
  let weight = 1;
  while (cursor.at - from < varintBytesMax) {
    if (cursor.at >= cursor.bytes.length) {
      failAt(cursor, 'a number is cut off');
      return 0;
    }
    const byte = cursor.bytes[cursor.at] ?? 0;
    cursor.at += 1;
    value += (byte & 0x7f) * weight;
    if (byte < 0x80) {
      if (byte === 0 && weight > 1) failAt(cursor, 'a number has superfluous zero bytes');
      if (value <= Number.MAX_SAFE_INTEGER) return value;
      break;
    }
    weight *= 128;
  }
  failAt(cursor, 'a number is too large');
  return 0;
}

export function isNext(cursor: ByteCursor, bytesField: number): boolean {
  return (
    cursor.at < cursor.bytes.length && cursor.bytes[cursor.at] === ((bytesField << 3) | wireBytes)
  );
}

/** The field's number, 0 when it is absent. */
export function takeNumber(cursor: ByteCursor, field: number): number {
  if (cursor.at >= cursor.bytes.length) return 0;
  if (cursor.bytes[cursor.at] !== ((field << 3) | wireVarint)) return 0;
  cursor.at += 1;
  const value = readVarint(cursor);
  if (value === 0) failAt(cursor, 'a zero is written out');
  return value;
}

/** ZigZag, as sint32 and sint64 are written: 0, -1, 1, -2 as 0, 1, 2, 3. */
export function takeSigned(cursor: ByteCursor, field: number): number {
  const raw = takeNumber(cursor, field);
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

/** A view of the field's bytes, not a copy; empty when the field is absent. */
export function takeBytes(cursor: ByteCursor, field: number): Uint8Array {
  if (!isNext(cursor, field)) return emptyBytes;
  cursor.at += 1;
  const length = readVarint(cursor);
  if (length === 0) failAt(cursor, `field ${field} is written out and empty`);
  if (length > cursor.bytes.length - cursor.at) {
    failAt(cursor, `field ${field} is longer than what carries it`);
    return emptyBytes;
  }
  const start = cursor.at;
  cursor.at += length;
  return cursor.bytes.subarray(start, cursor.at);
}

/** To be called when all fields were taken: an unknown or misplaced field is what is left over. */
export function takeEnd(cursor: ByteCursor): void {
  if (cursor.at < cursor.bytes.length) failAt(cursor, 'an unknown or misplaced field');
}

export type ByteWriter = { readonly bytes: Uint8Array<ArrayBuffer>; at: number };

export function writerOf(byteLength: number): ByteWriter {
  return { bytes: new Uint8Array(byteLength), at: 0 };
}

/** All bytes that were asked for, and no more, have been written. */
export function written(writer: ByteWriter): Uint8Array<ArrayBuffer> {
  assert(writer.at === writer.bytes.length, 'an encoder wrote what its size function promised');
  return writer.bytes;
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

/** proto3 leaves a zero out. All fields here are below 16, so that a tag is one byte. */
export function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

export function bytesSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

function putVarint(writer: ByteWriter, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a varint is a safe integer from 0');
  let rest = value;
  while (rest >= 128) {
    writer.bytes[writer.at] = (rest % 128) | 0x80;
    writer.at += 1;
    rest = Math.floor(rest / 128);
  }
  writer.bytes[writer.at] = rest;
  writer.at += 1;
}

export function putNumber(writer: ByteWriter, field: number, value: number): void {
  if (value === 0) return;
  writer.bytes[writer.at] = (field << 3) | wireVarint;
  writer.at += 1;
  putVarint(writer, value);
}

/** The head of a length-delimited field whose `length` bytes the caller puts next. */
export function putHead(writer: ByteWriter, field: number, length: number): void {
  writer.bytes[writer.at] = (field << 3) | wireBytes;
  writer.at += 1;
  putVarint(writer, length);
}

export function putBytes(writer: ByteWriter, field: number, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  putHead(writer, field, bytes.length);
  writer.bytes.set(bytes, writer.at);
  writer.at += bytes.length;
}
