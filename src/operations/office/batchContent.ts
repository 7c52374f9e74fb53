import { lookedIntoBytesMax, lookedIntoTextMax } from '../../domain/shownLimits.ts';
import { openEnvelope } from '../../wire/batch.ts';
import type { Batch, RegisterBlock } from '../../wire/batch.ts';
import { inflate } from '../../wire/compression.ts';
import { decodeEnvelope } from '../../wire/openBatch.ts';
import { lookAtPayload } from '../../wire/rawBatch.ts';
import type { RawRow } from '../../wire/rawBatch.ts';
import type { Json } from '../../db/events.ts';

/** What is inside a carried batch, for a person's eyes; large ones are told in part. */
export type BatchContent = {
  /** Null where even the envelope is none. */
  readonly keyId: string | null;
  /** What cannot be read, and why; null where all of it can. */
  readonly problem: { readonly code: string; readonly message: string } | null;
  readonly batch: Json;
  /** Of what is no batch, as much as can be shown of its bytes; null where there is a batch. */
  readonly raw: Json;
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

/** An instant as people read it; beyond the dates that there are, its milliseconds. */
function instantOf(ms: bigint): string {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}

function rawRow(row: RawRow): Json {
  const cells = Object.entries(row).map(([name, value]): [string, Json] => {
    if (value === null) return [name, null];
    const isInstant = name === 'readAt' || name === 'from' || name === 'to';
    return [name, isInstant ? instantOf(value) : value.toString()];
  });
  return Object.fromEntries(cells);
}

/** As a text where the bytes are one that may be JSON, so that a person sees where it breaks. */
function rawText(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes).toString('utf8');
  const isText = /^\s*[{[]/.test(text) && !text.slice(0, lookedIntoTextMax).includes('\0');
  return isText ? text : null;
}

function rawOf(bytes: Uint8Array, isProtobuf: boolean, rowsMax: number): Json {
  const text = rawText(bytes);
  if (text !== null) {
    return { text: text.slice(0, lookedIntoTextMax), isCut: text.length > lookedIntoTextMax };
  }
  const seen = isProtobuf ? lookAtPayload(bytes, rowsMax) : null;
  if (seen !== null) {
    const { blocks, events, createdAtMs, ...head } = seen;
    const readBlocks = blocks.map(({ readings, ...block }) => ({
      ...block,
      readings: readings.map(rawRow),
    }));
    const createdAt = instantOf(BigInt(createdAtMs));
    return { ...head, createdAt, blocks: readBlocks, events: events.map(rawRow) };
  }
  const hex = hexOf(bytes.subarray(0, lookedIntoBytesMax));
  return { hex, byteCount: bytes.length, isCut: bytes.length > lookedIntoBytesMax };
}

/** Looks inside without believing: whether the signature holds is another question. */
export function lookInside(carried: Uint8Array, rowsMax: number): BatchContent {
  const envelope = openEnvelope(carried);
  if (!envelope.ok) {
    const { code, message } = envelope;
    return {
      keyId: null,
      problem: { code, message },
      batch: null,
      raw: rawOf(carried, false, rowsMax),
    };
  }
  const keyId = hexOf(envelope.value.keyId);
  const decoded = decodeEnvelope(envelope.value);
  if (!decoded.ok) {
    const { code, message } = decoded;
    const { payload, compression, encoding } = envelope.value;
    const inflated = inflate(payload, compression);
    const isProtobuf = inflated.ok && encoding === 'protobuf';
    const raw = rawOf(inflated.ok ? inflated.value : payload, isProtobuf, rowsMax);
    return { keyId, problem: { code, message }, batch: null, raw };
  }
  return { keyId, problem: null, batch: contentOf(decoded.value.batch, rowsMax), raw: null };
}
