import { instantText } from '../time/instantText.ts';
import type { Seen } from './finding.ts';
import { energyWh } from './ruleShape.ts';
import type { WindowInput } from './window.ts';

export const negativeConsumptionLimits = { toleranceWh: energyWh.default(0) };

/**
 * A register that shows less than before and did not roll over. The walk has left the reading out
 * already: nothing is billed for it. A value that a mark gave is no reading that could be left out.
 */
export function checkNegativeConsumption(
  { toleranceWh }: { readonly toleranceWh: number },
  { exceptions, fromMs, toMs, unit = 'Wh' }: WindowInput,
): Seen | null {
  const found = exceptions.flatMap(({ code, atMs, wh, lastWh, isMark }) => {
    if (code === 'REGISTER_JUMPED' || code === 'GAP_NOT_BRIDGED') return [];
    if (atMs < fromMs || atMs >= toMs || lastWh === null) return [];
    return lastWh - wh > BigInt(toleranceWh) ? [{ atMs, wh, lastWh, isMark }] : [];
  });
  const first = found[0];
  const last = found.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    fromMs: first.atMs,
    toMs: last.atMs + 1,
    message:
      `The register showed ${first.wh} ${unit} at ${instantText(first.atMs)} after ` +
      `${first.lastWh} ${unit}, and it is no rollover. 0 is billed for it: look for an exchange, ` +
      'a reset or a wrong reading, and record a mark or an edit.',
    detail: {
      readings: String(found.length),
      wh: String(first.wh),
      lastWh: String(first.lastWh),
    },
    readingsAtMs: found.filter(({ isMark }) => !isMark).map(({ atMs }) => atMs),
  };
}
