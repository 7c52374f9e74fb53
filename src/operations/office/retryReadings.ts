import { insertAudit } from '../../db/audit.ts';
import { insertRetryDuties } from '../../db/heldBack.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';

export type RetryReadingsInput = {
  readonly idempotencyKey: string;
  /** Null: of all meters of the company. */
  readonly meterId: number | null;
};

export type RetryReadingsCode = KeyCode | 'NOT_PERMITTED';

export type RetriedReadings = {
  readonly meters: number;
  /** Rows that are held back; those whose cause is gone will be taken in, once. */
  readonly rows: number;
  readonly isReplay: boolean;
};

/**
 * Has the rater look again at rows of the log that it holds back: their cause was mended, or the
 * time that they are dated for has come. What it takes in enters the series by the same merge as
 * ever, so asking twice takes nothing twice.
 */
export async function retryReadings(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  { idempotencyKey, meterId }: RetryReadingsInput,
): Promise<Outcome<RetriedReadings, RetryReadingsCode>> {
  if (!isAllowed(viewer.role, 'Mutation.retryReadings')) {
    return refuse('NOT_PERMITTED', 'Your role may not do this. Ask an operator.');
  }
  const { companyId, actor } = viewer;
  const nowMs = clock.nowMs();
  const input = [meterId === null ? 'all' : String(meterId)];
  const asked = { viewer, key: idempotencyKey, operation: 'retryReadings', input, nowMs };
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey<RetryReadingsCode>(tx, asked, async () => {
      const held = await insertRetryDuties(tx, { companyId, meterId, nowMs, isUnasked: false });
      const rows = held.reduce((sum, each) => sum + each.rows, 0);
      await insertAudit(tx, {
        id: derivedId('audit', 'retry', String(companyId), actor, idempotencyKey),
        companyId,
        atMs: nowMs,
        actor,
        action: 'reading.retry',
        subject: meterId === null ? `meters/${held.length}` : `meter/${meterId}`,
        before: null,
        after: { meters: held.length, rows },
      });
      return accept({ meters: String(held.length), rows: String(rows) });
    }),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'rating' });
  const [meters, rows] = [textOf(answer, 'meters'), textOf(answer, 'rows')].map(Number);
  return accept({ meters, rows, isReplay });
}
