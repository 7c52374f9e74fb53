import { slotsOf, whAt } from './columns.ts';
import type { Seen } from './finding.ts';
import { slotCount } from './ruleShape.ts';
import type { SlotColumns, WindowInput } from './window.ts';

export const siblingExistsLimits = { missingSlotsMax: slotCount.default(0) };

/** Slots of the window in which the register is known and the sibling is not. */
function lackingSlots(input: WindowInput, sibling: SlotColumns): number {
  const { from, to } = slotsOf(input);
  let lacking = 0;
  for (let slot = from; slot < to; slot += 1) {
    if (!Number.isNaN(whAt(input.slots, slot)) && Number.isNaN(whAt(sibling, slot))) lacking += 1;
  }
  return lacking;
}

/**
 * Active energy without the reactive energy of the same time would give a power factor of nonsense.
 * Every sibling that the meter has must be known wherever this register is.
 */
export function checkSiblingExists(
  { missingSlotsMax }: { readonly missingSlotsMax: number },
  input: WindowInput,
): Seen | null {
  const lacking = input.siblings
    .filter(({ channel }) => channel !== input.channel)
    .map(({ channel, slots }) => ({ channel, count: lackingSlots(input, slots) }))
    .filter(({ count }) => count > missingSlotsMax)
    .toSorted((left, right) => left.channel - right.channel);
  if (lacking.length === 0) return null;
  const named = lacking.map(({ channel, count }) => `channel ${channel} lacks ${count} slots`);
  return {
    fromMs: input.fromMs,
    toMs: input.toMs,
    message:
      `Channel ${input.channel} is known and its siblings are not: ${named.join(', ')}. Ask the ` +
      'gateway for them, or enter them as manual readings.',
    detail: Object.fromEntries(
      lacking.map(({ channel, count }) => [`missingSlotsOfChannel${channel}`, String(count)]),
    ),
    readingsAtMs: [],
  };
}
