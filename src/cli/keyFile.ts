import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

export type KeyCode =
  | 'KEY_FILE_EXISTS'
  | 'KEY_FILE_UNWRITABLE'
  | 'KEY_FILE_MISSING'
  | 'KEY_FILE_EXPOSED'
  | 'KEY_MALFORMED';

/** The last 32 bytes of an Ed25519 SubjectPublicKeyInfo are the key. Source: RFC 8410, 4. */
const publicKeyBytes = 32;

export function rawPublicKey(key: KeyObject): Uint8Array {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return der.subarray(-publicKeyBytes);
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

/** A new Ed25519 key, PKCS#8 in PEM, that only its owner may read. Never over an existing file. */
export function makeKeyFile(file: string): Outcome<KeyObject, KeyCode> {
  const { privateKey } = generateKeyPairSync('ed25519');
  let handle: number;
  try {
    handle = openSync(file, 'wx', 0o600);
  } catch (error) {
    if (reasonOf(error) === 'EEXIST') {
      const message =
        `${file} is there already and may be in use. Choose another name; ` +
        `ems-cli key show ${file} prints its public key.`;
      return refuse('KEY_FILE_EXISTS', message);
    }
    const message = `${file} cannot be written (${reasonOf(error)}). Check the folder.`;
    return refuse('KEY_FILE_UNWRITABLE', message);
  }
  try {
    writeSync(handle, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return accept(privateKey);
}

/** Refuses a key that others can read: whoever reads it signs in our name. */
export function readKeyFile(file: string): Outcome<KeyObject, KeyCode> {
  let pem: string;
  try {
    const mode = statSync(file).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const message = `${file} has mode ${mode.toString(8)}, so others can read it. chmod 600 it.`;
      return refuse('KEY_FILE_EXPOSED', message);
    }
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    const message = `${file} cannot be read (${reasonOf(error)}). Make it with ems-cli key make.`;
    return refuse('KEY_FILE_MISSING', message);
  }
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return accept(key);
  } catch {
    // What is wrong with it is not told: the text may be a secret of another kind.
  }
  return refuse('KEY_MALFORMED', `${file} holds no Ed25519 private key in PEM. Make a new one.`);
}

/** In the data directory of a start: the key that signs its access tokens, for its owner alone. */
export const tokenKeyFile = 'token-key';

/** A key that a start has made for itself in its data directory. */
export function readStartKey(
  dataDirectory: string,
  name: string,
): Outcome<KeyObject, 'KEY_MALFORMED'> {
  const file = path.join(dataDirectory, name);
  try {
    const der = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    return accept(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  } catch {
    return refuse('KEY_MALFORMED', `${file} holds no key of a start. Start the server once.`);
  }
}
