import { registerWhMax } from '../domain/limits.ts';
import { parseInstant } from '../domain/time/instantText.ts';
import type { DecodeCode } from './decodeBatch.ts';

/** Keeps the first problem, with its place; after one, every further take is a stand-in. */
export type JsonReader = {
  problem: { readonly code: DecodeCode; readonly message: string } | null;
  /** Fields of all objects that were taken. */
  fieldCount: number;
};

export function jsonReader(): JsonReader {
  return { problem: null, fieldCount: 0 };
}

export function failAt(
  reader: JsonReader,
  where: string,
  what: string,
  code: DecodeCode = 'BATCH_MALFORMED',
): void {
  reader.problem ??= { code, message: `${where} ${what}` };
}

const noFields: ReadonlyMap<string, unknown> = new Map();

/** An object's fields; one that is not known is refused, as in protobuf: it would be lost. */
export function takeFields(
  reader: JsonReader,
  raw: unknown,
  where: string,
  known: readonly string[],
): ReadonlyMap<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    failAt(reader, where, 'is not an object');
    return noFields;
  }
  const fields = new Map<string, unknown>(Object.entries(raw));
  reader.fieldCount += fields.size;
  for (const name of fields.keys()) {
    if (known.includes(name)) continue;
    // As JSON spells it: its control characters reach neither the database nor a terminal.
    const spelled = JSON.stringify(name.slice(0, 40));
    failAt(reader, where, `has an unknown field ${spelled}; known: ${known.join()}`);
    break;
  }
  return fields;
}

const emptyList: readonly unknown[] = [];

export function takeList(reader: JsonReader, raw: unknown, where: string): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  failAt(reader, where, 'is not a list');
  return emptyList;
}

export type Bounds = { readonly min: number; readonly max: number };

export function takeInteger(
  reader: JsonReader,
  raw: unknown,
  where: string,
  { min, max }: Bounds,
): number {
  if (typeof raw === 'number' && Number.isInteger(raw) && raw >= min && raw <= max) return raw + 0;
  failAt(reader, where, `is not a whole number from ${min} to ${max}`);
  return min;
}

export function takeText(reader: JsonReader, raw: unknown, where: string, pattern: RegExp): string {
  if (typeof raw === 'string' && pattern.test(raw)) return raw;
  failAt(reader, where, `is not a text of the form ${pattern.source}`);
  return '';
}

/** One element of a column, or why it is none. */
export type Element<T> =
  | { readonly value: T }
  | { readonly code: DecodeCode; readonly what: string };

const outside = 'BATCH_READING_OUT_OF_RANGE';

export function instantOf(raw: unknown, { min, max }: Bounds): Element<number> {
  if (typeof raw !== 'string' || raw.length > 40) {
    return { code: 'BATCH_MALFORMED', what: 'is no instant such as "2026-11-21T08:00:00Z"' };
  }
  const instant = parseInstant(raw);
  if (!instant.ok && instant.code !== 'INSTANT_OUT_OF_RANGE') {
    return { code: 'BATCH_MALFORMED', what: `is no instant: ${instant.message}` };
  }
  if (instant.ok && instant.value >= min && instant.value < max) return instant;
  return { code: outside, what: 'is not dated from 2000 to 2099: set the clock' };
}

const integerPattern = /^-?\d{1,16}$/;

/** Registers and sequences: a number, or a decimal text where the sender has no exact numbers. */
export function valueOf(raw: unknown): Element<bigint> {
  const isText = typeof raw === 'string' && integerPattern.test(raw);
  if (!isText && (typeof raw !== 'number' || !Number.isInteger(raw))) {
    return { code: 'BATCH_MALFORMED', what: 'is no whole number, nor a text of one' };
  }
  const value = Number(raw);
  if (Math.abs(value) <= registerWhMax + 1) return { value: BigInt(value) };
  return { code: outside, what: 'is beyond 2^50, more than any register counts' };
}

export function integerOf(raw: unknown, { min, max }: Bounds): Element<number> {
  if (typeof raw !== 'number' || !Number.isInteger(raw)) {
    return { code: 'BATCH_MALFORMED', what: 'is no whole number' };
  }
  if (raw >= min && raw <= max) return { value: raw + 0 };
  return { code: outside, what: `is not between ${min} and ${max}` };
}

/** Any typed array: what a column is read into. */
export type Rows<T> = { [row: number]: T };

/** Reads a column up to the first element that does not fit. */
export function fillRows<T>(
  reader: JsonReader,
  raw: readonly unknown[],
  { where, read, into }: { where: string; read: (each: unknown) => Element<T>; into: Rows<T> },
): void {
  for (let row = 0; row < raw.length; row += 1) {
    const element = read(raw[row]);
    if (!('value' in element)) {
      failAt(reader, `${where}[${row}]`, element.what, element.code);
      return;
    }
    into[row] = element.value;
  }
}
