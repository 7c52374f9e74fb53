import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { findVeeSetAt, insertVeeSet, insertVeeSetDuties } from '../db/veeSets.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';
import { instantMsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isOnSlotGrid } from '../domain/rating/slot.ts';
import { instantText } from '../domain/time/instantText.ts';
import type { CustomerClass } from '../domain/vee/classDefaults.ts';
import { parseNewVeeSet } from '../domain/vee/set.ts';
import type { VeeSetCode } from '../domain/vee/set.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { refuseReason } from './refuseReason.ts';

export type PublishVeeSetInput = {
  readonly idempotencyKey: string;
  /** Readings of this instant on, until a later set of the class. */
  readonly validFromMs: number;
  /** JSON as it came: kept as written, with the class in it. */
  readonly document: unknown;
  /** Why the rules are other than before; the audit keeps it. */
  readonly reason: string;
};

export type PublishVeeSetCode =
  | KeyCode
  | VeeSetCode
  | 'NOT_PERMITTED'
  | 'REASON_MISSING'
  | 'REASON_TOO_LONG'
  | 'VALIDITY_OFF_GRID'
  | 'VALIDITY_OUT_OF_RANGE';

export type PublishedVeeSet = {
  readonly veeSetId: number;
  /** Meters whose past is estimated, validated and rated again. */
  readonly metersToValidate: number;
  readonly isReplay: boolean;
};

function checkInput({ validFromMs, reason }: PublishVeeSetInput): Outcome<null, PublishVeeSetCode> {
  const refusedReason = refuseReason(reason);
  if (refusedReason !== null) return refusedReason;
  if (!(validFromMs >= 0 && validFromMs <= instantMsMax)) {
    const message = 'The rules begin between 1970 and 2200; correct the instant.';
    return refuse('VALIDITY_OUT_OF_RANGE', message, ['validFrom']);
  }
  if (isOnSlotGrid(validFromMs)) return accept(null);
  const message = 'Rules begin on a quarter hour, such as 00:15; correct the instant.';
  return refuse('VALIDITY_OFF_GRID', message, ['validFrom']);
}

type Publication = {
  readonly input: PublishVeeSetInput;
  readonly customerClass: CustomerClass;
  readonly nowMs: number;
};

async function publish(
  tx: Transaction,
  { companyId, actor }: Viewer,
  { input, customerClass, nowMs }: Publication,
): Promise<KeyedAnswer> {
  const { validFromMs, document, reason } = input;
  const before = await findVeeSetAt(tx, { companyId, customerClass, atMs: validFromMs });
  const veeSetId = await insertVeeSet(tx, {
    companyId,
    customerClass,
    validFromMs,
    document,
    author: actor,
    recordedAtMs: nowMs,
  });
  assert(veeSetId !== null, 'an insert without conflict returns its id');
  const duty = { companyId, customerClass, fromMs: validFromMs };
  const metersToValidate = await insertVeeSetDuties(tx, duty);
  await insertAudit(tx, {
    id: derivedId('audit', 'vee_set', String(companyId), String(veeSetId)),
    companyId,
    atMs: nowMs,
    actor,
    action: 'veeSet.publish',
    subject: `veeSet/${customerClass}`,
    before: before === null ? null : { veeSetId: before.id },
    after: { veeSetId, validFrom: instantText(validFromMs), metersToValidate, reason },
  });
  return { veeSetId: String(veeSetId), metersToValidate: String(metersToValidate) };
}

/**
 * Publishes rules of validation and estimation for a customer class. Sets are never changed: of
 * those that have begun the latest published counts, so a correction is another one. What was
 * estimated or judged by other rules from its begin on is worked out again.
 */
export async function publishVeeSet(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: PublishVeeSetInput,
): Promise<Outcome<PublishedVeeSet, PublishVeeSetCode>> {
  if (!isAllowed(viewer.role, 'Mutation.publishVeeSet')) {
    return refuse('NOT_PERMITTED', 'Your role may not publish rules. Ask an administrator.');
  }
  const checked = checkInput(input);
  if (!checked.ok) return checked;
  const parsed = parseNewVeeSet(input.document);
  if (!parsed.ok) return { ...parsed, path: ['document', ...(parsed.path ?? [])] };
  const { customerClass } = parsed.value;
  const nowMs = clock.nowMs();
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey<never>(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'publishVeeSet',
        input: [String(input.validFromMs), JSON.stringify(input.document), input.reason],
        nowMs,
      },
      async () => accept(await publish(tx, viewer, { input, customerClass, nowMs })),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'rating' });
  return accept({
    veeSetId: Number(textOf(answer, 'veeSetId')),
    metersToValidate: Number(textOf(answer, 'metersToValidate')),
    isReplay,
  });
}
