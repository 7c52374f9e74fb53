import { slotOf } from '../rating/slot.ts';

/**
 * How the energy between two readings is laid over the slots between them, where more than two
 * slots lie between. It stands in the day of the reading that ends the gap, so that whoever walks
 * the day finds the same energies; it holds only between exactly these two readings, so a reading
 * that comes in between makes it void until the register is estimated anew.
 */
export type GapShape = {
  /** The accepted reading before the gap. */
  readonly fromMs: number;
  /** The reading that ends it, in the day that keeps the shape. */
  readonly toMs: number;
  /**
   * One for each slot from that of `fromMs` to the last that begins before `toMs`: its share of the
   * register's difference, a safe integer from 0. The first and last count for the parts of their
   * slots inside the gap. All zero: as even as time.
   */
  readonly weights: Float64Array;
  /** Of each of these slots: ACTUAL where the meter's log says that nothing could flow. */
  readonly quality: Uint8Array;
  /** Estimation rule by number, domain/vee/ruleName. */
  readonly rule: number;
};

/** The slots that a gap has a weight for. */
export function gapSlots({ fromMs, toMs }: { fromMs: number; toMs: number }): number {
  return slotOf(toMs - 1) - slotOf(fromMs) + 1;
}
