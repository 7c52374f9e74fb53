/** Energy is kept a UTC quarter hour: every zone offset in use today is a multiple of it. */
export const slotMs = 900_000;
export const slotsPerDay = 96;

/** Slots are numbered from 1970-01-01T00:00Z; the number is a safe integer. */
export function slotOf(instantMs: number): number {
  return Math.floor(instantMs / slotMs);
}

export function slotStartMs(slot: number): number {
  return slot * slotMs;
}

export function isOnSlotGrid(instantMs: number): boolean {
  return Number.isSafeInteger(instantMs) && instantMs % slotMs === 0;
}
