import { isReconciled } from '../../db/protections.ts';
import { inOneSnapshot } from '../../db/reconciliation.ts';
import { companyIds, insertMark, readServer } from '../../db/restoreMarks.ts';
import { newestSeal } from '../../db/seals.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { instantText } from '../../domain/time/instantText.ts';
import type { Checkpoint } from '../../wire/checkpoint.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { onlyShard } from '../seal/chain.ts';
import { verifySeals } from '../seal/verifySeals.ts';
import type { WatchDeps } from './watchServer.ts';

export type ConfirmDeps = WatchDeps & {
  readonly allCheckpoints: AsyncIterable<Checkpoint>;
  onStep(line: string): void;
};

export type ConfirmCode =
  | 'RESTORE_NOT_OPEN'
  | 'RESTORE_REASON_MISSING'
  | 'RESTORE_AUDIT_BROKEN'
  | 'RESTORE_BOOKS_DIFFER';

const windowDays = 7;

/** Checkpoints of blocks that came back: what was sealed later is what the restore has lost. */
async function* upTo(
  checkpoints: AsyncIterable<Checkpoint>,
  ordinal: bigint,
): AsyncGenerator<Checkpoint> {
  for await (const each of checkpoints) if (each.ordinal <= ordinal) yield each;
}

async function findTampering(deps: ConfirmDeps): Promise<string | null> {
  return inOneSnapshot(deps.sql, async (tx) => {
    const newest = await newestSeal(tx, onlyShard);
    const context = {
      tx,
      checkpoints: upTo(deps.allCheckpoints, newest?.ordinal ?? 0n),
      trustedKeys: [],
      onProgress: (rows: number) => deps.onStep(`${rows} sealed rows`),
    };
    for await (const { code, subject } of verifySeals(context)) return `${code} ${subject}`;
    return null;
  });
}

/**
 * Says that a restored database is right again, after both have been worked out: its seals hold
 * up to where they reach, and its books are what its readings say.
 */
export async function confirmRestore(
  deps: ConfirmDeps,
  { byWhom, reason }: { readonly byWhom: string; readonly reason: string },
): Promise<Outcome<{ readonly companies: number }, ConfirmCode>> {
  const { sql, clock, seenFile, checkpoints } = deps;
  if (reason.trim() === '') return refuse('RESTORE_REASON_MISSING', 'Say why in a sentence.');
  if (await isReconciled(sql)) {
    return refuse('RESTORE_NOT_OPEN', 'No restore waits to be reconciled.');
  }
  const tampered = await findTampering(deps);
  if (tampered !== null) {
    const message = `${tampered}: run ems-cli audit verify, and restore an unharmed backup.`;
    return refuse('RESTORE_AUDIT_BROKEN', message);
  }
  const nowMs = clock.nowMs();
  const companies = await companyIds(sql);
  for (const { id: companyId } of companies) {
    const onStep = ({ what, done }: { what: string; done: number }) =>
      deps.onStep(`company ${companyId}: ${done} ${what}`);
    const window = { companyId, meterId: null, fromMs: nowMs - windowDays * dayMs, toMs: nowMs };
    const done = await reconcile({ sql, onStep }, { ...window, nowMs });
    const differs = done.ok ? done.value.unexplained > 0 : true;
    if (differs) {
      const why = done.ok ? `${done.value.unexplained} findings` : done.code;
      const message = `Company ${companyId}: ${why}. Run ems-cli readings reconcile and see to it.`;
      return refuse('RESTORE_BOOKS_DIFFER', message);
    }
  }
  const server = await readServer(sql);
  const newest = await newestSeal(sql, onlyShard);
  await checkpoints.append({
    kind: 'restored',
    shard: onlyShard,
    ordinal: newest?.ordinal ?? 0n,
    at: instantText(nowMs),
    byWhom,
    reason,
  });
  const mark = { kind: 'reconciled', atMs: nowMs, byWhom: `${byWhom}: ${reason}` } as const;
  await insertMark(sql, server, mark);
  seenFile.write(server);
  return accept({ companies: companies.length });
}
