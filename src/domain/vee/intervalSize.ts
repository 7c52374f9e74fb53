import { z } from 'zod';
import { loadIntervalMinutes } from '../limits.ts';
import { minuteMs } from '../time/civil.ts';
import { instantText } from '../time/instantText.ts';
import type { Seen } from './finding.ts';
import type { WindowInput } from './window.ts';

export const intervalSizeLimits = {
  intervalMinutes: z.literal(loadIntervalMinutes).default(15),
};

/**
 * Whether intervals are as long as they are declared. A distance of several whole intervals is a
 * gap, which is another rule's; any other distance is an interval of a wrong size.
 */
export function checkIntervalSize(
  { intervalMinutes }: { readonly intervalMinutes: number },
  { readingsAtMs }: WindowInput,
): Seen | null {
  const intervalMs = intervalMinutes * minuteMs;
  const wrong: number[] = [];
  let firstMs = 0;
  for (let row = 1; row < readingsAtMs.length; row += 1) {
    const distanceMs = readingsAtMs[row] - readingsAtMs[row - 1];
    if (distanceMs % intervalMs === 0) continue;
    if (wrong.length === 0) firstMs = distanceMs;
    wrong.push(row);
  }
  const first = wrong[0];
  const last = wrong.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    fromMs: readingsAtMs[first - 1],
    toMs: readingsAtMs[last],
    message:
      `${wrong.length} intervals are not ${intervalMinutes} minutes long; the first ends at ` +
      `${instantText(readingsAtMs[first])} and has ${firstMs} ms. Set the meter's capture period ` +
      'and its clock.',
    detail: { intervals: String(wrong.length), firstMs: String(firstMs) },
    readingsAtMs: wrong.map((row) => readingsAtMs[row]),
  };
}
