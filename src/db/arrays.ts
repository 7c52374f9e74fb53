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
  let text = '{';
  for (let index = 0; index < values.length; index += 1) {
    if (index > 0) text += ',';
    const value = values[index];
    text += value === null ? 'NULL' : value.toString();
  }
  return `${text}}`;
}

export function bytesArrayOf(values: readonly (Uint8Array | null)[]): string {
  const parts = values.map((bytes) => {
    if (bytes === null) return 'NULL';
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return `"\\\\x${buffer.toString('hex')}"`;
  });
  return `{${parts.join(',')}}`;
}

/** Text that holds only letters, digits, '-' and '_', such as states, codes and uuids. */
export function wordsOf(values: readonly string[]): string {
  for (const value of values) {
    if (!/^[\w-]+$/.test(value)) throw new TypeError(`'${value}' is not a plain word`);
  }
  return `{${values.join(',')}}`;
}

/** timestamptz[] from epoch milliseconds; null stays null. */
export function instantsOf(values: readonly (number | null)[]): string {
  const texts = values.map((ms) => (ms === null ? 'NULL' : `"${new Date(ms).toISOString()}"`));
  return `{${texts.join(',')}}`;
}
