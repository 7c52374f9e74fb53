import { minuteMs } from '../time/civil.ts';
import type { CompiledTariff, Measure } from './compiled.ts';
import { measureWindow } from './folds.ts';
import type { Folds, OpenWindow } from './folds.ts';
import { emptyPeaks } from './peaks.ts';

/** The peaks of windows that begin at every interval of the load, from the slots as they were. */
export function slidingPeaks(
  compiled: CompiledTariff,
  folds: Folds,
  measure: Measure,
): Float64Array {
  const peaks = emptyPeaks(compiled, measure);
  const { slots, estimatedSlots } = folds;
  if (slots === null || estimatedSlots === null) return peaks;
  const { channels, slotCount, slotMs, intervalMs } = compiled;
  const windowSlots = (measure.minutes * minuteMs) / slotMs;
  const step = intervalMs / slotMs;
  const { firstInterval } = compiled;
  for (let firstSlot = firstInterval; firstSlot + windowSlots <= slotCount; firstSlot += step) {
    const window: OpenWindow = {
      seenSlots: windowSlots,
      sums: new Float64Array(channels.length),
      missingChannels: 0,
      hasEstimate: false,
      spotSums: [],
    };
    for (let slot = firstSlot; slot < firstSlot + windowSlots; slot += 1) {
      for (let channel = 0; channel < channels.length; channel += 1) {
        const units = slots[channel * slotCount + slot];
        if (units >= 0) window.sums[channel] += units;
        else window.missingChannels |= 1 << channel;
      }
      if (estimatedSlots[slot] !== 0) window.hasEstimate = true;
    }
    measureWindow(compiled, measure, { peaks, firstSlot, window });
  }
  return peaks;
}
