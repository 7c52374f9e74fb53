import type { Outcome } from '../outcome.ts';

export type DeviceKeysCode =
  | 'DEVICE_KEYS_MISSING'
  | 'DEVICE_KEYS_EXPOSED'
  | 'DEVICE_KEYS_MALFORMED';
export type SealedKeyCode = 'DEVICE_KEY_SEALED_ELSEWHERE' | 'DEVICE_KEY_ALTERED';

export type KeypadOwner = { readonly companyId: number; readonly meterId: number };

/** Keeps secrets of keypad devices: what it has sealed is opened for the same device alone. */
export type DeviceKeys = {
  seal(key: Uint8Array, owner: KeypadOwner): Uint8Array;
  open(sealed: Uint8Array, owner: KeypadOwner): Outcome<Uint8Array, SealedKeyCode>;
};

/** Looked for at each use. `mayMake`: where there is none, one is made. */
export type DeviceKeysOf = (mayMake: boolean) => Outcome<DeviceKeys, DeviceKeysCode>;
