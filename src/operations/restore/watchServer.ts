import type { Sql } from '../../db/connect.ts';
import { isReconciled } from '../../db/protections.ts';
import { insertMark, newestMark, readServer } from '../../db/restoreMarks.ts';
import type { RestoreMark, ServerFact } from '../../db/restoreMarks.ts';
import { serverSeenMs } from '../../domain/sealLimits.ts';
import { chainObstacle } from '../seal/sealRows.ts';
import type { CheckpointStore } from '../seal/outside.ts';

/** What was seen last, kept outside the database. */
export type SeenFile = {
  read(): ServerFact | null;
  write(seen: ServerFact): void;
};

export type WatchDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  readonly seenFile: SeenFile;
  readonly checkpoints: CheckpointStore;
};

/** Why this database is not the one that was seen last, or null. */
function whatWentBack(
  now: ServerFact,
  mark: RestoreMark | null,
  outside: ServerFact | null,
): string | null {
  const inside = mark === null ? null : { ...mark, xact: BigInt(mark.xactSeen) };
  for (const seen of [inside, outside]) {
    if (seen === null) continue;
    if (seen.systemId !== now.systemId) return 'another server';
    if (seen.timeline !== now.timeline) return 'another timeline';
    if (seen.xact > now.xact) return 'transactions that are counted from a lower number';
  }
  // The row is committed before the file is written: a file that knows more has seen what is gone.
  if (outside !== null && outside.xact > (inside?.xact ?? 0n)) return 'an older state';
  return null;
}

/**
 * Compares the database with what was seen of it, inside and outside. One that went back is marked
 * as restored: nobody is cut until somebody has reconciled it.
 */
export async function watchServer(deps: WatchDeps): Promise<{ readonly restored: string | null }> {
  const { sql, clock, seenFile, checkpoints } = deps;
  const now = await readServer(sql);
  const mark = await newestMark(sql);
  const obstacle = await chainObstacle(sql, checkpoints);
  const why = whatWentBack(now, mark, seenFile.read()) ?? (obstacle.ok ? null : 'a shorter chain');
  const atMs = clock.nowMs();
  if (why !== null) {
    if (await isReconciled(sql)) {
      await insertMark(sql, now, { kind: 'restored', atMs, byWhom: `system: ${why}` });
    }
    return { restored: why };
  }
  if (mark === null || atMs - mark.at.getTime() >= serverSeenMs) {
    await insertMark(sql, now, { kind: 'seen', atMs, byWhom: 'system' });
    seenFile.write(now);
  } else if (seenFile.read() === null) {
    seenFile.write({ ...now, xact: BigInt(mark.xactSeen) });
  }
  return { restored: null };
}
