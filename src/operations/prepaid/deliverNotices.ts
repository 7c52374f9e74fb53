import type { Sql } from '../../db/connect.ts';
import { hastenSupplyWaits } from '../../db/protections.ts';
import { appendNoticeStep, findOpenNotices } from '../../db/notices.ts';
import {
  noticeAgeMsMax,
  noticeFirstRetryMs,
  noticeSweepMsMax,
  noticeTriesMax,
  noticesPerSweepMax,
} from '../../domain/prepaid/limits.ts';
import type { NoticeSender } from '../../domain/prepaid/notice.ts';
import { eachApart } from '../eachApart.ts';

/**
 * Sends what is queued, each notice under its own id: after a crash between the sending and its
 * step it is sent again, and the gateway tells it once.
 */
export async function deliverNotices({
  sql,
  clock,
  sender,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  readonly sender: NoticeSender;
}): Promise<{ readonly sent: number; readonly failed: number }> {
  const nowMs = clock.nowMs();
  const open = await findOpenNotices(sql, {
    nowMs,
    sinceMs: nowMs - noticeAgeMsMax,
    firstRetryMs: noticeFirstRetryMs,
    triesMax: noticeTriesMax,
    limit: noticesPerSweepMax,
  });
  let [sent, failed] = [0, 0];
  await eachApart(open, async ({ id, companyId, accountId, kind, threshold, detail, at }) => {
    if (clock.nowMs() - nowMs >= noticeSweepMsMax) return;
    const message = { id, companyId, accountId, kind, threshold, detail, atMs: at.getTime() };
    const answer = await sender.send(message);
    if (answer.state === 'failed') failed += 1;
    else sent += 1;
    const atMs = clock.nowMs();
    await sql.begin(async (tx) => {
      await appendNoticeStep(tx, { noticeId: id, atMs, ...answer });
      // A cut that waited for its notice is decided again by the notice's own time.
      if (kind === 'cut_notice') await hastenSupplyWaits(tx, { companyId, accountId, atMs });
    });
  });
  return { sent, failed };
}
