/** What the machine can do at best: floors that no rating can be faster than. */

/** Reads part of a column and does nothing else: four sums, because one alone waits for itself. */
export function readColumn(
  column: Float64Array,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let index = from;
  for (; index + 3 < to; index += 4) {
    first += column[index];
    second += column[index + 1];
    third += column[index + 2];
    fourth += column[index + 3];
  }
  for (; index < to; index += 1) first += column[index];
  return first + second + third + fourth;
}

/** A loop in registers alone. */
export function spin(steps: number): number {
  let state = 1;
  for (let step = 0; step < steps; step += 1) state = (state * 1_103 + 12_345) & 0xff_ffff;
  return state;
}
