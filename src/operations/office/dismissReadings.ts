import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { dismissHeldBack } from '../../db/heldBack.ts';
import type { HeldBackFilter } from '../../db/heldBack.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { dismissedRowsMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { checkReason } from './checkEntries.ts';
import type { EntryCode } from './checkEntries.ts';

export type DismissReadingsInput = Omit<HeldBackFilter, 'batch'> & {
  readonly idempotencyKey: string;
  readonly reason: string;
};

export type DismissReadingsCode =
  | KeyCode
  | EntryCode
  | 'NOT_PERMITTED'
  | 'HELD_BACK_TOO_WIDE'
  | 'HELD_BACK_NOT_FOUND';

export type DismissedReadings = {
  readonly rows: number;
  /** There may be more that fit than one request leaves out: ask again, under a new key. */
  readonly isMore: boolean;
  readonly isReplay: boolean;
};

async function dismiss(
  tx: Transaction,
  viewer: Viewer,
  { input, reason, nowMs }: { input: DismissReadingsInput; reason: string; nowMs: number },
): Promise<Outcome<KeyedAnswer, DismissReadingsCode>> {
  const { companyId, actor } = viewer;
  const { meterId, code, fromMs, toMs } = input;
  const filter = { meterId, code, fromMs, toMs, batch: null };
  const [from, to] = [fromMs, toMs].map((ms) => (ms === null ? null : instantText(ms)));
  const asked = { companyId, filter, rowsMax: dismissedRowsMax, actor, reason, atMs: nowMs };
  const rows = await dismissHeldBack(tx, asked);
  if (rows === 0) {
    return refuse(
      'HELD_BACK_NOT_FOUND',
      'No row that waits fits this. Look at what does: readingExceptions(isWaiting: true).',
    );
  }
  await insertAudit(tx, {
    id: derivedId('audit', 'dismiss', String(companyId), actor, input.idempotencyKey.toLowerCase()),
    companyId,
    atMs: nowMs,
    actor,
    action: 'reading.dismiss',
    subject: meterId === null ? 'meters' : `meter/${meterId}`,
    before: null,
    after: { rows, code, from, to, reason },
  });
  return accept({ rows: String(rows) });
}

/**
 * Leaves rows of the log that rating holds back out for good: they never enter the series, whatever
 * is registered later, and need their day of the log no more. Their bytes stay as long as that day.
 */
export async function dismissReadings(
  { sql, clock }: RequestDeps,
  viewer: Viewer,
  input: DismissReadingsInput,
): Promise<Outcome<DismissedReadings, DismissReadingsCode>> {
  if (!isAllowed(viewer.role, 'Mutation.dismissReadings')) {
    return refuse('NOT_PERMITTED', 'Your role may not do this. Ask an operator.');
  }
  const reason = checkReason(input.reason);
  if (!reason.ok) return reason;
  const { meterId, code, fromMs, toMs } = input;
  if (meterId === null && code === null && fromMs === null && toMs === null) {
    return refuse(
      'HELD_BACK_TOO_WIDE',
      'Say which rows: of a meter, with a code, or read in a window. Nothing was left out.',
    );
  }
  const nowMs = clock.nowMs();
  const asked = {
    viewer,
    key: input.idempotencyKey,
    operation: 'dismissReadings',
    input: [...[meterId, code, fromMs, toMs].map(String), reason.value],
    nowMs,
  };
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(tx, asked, () => dismiss(tx, viewer, { input, reason: reason.value, nowMs })),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  const rows = Number(textOf(answer, 'rows'));
  return accept({ rows, isMore: rows === dismissedRowsMax, isReplay });
}
