import { clockOffsetMsNoted } from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { slotMs } from '../rating/slot.ts';
import { qualityActual, qualityCalculated } from './quality.ts';

export type CorrectedInstant = {
  readonly atMs: number;
  /** A reading is at best of this quality: a clock that was far off is corrected, not read. */
  readonly qualityMin: number;
};

/**
 * When a reading was taken by a device whose clock was ahead by `offsetMs`. Up to a minute its own
 * time is corrected and the reading stays what it is; up to a slot it is calculated; beyond that
 * nobody knows to which slot its readings belong (domain rule 11).
 */
export function correctedInstant(
  readAtMs: number,
  offsetMs: number,
): Outcome<CorrectedInstant, 'CLOCK_DRIFT'> {
  const drift = Math.abs(offsetMs);
  if (drift > slotMs) {
    return refuse(
      'CLOCK_DRIFT',
      `The device's clock was off by ${Math.round(offsetMs / 1000)} s, more than a quarter hour: ` +
        'the reading belongs to no slot. Set the clock; the energy is in the next reading.',
    );
  }
  const qualityMin = drift <= clockOffsetMsNoted ? qualityActual : qualityCalculated;
  return accept({ atMs: readAtMs - offsetMs, qualityMin });
}
