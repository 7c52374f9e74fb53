import fc from 'fast-check';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { dayMs } from '../../../src/domain/time/civil.ts';
import type { SlotColumns, WindowInput } from '../../../src/domain/vee/window.ts';

/** Tuesday 2026-03-03, UTC. */
export const tuesdayMs = Date.UTC(2026, 2, 3);
export const tuesdaySlot = tuesdayMs / slotMs;

export type Energy = number | null;

/** Slots from one on; null is missing. Quality 0 (ACTUAL) unless given, 3 where missing. */
export function slotsFrom(
  firstSlot: number,
  energies: readonly Energy[],
  quality: readonly number[] | number = 0,
): SlotColumns {
  return {
    firstSlot,
    wh: Float64Array.from(energies, (wh) => wh ?? Number.NaN),
    quality: Uint8Array.from(energies, (wh, at) => {
      if (wh === null) return 3;
      return typeof quality === 'number' ? quality : (quality[at] ?? 0);
    }),
  };
}

export function flat(count: number, wh: Energy): Energy[] {
  return Array.from({ length: count }, () => wh);
}

/** So many days before the Tuesday, each slot with the same energy. */
export function historyOf(days: number, slotWh: number, quality = 0): SlotColumns {
  return slotsFrom(tuesdaySlot - days * 96, flat(days * 96, slotWh), quality);
}

/** A window of which nothing is known but what is given; a whole Tuesday unless said otherwise. */
export function windowOf(given: Partial<WindowInput> = {}): WindowInput {
  return {
    kind: 'day',
    fromMs: tuesdayMs,
    toMs: tuesdayMs + dayMs,
    zone: 'UTC',
    channel: 1,
    slots: slotsFrom(tuesdaySlot, flat(96, 250)),
    readingsAtMs: new Float64Array(),
    register: null,
    intervals: null,
    history: null,
    bills: [],
    siblings: [],
    exceptions: [],
    conflicts: [],
    blocks: [],
    replacement: null,
    agreed: null,
    isOccupied: null,
    hasVoltage: null,
    outages: [],
    ...given,
  };
}

/** A Tuesday with these energies, and from then on the same small one. */
export function dayOf(energies: readonly Energy[], rest: Energy): WindowInput {
  return windowOf({
    slots: slotsFrom(tuesdaySlot, [...energies, ...flat(96 - energies.length, rest)]),
  });
}

/** Energies that are often equal, often 0 and sometimes large. */
export const energy = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.integer({ min: 0, max: 50_000 }),
  fc.constantFrom(0, 100, 200, 300),
);
export const value = fc.oneof(
  { weight: 12, arbitrary: energy },
  { weight: 1, arbitrary: fc.constant(null) },
);
