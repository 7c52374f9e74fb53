import type { GapShape } from '../series/gapShape.ts';
import { qualityEstimated } from '../series/quality.ts';
import { slotOf } from '../rating/slot.ts';
import { estimationRules } from './ruleName.ts';
import type { VeeSet } from './set.ts';
import type { SlotColumns, Span } from './window.ts';

/** A silence of a register between two accepted readings. */
export type GapInput = Span & {
  /** What the register went on by, from the reading at `fromMs` to that at `toMs`. */
  readonly differenceWh: bigint;
  /** IANA name of the service point's zone: days and quarter hours of estimates are local. */
  readonly zone: string;
  /** Power outages of the meter's own event log. */
  readonly outages: readonly Span[];
  /** Channel 257 over the gap; null or NaN: not known. */
  readonly intervals: SlotColumns | null;
  /** Slots of the same register before the gap: `historyDaysOf` the set, as far as they exist. */
  readonly history: SlotColumns | null;
  /** Energy of the whole slots next to the gap, for interpolation; null: not known. */
  readonly beforeWh: number | null;
  readonly afterWh: number | null;
};

/**
 * How the register's difference is laid over the gap, by the first method of the set that can say
 * it. A function of its arguments alone: the same readings and events give the same shape.
 */
export function shapeGap(_set: VeeSet, input: GapInput): GapShape {
  const count = slotOf(input.toMs - 1) - slotOf(input.fromMs) + 1;
  return {
    fromMs: input.fromMs,
    toMs: input.toMs,
    weights: new Float64Array(count),
    quality: new Uint8Array(count).fill(qualityEstimated),
    rule: estimationRules.createForGap.number,
  };
}
