import { slotMs, slotOf, slotsPerDay } from '../../domain/rating/slot.ts';
import { placesPerDay } from '../../domain/series/day.ts';
import type { SeriesDay } from '../../domain/series/day.ts';

/**
 * Whether readings came that close the slot behind a gap of this open day: it was not known when
 * the gap was laid out, and a line between the gap's neighbours may be the better guess.
 */
export function awaitsNeighbour(
  { series }: { readonly series: SeriesDay },
  head: { readonly lastAtMs: number },
): boolean {
  if (series.shapes.length === 0) return false;
  const hasReading = (slot: number): boolean => {
    const place = 2 * (slot - series.day * slotsPerDay);
    return place < placesPerDay && series.offsetMs[place] !== -1;
  };
  return series.shapes.some(({ toMs }) => {
    const after = Math.ceil(toMs / slotMs);
    // Measured is what readings tell that are no more than two slots apart.
    const isClosed = [1, 2, 3].some((distance) => hasReading(after + distance));
    return slotOf(head.lastAtMs) <= after && isClosed;
  });
}
