import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { batchHash } from './batch.ts';
import type { Batch } from './batch.ts';
import { inflate } from './compression.ts';
import { decodeBatch } from './decodeBatch.ts';
import type { DecodeCode } from './decodeBatch.ts';
import type { Envelope } from './envelope.ts';
import { payloadOfJson } from './jsonBatch.ts';

export type DecodedBatch = { readonly batch: Batch; readonly hash: Uint8Array };

/**
 * What an envelope carries, whatever its form, and the hash that names it. To be called when the
 * signature holds; never throws, and its work and memory are bounded by the limits of a batch.
 */
export function decodeEnvelope(envelope: Envelope): Outcome<DecodedBatch, DecodeCode> {
  const inflated = inflate(envelope.payload, envelope.compression);
  if (!inflated.ok) return inflated;
  const isJson = envelope.encoding === 'json';
  const payload = isJson ? payloadOfJson(inflated.value) : inflated;
  if (!payload.ok) return payload;
  const batch = decodeBatch(payload.value);
  if (!batch.ok) return batch;
  return accept({ batch: batch.value, hash: batchHash(payload.value) });
}
