import { z } from 'zod';
import { int2Max } from '../domain/limits.ts';

/**
 * What is kept of the chain outside the database, a line of JSON each: whoever rewrites the
 * database cannot rewrite these.
 */
export type Checkpoint =
  | {
      readonly kind: 'sealed';
      readonly shard: number;
      readonly ordinal: bigint;
      /** Of the block of this ordinal, and with it of all before. */
      readonly head: string;
      readonly sealedAt: string;
      readonly keyId: string;
      readonly publicKey: string;
      readonly signature: string;
    }
  /** Somebody said that blocks after this one were lost with a restore. */
  | {
      readonly kind: 'restored';
      readonly shard: number;
      readonly ordinal: bigint;
      readonly at: string;
      readonly byWhom: string;
      readonly reason: string;
    };

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const ordinal = z
  .string()
  .regex(/^\d{1,18}$/)
  .transform(BigInt);
const shard = z.number().int().min(0).max(int2Max);

const shape = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('sealed'),
    shard,
    ordinal,
    head: hex,
    sealedAt: z.string(),
    keyId: hex,
    publicKey: hex,
    signature: hex,
  }),
  z.object({
    kind: z.literal('restored'),
    shard,
    ordinal,
    at: z.string(),
    byWhom: z.string(),
    reason: z.string(),
  }),
]);

export function checkpointLine(checkpoint: Checkpoint): string {
  return JSON.stringify({ ...checkpoint, ordinal: String(checkpoint.ordinal) });
}

/** Null: no checkpoint, such as the half of a line that a power cut left. */
export function readCheckpoint(line: string): Checkpoint | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const parsed = shape.safeParse(value);
  return parsed.success ? parsed.data : null;
}
