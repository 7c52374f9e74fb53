import { assert } from '../assert.ts';
import type { WalkCarry } from './walk.ts';

/** Layout, little-endian: version u8, two qualities u8, five zero bytes, then four int64. */
const layout = 1;
const carryBytes = 40;

/** A walk's state as the bytes that stand beside the series. */
export function encodeCarry(carry: NonNullable<WalkCarry>): Uint8Array {
  const bytes = new Uint8Array(carryBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, layout);
  view.setUint8(1, carry.lastQuality);
  view.setUint8(2, carry.boundaryQuality);
  view.setBigInt64(8, BigInt(carry.lastAtMs), true);
  view.setBigInt64(16, carry.lastWh, true);
  view.setBigInt64(24, BigInt(carry.boundarySlot), true);
  view.setBigInt64(32, carry.boundaryWh, true);
  return bytes;
}

export function decodeCarry(bytes: Uint8Array | null): WalkCarry {
  if (bytes === null) return null;
  assert(bytes.length === carryBytes && bytes[0] === layout, 'a stored carry has its layout');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    lastAtMs: Number(view.getBigInt64(8, true)),
    lastWh: view.getBigInt64(16, true),
    lastQuality: view.getUint8(1),
    boundarySlot: Number(view.getBigInt64(24, true)),
    boundaryWh: view.getBigInt64(32, true),
    boundaryQuality: view.getUint8(2),
  };
}
