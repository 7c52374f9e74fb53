import { assert } from '../assert.ts';

/**
 * Whole numbers below 2^53 as bytes: unsigned LEB128 varints, signed ones by zigzag. A column
 * begins with its method: 0 all the same, 1 a constant step, 2 steps, 3 changes of the step; the
 * shortest is taken, the lower of equals: one column has one spelling.
 */
export type Output = { readonly bytes: Uint8Array; at: number };
export type Input = { readonly bytes: Uint8Array; at: number };

/** Of a number below 2^56. */
export const varintBytesMax = 8;

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function unzigzag(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

function varintSize(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  let size = 3;
  for (let rest = value / 2_097_152; rest >= 1; rest /= 128) size += 1;
  return size;
}

export function putVarint(output: Output, value: number): void {
  let rest = value;
  while (rest >= 128) {
    output.bytes[output.at] = (rest % 128) | 0x80;
    output.at += 1;
    rest = Math.floor(rest / 128);
  }
  output.bytes[output.at] = rest;
  output.at += 1;
}

export function takeVarint(input: Input): number {
  let value = 0;
  let weight = 1;
  for (;;) {
    assert(input.at < input.bytes.length, 'a stored day is not cut off');
    const byte = input.bytes[input.at] ?? 0;
    input.at += 1;
    value += (byte & 0x7f) * weight;
    assert(Number.isSafeInteger(value), 'a number of a stored day is a safe integer');
    if (byte < 0x80) return value;
    weight *= 128;
  }
}

/** Signed step before `at`; the order 2 gives the change of the step. */
function stepAt(column: Float64Array, at: number): number {
  return (column[at] ?? 0) - (column[at - 1] ?? 0);
}

function columnMethod(column: Float64Array, count: number): 0 | 1 | 2 | 3 {
  if (count === 1) return 0;
  const step = stepAt(column, 1);
  let at = 2;
  while (at < count && stepAt(column, at) === step) at += 1;
  if (at === count) return step === 0 ? 0 : 1;
  let stepBytes = varintSize(zigzag(step));
  let changeBytes = stepBytes;
  for (at = 2; at < count; at += 1) {
    const next = stepAt(column, at);
    stepBytes += varintSize(zigzag(next));
    changeBytes += varintSize(zigzag(next - stepAt(column, at - 1)));
  }
  return stepBytes <= changeBytes ? 2 : 3;
}

export function putColumn(output: Output, column: Float64Array, count: number): void {
  const method = columnMethod(column, count);
  output.bytes[output.at] = method;
  output.at += 1;
  putVarint(output, zigzag(column[0] ?? 0));
  if (method === 0) return;
  putVarint(output, zigzag(stepAt(column, 1)));
  if (method === 1) return;
  for (let at = 2; at < count; at += 1) {
    const step = stepAt(column, at);
    putVarint(output, zigzag(method === 2 ? step : step - stepAt(column, at - 1)));
  }
}

export function takeColumn(input: Input, column: Float64Array, count: number): void {
  const method = input.bytes[input.at] ?? 255;
  input.at += 1;
  assert(method <= 3, 'a column of a stored day has a known method');
  let value = unzigzag(takeVarint(input));
  let step = method === 0 || count < 2 ? 0 : unzigzag(takeVarint(input));
  column[0] = value;
  for (let at = 1; at < count; at += 1) {
    if (at > 1 && method === 2) step = unzigzag(takeVarint(input));
    if (at > 1 && method === 3) step += unzigzag(takeVarint(input));
    value += step;
    column[at] = value;
  }
}
