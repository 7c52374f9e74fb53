import { coveredMs, joinSpans, slotsOf, spanOfSlots, whAt } from './columns.ts';
import type { Seen } from './finding.ts';
import { energyWh } from './ruleShape.ts';
import type { WindowInput } from './window.ts';

export const inactiveMeasurementLimits = { toleranceWh: energyWh.default(0) };

/**
 * Energy while nobody has an agreement: it is not lost, it is a case of vacant consumption. Slots
 * that an agreement covers in part are its own.
 */
export function checkInactiveMeasurement(
  { toleranceWh }: { readonly toleranceWh: number },
  input: WindowInput,
): Seen | null {
  if (input.agreed === null) return null;
  const agreed = joinSpans(input.agreed);
  const { from, to } = slotsOf(input);
  let wh = 0;
  let first = -1;
  let last = -1;
  for (let slot = from; slot < to; slot += 1) {
    const slotWh = whAt(input.slots, slot);
    if (!(slotWh > 0) || coveredMs(spanOfSlots({ from: slot, to: slot + 1 }), agreed) > 0) continue;
    wh += slotWh;
    if (first === -1) first = slot;
    last = slot;
  }
  if (wh <= toleranceWh) return null;
  return {
    ...spanOfSlots({ from: first, to: last + 1 }),
    message:
      `${wh} ${input.unit ?? 'Wh'} flowed while no agreement was in force. Find out who used ` +
      'them: they belong to an agreement that is missing, or to the owner of the place.',
    detail: { energyWh: String(wh) },
    readingsAtMs: [],
  };
}
