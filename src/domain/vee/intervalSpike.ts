import { slotsOf, spanOfSlots, whAt } from './columns.ts';
import type { Seen } from './finding.ts';
import { energyWh, percent, slotCount } from './ruleShape.ts';
import { instantText } from '../time/instantText.ts';
import type { WindowInput } from './window.ts';

export const intervalSpikeLimits = {
  /** (highest - third highest) / third highest. */
  percentMax: percent.default(200),
  knownSlotsMin: slotCount.min(3).default(20),
  /** A lower peak is a kettle in an empty house. */
  peakWhMin: energyWh.default(1_000),
};

export type IntervalSpikeLimits = {
  readonly percentMax: number;
  readonly knownSlotsMin: number;
  readonly peakWhMin: number;
};

type Peaks = {
  readonly known: number;
  readonly slot: number;
  readonly first: number;
  third: number;
};

function peaksOf(input: WindowInput): Peaks {
  const { from, to } = slotsOf(input);
  let known = 0;
  let slot = from;
  let first = -1;
  let second = -1;
  let third = -1;
  for (let at = from; at < to; at += 1) {
    const wh = whAt(input.slots, at);
    if (Number.isNaN(wh)) continue;
    known += 1;
    if (wh > first) {
      [first, second, third] = [wh, first, second];
      slot = at;
    } else if (wh > second) [second, third] = [wh, second];
    else if (wh > third) third = wh;
  }
  return { known, slot, first, third };
}

/** One quarter hour that towers over the day's third highest: a wrong reading or a jump. */
export function checkIntervalSpike(limits: IntervalSpikeLimits, input: WindowInput): Seen | null {
  const { known, slot, first, third } = peaksOf(input);
  if (known < limits.knownSlotsMin || first < limits.peakWhMin) return null;
  const excess = BigInt(first - third) * 100n;
  if (excess <= BigInt(third) * BigInt(limits.percentMax)) return null;
  const span = spanOfSlots({ from: slot, to: slot + 1 });
  const isWithin = (atMs: number) => atMs > span.fromMs && atMs <= span.toMs;
  const unit = input.unit ?? 'Wh';
  const share = third === 0 ? 'above zero' : `${excess / BigInt(third)} % above ${third} ${unit}`;
  return {
    ...span,
    message:
      `The quarter hour from ${instantText(span.fromMs)} has ${first} ${unit}, ${share}, the ` +
      `third highest of the window; more than ${limits.percentMax} % is a spike. Look at the ` +
      'readings around it.',
    detail: { highestWh: String(first), thirdHighestWh: String(third) },
    readingsAtMs: [...input.readingsAtMs].filter(isWithin),
  };
}
