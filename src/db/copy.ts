import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { assert } from '../domain/assert.ts';
import type { Statement } from './connect.ts';

/** Binary COPY writes: the fastest way in, and the only one that costs no parsing. */
type CopyType = 'int2' | 'int4' | 'int8' | 'float8' | 'bytea' | 'text' | 'uuid' | 'instant';

/**
 * One column of the rows, `null` where the value is absent. int8 takes bigint or safe integers,
 * instant takes epoch milliseconds, uuid takes 16 bytes.
 */
export type CopyColumn = {
  readonly name: string;
  readonly type: CopyType;
  readonly values: {
    readonly length: number;
    readonly [row: number]: number | bigint | string | Uint8Array | null;
  };
};

const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const fixedBytes = { int2: 2, int4: 4, int8: 8, float8: 8, uuid: 16, instant: 8 };
/** Postgres counts microseconds from 2000-01-01T00:00:00Z. */
const postgresEpochMs = 946_684_800_000;
const chunkBytes = 65_536;

function bytesOf(type: CopyType, value: number | bigint | string | Uint8Array): number {
  if (type === 'bytea') {
    assert(value instanceof Uint8Array, 'a bytea column takes bytes');
    return value.length;
  }
  if (type === 'text') {
    assert(typeof value === 'string', 'a text column takes text');
    return Buffer.byteLength(value);
  }
  return fixedBytes[type];
}

function writeInt8(into: Buffer, value: number | bigint, at: number): void {
  if (typeof value === 'bigint') {
    into.writeBigInt64BE(value, at);
    return;
  }
  assert(Number.isSafeInteger(value), `an int8 column takes integers, got ${value}`);
  const high = Math.floor(value / 4_294_967_296);
  into.writeInt32BE(high, at);
  into.writeUInt32BE(value - high * 4_294_967_296, at + 4);
}

function writeValue(
  into: Buffer,
  type: CopyType,
  value: number | bigint | string | Uint8Array,
  at: number,
): void {
  switch (type) {
    case 'int2':
      into.writeInt16BE(Number(value), at);
      return;
    case 'int4':
      into.writeInt32BE(Number(value), at);
      return;
    case 'float8':
      into.writeDoubleBE(Number(value), at);
      return;
    case 'int8':
      assert(typeof value === 'number' || typeof value === 'bigint', 'int8 takes integers');
      writeInt8(into, value, at);
      return;
    case 'instant':
      writeInt8(into, (Number(value) - postgresEpochMs) * 1000, at);
      return;
    case 'text':
      assert(typeof value === 'string', 'a text column takes text');
      into.write(value, at);
      return;
    case 'bytea':
    case 'uuid':
      assert(value instanceof Uint8Array, `a ${type} column takes bytes`);
      into.set(value, at);
      return;
  }
}

function sizeOf(columns: readonly CopyColumn[], rows: number): number {
  let size = signature.length + 2 + rows * (2 + 4 * columns.length);
  for (const { type, values } of columns) {
    for (let row = 0; row < rows; row += 1) {
      const value = values[row];
      if (value !== null) size += bytesOf(type, value);
    }
  }
  return size;
}

/** The rows in COPY's binary format. */
export function encodeCopy(columns: readonly CopyColumn[], rows: number): Buffer {
  for (const column of columns) {
    assert(column.values.length >= rows, `column ${column.name} is shorter than ${rows} rows`);
  }
  const buffer = Buffer.allocUnsafe(sizeOf(columns, rows));
  signature.copy(buffer);
  let at = signature.length;
  for (let row = 0; row < rows; row += 1) {
    buffer.writeInt16BE(columns.length, at);
    at += 2;
    for (const { type, values } of columns) {
      const value = values[row];
      if (value === null) {
        buffer.writeInt32BE(-1, at);
        at += 4;
        continue;
      }
      const bytes = bytesOf(type, value);
      buffer.writeInt32BE(bytes, at);
      writeValue(buffer, type, value, at + 4);
      at += 4 + bytes;
    }
  }
  buffer.writeInt16BE(-1, at);
  return buffer;
}

function* chunksOf(buffer: Buffer): Generator<Buffer> {
  for (let at = 0; at < buffer.length; at += chunkBytes) yield buffer.subarray(at, at + chunkBytes);
}

/**
 * Rejects with the error that ends a COPY. postgres.js 3.4.9 gives it to the query, which has
 * already resolved to its stream, and the stream then never ends: the transaction would wait for
 * ever and keep its locks.
 */
export function refusalOf(copy: object): Promise<never> {
  return new Promise((_, reject) => {
    const settle: unknown = Reflect.get(copy, 'reject');
    assert(typeof settle === 'function', 'a query of postgres.js is rejected by its own method');
    Reflect.set(copy, 'reject', (error: unknown) => {
      Reflect.apply(settle, copy, [error]);
      reject(error);
    });
  });
}

/** Appends rows to a table. Constraints hold as for any insert; one bad row refuses all. */
export async function copyInto(
  statement: Statement,
  table: string,
  columns: readonly CopyColumn[],
  rows: number,
): Promise<void> {
  if (rows === 0) return;
  const names = statement(columns.map((column) => column.name));
  const copy = statement`copy ${statement(table)} (${names}) from stdin (format binary)`;
  const refused = refusalOf(copy);
  const send = async (): Promise<void> => {
    const writable = await copy.writable();
    await pipeline(Readable.from(chunksOf(encodeCopy(columns, rows))), writable);
  };
  await Promise.race([send(), refused]);
}
