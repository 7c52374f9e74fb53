import { assert } from '../assert.ts';
import { add, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { projectionWeeks } from '../limits.ts';
import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { BillWarning, Line } from '../rating/bill.ts';
import { billSpansOf } from '../rating/billSpans.ts';
import type { BillSpan } from '../rating/billSpans.ts';
import { finish } from '../rating/finish.ts';
import { changeColumns } from '../rating/load.ts';
import type { Load } from '../rating/load.ts';
import { accumulatePrepared, prepareBill, rateLoad } from '../rating/rateLoad.ts';
import type { RateRefusal } from '../rating/rateLoad.ts';
import { slotMs } from '../rating/slot.ts';
import { dayMs } from '../time/civil.ts';
import { offsetMsAt } from '../time/zone.ts';
import { carryInto, knownUntil } from './history.ts';
import type { History } from './history.ts';

export type EstimatedBill = {
  readonly lines: readonly Line[];
  readonly total: Fraction;
  readonly warnings: readonly BillWarning[];
};

export type Estimate = {
  /** Readings are known up to here. */
  readonly knownUntilMs: number;
  /** The running bill of what is known: days so far, no minima, no rounding of the tariff's own. */
  readonly soFar: Outcome<EstimatedBill, RateRefusal>;
  /** The whole bill, what is still to come guessed. */
  readonly projected: Outcome<EstimatedBill, RateRefusal>;
  /** Intervals of the bill. */
  readonly knownCount: number;
  readonly projectedCount: number;
  readonly missingCount: number;
};

type Window = { readonly fromMs: number; readonly toMs: number };

/** The end of the last known interval of a window, or its begin. */
function lastKnownMs(load: Load, { fromMs, toMs }: Window): number {
  const first = Math.max(0, (fromMs - load.fromMs) / slotMs);
  const end = Math.min(load.import.length, (toMs - load.fromMs) / slotMs);
  for (let at = end - 1; at >= first; at -= 1) {
    if (!Number.isNaN(load.import[at])) return load.fromMs + (at + 1) * slotMs;
  }
  return fromMs;
}

/** Where an interval of the same weekday and wall-clock time lies, so many weeks before. */
function weeksBefore(zone: string, atMs: number, weeks: number): number {
  const thenMs = atMs - weeks * 7 * dayMs;
  return thenMs + offsetMsAt(zone, atMs) - offsetMsAt(zone, thenMs);
}

/** The mean of the same intervals of the last weeks, whole units; NaN where none is known. */
function meanBefore(
  column: Float64Array,
  { load, zone, atMs }: { readonly load: Load; readonly zone: string; readonly atMs: number },
): number {
  let sum = 0;
  let count = 0;
  for (let weeks = 1; weeks <= projectionWeeks; weeks += 1) {
    const at = (weeksBefore(zone, atMs, weeks) - load.fromMs) / slotMs;
    const value = at >= 0 && at < column.length ? column[at] : Number.NaN;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? Number.NaN : Math.floor((2 * sum + count) / (2 * count));
}

/** The load up to the window's end, what is not known yet guessed from the weeks before. */
function projectedLoad(load: Load, zone: string, { fromMs, toMs }: Window): Load {
  const count = (toMs - load.fromMs) / slotMs;
  const grow = (column: Float64Array): Float64Array => {
    const grown = new Float64Array(count).fill(Number.NaN);
    grown.set(column.subarray(0, Math.min(count, column.length)));
    for (let atMs = fromMs; atMs < toMs; atMs += slotMs) {
      const at = (atMs - load.fromMs) / slotMs;
      // A month has weeks of its own behind it that are guessed already: guess from those too.
      grown[at] = meanBefore(grown, { load, zone, atMs });
    }
    return grown;
  };
  const { estimated } = load;
  const marks = estimated === null ? null : new Uint8Array(count);
  if (marks !== null && estimated !== null) marks.set(estimated.subarray(0, count));
  return {
    ...load,
    ...changeColumns(load, grow),
    estimated: marks,
  };
}

/** The bills of a window as they run at an instant, each from what the one before left. */
export function runningBill(
  history: History,
  spans: readonly BillSpan[],
  untilMs: number,
): Outcome<EstimatedBill, RateRefusal> {
  const first = spans[0];
  assert(first !== undefined, 'a window has a bill');
  const begun = carryInto(history, first.fromMs);
  if (!begun.ok) return begun;
  let carryIn = begun.value;
  let total = zero;
  const lines: Line[] = [];
  const warnings: BillWarning[] = [];
  const load = knownUntil(history.load, untilMs);
  for (const span of spans) {
    if (span.fromMs >= untilMs) break;
    const prepared = prepareBill(span, { load, prices: history.prices });
    if (!prepared.ok) return prepared;
    const accumulator = accumulatePrepared(prepared.value, load);
    const openUntilMs = span.toMs <= untilMs ? null : untilMs;
    const { attributes, idle = [] } = history;
    const settlement = { attributes, carryIn, openUntilMs, idle };
    const bill = finish(prepared.value.compiled, accumulator, settlement);
    if (!bill.ok) return bill;
    lines.push(...bill.value.lines);
    warnings.push(...bill.value.warnings);
    total = add(total, bill.value.total);
    carryIn = bill.value.carryOut;
  }
  return accept({ lines, total, warnings });
}

function wholeBill(
  history: History,
  load: Load,
  window: Window,
): Outcome<EstimatedBill, RateRefusal> {
  const carryIn = carryInto(history, window.fromMs);
  if (!carryIn.ok) return carryIn;
  const rated = rateLoad({ ...history, load, ...window, carryIn: carryIn.value });
  if (!rated.ok) return rated;
  const { bills } = rated.value;
  return accept({
    lines: bills.flatMap(({ lines }) => lines),
    total: bills.reduce((sum, bill) => add(sum, bill.total), zero),
    warnings: bills.flatMap(({ warnings }) => warnings),
  });
}

/**
 * A month's bill while it runs: what it is so far, and what it comes to if the rest of the month is
 * like the same weekdays and times of the last weeks. The window is on the slot grid and has begun.
 */
export function estimateBill(
  history: History,
  { fromMs, toMs, nowMs }: Window & { readonly nowMs: number },
): Outcome<Estimate, RateRefusal> {
  const window = { fromMs, toMs };
  const spans = billSpansOf(history.documents, { zone: history.zone, ...window });
  if (!spans.ok) return spans;
  const isOver = nowMs >= toMs;
  const past = knownUntil(history.load, nowMs);
  const knownUntilMs = isOver ? toMs : lastKnownMs(past, window);
  const zone = spans.value[0]?.zone ?? history.zone;
  const load = projectedLoad(past, zone, { fromMs: knownUntilMs, toMs });
  let missingCount = 0;
  for (let at = (fromMs - load.fromMs) / slotMs; at < load.import.length; at += 1) {
    if (Number.isNaN(load.import[at])) missingCount += 1;
  }
  let unguessed = 0;
  for (let at = (knownUntilMs - load.fromMs) / slotMs; at < load.import.length; at += 1) {
    if (Number.isNaN(load.import[at])) unguessed += 1;
  }
  const projectedCount = (toMs - knownUntilMs) / slotMs - unguessed;
  return accept({
    knownUntilMs,
    soFar: runningBill({ ...history, load: past }, spans.value, knownUntilMs),
    projected: wholeBill({ ...history, load: past }, load, window),
    knownCount: (toMs - fromMs) / slotMs - projectedCount - missingCount,
    projectedCount,
    missingCount,
  });
}
