import type { Seen } from './finding.ts';
import { instantText } from '../time/instantText.ts';

/** Rows of one day that were held back because their clock was off by more than a slot. */
export type DriftedRows = {
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
};

/**
 * A clock that is off by more than a quarter hour (domain rule 11): its readings belong to no slot.
 * Not a rule of a set: somebody has to set the clock, whatever the class of the customer.
 */
export function seeClockDrift(drifted: readonly DriftedRows[], meter: string): Seen | null {
  const rows = drifted.reduce((sum, each) => sum + each.rows, 0);
  if (rows === 0) return null;
  const fromMs = Math.min(...drifted.map(({ firstMs }) => firstMs));
  const lastMs = Math.max(...drifted.map(({ lastMs: at }) => at));
  return {
    fromMs,
    toMs: lastMs + 1,
    message:
      `${rows} readings from ${instantText(fromMs)} to ${instantText(lastMs)} (by the meter's ` +
      'clock) belong to no slot: the clock was off by more than a quarter hour. Their time is ' +
      `estimated from the readings around it. Synchronise the clock of ${meter} from its gateway ` +
      '(SET_CLOCK: DLMS class 8, 0-0:1.0.0.255, attribute 2 time), and look why it drifts.',
    detail: { readings: String(rows), command: 'SET_CLOCK', object: '0-0:1.0.0.255' },
    readingsAtMs: [],
  };
}
