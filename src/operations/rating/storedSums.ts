import { decodeAccumulator, encodeAccumulator } from '../../domain/rating/accumulatorCodec.ts';
import type { CompiledTariff } from '../../domain/rating/compiled.ts';
import type { Accumulator } from '../../domain/rating/kernel.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';

/**
 * What is stored of a charge's slots, with the bill that they were summed for: layout u8, three
 * zero bytes, first slot, slot after the last and slot after the last that is summed as u32, then
 * the accumulator. A version that is published later may shorten a bill, and then its sums have to
 * be worked out anew.
 */
const layout = 3;
const headerBytes = 16;

export type StoredSums = {
  /** Slots before it are in the accumulator. */
  readonly untilSlot: number;
  readonly accumulator: Accumulator;
};

export function encodeSums(compiled: CompiledTariff, sums: StoredSums): Uint8Array {
  const encoded = encodeAccumulator(sums.accumulator);
  const bytes = new Uint8Array(headerBytes + encoded.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, layout);
  view.setUint32(4, compiled.firstSlot, true);
  view.setUint32(8, compiled.firstSlot + compiled.slotCount, true);
  view.setUint32(12, sums.untilSlot, true);
  bytes.set(encoded, headerBytes);
  return bytes;
}

/** Null when they are of another bill or of a layout of before: then the series says it again. */
export function decodeSums(compiled: CompiledTariff, bytes: Uint8Array): StoredSums | null {
  if (bytes.length < headerBytes || bytes[0] !== layout) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isSameBill =
    view.getUint32(4, true) === compiled.firstSlot &&
    view.getUint32(8, true) === compiled.firstSlot + compiled.slotCount;
  if (!isSameBill) return null;
  const accumulator = decodeAccumulator(compiled, bytes.subarray(headerBytes));
  if (!accumulator.ok) return null;
  return { untilSlot: view.getUint32(12, true), accumulator: accumulator.value };
}

/** The bill that stored sums are of; null for a layout of before. */
export function windowOfSums(
  bytes: Uint8Array,
): { readonly fromMs: number; readonly toMs: number } | null {
  if (bytes.length < headerBytes || bytes[0] !== layout) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    fromMs: slotStartMs(view.getUint32(4, true)),
    toMs: slotStartMs(view.getUint32(8, true)),
  };
}
