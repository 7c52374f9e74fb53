import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { signerKeyId } from '../wire/signer.ts';
import type { Signer } from '../wire/signer.ts';

/** In the data directory: Ed25519, PKCS#8 in PEM, for its owner alone. */
export const billingKeysFile = 'billing_keys.pem';

export type SignerCode = 'BILLING_KEYS_EXPOSED' | 'BILLING_KEYS_MALFORMED';

const publicKeyBytes = 32;

function signerOf(privateKey: KeyObject): Signer {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(der.subarray(-publicKeyBytes));
  return {
    keyId: signerKeyId(publicKey),
    publicKey,
    sign: async (bytes) => sign(null, bytes, privateKey),
  };
}

function make(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return privateKey;
}

/** The signer of a key file, which is made where there is none. */
export function openFileSigner(file: string): Outcome<Signer, SignerCode> {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return accept(signerOf(make(file)));
  // Windows keeps no such bits: its files are private by the folder that they are in.
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
    const message =
      `${file} signs for the house and has mode ${(stat.mode & 0o777).toString(8)}, so others on ` +
      'this machine can read it. Run chmod 600 on it if you trust them all, else take another key.';
    return refuse('BILLING_KEYS_EXPOSED', message);
  }
  try {
    const key = createPrivateKey(readFileSync(file, 'utf8'));
    if (key.asymmetricKeyType === 'ed25519') return accept(signerOf(key));
  } catch {
    // Told below: what the parser says of it may hold a part of the key.
  }
  const message = `${file} holds no Ed25519 key in PEM. Put the right one back from its backup.`;
  return refuse('BILLING_KEYS_MALFORMED', message);
}
