import { insertAudit } from '../../db/audit.ts';
import { insertDuties } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { appendEvent, eventShardOf } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { firstMeterOf, insertResolution, lockDecision } from '../../db/veeDecisionReads.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { dayOf } from '../../domain/series/day.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { decisionEvents } from './decisionEvents.ts';
import { judgedReason } from './noteDuties.ts';
import { refuseReason } from '../refuseReason.ts';

export type ResolveDecisionInput = {
  readonly idempotencyKey: string;
  readonly decisionId: string;
  /** It is right and goes on to hold, or what it holds may go. */
  readonly kind: 'confirmed' | 'released';
  /** For the audit, in the words of whoever looked. */
  readonly reason: string;
};

export type ResolveDecisionCode =
  | KeyCode
  | 'NOT_PERMITTED'
  | 'DECISION_NOT_FOUND'
  | 'DECISION_WITHDRAWN'
  | 'DECISION_RESOLVED'
  | 'DECISION_HOLDS_NOTHING'
  | 'REASON_MISSING'
  | 'REASON_TOO_LONG';

export type ResolvedDecision = { readonly decisionId: string; readonly isReplay: boolean };

async function resolve(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: ResolveDecisionInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, ResolveDecisionCode>> {
  const { decisionId, kind } = input;
  const decision = await lockDecision(tx, decisionId);
  if (decision === null) {
    const message = 'Your company has no such decision. Check its id; nothing was changed.';
    return refuse('DECISION_NOT_FOUND', message, ['decisionId']);
  }
  if (decision.withdrawnAt !== null) {
    const message = 'The decision was withdrawn: readings that came since do not bear it out.';
    return refuse('DECISION_WITHDRAWN', message, ['decisionId']);
  }
  // A release is the last word: its bill was posted. What was confirmed may still be released.
  const { resolution } = decision;
  if (resolution === 'released' || (resolution !== null && resolution === kind)) {
    const message = `${decision.resolvedBy ?? 'Somebody'} has ${resolution} it already.`;
    return refuse('DECISION_RESOLVED', message, ['decisionId']);
  }
  if (kind === 'released' && decision.outcome !== 'hold') {
    const message = 'The decision holds no bill, so there is nothing to release. Confirm it.';
    return refuse('DECISION_HOLDS_NOTHING', message, ['kind']);
  }
  const { companyId, actor } = viewer;
  const reason = input.reason.trim();
  await insertResolution(tx, { decisionId, companyId, kind, actor, reason, resolvedAtMs: nowMs });
  await insertAudit(tx, {
    id: derivedId('audit', 'vee', String(companyId), actor, input.idempotencyKey.toLowerCase()),
    companyId,
    atMs: nowMs,
    actor,
    action: `decision.${kind}`,
    subject: `meter/${decision.meterId}`,
    before: { decisionId, rule: decision.rule, outcome: decision.outcome, resolution },
    after: { kind, reason },
  });
  if (kind === 'released') {
    const meterId = await firstMeterOf(tx, decision.servicePointId);
    assert(meterId !== null, 'a decided meter is at its service point');
    const fromDay = dayOf(decision.fromAt.getTime());
    await insertDuties(tx, [{ meterId, fromDay }], judgedReason);
    const news = { decisionId: BigInt(decisionId), companyId, state: 'released' } as const;
    for (const event of decisionEvents([news], nowMs)) await appendEvent(tx, event);
  }
  return accept({ decisionId });
}

/**
 * A person's word on a decision, once for the key. A released one holds nothing any more: the bill
 * is rated again and posted, also where somebody had confirmed it. The same finding stays
 * released; another figure is another decision.
 */
export async function resolveDecision(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: ResolveDecisionInput,
): Promise<Outcome<ResolvedDecision, ResolveDecisionCode>> {
  if (!isAllowed(viewer.role, 'Mutation.resolveDecision')) {
    return refuse('NOT_PERMITTED', 'Your role may not resolve decisions. Ask an operator.');
  }
  const refusedReason = refuseReason(input.reason);
  if (refusedReason !== null) return refusedReason;
  if (!/^[1-9]\d{0,17}$/.test(input.decisionId)) {
    return refuse('DECISION_NOT_FOUND', 'There is no such decision. Check its id.', ['decisionId']);
  }
  const nowMs = clock.nowMs();
  const { decisionId, kind, reason } = input;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'resolveDecision',
        input: [decisionId, kind, reason],
        nowMs,
      },
      () => resolve(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) {
    wake({ kind: 'rating' });
    wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
  }
  return accept({ decisionId: textOf(answer, 'decisionId'), isReplay });
}
