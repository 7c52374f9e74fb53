import { minuteMs } from '../time/civil.ts';
import type { OffsetSegment } from '../time/zone.ts';
import { sharedInt32 } from './compiled.ts';
import type { WindowTable } from './compiled.ts';

export type Grid = { readonly fromMs: number; readonly slotMs: number; readonly slotCount: number };

/** Windows by the local wall clock, one after the other from midnight; a change of the clocks ends
 * one, so that the hour that comes twice is two windows. */
export function localWindows(
  grid: Grid,
  minutes: number,
  segments: readonly OffsetSegment[],
): WindowTable {
  const lengthMs = minutes * minuteMs;
  const starts: number[] = [];
  let slot = 0;
  for (const { startMs, endMs, offsetMs } of segments) {
    let last = Number.NaN; // no window
    for (let localMs = startMs + offsetMs; localMs < endMs + offsetMs; localMs += grid.slotMs) {
      const window = Math.floor(localMs / lengthMs);
      if (window !== last) starts.push(slot);
      last = window;
      slot += 1;
    }
  }
  return {
    starts: sharedInt32([...starts, grid.slotCount]),
    slotsPerWindow: Math.max(1, lengthMs / grid.slotMs),
  };
}

/** The load's own intervals, which began at `phaseMs` and come every `intervalMs`. */
export function loadWindows(
  grid: Grid,
  load: { readonly intervalMs: number; readonly phaseMs: number },
): WindowTable {
  const starts: number[] = [];
  let last = Number.NaN; // no window
  for (let slot = 0; slot < grid.slotCount; slot += 1) {
    const atMs = grid.fromMs + slot * grid.slotMs - load.phaseMs;
    const window = Math.floor(atMs / load.intervalMs);
    if (window !== last) starts.push(slot);
    last = window;
  }
  return {
    starts: sharedInt32([...starts, grid.slotCount]),
    slotsPerWindow: load.intervalMs / grid.slotMs,
  };
}

/** The same windows, cut also where the period changes: each piece has a price of its own. */
export function cutAtPeriods(
  table: WindowTable,
  superPeriodOfSlot: Uint8Array,
  periodOfSuper: readonly number[],
): WindowTable {
  const slotCount = superPeriodOfSlot.length;
  const known = new Set(table.starts);
  const starts: number[] = [];
  for (let slot = 0; slot < slotCount; slot += 1) {
    const period = periodOfSuper[superPeriodOfSlot[slot]];
    const before = slot === 0 ? Number.NaN : periodOfSuper[superPeriodOfSlot[slot - 1]];
    if (known.has(slot) || period !== before) starts.push(slot);
  }
  return { starts: sharedInt32([...starts, slotCount]), slotsPerWindow: table.slotsPerWindow };
}
