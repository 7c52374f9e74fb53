import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { contentFaultOf, contentFaultText } from '../../db/faults.ts';
import { dismissHeldBack, insertRetryDuties } from '../../db/heldBack.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { insertResolution } from '../../db/quarantine.ts';
import type { QuarantinedBatch } from '../../db/quarantine.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { eventsPerBatchMax, readingsPerBatchMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { openEnvelope, streamNumberOf } from '../../wire/batch.ts';
import { decodeEnvelope } from '../../wire/openBatch.ts';
import { commitWithin } from '../commitBatches.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode } from '../onceByKey.ts';
import { checkReason } from './checkEntries.ts';
import type { EntryCode } from './checkEntries.ts';
import type { OfficeDeps } from './enterReadings.ts';
import { findOwnQuarantined } from './quarantined.ts';
import type { QuarantineCode } from './quarantined.ts';

export type ResolveInput = {
  readonly idempotencyKey: string;
  /** `hash.code` of the batch. */
  readonly key: string;
  readonly reason: string;
};

export type ResolveCode =
  | KeyCode
  | EntryCode
  | QuarantineCode
  | 'NOT_PERMITTED'
  | 'QUARANTINE_STILL_REFUSED';

export type Resolved = {
  readonly key: string;
  readonly kind: 'replayed' | 'dismissed';
  /** Of a replay: `duplicate` when the sender had sent it again in the meantime. */
  readonly state: string;
  readonly isReplay: boolean;
};

type Decision = {
  readonly kind: Resolved['kind'];
  act(tx: Transaction, batch: QuarantinedBatch): Promise<Outcome<string, ResolveCode>>;
};

/** Under the key's lock, in one transaction of the writer's: the decision, and who took it why. */
async function resolve(
  deps: OfficeDeps,
  viewer: Viewer,
  { input, decision }: { readonly input: ResolveInput; readonly decision: Decision },
): Promise<Outcome<Resolved, ResolveCode>> {
  const reason = checkReason(input.reason);
  if (!reason.ok) return reason;
  const { companyId, actor } = viewer;
  const { kind } = decision;
  const nowMs = deps.clock.nowMs();
  const work = async (tx: Transaction): Promise<Outcome<KeyedAnswer, ResolveCode>> => {
    const found = await findOwnQuarantined(tx, { key: input.key, companyId });
    if (!found.ok) return found;
    const state = await decision.act(tx, found.value);
    if (!state.ok) return state;
    const { hash, code } = found.value;
    const row = { hash, code, companyId, kind, actor, reason: reason.value, atMs: nowMs };
    assert(await insertResolution(tx, row), 'nobody else decides while its lock is held');
    await insertAudit(tx, {
      id: derivedId('audit', 'quarantine', input.key, kind),
      companyId,
      atMs: nowMs,
      actor,
      action: `quarantine.${kind}`,
      subject: `quarantine/${input.key}`,
      before: null,
      after: { reason: reason.value, state: state.value },
    });
    return accept({ state: state.value });
  };
  const operation = `quarantine.${kind}`;
  const texts = [input.key, reason.value];
  const asked = { viewer, key: input.idempotencyKey, operation, input: texts, nowMs };
  const outcome = await deps.office.writer.begin((tx) => onceByKey(tx, asked, () => work(tx)));
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ key: input.key, kind, state: textOf(answer, 'state'), isReplay });
}

/** A batch that our own code could not rate is in the log: its rows are looked at again. */
async function retryMeters(
  tx: Transaction,
  { carried, companyId }: QuarantinedBatch,
  nowMs: number,
): Promise<Outcome<string, ResolveCode>> {
  const envelope = openEnvelope(carried);
  const decoded = envelope.ok ? decodeEnvelope(envelope.value) : envelope;
  if (!decoded.ok || companyId === null) return accept('rated again');
  const { blocks, events } = decoded.value.batch;
  const told = events === undefined ? [] : events.meterId;
  const meterIds = new Set([...blocks.flatMap(({ meterId }) => [...meterId]), ...told]);
  for (const meterId of meterIds) {
    await insertRetryDuties(tx, { companyId, meterId, nowMs, isUnasked: false });
  }
  return accept('rated again');
}

/** Of a batch that our own code could not rate the rows go too: they would wait for ever. */
async function dismissRows(
  tx: Transaction,
  { carried, companyId }: QuarantinedBatch,
  word: { readonly actor: string; readonly reason: string; readonly atMs: number },
): Promise<void> {
  const envelope = openEnvelope(carried);
  const decoded = envelope.ok ? decodeEnvelope(envelope.value) : envelope;
  if (!decoded.ok || companyId === null) return;
  const { edgeId, stream, epoch, sequence } = decoded.value.batch;
  const batch = { edgeId, stream: streamNumberOf(stream), epoch, sequence };
  const filter = { meterId: null, code: null, fromMs: null, toMs: null, batch };
  const rowsMax = readingsPerBatchMax + eventsPerBatchMax;
  await dismissHeldBack(tx, { companyId, filter, rowsMax, ...word });
}

/** The database refuses its content still, which ends the transaction. */
function stillNotStorable(error: unknown): Outcome<never, ResolveCode> {
  const fault = contentFaultOf(error);
  if (fault === null) throw error;
  return refuse(
    'QUARANTINE_STILL_REFUSED',
    `The database still refuses to store it: ${contentFaultText(fault)}. Replay it when the ` +
      'fault is mended, or dismiss it.',
  );
}

/**
 * Takes a batch in as it came, because what spoke against it is gone: the key is registered now,
 * or a fault of ours is mended. It goes through every check that a sender's does; taking it in
 * twice is the sender's duplicate.
 */
export async function replayQuarantined(
  deps: OfficeDeps,
  viewer: Viewer,
  input: ResolveInput,
): Promise<Outcome<Resolved, ResolveCode>> {
  if (!isAllowed(viewer.role, 'Mutation.replayQuarantined')) {
    return refuse('NOT_PERMITTED', 'Your role may not do this. Ask an operator.');
  }
  const act: Decision['act'] = async (tx, batch) => {
    if (batch.code === 'RATING_FAILED') return retryMeters(tx, batch, deps.clock.nowMs());
    const answer = await commitWithin(tx, deps.clock, batch.carried);
    if (answer.ok) return accept(answer.value.state);
    return refuse(
      'QUARANTINE_STILL_REFUSED',
      `It is refused again, ${answer.code}: ${answer.message} Correct or dismiss it.`,
    );
  };
  const done = await resolve(deps, viewer, { input, decision: { kind: 'replayed', act } }).catch(
    stillNotStorable,
  );
  if (done.ok && !done.value.isReplay) deps.wake({ kind: 'rating' });
  return done;
}

/** Leaves a batch out for good; its bytes stay, with who decided so and why. */
export async function dismissQuarantined(
  deps: OfficeDeps,
  viewer: Viewer,
  input: ResolveInput,
): Promise<Outcome<Resolved, ResolveCode>> {
  if (!isAllowed(viewer.role, 'Mutation.dismissQuarantined')) {
    return refuse('NOT_PERMITTED', 'Your role may not do this. Ask an operator.');
  }
  const act: Decision['act'] = async (tx, batch) => {
    const word = { actor: viewer.actor, reason: input.reason.trim(), atMs: deps.clock.nowMs() };
    if (batch.code === 'RATING_FAILED') await dismissRows(tx, batch, word);
    return accept('dismissed');
  };
  return resolve(deps, viewer, { input, decision: { kind: 'dismissed', act } });
}
