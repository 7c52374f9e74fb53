import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import type { Json } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { AccessRule } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { refuseReason } from '../refuseReason.ts';
import type { ReasonCode } from '../refuseReason.ts';

export type StaffCode = KeyCode | ReasonCode | 'NOT_PERMITTED';

export type StaffChange = {
  readonly rule: AccessRule;
  /** Verb and noun for the audit, such as `protection.add`. */
  readonly action: string;
  readonly idempotencyKey: string;
  /** All of the input that matters, without the reason. */
  readonly input: readonly string[];
  /** Why; the audit keeps it. */
  readonly reason: string;
  /**
   * The key is of the request: a second person sends the same under it, in their own words. Until
   * then the answer's `state` is `waiting`, and nothing has changed.
   */
  readonly isForTwo?: boolean;
};

function isWaiting({ state }: KeyedAnswer): boolean {
  return state === 'waiting';
}

export type Changed = {
  readonly answer: KeyedAnswer;
  readonly subject: string;
  readonly before: Json;
  readonly after: { readonly [key: string]: Json };
};

/**
 * A change by staff: permitted, with a reason, once for its key, and with its audit row in the
 * same transaction.
 */
export async function staffChange<Code extends string>(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  change: StaffChange,
  work: (tx: Transaction, nowMs: number) => Promise<Outcome<Changed, Code>>,
): Promise<
  Outcome<{ readonly answer: KeyedAnswer; readonly isReplay: boolean }, Code | StaffCode>
> {
  const { rule, action, idempotencyKey: key, reason, isForTwo = false } = change;
  if (!isAllowed(viewer.role, rule)) {
    return refuse('NOT_PERMITTED', 'Your role may not do this. Ask an operator or administrator.');
  }
  const refusedReason = refuseReason(reason);
  if (refusedReason !== null) return refusedReason;
  const nowMs = clock.nowMs();
  const { companyId, actor } = viewer;
  const forTwo = {
    input: change.input,
    owner: action,
    isKept: (answer: KeyedAnswer) => !isWaiting(answer),
  };
  const forOne = { input: [...change.input, reason] };
  const once = { viewer, key, operation: action, nowMs, ...(isForTwo ? forTwo : forOne) };
  return asViewer(sql, viewer, (tx) =>
    onceByKey(tx, once, async () => {
      const worked = await work(tx, nowMs);
      if (!worked.ok) return worked;
      const { answer, subject, before, after } = worked.value;
      if (isForTwo && isWaiting(answer)) return { ok: true, value: answer };
      await insertAudit(tx, {
        id: derivedId('audit', action, String(companyId), actor, key.toLowerCase()),
        companyId,
        atMs: nowMs,
        actor,
        action,
        subject,
        before,
        after: { ...after, reason: reason.trim() },
      });
      return { ok: true, value: answer };
    }),
  );
}
