import type { Sql } from '../../db/connect.ts';
import { findGivenUpNotices } from '../../db/notices.ts';
import { openWorkOrder } from '../../db/workOrders.ts';
import { noticeAgeMsMax, noticesPerSweepMax, noticeTriesMax } from '../../domain/prepaid/limits.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart } from '../eachApart.ts';

/**
 * A cut waits for a notice that will not arrive any more: somebody has to reach the customer, once
 * a notice.
 */
export async function orderGivenUpNotices({
  sql,
  clock,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
}): Promise<{ readonly opened: number }> {
  const nowMs = clock.nowMs();
  const givenUp = await findGivenUpNotices(sql, {
    nowMs,
    sinceMs: nowMs - noticeAgeMsMax,
    triesMax: noticeTriesMax,
    limit: noticesPerSweepMax,
  });
  await eachApart(givenUp, async ({ companyId, meterId, ...detail }) => {
    const kind = 'notice_given_up';
    const id = derivedId('work_order', kind, detail.noticeId, String(meterId));
    await openWorkOrder(sql, { id, companyId, meterId, kind, detail, atMs: nowMs });
  });
  return { opened: givenUp.length };
}
