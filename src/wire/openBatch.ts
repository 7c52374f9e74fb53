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

/** The BatchPayload of an envelope, inflated; of a JSON twin, the one of the same content. */
function payloadOf({ payload, encoding, compression }: Envelope): Outcome<Uint8Array, DecodeCode> {
  const inflated = inflate(payload, compression);
  return inflated.ok && encoding === 'json' ? payloadOfJson(inflated.value) : inflated;
}

/** As `decodeEnvelope`, for who knows the hash already: hashing takes twice as long as decoding. */
export function batchOfEnvelope(envelope: Envelope): Outcome<Batch, DecodeCode> {
  const payload = payloadOf(envelope);
  return payload.ok ? decodeBatch(payload.value) : payload;
}

/**
 * What an envelope carries, whatever its form, and the hash that names it. To be called when the
 * signature holds; never throws, and its work and memory are bounded by the limits of a batch.
 */
export function decodeEnvelope(envelope: Envelope): Outcome<DecodedBatch, DecodeCode> {
  const payload = payloadOf(envelope);
  if (!payload.ok) return payload;
  const batch = decodeBatch(payload.value);
  if (!batch.ok) return batch;
  return accept({ batch: batch.value, hash: batchHash(payload.value) });
}
