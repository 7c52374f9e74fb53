import { slotMs, slotOf } from '../rating/slot.ts';
import type { GapShape } from './gapShape.ts';
import { qualityActual, qualityCalculated, qualityEstimated, qualityMissing } from './quality.ts';
import { closeSlot, floorOfRatio, reserve } from './walkState.ts';
import type { Located, Walk } from './walkState.ts';

/**
 * How well a boundary between two neighbouring readings is known, by their distance: within a slot
 * as good as read, within two interpolated, beyond that nobody saw when the energy flowed.
 */
export function gapQuality(gapMs: number): number {
  if (gapMs <= slotMs) return qualityActual;
  return gapMs <= 2 * slotMs ? qualityCalculated : qualityEstimated;
}

/** Closes the slots up to an accepted reading: R(b) = v0 + floor((v1 - v0)(b - t0) / (t1 - t0)). */
export function closeEvenly(walk: Walk, atMs: number, wh: number, quality: number): void {
  const slot = slotOf(atMs);
  if (walk.boundarySlot === slot) return;
  reserve(walk, slot - walk.boundarySlot);
  const gapMs = atMs - walk.lastAtMs;
  const inferred = Math.max(gapQuality(gapMs), walk.lastQuality, quality);
  while (walk.boundarySlot < slot) {
    walk.boundarySlot += 1;
    const boundaryMs = walk.boundarySlot * slotMs;
    const isRead = boundaryMs === atMs;
    const registerWh = isRead
      ? wh
      : walk.lastWh +
        floorOfRatio({ a: wh - walk.lastWh, b: boundaryMs - walk.lastAtMs, c: gapMs });
    const boundaryQuality = isRead ? quality : inferred;
    closeSlot(walk, registerWh - walk.boundaryWh, Math.max(walk.boundaryQuality, boundaryQuality));
    walk.boundaryWh = registerWh;
    walk.boundaryQuality = boundaryQuality;
  }
}

/** The same by the weights of a shape: R(b) = v0 + floor((v1 - v0) * weights before b / all). */
function closeShaped(walk: Walk, { atMs, wh, quality }: Located, shape: GapShape): void {
  const slot = slotOf(atMs);
  reserve(walk, slot - walk.boundarySlot);
  const differenceWh = wh - walk.lastWh;
  const gapMs = atMs - walk.lastAtMs;
  const total = shape.weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  for (let at = 0; walk.boundarySlot < slot; at += 1) {
    before += shape.weights[at];
    walk.boundarySlot += 1;
    const boundaryMs = walk.boundarySlot * slotMs;
    const isRead = boundaryMs === atMs;
    // Weights that are all zero say nothing: as even as time.
    const flownWh =
      total === 0
        ? floorOfRatio({ a: differenceWh, b: boundaryMs - walk.lastAtMs, c: gapMs })
        : floorOfRatio({ a: differenceWh, b: before, c: total });
    const registerWh = isRead ? wh : walk.lastWh + flownWh;
    const slotQuality = Math.max(walk.boundaryQuality, shape.quality[at]);
    closeSlot(walk, registerWh - walk.boundaryWh, slotQuality);
    walk.boundaryWh = registerWh;
    walk.boundaryQuality = isRead ? quality : shape.quality[at + 1];
  }
}

/** Closes the slots up to an accepted reading, by the gap's shape where the day has one. */
export function closeUpTo(walk: Walk, atMs: number, wh: number, quality: number): void {
  const fromMs = walk.lastAtMs;
  if (atMs - fromMs <= 2 * slotMs) return closeEvenly(walk, atMs, wh, quality);
  if (walk.shapes.length > 0) {
    const shape = walk.shapes.find((each) => each.fromMs === fromMs && each.toMs === atMs);
    if (shape !== undefined) return closeShaped(walk, { atMs, wh, quality }, shape);
  }
  walk.gaps.push({ fromMs, toMs: atMs, differenceWh: BigInt(wh - walk.lastWh) });
  closeEvenly(walk, atMs, wh, quality);
}

/** Closes the slot that was not read to its end: what it had is known, and nothing is not zero. */
export function closeUnread(walk: Walk): void {
  reserve(walk, 1);
  const energyWh = walk.lastWh - walk.boundaryWh;
  if (energyWh === 0) closeSlot(walk, Number.NaN, qualityMissing);
  else closeSlot(walk, energyWh, qualityEstimated);
}

/**
 * What flowed up to an instant is unknown: the slot that was open keeps what it had, those between
 * say nothing, and the one of the instant gets what flows from then on.
 */
export function leaveUnknown(walk: Walk, atMs: number, quality: number): void {
  const slot = slotOf(atMs);
  if (slot > walk.boundarySlot) {
    reserve(walk, slot - walk.boundarySlot);
    closeUnread(walk);
    for (let missing = walk.boundarySlot + 1; missing < slot; missing += 1) {
      closeSlot(walk, Number.NaN, qualityMissing);
    }
    walk.boundarySlot = slot;
    walk.boundaryWh = walk.lastWh;
    walk.boundaryQuality = qualityActual;
  }
  const known = atMs === slot * slotMs ? quality : Math.max(quality, qualityCalculated);
  walk.boundaryQuality = Math.max(walk.boundaryQuality, known);
}
