import { assert, assertNever } from '../assert.ts';
import type { WalkCarry, WalkPhase } from './walk.ts';

/**
 * Layouts, little-endian: version u8, two qualities u8, phase u8, four zero bytes, then int64. The
 * short one is of a register that was never shifted by more than whole moduli: four of them, and
 * raw and billed are one. The long one has seven.
 */
const shortLayout = 1;
const shortBytes = 40;
const longLayout = 2;
const longBytes = 64;

function phaseCode(phase: WalkPhase): number {
  switch (phase) {
    case 'counting':
      return 0;
    case 'waiting':
      return 1;
    case 'stopped':
      return 2;
    default:
      return assertNever(phase);
  }
}

const phases: readonly WalkPhase[] = ['counting', 'waiting', 'stopped'];

/** A walk's state as the bytes that stand beside the series. */
export function encodeCarry(carry: NonNullable<WalkCarry>): Uint8Array {
  const isUnshifted = carry.shiftRaw === null || carry.shiftRaw === 0n;
  const isPlain = isUnshifted && carry.baseWh === 0n && carry.lastRaw === carry.lastWh;
  const isShort = isPlain && carry.phase === 'counting';
  const bytes = new Uint8Array(isShort ? shortBytes : longBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, isShort ? shortLayout : longLayout);
  view.setUint8(1, carry.lastQuality);
  view.setUint8(2, carry.boundaryQuality);
  view.setUint8(3, phaseCode(carry.phase));
  view.setBigInt64(8, BigInt(carry.lastAtMs), true);
  view.setBigInt64(16, carry.lastWh, true);
  view.setBigInt64(24, BigInt(carry.boundarySlot), true);
  view.setBigInt64(32, carry.boundaryWh, true);
  if (isShort) return bytes;
  assert(carry.shiftRaw !== null, 'a register that was marked or rolled over knows its shift');
  view.setBigInt64(40, carry.lastRaw, true);
  view.setBigInt64(48, carry.shiftRaw, true);
  view.setBigInt64(56, carry.baseWh, true);
  return bytes;
}

export function decodeCarry(bytes: Uint8Array | null): WalkCarry {
  if (bytes === null) return null;
  const isShort = bytes[0] === shortLayout && bytes.length === shortBytes;
  const isLong = bytes[0] === longLayout && bytes.length === longBytes;
  assert(isShort || isLong, 'a stored carry has its layout');
  assert(bytes[3] < phases.length, 'a stored carry has a known phase');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lastWh = view.getBigInt64(16, true);
  return {
    lastAtMs: Number(view.getBigInt64(8, true)),
    lastWh,
    lastRaw: isShort ? lastWh : view.getBigInt64(40, true),
    lastQuality: view.getUint8(1),
    boundarySlot: Number(view.getBigInt64(24, true)),
    boundaryWh: view.getBigInt64(32, true),
    boundaryQuality: view.getUint8(2),
    shiftRaw: isShort ? null : view.getBigInt64(48, true),
    baseWh: isShort ? 0n : view.getBigInt64(56, true),
    phase: phases[bytes[3]],
  };
}

/** What the register showed at the carry's instant; of a short carry, unwrapped. */
export function shownAt(carry: NonNullable<WalkCarry>): bigint {
  return carry.lastRaw - (carry.shiftRaw ?? 0n);
}
