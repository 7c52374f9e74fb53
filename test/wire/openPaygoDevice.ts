import { sipHash24 } from '../../src/wire/sipHash.ts';

/**
 * The far end: a keypad device of nine digits, written from the published description of what a
 * device does. It tries the chain from its starting code on, up to 64 counts ahead of the last one
 * it took (100 for a sync), and takes an older token that adds when it is one of the last 16.
 */
export type Device = {
  readonly key: Uint8Array;
  readonly startingCode: number;
  lastCount: number;
  readonly used: Set<number>;
  days: number;
  isUnlocked: boolean;
};

export type Entered = 'added' | 'set' | 'unlocked' | 'synced' | 'used' | 'invalid';

function step(key: Uint8Array, token: number): number {
  const word = Buffer.alloc(8);
  word.writeUInt32BE(token, 0);
  word.writeUInt32BE(token, 4);
  const hash = Buffer.alloc(8);
  hash.writeBigUInt64BE(sipHash24(key, word));
  const folded = (hash.readUInt32BE(0) ^ hash.readUInt32BE(4)) >>> 2;
  return folded > 999_999_999 ? folded - 73_741_825 : folded;
}

export function newDevice(key: Uint8Array, startingCode: number): Device {
  return { key, startingCode, lastCount: 1, used: new Set(), days: 0, isUnlocked: false };
}

function take(device: Device, count: number, value: number): Entered {
  const isAdd = count % 2 === 0;
  const isOld = count <= device.lastCount;
  const isStillTaken = isAdd && count > device.lastCount - 16 && !device.used.has(count);
  if (isOld && !isStillTaken) return 'used';
  device.used.add(count);
  if (!isAdd) for (let each = count - 16; each <= count; each += 1) device.used.add(each);
  device.lastCount = Math.max(device.lastCount, count);
  if (isAdd) {
    device.days += value;
    return 'added';
  }
  if (value === 999) return 'synced';
  if (value === 998) {
    device.isUnlocked = true;
    return 'unlocked';
  }
  device.days = value;
  return 'set';
}

/** Types a token into the device. */
export function enter(device: Device, text: string): Entered {
  const typed = Number(text);
  const base = typed % 1_000;
  const withBase = (token: number) => token - (token % 1_000) + base;
  const value = (base - (device.startingCode % 1_000) + 1_000) % 1_000;
  const ahead = value === 999 ? 100 : 64;
  let token = withBase(device.startingCode);
  let found: number | null = null;
  for (let count = 0; count <= device.lastCount + ahead; count += 1) {
    if (withBase(token) === typed) found = count;
    token = step(device.key, token);
  }
  return found === null ? 'invalid' : take(device, found, value);
}
