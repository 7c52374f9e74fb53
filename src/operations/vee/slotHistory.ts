import { assert } from '../../domain/assert.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import type { SlotColumns } from '../../domain/vee/window.ts';

/** Slots of one register, known as far as walks have told of them. */
export class SlotHistory {
  readonly #firstSlot: number;
  readonly #wh: Float64Array;
  readonly #quality: Uint8Array;

  constructor({ firstSlot, endSlot }: { readonly firstSlot: number; readonly endSlot: number }) {
    assert(endSlot >= firstSlot, 'a history does not end before it begins');
    this.#firstSlot = firstSlot;
    this.#wh = new Float64Array(endSlot - firstSlot).fill(Number.NaN);
    this.#quality = new Uint8Array(endSlot - firstSlot);
  }

  /** What a walk found; what lies outside is passed over. */
  put({
    firstSlot,
    slotWh,
    slotQuality,
  }: {
    readonly firstSlot: number;
    readonly slotWh: Float64Array;
    readonly slotQuality: Uint8Array;
  }): void {
    const from = Math.max(0, this.#firstSlot - firstSlot);
    const to = Math.min(slotWh.length, this.#firstSlot + this.#wh.length - firstSlot);
    if (to <= from) return;
    const at = firstSlot + from - this.#firstSlot;
    this.#wh.set(slotWh.subarray(from, to), at);
    this.#quality.set(slotQuality.subarray(from, to), at);
  }

  /** As if nothing had been told from a slot on. */
  forgetFrom(slot: number): void {
    this.#wh.fill(Number.NaN, Math.max(0, slot - this.#firstSlot));
  }

  /** NaN where it is estimated or not known. */
  measuredAt(slot: number): number {
    const at = slot - this.#firstSlot;
    if (at < 0 || at >= this.#wh.length || this.#quality[at] >= qualityEstimated) return Number.NaN;
    return this.#wh[at];
  }

  /** Slots [fromSlot, untilSlot), as far as they are within; null where nothing of it is known. */
  between(fromSlot: number, untilSlot: number): SlotColumns | null {
    const from = Math.max(0, fromSlot - this.#firstSlot);
    const to = Math.min(this.#wh.length, untilSlot - this.#firstSlot);
    if (to <= from) return null;
    const wh = this.#wh.subarray(from, to);
    if (wh.every((each) => Number.isNaN(each))) return null;
    return { firstSlot: this.#firstSlot + from, wh, quality: this.#quality.subarray(from, to) };
  }
}
