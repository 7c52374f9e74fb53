import { createHash, createPublicKey, verify } from 'node:crypto';

/** Signs for the house. The private key stays with whoever implements it: a file, or a token. */
export type Signer = {
  /** See `signerKeyId`. */
  readonly keyId: Uint8Array;
  /** Ed25519, 32 raw bytes. */
  readonly publicKey: Uint8Array;
  /** Pure Ed25519 (RFC 8032) of these bytes: 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
};

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410, 4): the 32 key bytes follow. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const publicKeyBytes = 32;

/** SHA-256 of the public key, first 16 bytes. */
export function signerKeyId(publicKey: Uint8Array): Uint8Array {
  return createHash('sha256').update(publicKey).digest().subarray(0, 16);
}

/** False too for what is no key at all. */
export function isSignatureOf(
  publicKey: Uint8Array,
  { bytes, signature }: { readonly bytes: Uint8Array; readonly signature: Uint8Array },
): boolean {
  if (publicKey.length !== publicKeyBytes) return false;
  const der = Buffer.concat([spkiPrefix, publicKey]);
  return verify(null, bytes, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
}
