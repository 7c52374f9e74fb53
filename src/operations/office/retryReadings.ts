import { insertAudit } from '../../db/audit.ts';
import { insertRetryDuties } from '../../db/heldBack.ts';
import { askFailedDutiesAgain } from '../../db/setAsideDuties.ts';
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
  /** Meters that our own code could not rate again and tries anew. */
  readonly duties: number;
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
      const duties = await askFailedDutiesAgain(tx, { companyId, meterId });
      const rows = held.reduce((sum, each) => sum + each.rows, 0);
      await insertAudit(tx, {
        id: derivedId('audit', 'retry', String(companyId), actor, idempotencyKey),
        companyId,
        atMs: nowMs,
        actor,
        action: 'reading.retry',
        subject: meterId === null ? `meters/${held.length}` : `meter/${meterId}`,
        before: null,
        after: { meters: held.length, rows, duties },
      });
      const answer = { meters: held.length, rows, duties };
      return accept(
        Object.fromEntries(Object.entries(answer).map(([name, n]) => [name, String(n)])),
      );
    }),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'rating' });
  const of = (name: string): number => Number(textOf(answer, name));
  // An answer that was kept before duties were counted has none.
  const duties = answer['duties'] === undefined ? 0 : of('duties');
  return accept({ meters: of('meters'), rows: of('rows'), duties, isReplay });
}
