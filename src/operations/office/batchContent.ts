import { openEnvelope } from '../../wire/batch.ts';
import type { Batch, RegisterBlock } from '../../wire/batch.ts';
import { decodeEnvelope } from '../../wire/openBatch.ts';
import type { Json } from '../../db/events.ts';

/** What is inside a carried batch, for a person's eyes; large ones are told in part. */
export type BatchContent = {
  /** Null where even the envelope is none. */
  readonly keyId: string | null;
  /** What cannot be read, and why; null where all of it can. */
  readonly problem: { readonly code: string; readonly message: string } | null;
  readonly batch: Json;
};

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function rowOf(block: RegisterBlock, index: number): Json {
  return {
    meter: block.meterId[index],
    readAt: new Date(block.readAtMs[index]).toISOString(),
    value: block.value[index].toString(),
    quality: block.quality[index],
    revision: block.revision?.[index] ?? 0,
    clockOffsetMs: block.clockOffsetMs?.[index] ?? 0,
  };
}

function contentOf(batch: Batch, rowsMax: number): Json {
  let left = rowsMax;
  return {
    edge: batch.edgeId,
    stream: batch.stream,
    epoch: batch.epoch,
    sequence: batch.sequence.toString(),
    previousHash: hexOf(batch.previousHash),
    createdAt: new Date(batch.createdAtMs).toISOString(),
    blocks: batch.blocks.map((block) => {
      const { channel, unit, scaler, meterId } = block;
      const told = Math.min(left, meterId.length);
      left -= told;
      const readings = Array.from({ length: told }, (_, index) => rowOf(block, index));
      return { channel, unit, scaler, readingCount: meterId.length, readings };
    }),
  };
}

/** Looks inside without believing: whether the signature holds is another question. */
export function lookInside(carried: Uint8Array, rowsMax: number): BatchContent {
  const envelope = openEnvelope(carried);
  if (!envelope.ok) {
    const { code, message } = envelope;
    return { keyId: null, problem: { code, message }, batch: null };
  }
  const keyId = hexOf(envelope.value.keyId);
  const decoded = decodeEnvelope(envelope.value);
  if (!decoded.ok) {
    const { code, message } = decoded;
    return { keyId, problem: { code, message }, batch: null };
  }
  return { keyId, problem: null, batch: contentOf(decoded.value.batch, rowsMax) };
}
