import { isOnSlotGrid } from '../rating/slot.ts';
import { slotsOf, sumOver } from './columns.ts';
import type { Seen } from './finding.ts';
import { basisPoints, energyWh } from './ruleShape.ts';
import type { Amount, WindowInput } from './window.ts';

export const sumLimits = {
  /** Of the register's difference. */
  toleranceBasisPoints: basisPoints.default(100),
  /** The coarsest registers count 0.1 kWh: a difference of one step says nothing. */
  toleranceWh: energyWh.default(100),
};

export type SumLimits = { readonly toleranceBasisPoints: number; readonly toleranceWh: number };

/** The register's own difference where it was read at the window's ends, else that of its slots. */
function registerAmount({ register, slots, fromMs, toMs }: WindowInput): Amount | null {
  if (register !== null && isOnSlotGrid(register.fromMs) && isOnSlotGrid(register.toMs)) {
    return register;
  }
  const { wh, missing } = sumOver(slots, slotsOf({ fromMs, toMs }));
  return missing > 0 ? null : { fromMs, toMs, wh: BigInt(wh) };
}

/**
 * The register beside the intervals that the meter measured over the same time. The bill follows
 * the register; intervals only say when it flowed.
 */
export function checkSum(limits: SumLimits, input: WindowInput): Seen | null {
  const register = registerAmount(input);
  if (register === null || input.intervals === null) return null;
  const intervals = sumOver(input.intervals, slotsOf(register));
  if (intervals.missing > 0) return null;
  const intervalsWh = BigInt(intervals.wh);
  const difference =
    register.wh > intervalsWh ? register.wh - intervalsWh : intervalsWh - register.wh;
  if (difference <= BigInt(limits.toleranceWh)) return null;
  if (difference * 10_000n <= register.wh * BigInt(limits.toleranceBasisPoints)) return null;
  const unit = input.unit ?? 'Wh';
  return {
    fromMs: register.fromMs,
    toMs: register.toMs,
    message:
      `The register went on by ${register.wh} ${unit}, the intervals sum to ${intervalsWh} ` +
      `${unit}: more than ${limits.toleranceBasisPoints} hundredths of a percent apart. The bill ` +
      'takes the register, and the intervals are scaled to it.',
    detail: { registerWh: String(register.wh), intervalsWh: String(intervalsWh) },
    readingsAtMs: [],
  };
}
