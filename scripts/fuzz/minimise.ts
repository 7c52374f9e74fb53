/**
 * The input without every piece that its trouble does not need: halves first, single bytes last.
 * A few hundred tries, so that a slow parser does not hold up the report.
 */
const triesMax = 2_000;

export function minimise(
  input: Uint8Array,
  isTroubled: (bytes: Uint8Array) => boolean,
): Uint8Array {
  let smallest = input;
  let tries = 0;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length && tries < triesMax; tries += 1) {
      const without = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (without.length < smallest.length && isTroubled(without)) smallest = without;
      else at += size;
    }
  }
  return smallest;
}
