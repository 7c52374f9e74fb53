import type { CompiledTariff, Measure } from './compiled.ts';
import type { Folds, SlotColumns } from './folds.ts';
import { addPeak } from './peaks.ts';

/** Whether windows of a table are asked for kW of import alone, as most demand charges do. */
export function isImportDemand({ measures, roundedSums }: CompiledTariff, table: number): boolean {
  return (
    roundedSums.every(({ windowTable }) => windowTable !== table) &&
    measures.every(
      ({ windowTable, unit, channelBits }) =>
        windowTable !== table || (unit === 'kW' && channelBits === 1),
    )
  );
}

/**
 * Measures the windows that lie in the slots as a whole, from one of them on; returns the first
 * that does not. No object is made of a window that is not higher than the lowest that is kept.
 */
export function measureImportWindows(
  compiled: CompiledTariff,
  folds: Folds,
  part: {
    readonly table: number;
    readonly slots: SlotColumns;
    readonly units: Float64Array;
    readonly fromWindow: number;
  },
): number {
  const { table, slots, units, fromWindow } = part;
  const { starts } = compiled.windowTables[table];
  const end = slots.firstInBill + slots.count;
  let toWindow = fromWindow;
  while (toWindow + 1 < starts.length && starts[toWindow + 1] <= end) toWindow += 1;
  for (let index = 0; index < compiled.measures.length; index += 1) {
    const measure = compiled.measures[index];
    if (measure.windowTable !== table) continue;
    const windows = { table, slots, units, fromWindow, toWindow };
    measureOne(compiled, { measure, peaks: folds.peaks[index] }, windows);
  }
  return toWindow;
}

function measureOne(
  compiled: CompiledTariff,
  { measure, peaks }: { readonly measure: Measure; readonly peaks: Float64Array },
  part: {
    readonly table: number;
    readonly slots: SlotColumns;
    readonly units: Float64Array;
    readonly fromWindow: number;
    readonly toWindow: number;
  },
): void {
  const { units, slots } = part;
  const { superPeriodOfSlot, dayOfSlot } = compiled;
  const { starts, slotsPerWindow } = compiled.windowTables[part.table];
  const { isCounted, periodOfSuper, periodCount } = measure;
  const estimated = measure.countsEstimates ? null : slots.estimated;
  const isByDay = measure.each === 'day';
  const pairs = peaks.length / 2 / periodCount;
  const shift = (slots.offset - slots.firstInBill) | 0;
  const toWindow = part.toWindow | 0;
  for (let window = part.fromWindow | 0; window < toWindow; window = (window + 1) | 0) {
    const first = starts[window];
    const last = starts[window + 1];
    if (last - first !== slotsPerWindow) continue; // cut off
    let sum = units[first + shift];
    for (let slot = first + 1; slot < last; slot += 1) sum += units[slot + shift];
    const period = periodOfSuper[superPeriodOfSlot[first]];
    const day = isByDay ? dayOfSlot[first] - dayOfSlot[0] : 0;
    const lowest = isByDay ? period * pairs + day : (period + 1) * pairs - 1;
    if (!(sum > peaks[lowest * 2])) continue; // NaN, a slot without data, is not higher
    if (isCounted !== null && isCounted[first] === 0) continue;
    if (estimated !== null && isAnySet(estimated, first + shift, last + shift)) continue;
    addPeak(measure, peaks, { active: sum, reactive: 0, period, day });
  }
}

function isAnySet(flags: Uint8Array, from: number, to: number): boolean {
  for (let index = from; index < to; index += 1) if (flags[index] !== 0) return true;
  return false;
}
