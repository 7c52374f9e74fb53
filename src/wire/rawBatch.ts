import { blocksPerBatchMax } from '../domain/limits.ts';
import { cursorOver, isNext, takeBytes, takeNumber, takeSigned } from './protobuf.ts';

/**
 * What a payload says, without asking whether it may: only to be looked at by a person who wonders
 * why it was refused. Nothing that is read here is ever taken in; that is `decodeBatch`.
 */
export type RawBatch = {
  readonly version: number;
  readonly edge: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly createdAtMs: number;
  readonly stream: number;
  readonly blocks: readonly RawBlock[];
  readonly events: readonly RawRow[];
};

export type RawBlock = {
  readonly channel: number;
  readonly unit: number;
  readonly scaler: number;
  readonly readingCount: number;
  readonly readings: readonly RawRow[];
};

/** By column; instants are epoch milliseconds, null where the column ends before. */
export type RawRow = Readonly<Record<string, bigint | null>>;

type Column = { readonly name: string; readonly bytes: Uint8Array; readonly width: 1 | 4 | 8 };

function cellOf({ bytes, width }: Column, row: number): bigint | null {
  if ((row + 1) * width > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (width) {
    case 1:
      return BigInt(view.getUint8(row));
    case 4:
      return BigInt(view.getInt32(row * 4, true));
    case 8:
      return view.getBigInt64(row * 8, true);
  }
}

/** As many rows as the longest column has, `rowsMax` at most; absent columns are left out. */
function rowsOf(columns: readonly Column[], rowsMax: number): RawRow[] {
  const present = columns.filter(({ bytes }) => bytes.length > 0);
  const count = Math.max(0, ...present.map(({ bytes, width }) => Math.ceil(bytes.length / width)));
  return Array.from({ length: Math.min(count, rowsMax) }, (_, row) =>
    Object.fromEntries(present.map((column) => [column.name, cellOf(column, row)])),
  );
}

function blockOf(bytes: Uint8Array, rowsMax: number): RawBlock {
  const cursor = cursorOver(bytes);
  const channel = takeNumber(cursor, 1);
  const unit = takeNumber(cursor, 2);
  const scaler = takeSigned(cursor, 3);
  const columns: Column[] = [
    { name: 'meter', bytes: takeBytes(cursor, 4), width: 4 },
    { name: 'readAt', bytes: takeBytes(cursor, 5), width: 8 },
    { name: 'value', bytes: takeBytes(cursor, 6), width: 8 },
    { name: 'quality', bytes: takeBytes(cursor, 7), width: 1 },
    { name: 'revision', bytes: takeBytes(cursor, 8), width: 4 },
    { name: 'clockOffsetMs', bytes: takeBytes(cursor, 9), width: 4 },
    { name: 'frame', bytes: takeBytes(cursor, 10), width: 4 },
    { name: 'multiplierThousandths', bytes: takeBytes(cursor, 11), width: 4 },
  ];
  const readingCount = Math.floor((columns[0]?.bytes.length ?? 0) / 4);
  return { channel, unit, scaler, readingCount, readings: rowsOf(columns, rowsMax) };
}

function eventsOf(bytes: Uint8Array, rowsMax: number): RawRow[] {
  const cursor = cursorOver(bytes);
  const columns: Column[] = [
    { name: 'code', bytes: takeBytes(cursor, 1), width: 4 },
    { name: 'meter', bytes: takeBytes(cursor, 2), width: 4 },
    { name: 'from', bytes: takeBytes(cursor, 3), width: 8 },
    { name: 'to', bytes: takeBytes(cursor, 4), width: 8 },
  ];
  return rowsOf(columns, rowsMax);
}

/** Null where the bytes are no message with blocks at all; `rowsMax` readings and events. */
export function lookAtPayload(payload: Uint8Array, rowsMax: number): RawBatch | null {
  const cursor = cursorOver(payload);
  const version = takeNumber(cursor, 1);
  const edge = takeNumber(cursor, 2);
  const epoch = takeNumber(cursor, 3);
  const sequence = takeNumber(cursor, 4);
  takeBytes(cursor, 5);
  const createdAtMs = takeSigned(cursor, 6);
  const stream = takeNumber(cursor, 7);
  const blocks: RawBlock[] = [];
  let left = rowsMax;
  while (blocks.length < blocksPerBatchMax && isNext(cursor, 8)) {
    const block = blockOf(takeBytes(cursor, 8), left);
    left -= block.readings.length;
    blocks.push(block);
  }
  const events = eventsOf(takeBytes(cursor, 9), left);
  if (blocks.length === 0 && events.length === 0) return null;
  if (cursor.problem !== null) return null;
  return { version, edge, epoch, sequence, createdAtMs, stream, blocks, events };
}
