import { energyWh } from './ruleShape.ts';
import { instantText } from '../time/instantText.ts';
import type { Seen } from './finding.ts';
import type { WindowInput } from './window.ts';

export const duplicateReadingLimits = { toleranceWh: energyWh.default(0) };

/**
 * Two values for one instant. The same value again is not even a conflict; which of two values
 * stands is decided by revision, quality, epoch, sequence and row, never by arrival.
 */
export function checkDuplicateReading(
  { toleranceWh }: { readonly toleranceWh: number },
  { conflicts, fromMs, toMs, unit = 'Wh' }: WindowInput,
): Seen | null {
  const found = conflicts
    .filter(({ atMs, keptWh, lostWh }) => {
      const difference = keptWh > lostWh ? keptWh - lostWh : lostWh - keptWh;
      return atMs >= fromMs && atMs < toMs && difference > BigInt(toleranceWh);
    })
    .toSorted((left, right) => left.atMs - right.atMs);
  const first = found[0];
  const last = found.at(-1);
  if (first === undefined || last === undefined) return null;
  const instants = new Set(found.map(({ atMs }) => atMs));
  return {
    fromMs: first.atMs,
    toMs: last.atMs + 1,
    message:
      `${instants.size} instants have more values than one; the first is ` +
      `${instantText(first.atMs)} with ${first.keptWh} and ${first.lostWh} ${unit}, of which ` +
      `${first.keptWh} has the higher rank. Look which of them the meter showed, and send an ` +
      'edit if it is the other.',
    detail: {
      instants: String(instants.size),
      keptWh: String(first.keptWh),
      lostWh: String(first.lostWh),
    },
    readingsAtMs: [...instants],
  };
}
