import type { SealRow, SigningKeyRow } from '../../db/seals.ts';
import { hashBytes, sealHead, sealSigned } from '../../wire/sealBytes.ts';
import { isSignatureOf, signerKeyId } from '../../wire/signer.ts';
import type { DoctorFinding } from '../doctor/check.ts';
import { firstPrevious, onlyShard } from './chain.ts';

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function sealSubject({ shard, ordinal }: Pick<SealRow, 'shard' | 'ordinal'>): string {
  return `seal/${shard}/${ordinal}`;
}

/** Public keys by their ids. Trusted ones are from outside; else those of the database itself. */
export type SealKeys = {
  readonly stored: ReadonlyMap<string, Uint8Array>;
  readonly trusted: ReadonlySet<string> | null;
};

export function* findWrongKeys(rows: readonly SigningKeyRow[]): Generator<DoctorFinding> {
  for (const { keyId, publicKey } of rows) {
    if (hexOf(signerKeyId(publicKey)) === hexOf(keyId)) continue;
    const message = 'The key is not the one that its id was made of. It was changed.';
    yield { code: 'SEAL_KEY_EDITED', subject: `signing-key/${hexOf(keyId)}`, message };
  }
}

function* findSigner(seal: SealRow, { stored, trusted }: SealKeys): Generator<DoctorFinding> {
  const subject = sealSubject(seal);
  const id = hexOf(seal.keyId);
  const publicKey = stored.get(id);
  if (publicKey === undefined || (trusted !== null && !trusted.has(hexOf(publicKey)))) {
    const message = `Key ${id}, which signed it, is none of ours.`;
    yield { code: 'SEAL_KEY_UNKNOWN', subject, message };
    return;
  }
  const signed = { bytes: sealSigned(seal.head), signature: seal.signature };
  if (isSignatureOf(publicKey, signed)) return;
  const message = `Its signature is not of key ${id} over its head.`;
  yield { code: 'SEAL_SIGNATURE_WRONG', subject, message };
}

/** What is wrong with a block in itself and behind the one before. */
export function* findBlockFaults(
  seal: SealRow,
  before: SealRow | null,
  keys: SealKeys,
): Generator<DoctorFinding> {
  const subject = sealSubject(seal);
  if (seal.shard !== onlyShard) {
    const message = `There is one chain, ${onlyShard}.`;
    yield { code: 'SEAL_BLOCK_FOREIGN', subject, message };
    return;
  }
  const expected = (before?.ordinal ?? 0n) + 1n;
  if (seal.ordinal !== expected) {
    const message = `Blocks ${expected} to ${seal.ordinal - 1n} before it are gone.`;
    yield { code: 'SEAL_BLOCK_MISSING', subject, message };
  } else if (hexOf(seal.previous) !== hexOf(before?.head ?? firstPrevious)) {
    const message = 'It follows another head than the block before it has.';
    yield { code: 'SEAL_ORDER_BROKEN', subject, message };
  }
  if (hexOf(sealHead(seal)) !== hexOf(seal.head) || seal.hashes.length !== seal.rows * hashBytes) {
    const message = 'Its head is not the hash of what stands in it. It was changed.';
    yield { code: 'SEAL_BLOCK_EDITED', subject, message };
  }
  yield* findSigner(seal, keys);
}
