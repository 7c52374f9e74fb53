import { qualityActual } from '../series/quality.ts';
import { slotCount } from './ruleShape.ts';
import { qualityAt, slotsOf, spanOfSlots, whAt } from './columns.ts';
import type { SlotRange } from './columns.ts';
import type { Seen } from './finding.ts';
import type { WindowInput } from './window.ts';

export const consecutiveIntervalLimits = { identicalSlotsMax: slotCount.min(1).default(11) };

/**
 * A register that moves by exactly the same energy slot after slot: a stuck pulse input, or a load
 * that is not real. Zeros are the Zero Consumption Check's. Only ACTUAL slots count: whatever was
 * worked out between readings is even because we made it so.
 */
export function checkConsecutiveInterval(
  { identicalSlotsMax }: { readonly identicalSlotsMax: number },
  input: WindowInput,
): Seen | null {
  const { from, to } = slotsOf(input);
  let longest: SlotRange = { from, to: from };
  let runFrom = from;
  for (let slot = from; slot < to; slot += 1) {
    const wh = whAt(input.slots, slot);
    const counts = wh > 0 && qualityAt(input.slots, slot) === qualityActual;
    if (!counts) {
      runFrom = slot + 1;
      continue;
    }
    if (slot > runFrom && whAt(input.slots, slot - 1) !== wh) runFrom = slot;
    if (slot + 1 - runFrom > longest.to - longest.from) longest = { from: runFrom, to: slot + 1 };
  }
  const count = longest.to - longest.from;
  if (count <= identicalSlotsMax) return null;
  const wh = whAt(input.slots, longest.from);
  return {
    ...spanOfSlots(longest),
    message:
      `${count} quarter hours in a row have exactly ${wh} ${input.unit ?? 'Wh'}; more than ` +
      `${identicalSlotsMax} are not believed. Look whether the register is stuck.`,
    detail: { slots: String(count), slotWh: String(wh) },
    readingsAtMs: [],
  };
}
