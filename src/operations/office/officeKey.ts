import { createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { keyIdOf } from '../../db/fleet.ts';
import { assert } from '../../domain/assert.ts';
import type { SigningKey } from '../../wire/envelope.ts';

/** PKCS#8 of an Ed25519 key up to its seed. Source: RFC 8410, 7. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const seedBytes = 32;

export type OfficeKey = SigningKey & { readonly publicKey: Uint8Array };

/**
 * The key by which a company's office signs: derived from the server's one (HKDF-SHA256, RFC 5869),
 * because a key names one edge and every company has an office.
 */
export function officeKeyOf(server: KeyObject, companyId: number): OfficeKey {
  assert(
    server.type === 'private' && server.asymmetricKeyType === 'ed25519',
    'the key of the offices is a private Ed25519 key',
  );
  const seed = server.export({ format: 'der', type: 'pkcs8' }).subarray(-seedBytes);
  const info = `joulebook/office/1\0${companyId}`;
  const derived = Buffer.from(hkdfSync('sha256', seed, new Uint8Array(0), info, seedBytes));
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, derived]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const raw = Uint8Array.from(publicKey.subarray(-seedBytes));
  return { privateKey, keyId: keyIdOf(raw), publicKey: raw };
}
