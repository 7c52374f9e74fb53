import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Accumulator } from './kernel.ts';

/** Layout, little-endian: version u8, super periods u8, two zero bytes, rated slots u32, missing
 * slots u32, then a float64 of whole Wh for each super period. */
const layoutVersion = 1;
const headerBytes = 12;
const sumBytes = 8;

export function encodeAccumulator(accumulator: Accumulator): Uint8Array {
  const { sumWh, ratedSlots, missingSlots } = accumulator;
  const bytes = new Uint8Array(headerBytes + sumWh.length * sumBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, layoutVersion);
  view.setUint8(1, sumWh.length);
  view.setUint32(4, ratedSlots, true);
  view.setUint32(8, missingSlots, true);
  for (const [index, valueWh] of sumWh.entries()) {
    view.setFloat64(headerBytes + index * sumBytes, valueWh, true);
  }
  return bytes;
}

export function decodeAccumulator(
  bytes: Uint8Array,
): Outcome<Accumulator, 'ACCUMULATOR_MALFORMED'> {
  const malformed = refuse(
    'ACCUMULATOR_MALFORMED',
    'The stored sums of a period cannot be read; rate the period again from its readings.',
  );
  if (bytes.length < headerBytes || bytes[0] !== layoutVersion) return malformed;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const superPeriodCount = view.getUint8(1);
  if (view.getUint16(2, true) !== 0) return malformed;
  if (bytes.length !== headerBytes + superPeriodCount * sumBytes) return malformed;
  const sumWh = new Float64Array(superPeriodCount);
  for (let index = 0; index < superPeriodCount; index += 1) {
    const valueWh = view.getFloat64(headerBytes + index * sumBytes, true);
    if (!Number.isSafeInteger(valueWh) || valueWh < 0) return malformed;
    sumWh[index] = valueWh;
  }
  const ratedSlots = view.getUint32(4, true);
  return accept({ sumWh, ratedSlots, missingSlots: view.getUint32(8, true) });
}
