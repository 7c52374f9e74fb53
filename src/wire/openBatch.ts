import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { batchHash } from './batch.ts';
import type { Batch } from './batch.ts';
import { inflate } from './compression.ts';
import { decodeBatch } from './decodeBatch.ts';
import type { DecodeCode } from './decodeBatch.ts';
import type { Envelope } from './envelope.ts';

export type DecodedBatch = { readonly batch: Batch; readonly hash: Uint8Array };

/**
 * What an envelope carries, whatever its form, and the hash that names it. To be called when the
 * signature holds; never throws, and its work and memory are bounded by the limits of a batch.
 */
export function decodeEnvelope(envelope: Envelope): Outcome<DecodedBatch, DecodeCode> {
  const inflated = inflate(envelope.payload, envelope.compression);
  if (!inflated.ok) return inflated;
  if (envelope.encoding === 'json') {
    return refuse('BATCH_MALFORMED', 'JSON is not read yet.');
  }
  const decoded = decodeBatch(inflated.value);
  if (!decoded.ok) return decoded;
  return accept({ batch: decoded.value, hash: batchHash(inflated.value) });
}
