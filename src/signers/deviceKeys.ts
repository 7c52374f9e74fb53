import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type {
  DeviceKeys,
  DeviceKeysCode,
  DeviceKeysOf,
  KeypadOwner,
} from '../domain/payment/deviceKeys.ts';

/** In the data directory: 32 random bytes in hexadecimal, for its owner alone. */
export const deviceKeysFile = 'device_keys.key';

const keyBytes = 32;
/** Of SHA-256 of the key: tells a foreign key from an altered row. */
const idBytes = 8;
/** NIST SP 800-38D: a random nonce of 96 bits, a tag of 128. */
const nonceBytes = 12;
const tagBytes = 16;
const cipher = 'aes-256-gcm';

function boundTo({ companyId, meterId }: KeypadOwner): Buffer {
  return Buffer.from(`joulebook/device-key/1\0${companyId}/${meterId}`);
}

function keysOf(key: Uint8Array): DeviceKeys {
  const id = createHash('sha256').update('joulebook/device-keys/1\0').update(key).digest();
  const keyId = id.subarray(0, idBytes);
  return {
    seal(secret, owner) {
      const nonce = randomBytes(nonceBytes);
      const sealing = createCipheriv(cipher, key, nonce).setAAD(boundTo(owner));
      const hidden = Buffer.concat([sealing.update(secret), sealing.final()]);
      return Buffer.concat([keyId, nonce, sealing.getAuthTag(), hidden]);
    },
    open(sealed, owner) {
      const bytes = Buffer.from(sealed);
      if (!bytes.subarray(0, idBytes).equals(keyId)) {
        const message = `The key was sealed under another ${deviceKeysFile}. Put that one back.`;
        return refuse('DEVICE_KEY_SEALED_ELSEWHERE', message);
      }
      const [nonceAt, tagAt] = [idBytes, idBytes + nonceBytes];
      const hiddenAt = tagAt + tagBytes;
      try {
        const opening = createDecipheriv(cipher, key, bytes.subarray(nonceAt, tagAt), {
          authTagLength: tagBytes,
        })
          .setAAD(boundTo(owner))
          .setAuthTag(bytes.subarray(tagAt, hiddenAt));
        return accept(Buffer.concat([opening.update(bytes.subarray(hiddenAt)), opening.final()]));
      } catch {
        const message = 'The sealed key of this device was altered, or is another device’s.';
        return refuse('DEVICE_KEY_ALTERED', message);
      }
    },
  };
}

function make(file: string): Uint8Array {
  const key = randomBytes(keyBytes);
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, `${key.toString('hex')}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return key;
}

function openFile(file: string, mayMake: boolean): Outcome<DeviceKeys, DeviceKeysCode> {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    if (mayMake) return accept(keysOf(make(file)));
    const message = `There is no ${file}: keys of devices were sealed with it. Put it back.`;
    return refuse('DEVICE_KEYS_MISSING', message);
  }
  // Windows keeps no such bits: its files are private by the folder that they are in.
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8);
    const message = `${file} has mode ${mode}, so others can read it. chmod 600 it.`;
    return refuse('DEVICE_KEYS_EXPOSED', message);
  }
  const text = readFileSync(file, 'utf8').trim();
  if (/^[0-9a-f]{64}$/.test(text)) return accept(keysOf(Buffer.from(text, 'hex')));
  const message = `${file} is not 64 hexadecimal digits. Put the right one back from its backup.`;
  return refuse('DEVICE_KEYS_MALFORMED', message);
}

export function deviceKeysIn(dataDirectory: string): DeviceKeysOf {
  return (mayMake) => openFile(path.join(dataDirectory, deviceKeysFile), mayMake);
}
