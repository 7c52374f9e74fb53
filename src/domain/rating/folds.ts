import { assert } from '../assert.ts';
import { divideRounded, oneE8 } from '../exact.ts';
import type { CompiledTariff, Measure, RoundedSum } from './compiled.ts';
import { divideSafely } from './divideSafely.ts';
import { isImportDemand, measureImportWindows } from './importDemand.ts';
import { addPeak, emptyPeaks, mergePeaks } from './peaks.ts';
import type { Peak } from './peaks.ts';
import { sumSpot } from './spotSum.ts';

/** Slots of some time, as a part of columns and of a bill. */
export type SlotPiece = {
  /** Where in the columns to begin, and how many slots. */
  readonly offset: number;
  readonly count: number;
  /** The first one, counted from the bill's first. */
  readonly firstInBill: number;
};

/** One column a channel of the tariff; null: that register does not exist. */
export type SlotColumns = SlotPiece & {
  readonly columns: readonly (Float64Array | null)[];
  /** 1 where the slot is estimated. */
  readonly estimated: Uint8Array | null;
};

/** A window of which some slots were seen. */
export type OpenWindow = {
  seenSlots: number;
  /** By channel, units. */
  readonly sums: Float64Array;
  /** A bit for each channel without data in a slot. */
  missingChannels: number;
  hasEstimate: boolean;
  /** By rounded sum of spot prices, the exact amount so far; empty where nothing needs it. */
  readonly spotSums: bigint[];
};

/**
 * What sums cannot say. Windows that are complete are folded into maxima and amounts; those of
 * which some slots were seen wait for the rest, so that parts merge in any order.
 */
export type Folds = {
  /** By spot price, exact: units times price. */
  readonly spotSums: bigint[];
  /** By spot price, the first slot with data and without a price; Infinity: none. */
  readonly unpricedSlot: number[];
  /** By spot price, how many slots with data have a price that stands in. */
  readonly provisionalSlots: number[];
  readonly peaks: readonly Float64Array[];
  /** By rounded sum and period, whole steps; under flow net then as many at the surplus price. */
  readonly steps: readonly bigint[][];
  /** By window table. */
  readonly open: readonly Map<number, OpenWindow>[];
  /** One channel after the other, for windows that slide; -1: not seen, NaN: no data. */
  readonly slots: Float64Array | null;
  readonly estimatedSlots: Uint8Array | null;
};

export function stepCountOf({ by }: RoundedSum): number {
  if (by.how === 'spot') return 1;
  return by.flow === 'net' ? 2 * by.pricesE8.length : by.pricesE8.length;
}

/** Of nothing there is nothing to change: one list for all that have none. */
const none: never[] = [];

function madeOf<In, Out>(items: readonly In[], make: (item: In) => Out): Out[] {
  return items.length === 0 ? none : items.map(make);
}

export function emptyFolds(compiled: CompiledTariff): Folds {
  const { spots, measures, roundedSums, windowTables, keepsSlots, slotCount } = compiled;
  return {
    spotSums: madeOf(spots, () => 0n),
    unpricedSlot: madeOf(spots, () => Infinity),
    provisionalSlots: madeOf(spots, () => 0),
    peaks: madeOf(measures, (measure) => emptyPeaks(compiled, measure)),
    steps: madeOf(roundedSums, (sum) => Array.from({ length: stepCountOf(sum) }, () => 0n)),
    open: madeOf(windowTables, () => new Map<number, OpenWindow>()),
    slots: keepsSlots ? new Float64Array(slotCount * compiled.channels.length).fill(-1) : null,
    estimatedSlots: keepsSlots ? new Uint8Array(slotCount) : null,
  };
}

/** How many spot amounts a window keeps: none where no spot price is rounded by interval. */
export function spotSumCount({ roundedSums }: CompiledTariff): number {
  return roundedSums.some(({ by }) => by.how === 'spot') ? roundedSums.length : 0;
}

export function newWindow(compiled: CompiledTariff): OpenWindow {
  return {
    seenSlots: 0,
    sums: new Float64Array(compiled.channels.length),
    missingChannels: 0,
    hasEstimate: false,
    spotSums: Array.from({ length: spotSumCount(compiled) }, () => 0n),
  };
}

/** Energy of a window as active and reactive part, in units. */
function demandOf(compiled: CompiledTariff, unit: Measure['unit'], sums: ArrayLike<number>): Peak {
  if (unit === 'kW') return { active: sums[0], reactive: 0 };
  const q1 = sums[compiled.channels.indexOf('q1')];
  const q4 = sums[compiled.channels.indexOf('q4')];
  return { active: unit === 'kVA' ? sums[0] : 0, reactive: Math.abs(q1 - q4) };
}

/** Where a complete window counts and how high it is; null: it does not count. */
export function countedWindow(
  compiled: CompiledTariff,
  measure: Measure,
  target: { readonly firstSlot: number; readonly window: OpenWindow },
): (Peak & { readonly period: number; readonly day: number }) | null {
  const { firstSlot, window } = target;
  if ((window.missingChannels & measure.channelBits) !== 0) return null;
  if (window.hasEstimate && !measure.countsEstimates) return null;
  if (measure.isCounted !== null && measure.isCounted[firstSlot] === 0) return null;
  const period = measure.periodOfSuper[compiled.superPeriodOfSlot[firstSlot]];
  const day = compiled.dayOfSlot[firstSlot] - compiled.dayOfSlot[0];
  return { period, day, ...demandOf(compiled, measure.unit, window.sums) };
}

/** Adds a complete window to the peaks of a measure, if it counts there. */
export function measureWindow(
  compiled: CompiledTariff,
  measure: Measure,
  target: { readonly peaks: Float64Array; readonly firstSlot: number; readonly window: OpenWindow },
): void {
  const found = countedWindow(compiled, measure, target);
  if (found !== null) addPeak(measure, target.peaks, found);
}

/** Units times a price at 10^-8, or a spot amount, as whole steps of a rounding point. */
function stepsOf(
  compiled: CompiledTariff,
  sum: RoundedSum,
  amount: { readonly numerator: bigint; readonly denominator: bigint },
): bigint {
  const perUnit = 1_000n * BigInt(compiled.unitsPerWh);
  return divideRounded(
    amount.numerator * oneE8,
    amount.denominator * perUnit * sum.point.stepE8,
    sum.point.mode,
  );
}

/** The same of units at a price, in float64 where that is exact. */
function unitSteps(
  compiled: CompiledTariff,
  sum: RoundedSum,
  at: { readonly units: number; readonly priceE8: bigint },
): bigint {
  const { point } = sum;
  const product = at.units * Number(at.priceE8);
  const divisor = 1_000 * compiled.unitsPerWh * Number(point.stepE8);
  if (Number.isSafeInteger(2 * product) && Number.isSafeInteger(2 * divisor)) {
    return BigInt(divideSafely(product, divisor, point.mode));
  }
  const numerator = BigInt(at.units) * at.priceE8;
  return stepsOf(compiled, sum, { numerator, denominator: oneE8 });
}

function addRounded(
  compiled: CompiledTariff,
  sum: RoundedSum,
  target: {
    readonly steps: bigint[];
    readonly firstSlot: number;
    readonly window: OpenWindow;
    readonly spotSum: bigint;
  },
): void {
  const { steps, window, firstSlot, spotSum } = target;
  const { by } = sum;
  if (by.how === 'spot') {
    const { denominator } = compiled.spots[by.spot];
    steps[0] += stepsOf(compiled, sum, { numerator: spotSum, denominator });
    return;
  }
  const period = by.periodOfSuper[compiled.superPeriodOfSlot[firstSlot]];
  const exported = window.sums[compiled.channels.indexOf('export')];
  let units = window.sums[0];
  if (by.flow === 'export') units = exported;
  if (by.flow === 'net') units -= exported;
  steps[period] += unitSteps(compiled, sum, { units, priceE8: by.pricesE8[period] });
  if (by.flow !== 'net') return;
  const second = by.pricesE8.length + period;
  steps[second] += unitSteps(compiled, sum, { units, priceE8: by.surplusE8[period] });
}

/** A window goes where it belongs. One that was cut off by the bill's ends makes no demand. */
export function closeWindow(
  compiled: CompiledTariff,
  folds: Folds,
  at: { readonly table: number; readonly index: number; readonly window: OpenWindow },
): void {
  const { starts, slotsPerWindow } = compiled.windowTables[at.table];
  const firstSlot = starts[at.index];
  const isWhole = starts[at.index + 1] - firstSlot === slotsPerWindow;
  const { window } = at;
  for (let index = 0; isWhole && index < compiled.measures.length; index += 1) {
    const measure = compiled.measures[index];
    if (measure.windowTable !== at.table) continue;
    measureWindow(compiled, measure, { peaks: folds.peaks[index], firstSlot, window });
  }
  for (let index = 0; index < compiled.roundedSums.length; index += 1) {
    const sum = compiled.roundedSums[index];
    if (sum.windowTable !== at.table) continue;
    const spotSum = window.spotSums[index] ?? 0n;
    addRounded(compiled, sum, { steps: folds.steps[index], firstSlot, window, spotSum });
  }
}

function windowAt(starts: Int32Array, slot: number): number {
  let low = 0;
  let high = starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= slot) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Adds the slots of one window; the indexes are into the columns. */
export function addToWindow(
  compiled: CompiledTariff,
  window: OpenWindow,
  part: { readonly slots: SlotColumns; readonly from: number; readonly to: number },
): void {
  const { slots, from, to } = part;
  const { sums } = window;
  for (let channel = 0; channel < sums.length; channel += 1) {
    const column = slots.columns[channel];
    if (column === null) continue;
    let sum = sums[channel];
    for (let index = from; index < to; index += 1) {
      const units = column[index];
      if (units >= 0) sum += units;
      else window.missingChannels |= 1 << channel;
    }
    sums[channel] = sum;
  }
  if (slots.estimated !== null) {
    for (let index = from; index < to; index += 1) {
      if (slots.estimated[index] !== 0) window.hasEstimate = true;
    }
  }
  window.seenSlots += to - from;
  if (window.spotSums.length === 0) return;
  const shift = slots.firstInBill - slots.offset;
  for (const [index, { by }] of compiled.roundedSums.entries()) {
    if (by.how !== 'spot') continue;
    const range = { from, count: to - from, firstInBill: from + shift };
    window.spotSums[index] += sumSpot(compiled, by.spot, slots, range).sum;
  }
}

function clearWindow(window: OpenWindow): void {
  window.seenSlots = 0;
  for (let channel = 0; channel < window.sums.length; channel += 1) window.sums[channel] = 0;
  window.missingChannels = 0;
  window.hasEstimate = false;
  if (window.spotSums.length > 0) window.spotSums.fill(0n);
}

function foldWindows(
  compiled: CompiledTariff,
  folds: Folds,
  part: { readonly table: number; readonly slots: SlotColumns },
): void {
  const { table, slots } = part;
  const { starts } = compiled.windowTables[table];
  const open = folds.open[table];
  const shift = slots.offset - slots.firstInBill;
  const end = slots.firstInBill + slots.count;
  const units = isImportDemand(compiled, table) ? slots.columns[0] : null;
  const whole = newWindow(compiled);
  let slot = slots.firstInBill;
  let index = windowAt(starts, slot);
  for (; slot < end; index += 1) {
    if (units !== null && slot === starts[index]) {
      index = measureImportWindows(compiled, folds, { table, slots, units, fromWindow: index });
      slot = starts[index];
      if (slot >= end) return;
    }
    const to = Math.min(end, starts[index + 1]);
    const size = starts[index + 1] - starts[index];
    if (to - slot === size) {
      // Seen at once, as most are: it waits for nothing.
      clearWindow(whole);
      addToWindow(compiled, whole, { slots, from: slot + shift, to: to + shift });
      closeWindow(compiled, folds, { table, index, window: whole });
      slot = to;
      continue;
    }
    const window = open.get(index) ?? newWindow(compiled);
    addToWindow(compiled, window, { slots, from: slot + shift, to: to + shift });
    assert(window.seenSlots <= size, 'a slot is accumulated once');
    if (window.seenSlots === size) {
      closeWindow(compiled, folds, { table, index, window });
      open.delete(index);
    } else open.set(index, window);
    slot = to;
  }
}

function keepSlots(compiled: CompiledTariff, folds: Folds, slots: SlotColumns): void {
  if (folds.slots === null || folds.estimatedSlots === null) return;
  const { offset, count, firstInBill } = slots;
  for (const [channel, column] of slots.columns.entries()) {
    const at = channel * compiled.slotCount + firstInBill;
    if (column === null) folds.slots.fill(0, at, at + count);
    else folds.slots.set(column.subarray(offset, offset + count), at);
  }
  if (slots.estimated !== null) {
    folds.estimatedSlots.set(slots.estimated.subarray(offset, offset + count), firstInBill);
  }
}

export function foldSlots(compiled: CompiledTariff, folds: Folds, slots: SlotColumns): void {
  if (slots.count === 0) return;
  for (let spot = 0; spot < compiled.spots.length; spot += 1) {
    const range = { from: slots.offset, count: slots.count, firstInBill: slots.firstInBill };
    const found = sumSpot(compiled, spot, slots, range);
    folds.spotSums[spot] += found.sum;
    folds.unpricedSlot[spot] = Math.min(folds.unpricedSlot[spot], found.unpricedSlot);
    folds.provisionalSlots[spot] += found.provisionalSlots;
  }
  for (let table = 0; table < compiled.windowTables.length; table += 1) {
    foldWindows(compiled, folds, { table, slots });
  }
  keepSlots(compiled, folds, slots);
}

function mergeWindow(target: OpenWindow, part: OpenWindow): void {
  target.seenSlots += part.seenSlots;
  target.missingChannels |= part.missingChannels;
  target.hasEstimate ||= part.hasEstimate;
  for (const [channel, units] of part.sums.entries()) target.sums[channel] += units;
  for (const [index, sum] of part.spotSums.entries()) target.spotSums[index] += sum;
}

/** Adds `part` to `target`. */
function addFoldsTo(compiled: CompiledTariff, target: Folds, part: Folds): void {
  for (const index of compiled.spots.keys()) {
    target.spotSums[index] += part.spotSums[index];
    target.unpricedSlot[index] = Math.min(target.unpricedSlot[index], part.unpricedSlot[index]);
    target.provisionalSlots[index] += part.provisionalSlots[index];
  }
  for (const [index, measure] of compiled.measures.entries()) {
    mergePeaks(measure, target.peaks[index], part.peaks[index]);
  }
  for (const [index, steps] of part.steps.entries()) {
    for (const [at, count] of steps.entries()) target.steps[index][at] += count;
  }
  for (const [table, windows] of part.open.entries()) {
    const { starts } = compiled.windowTables[table];
    for (const [index, found] of windows) {
      const window = target.open[table].get(index) ?? newWindow(compiled);
      mergeWindow(window, found);
      const size = starts[index + 1] - starts[index];
      assert(window.seenSlots <= size, 'a slot is accumulated once');
      if (window.seenSlots === size) {
        closeWindow(compiled, target, { table, index, window });
        target.open[table].delete(index);
      } else target.open[table].set(index, window);
    }
  }
  if (target.slots === null || part.slots === null) return;
  for (const [index, units] of part.slots.entries()) {
    if (units !== -1) target.slots[index] = units;
  }
  for (const [index, flag] of part.estimatedSlots?.entries() ?? []) {
    if (flag !== 0 && target.estimatedSlots !== null) target.estimatedSlots[index] = flag;
  }
}

export function mergeFolds(compiled: CompiledTariff, left: Folds, right: Folds): Folds {
  const merged = emptyFolds(compiled);
  addFoldsTo(compiled, merged, left);
  addFoldsTo(compiled, merged, right);
  return merged;
}

/** The same with all windows closed, also those that were not seen as a whole: what the bill says
 * of the readings so far. Demand needs whole windows, amounts do not. */
export function closedFolds(compiled: CompiledTariff, folds: Folds): Folds {
  if (folds.open.every(({ size }) => size === 0)) return folds;
  const closed = mergeFolds(compiled, emptyFolds(compiled), folds);
  for (const [table, windows] of closed.open.entries()) {
    for (const [index, window] of windows) {
      // What was not seen is missing in every channel.
      const unseen = { ...window, missingChannels: ~0 };
      closeWindow(compiled, closed, { table, index, window: unseen });
    }
    windows.clear();
  }
  return closed;
}
