import { createHash } from 'node:crypto';
import type { Sql, Transaction } from '../db/connect.ts';
import { insertKey, lockKey } from '../db/idempotency.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';
import type { Bell } from '../domain/bell.ts';
import { formatMicros, parseMicros } from '../domain/exact.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isUuid } from '../domain/uuid.ts';

/** What an operation on behalf of a viewer needs. */
export type RequestDeps = {
  /** Under joulebook_api. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  /** Rung after the commit, never inside it. */
  wake(bell: Bell): void;
};

/** An amount for the input of a key: `5` and `5.00` are one request, as their value is one. */
export function sameAmount(amount: string): string {
  const micros = parseMicros(amount);
  return micros.ok ? formatMicros(micros.value, 2) : amount;
}

export type KeyCode = 'IDEMPOTENCY_KEY_MALFORMED' | 'IDEMPOTENCY_KEY_REUSED';

/**
 * Does the work once for a client's key, in the caller's transaction: the same request again gets
 * the first answer, and the key with another request is refused. A refused request keeps no key.
 */
export async function onceByKey<Code extends string>(
  tx: Transaction,
  request: {
    readonly viewer: Viewer;
    readonly key: string;
    readonly operation: string;
    /** All of the input that matters. */
    readonly input: readonly string[];
    /** Whose key it is, where not the viewer's. */
    readonly owner?: string;
    /** Whether an answer stands; one that does not keeps no key, as a refusal does. */
    isKept?(answer: KeyedAnswer): boolean;
    readonly nowMs: number;
  },
  work: () => Promise<Outcome<KeyedAnswer, Code>>,
): Promise<Outcome<{ readonly answer: KeyedAnswer; readonly isReplay: boolean }, Code | KeyCode>> {
  const { viewer, operation } = request;
  if (!isUuid(request.key)) {
    return refuse('IDEMPOTENCY_KEY_MALFORMED', 'The idempotency key is a UUID made by the client.');
  }
  const owner = {
    companyId: viewer.companyId,
    actor: request.owner ?? viewer.actor,
    key: request.key.toLowerCase(),
  };
  const inputHash = createHash('sha256').update(JSON.stringify(request.input)).digest();
  const known = await lockKey(tx, owner);
  if (known !== null) {
    if (known.operation === operation && inputHash.equals(known.inputHash)) {
      return accept({ answer: known.answer, isReplay: true });
    }
    return refuse(
      'IDEMPOTENCY_KEY_REUSED',
      'This idempotency key belongs to a request with other input, which stands. ' +
        'Send a new request under a new key.',
    );
  }
  const worked = await work();
  if (!worked.ok) return worked;
  if (request.isKept?.(worked.value) ?? true) {
    await insertKey(tx, owner, { operation, inputHash, answer: worked.value, atMs: request.nowMs });
  }
  return accept({ answer: worked.value, isReplay: false });
}

export function textOf(answer: KeyedAnswer, name: string): string {
  const text = answer[name];
  assert(text !== undefined, 'an answer holds what its operation wrote into it');
  return text;
}
