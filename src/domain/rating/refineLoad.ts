import { assert } from '../assert.ts';
import { changeColumns } from './load.ts';
import type { Load } from './load.ts';

function repeated(column: Float64Array, times: number): Float64Array {
  const fine = new Float64Array(column.length * times);
  for (const [index, units] of column.entries()) {
    fine.fill(units, index * times, (index + 1) * times);
  }
  return fine;
}

/**
 * The same load in shorter intervals: an interval's energy spread evenly over them. The numbers
 * stay, and count smaller units: an hour of W Wh is four quarter hours of W quarters of a Wh.
 */
export function refineLoad(load: Load, intervalMs: number): Load {
  const times = load.intervalMs / intervalMs;
  assert(Number.isSafeInteger(times) && times >= 1, 'the new interval divides the old one');
  if (times === 1) return load;
  const { estimated } = load;
  let flags: Uint8Array | null = null;
  if (estimated !== null) {
    flags = new Uint8Array(estimated.length * times);
    for (const [index, flag] of estimated.entries()) {
      flags.fill(flag, index * times, (index + 1) * times);
    }
  }
  return {
    fromMs: load.fromMs,
    intervalMs,
    unitsPerWh: load.unitsPerWh * times,
    ...changeColumns(load, (column) => repeated(column, times)),
    estimated: flags,
  };
}
