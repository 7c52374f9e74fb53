import { qualityEstimated } from '../series/quality.ts';
import { slotOf, slotStartMs } from '../rating/slot.ts';
import type { SlotColumns, Span } from './window.ts';

/** Slots [from, to) that touch a span. */
export type SlotRange = { readonly from: number; readonly to: number };

export function slotsOf({ fromMs, toMs }: Span): SlotRange {
  return { from: slotOf(fromMs), to: slotOf(toMs - 1) + 1 };
}

export function spanOfSlots({ from, to }: SlotRange): Span {
  return { fromMs: slotStartMs(from), toMs: slotStartMs(to) };
}

/** NaN where the columns do not reach. */
export function whAt({ firstSlot, wh }: SlotColumns, slot: number): number {
  const at = slot - firstSlot;
  return at >= 0 && at < wh.length ? wh[at] : Number.NaN;
}

/** Of a slot that is known. */
export function qualityAt({ firstSlot, quality }: SlotColumns, slot: number): number {
  return quality[slot - firstSlot];
}

/** Measured, or worked out between near readings: what history may be told from. */
export function measuredAt(columns: SlotColumns, slot: number): number {
  const wh = whAt(columns, slot);
  return Number.isNaN(wh) || qualityAt(columns, slot) >= qualityEstimated ? Number.NaN : wh;
}

export type SlotSum = {
  /** Of the slots that are known; exact, because 2^53 Wh are beyond any register. */
  readonly wh: number;
  readonly known: number;
  /** Of those known. */
  readonly estimated: number;
  readonly missing: number;
};

export function sumOver(columns: SlotColumns, { from, to }: SlotRange): SlotSum {
  let wh = 0;
  let known = 0;
  let estimated = 0;
  for (let slot = from; slot < to; slot += 1) {
    const slotWh = whAt(columns, slot);
    if (Number.isNaN(slotWh)) continue;
    wh += slotWh;
    known += 1;
    if (qualityAt(columns, slot) >= qualityEstimated) estimated += 1;
  }
  return { wh, known, estimated, missing: to - from - known };
}

/** What of a span others cover; they do not overlap one another. */
export function coveredMs({ fromMs, toMs }: Span, others: readonly Span[]): number {
  return others.reduce(
    (sum, other) => sum + Math.max(0, Math.min(toMs, other.toMs) - Math.max(fromMs, other.fromMs)),
    0,
  );
}

/** In order of time, those that touch or overlap as one. */
export function joinSpans(spans: readonly Span[]): readonly Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((left, right) => left.fromMs - right.fromMs)) {
    const last = joined.at(-1);
    if (last === undefined || span.fromMs > last.toMs) joined.push(span);
    else if (span.toMs > last.toMs) joined[joined.length - 1] = { ...last, toMs: span.toMs };
  }
  return joined;
}
