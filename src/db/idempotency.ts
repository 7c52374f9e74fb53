import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Statement } from './connect.ts';

/** A client's key and whose it is: a stranger's key is a fresh one. */
export type KeyOwner = {
  readonly companyId: number;
  readonly actor: string;
  readonly key: string;
};

/** What was answered, as text: amounts and ids beyond a float's range stay exact. */
export type KeyedAnswer = Readonly<Record<string, string>>;

export type KnownKey = {
  readonly operation: string;
  readonly inputHash: Uint8Array;
  readonly answer: KeyedAnswer;
};

const answerShape = z.record(z.string(), z.string());

/** Whoever else holds this name waits until the transaction ends. */
export async function holdName(tx: Statement, name: string): Promise<void> {
  const lock = createHash('sha256').update(name).digest().readBigInt64BE(0);
  await tx`select pg_advisory_xact_lock(${lock.toString()}::int8)`;
}

/**
 * Holds the key until the transaction ends, so that the same request twice at once is done one
 * after the other, and returns what is known of it.
 */
export async function lockKey(tx: Statement, owner: KeyOwner): Promise<KnownKey | null> {
  await holdName(tx, `${owner.companyId}/${owner.actor}/${owner.key}`);
  const [row] = await tx<{ operation: string; input_hash: Uint8Array; result: unknown }[]>`
    select operation, input_hash, result from idempotency_key
    where company_id = ${owner.companyId} and actor = ${owner.actor} and key = ${owner.key}::uuid`;
  if (row === undefined) return null;
  return {
    operation: row.operation,
    inputHash: row.input_hash,
    answer: answerShape.parse(row.result),
  };
}

export async function insertKey(
  tx: Statement,
  owner: KeyOwner,
  known: KnownKey & { readonly atMs: number },
): Promise<void> {
  await tx`
    insert into idempotency_key (company_id, key, operation, actor, input_hash, result, at)
    values (${owner.companyId}, ${owner.key}::uuid, ${known.operation}, ${owner.actor},
            ${Buffer.from(known.inputHash)}, ${JSON.stringify(known.answer)}::text::jsonb,
            ${new Date(known.atMs)})`;
}
