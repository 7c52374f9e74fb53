import { coveredMs, joinSpans, slotsOf, spanOfSlots, whAt } from './columns.ts';
import type { Seen } from './finding.ts';
import { slotCount } from './ruleShape.ts';
import type { WindowInput } from './window.ts';

export const missingQuantityLimits = { missingSlotsMax: slotCount.default(0) };

/**
 * Slots of which nothing is known although an agreement was in force. A slot that an outage covers
 * is not missing: nothing could flow.
 */
export function checkMissingQuantity(
  { missingSlotsMax }: { readonly missingSlotsMax: number },
  input: WindowInput,
): Seen | null {
  const agreed = input.agreed === null ? null : joinSpans(input.agreed);
  const outages = joinSpans(input.outages);
  const { from, to } = slotsOf(input);
  let missing = 0;
  let first = -1;
  let last = -1;
  for (let slot = from; slot < to; slot += 1) {
    if (!Number.isNaN(whAt(input.slots, slot))) continue;
    const span = spanOfSlots({ from: slot, to: slot + 1 });
    if (agreed !== null && coveredMs(span, agreed) === 0) continue;
    if (coveredMs(span, outages) === span.toMs - span.fromMs) continue;
    missing += 1;
    if (first === -1) first = slot;
    last = slot;
  }
  if (missing <= missingSlotsMax) return null;
  return {
    ...spanOfSlots({ from: first, to: last + 1 }),
    message:
      `Nothing is known of ${missing} of ${to - from} quarter hours. Ask the gateway for the ` +
      'readings, or enter what the register shows.',
    detail: { missingSlots: String(missing), slots: String(to - from) },
    readingsAtMs: [],
  };
}
