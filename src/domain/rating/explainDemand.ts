import { product, sumFractions } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { minuteMs } from '../time/civil.ts';
import type { Line } from './bill.ts';
import type { CompiledComponent, CompiledTariff, Measure } from './compiled.ts';
import { shareOf, slotsOf } from './explainSlots.ts';
import type { Explained, LinePart } from './explainSlots.ts';
import { addToWindow, countedWindow, newWindow } from './folds.ts';
import { isHigher, powerOf } from './peaks.ts';
import type { Peak } from './peaks.ts';

type Found = Peak & {
  readonly firstSlot: number;
  readonly endSlot: number;
  readonly day: number;
};

/** First slots of whole windows of a measure. */
function windowStarts(
  compiled: CompiledTariff,
  measure: Measure,
  slots: number,
): readonly number[] {
  if (measure.windowTable === null) {
    const { firstInterval, slotCount, intervalMs, slotMs } = compiled;
    const starts: number[] = [];
    for (let slot = firstInterval; slot + slots <= slotCount; slot += intervalMs / slotMs) {
      starts.push(slot);
    }
    return starts;
  }
  const { starts } = compiled.windowTables[measure.windowTable];
  return [...starts.subarray(0, -1)].filter((start, at) => starts[at + 1] - start === slots);
}

/** The windows of a period that make its peak, the highest first. */
function topWindows(explained: Explained, measure: Measure, period: number): readonly Found[] {
  const { slots, draft } = explained;
  const { compiled } = draft;
  const windowSlots = (measure.minutes * minuteMs) / compiled.slotMs;
  const { first, end } = slotsOf(explained);
  const shift = slots.offset - slots.firstInBill;
  const found: Found[] = [];
  for (const firstSlot of windowStarts(compiled, measure, windowSlots)) {
    const endSlot = firstSlot + windowSlots;
    if (firstSlot < first || endSlot > end) continue;
    const window = newWindow(compiled);
    addToWindow(compiled, window, { slots, from: firstSlot + shift, to: endSlot + shift });
    const counted = countedWindow(compiled, measure, { firstSlot, window });
    if (counted?.period === period) found.push({ ...counted, firstSlot, endSlot });
  }
  found.sort((left, right) => (isHigher(left, right) ? -1 : isHigher(right, left) ? 1 : 0));
  const days = new Set<number>();
  const highest = found.filter(({ day }) => {
    if (measure.each === 'window') return true;
    const isNew = !days.has(day);
    days.add(day);
    return isNew;
  });
  return highest.slice(0, measure.top);
}

/**
 * The windows of the peak, each with its part of the mean; what is billed beyond it is the rest.
 */
export function demandParts(
  explained: Explained,
  each: CompiledComponent,
  line: Line,
): readonly LinePart[] {
  const { compiled } = explained.draft;
  const [index] = each.measures;
  const { price } = line;
  if (index === undefined || price === null) return [];
  const measure = compiled.measures[index];
  const windows = topWindows(explained, measure, each.periods.indexOf(line.period));
  const part = { numerator: 1n, denominator: BigInt(Math.max(1, windows.length)) };
  const powers = windows.map((window): Fraction =>
    product(powerOf(compiled, measure, window), part),
  );
  const share = shareOf(line.quantity, sumFractions(powers));
  return windows
    .map(({ firstSlot, endSlot }, at) => ({
      firstSlot,
      endSlot,
      quantity: product(powers[at], share),
      price,
    }))
    .toSorted((left, right) => left.firstSlot - right.firstSlot);
}
