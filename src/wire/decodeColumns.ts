import {
  int2Max,
  int4Max,
  readAtMsMax,
  readAtMsMin,
  readingsPerBatchMax,
  registerWhMax,
  revisionMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { qualityEstimated, qualityVoid } from '../domain/series/quality.ts';
import { isAllZero } from './batch.ts';

export type ColumnCode = 'BATCH_MALFORMED' | 'BATCH_READING_OUT_OF_RANGE';

export const meterIdBytes = 4;
export const int64Bytes = 8;
const wordSpan = 4_294_967_296;
/** High words of int64 values from -(2^50) to 2^50 - 1. */
const valueHighMax = Math.floor(registerWhMax / wordSpan);
const valueHighMin = -valueHighMax - 1;

export function malformed(problem: string): Refused<'BATCH_MALFORMED'> {
  return refuse('BATCH_MALFORMED', `The payload is not a batch: ${problem}.`);
}

export function outOfRange(problem: string): Refused<'BATCH_READING_OUT_OF_RANGE'> {
  return refuse('BATCH_READING_OUT_OF_RANGE', `${problem}; the batch is refused as a whole.`);
}

/** An own, aligned copy: the column outlives the message and may be transferred to a thread. */
export function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy.buffer;
}

export function meterColumn(bytes: Uint8Array): Outcome<Int32Array, ColumnCode> {
  const meterId = new Int32Array(copyOf(bytes));
  for (let row = 0; row < meterId.length; row += 1) {
    if ((meterId[row] ?? 0) <= 0) return outOfRange(`A meter id is not between 1 and ${int4Max}`);
  }
  return accept(meterId);
}

export function instantColumn(bytes: Uint8Array): Outcome<Float64Array, ColumnCode> {
  const words = new Int32Array(copyOf(bytes));
  const atMs = new Float64Array(words.length / 2);
  for (let row = 0; row < atMs.length; row += 1) {
    const instantMs = (words[2 * row + 1] ?? 0) * wordSpan + ((words[2 * row] ?? 0) >>> 0);
    if (instantMs < readAtMsMin || instantMs >= readAtMsMax) {
      return outOfRange('A reading is not dated from 2000 to 2099: set the clock');
    }
    atMs[row] = instantMs;
  }
  return accept(atMs);
}

export function valueColumn(bytes: Uint8Array): Outcome<BigInt64Array, ColumnCode> {
  const buffer = copyOf(bytes);
  const words = new Int32Array(buffer);
  for (let at = 1; at < words.length; at += 2) {
    const high = words[at] ?? 0;
    if (high > valueHighMax || high < valueHighMin) {
      return outOfRange('A value is beyond 2^50, more than any register counts');
    }
  }
  return accept(new BigInt64Array(buffer));
}

export function eventCodeColumn(bytes: Uint8Array): Outcome<Int32Array, ColumnCode> {
  const code = new Int32Array(copyOf(bytes));
  for (let row = 0; row < code.length; row += 1) {
    const each = code[row] ?? 0;
    if (each <= 0 || each > int2Max) return outOfRange(`An event code is not from 1 to ${int2Max}`);
  }
  return accept(code);
}

/** Columns that most batches do not have: absent means all zero, and all zero means absent. */
const rareColumns = {
  revision: { min: 0, max: revisionMax },
  clockOffsetMs: { min: -int4Max - 1, max: int4Max },
  frame: { min: 0, max: readingsPerBatchMax },
  multiplierThousandths: { min: 0, max: int4Max },
} as const;

export type RareName = keyof typeof rareColumns;

export function rareColumn(
  name: RareName,
  bytes: Uint8Array,
  count: number,
): Outcome<Int32Array | null, ColumnCode> {
  if (bytes.length === 0) return accept(null);
  if (bytes.length !== count * meterIdBytes) {
    return malformed(`${count} readings have ${bytes.length} bytes of ${name}, not 4 a reading`);
  }
  const column = new Int32Array(copyOf(bytes));
  const { min, max } = rareColumns[name];
  for (let row = 0; row < count; row += 1) {
    const each = column[row] ?? 0;
    if (each < min || each > max) return outOfRange(`A ${name} is not between ${min} and ${max}`);
  }
  if (isAllZero(column)) return malformed(`a column of ${name} that is all zero is left out`);
  return accept(column);
}

/** Absent bytes are all ACTUAL. VOID takes a reading back, so only an edit can say it. */
export function qualityColumn(
  bytes: Uint8Array,
  count: number,
  revision: Int32Array | null,
): Outcome<Uint8Array, ColumnCode> {
  const quality = new Uint8Array(count);
  if (bytes.length === 0) return accept(quality);
  if (bytes.length !== count) {
    return malformed(`${count} readings have ${bytes.length} bytes of quality`);
  }
  quality.set(bytes);
  for (let row = 0; row < count; row += 1) {
    const each = quality[row] ?? 0;
    if (each <= qualityEstimated) continue;
    if (each !== qualityVoid) {
      return outOfRange('A quality is not 0 ACTUAL, 1 CALCULATED or 2 ESTIMATED');
    }
    if ((revision?.[row] ?? 0) === 0) {
      return outOfRange('A quality of 4 VOID stands without a revision that it could take back');
    }
  }
  if (isAllZero(quality)) return malformed('a column of quality that is all zero is left out');
  return accept(quality);
}
