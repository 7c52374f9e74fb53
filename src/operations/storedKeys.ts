import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Statement } from '../db/connect.ts';
import { readKeys } from '../db/logReads.ts';
import { verifyEnvelope } from '../wire/batch.ts';
import type { OpenedBatch } from './logRows.ts';

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410, 4): the 32 key bytes follow. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** What is known today of the key that signed a batch. */
export type SignatureFact = {
  readonly keyId: string;
  /** `foreign`: registered, and for another edge. */
  readonly keyState: 'valid' | 'revoked' | 'foreign' | 'unknown';
  /** Whether the signature holds over the bytes as they are stored. */
  readonly isValid: boolean;
};

type Key = {
  readonly edgeId: number;
  readonly isRevoked: boolean;
  readonly publicKey: KeyObject;
};

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Checks signatures of stored batches anew; keys are looked up once, revoked ones too. */
export class StoredKeys {
  readonly #known = new Map<string, Key | null>();

  async load(tx: Statement, batches: readonly OpenedBatch[]): Promise<void> {
    const missing = new Map<string, Uint8Array>();
    for (const { envelope } of batches) {
      const id = hexOf(envelope.keyId);
      if (!this.#known.has(id)) missing.set(id, envelope.keyId);
    }
    if (missing.size === 0) return;
    for (const id of missing.keys()) this.#known.set(id, null);
    for (const row of await readKeys(tx, [...missing.values()])) {
      const der = Buffer.concat([spkiPrefix, row.publicKey]);
      const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
      const isRevoked = row.revokedAtMs !== null;
      this.#known.set(hexOf(row.keyId), { edgeId: row.edgeId, isRevoked, publicKey });
    }
  }

  /** Of a batch that was given to `load`. */
  factOf({ envelope, batch }: OpenedBatch): SignatureFact {
    const keyId = hexOf(envelope.keyId);
    const key = this.#known.get(keyId) ?? null;
    if (key === null) return { keyId, keyState: 'unknown', isValid: false };
    const isValid = verifyEnvelope(envelope, key.publicKey);
    if (key.edgeId !== batch.edgeId) return { keyId, keyState: 'foreign', isValid };
    return { keyId, keyState: key.isRevoked ? 'revoked' : 'valid', isValid };
  }
}
