import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { assert } from '../domain/assert.ts';
import type { Statement } from './connect.ts';

/** Binary COPY writes: the fastest way in, and the only one that costs no parsing. */
type CopyType =
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float8'
  | 'bytea'
  | 'text'
  | 'uuid'
  | 'instant'
  | 'microInstant';

/**
 * One column of the rows, `null` where the value is absent. int8 takes bigint or safe integers,
 * instant takes epoch milliseconds, microInstant epoch microseconds, uuid 16 bytes.
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
const fixedBytes = { int2: 2, int4: 4, int8: 8, float8: 8, uuid: 16, instant: 8, microInstant: 8 };
/** Postgres counts microseconds from 2000-01-01T00:00:00Z. */
const postgresEpochMs = 946_684_800_000;
const chunkBytes = 65_536;

/** Texts of a column are few, as codes and currencies are: each is encoded once. */
class Texts {
  readonly #known = new Map<string, Buffer>();

  bytesOf(text: string): Buffer {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.from(text);
    this.#known.set(text, bytes);
    return bytes;
  }
}

type CopyValue = number | bigint | string | Uint8Array;

function bytesOf(type: CopyType, value: CopyValue, texts: Texts): number {
  if (type === 'bytea') {
    assert(value instanceof Uint8Array, 'a bytea column takes bytes');
    return value.length;
  }
  if (type === 'text') {
    assert(typeof value === 'string', 'a text column takes text');
    return texts.bytesOf(value).length;
  }
  return fixedBytes[type];
}

/** Where the rows are written: as bytes, and as numbers without the checks of Buffer's methods. */
type Target = { readonly buffer: Buffer; readonly view: DataView; readonly texts: Texts };

function writeInt8({ view }: Target, value: number | bigint, at: number): void {
  if (typeof value === 'bigint') {
    view.setBigInt64(at, value);
    return;
  }
  assert(Number.isSafeInteger(value), `an int8 column takes integers, got ${value}`);
  const high = Math.floor(value / 4_294_967_296);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * 4_294_967_296);
}

/** An integer within its type's limits; a number that is none would be cut silently. */
function wholeOf(value: CopyValue, type: 'int2' | 'int4'): number {
  const whole = Number(value);
  const max = type === 'int2' ? 32_767 : 2_147_483_647;
  assert(whole >= -max - 1 && whole <= max, `an ${type} column takes integers, got ${whole}`);
  return whole;
}

function writeValue(into: Target, type: CopyType, value: CopyValue, at: number): void {
  const { buffer, view, texts } = into;
  switch (type) {
    case 'int2':
      view.setInt16(at, wholeOf(value, type));
      return;
    case 'int4':
      view.setInt32(at, wholeOf(value, type));
      return;
    case 'float8':
      view.setFloat64(at, Number(value));
      return;
    case 'int8':
      assert(typeof value === 'number' || typeof value === 'bigint', 'int8 takes integers');
      writeInt8(into, value, at);
      return;
    case 'instant':
      writeInt8(into, (Number(value) - postgresEpochMs) * 1000, at);
      return;
    case 'microInstant':
      assert(typeof value === 'bigint', 'a microInstant takes integers');
      writeInt8(into, value - BigInt(postgresEpochMs) * 1000n, at);
      return;
    case 'text':
      assert(typeof value === 'string', 'a text column takes text');
      buffer.set(texts.bytesOf(value), at);
      return;
    case 'bytea':
    case 'uuid':
      assert(value instanceof Uint8Array, `a ${type} column takes bytes`);
      buffer.set(value, at);
      return;
  }
}

function sizeOf(columns: readonly CopyColumn[], rows: number, texts: Texts): number {
  let size = signature.length + 2 + rows * (2 + 4 * columns.length);
  for (const { type, values } of columns) {
    if (type !== 'text' && type !== 'bytea') {
      for (let row = 0; row < rows; row += 1) if (values[row] !== null) size += fixedBytes[type];
      continue;
    }
    for (let row = 0; row < rows; row += 1) {
      const value = values[row];
      if (value !== null) size += bytesOf(type, value, texts);
    }
  }
  return size;
}

/** The rows in COPY's binary format. */
export function encodeCopy(columns: readonly CopyColumn[], rows: number): Buffer {
  for (const column of columns) {
    assert(column.values.length >= rows, `column ${column.name} is shorter than ${rows} rows`);
  }
  const texts = new Texts();
  const buffer = Buffer.allocUnsafe(sizeOf(columns, rows, texts));
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  const into = { buffer, view, texts };
  signature.copy(buffer);
  let at = signature.length;
  for (let row = 0; row < rows; row += 1) {
    view.setInt16(at, columns.length);
    at += 2;
    for (const { type, values } of columns) {
      const value = values[row];
      if (value === null) {
        view.setInt32(at, -1);
        at += 4;
        continue;
      }
      const bytes = bytesOf(type, value, texts);
      view.setInt32(at, bytes);
      writeValue(into, type, value, at + 4);
      at += 4 + bytes;
    }
  }
  view.setInt16(at, -1);
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
