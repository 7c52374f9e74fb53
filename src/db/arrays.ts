/**
 * Columns as Postgres array literals, for `${integersOf(ids)}::int4[]` in a statement. Written by
 * hand because the server then infers the parameter's type from the cast; postgres.js guesses it
 * from the first element and turns a bigint into a scalar.
 */

/** Integers of any width, from numbers, bigints or typed arrays; null stays null. */
export function integersOf(values: {
  readonly length: number;
  readonly [index: number]: number | bigint | null;
}): string {
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] === null) return `{${withNulls(values).join(',')}}`;
  }
  return `{${Array.prototype.join.call(values, ',')}}`;
}

/** What `join` would leave empty. */
function withNulls(values: {
  readonly length: number;
  readonly [index: number]: number | bigint | null;
}): readonly (number | bigint | string)[] {
  return Array.from(values, (value) => value ?? 'NULL');
}

/** Two characters as they lie in memory, little-endian as everywhere that Node runs. */
function pairOf(text: string): number {
  return text.charCodeAt(0) + 256 * text.charCodeAt(1);
}

const hexPairs = Uint16Array.from({ length: 256 }, (_, byte) =>
  pairOf(byte.toString(16).padStart(2, '0')),
);
const [quoteSlash, slashX, quoteComma] = [pairOf('"\\'), pairOf('\\x'), pairOf('",')];
const nullPairs = [pairOf('NU'), pairOf('LL'), pairOf(' ,')];

/**
 * Bytes in hex, `{"\\x0102",NULL}`: written as pairs of characters into one piece of memory. As
 * texts that are joined, thousands of short ones, it takes three times as long.
 */
export function bytesArrayOf(values: readonly (Uint8Array | null)[]): string {
  if (values.length === 0) return '{}';
  const size = values.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
  const pairs = new Uint16Array(1 + 3 * values.length + size);
  // The brace is the second character of the first pair.
  let at = 1;
  for (const bytes of values) {
    if (bytes === null) {
      pairs.set(nullPairs, at);
      at += nullPairs.length;
      continue;
    }
    pairs[at] = quoteSlash;
    pairs[at + 1] = slashX;
    at += 2;
    for (let index = 0; index < bytes.length; index += 1) {
      pairs[at + index] = hexPairs[bytes[index]];
    }
    at += bytes.length;
    pairs[at] = quoteComma;
    at += 1;
  }
  const text = Buffer.from(pairs.buffer, 1, 2 * at - 1);
  text.write('{', 0, 'latin1');
  text.write('}', text.length - 1, 'latin1');
  return text.toString('latin1');
}

/** Text that holds only letters, digits, '-' and '_', such as states, codes and uuids. */
export function wordsOf(values: readonly string[]): string {
  for (const value of values) {
    if (!/^[\w-]+$/.test(value)) throw new TypeError(`'${value}' is not a plain word`);
  }
  return `{${values.join(',')}}`;
}

/** bool[]. */
export function flagsOf(values: readonly boolean[]): string {
  return `{${values.join(',')}}`;
}

/** timestamptz[] from epoch milliseconds; null stays null. Neighbours are often the same. */
export function instantsOf(values: readonly (number | null)[]): string {
  let lastMs: number | null = null;
  let text = 'NULL';
  const texts = values.map((ms) => {
    if (ms === lastMs) return text;
    lastMs = ms;
    text = ms === null ? 'NULL' : `"${new Date(ms).toISOString()}"`;
    return text;
  });
  return `{${texts.join(',')}}`;
}
