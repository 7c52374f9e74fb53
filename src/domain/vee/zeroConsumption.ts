import { coveredMs, joinSpans, slotsOf, whAt } from './columns.ts';
import type { Seen } from './finding.ts';
import { slotCount } from './ruleShape.ts';
import type { WindowInput } from './window.ts';

/** A local day has at least 92 quarter hours. */
export const zeroConsumptionLimits = { zeroSlotsMin: slotCount.min(1).default(92) };

/**
 * Nothing at all flowed although there was voltage and somebody lives there: a bypass, a blown
 * measuring fuse, a wrong register. A vacant place and a power outage use nothing for good reason.
 */
export function checkZeroConsumption(
  { zeroSlotsMin }: { readonly zeroSlotsMin: number },
  input: WindowInput,
): Seen | null {
  if (input.isOccupied !== true || input.hasVoltage !== true) return null;
  if (coveredMs(input, joinSpans(input.outages)) > 0) return null;
  const { from, to } = slotsOf(input);
  if (to - from < zeroSlotsMin) return null;
  for (let slot = from; slot < to; slot += 1) if (whAt(input.slots, slot) !== 0) return null;
  return {
    fromMs: input.fromMs,
    toMs: input.toMs,
    message:
      `All ${to - from} quarter hours are zero, with voltage, at an occupied place. Look for a ` +
      'bypass or a register that does not count.',
    detail: { slots: String(to - from) },
    readingsAtMs: [],
  };
}
