import { accept, refuse } from '../../domain/outcome.ts';
import { dropLogDays, whyKept } from '../../operations/dropLogDays.ts';
import { verifyLog } from '../../operations/verifyLog.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { progressLines } from '../progress.ts';
import { wholeNumber } from '../wholeNumber.ts';

/** Every signature, hash, chain, guard and position of the log; no running system is needed. */
export function verifyWholeLog(url: string, isJson: boolean): Promise<Answer> {
  const tell = progressLines(isJson);
  return withDatabase(url, 'joulebook_writer', async (sql) => {
    const report = await verifyLog({
      sql,
      onStep: ({ shard, position, head }) => tell(`shard ${shard}: ${position} of ${head}`),
    });
    const { batches, readings, dropped, findingCount, findings } = report;
    const done = `${batches} batches with ${readings} readings checked, ${dropped} dropped before`;
    if (findingCount === 0) return accept({ sentence: `${done}: all hold.`, facts: report });
    const lines = findings.map(
      ({ code, shard, position, message }) => `${code} at ${shard}/${position}: ${message}`,
    );
    const message = `${done}, ${findingCount} findings. The first:\n${lines.join('\n')}`;
    return { ...refuse('LOG_BROKEN', message), facts: { ...report } };
  });
}

/** Drops the days of the log that are older than so many days. */
export function dropOldDays(url: string, days: string): Promise<Answer> {
  const asked = wholeNumber(days, '--days');
  return withDatabase(url, 'joulebook_writer', async (sql) => {
    const clock = { nowMs: Date.now };
    const done = await dropLogDays({ sql, clock }, { days: asked, actor: 'cli:operator' });
    if (!done.ok) return done;
    const { dropped, kept } = done.value;
    const gone = dropped.length === 0 ? 'no day' : dropped.join(', ');
    const rest = kept === null ? '' : ` ${kept.day} stays: ${whyKept(kept.why)}.`;
    return accept({ sentence: `Dropped: ${gone}.${rest}`, facts: { dropped, kept } });
  });
}
