import { DatabaseSync } from 'node:sqlite';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** SQLITE_BUSY: somebody else holds the file. Source: sqlite.org/rescode.html. */
const sqliteBusy = 5;

export type Lock = {
  /** Idempotent. The file stays: deleting a lock file lets two holders each lock their own. */
  release(): void;
};

/**
 * An exclusive lock on a file, held through SQLite's own file lock: the kernel lets go of it when
 * the process ends, however it ends, so that a kill -9 leaves nothing to clean and a reused process
 * id deceives nobody. The pid beside it is only for the sentence that refuses the second start.
 */
export function takeLock(path: string): Outcome<Lock, 'LOCK_HELD'> {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'); // no journal file
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    return refuse('LOCK_HELD', `It is in use by ${ownerOf(path)}.`);
  }
  writeFileSync(ownerPath(path), `${process.pid}\n`, { mode: 0o644 });
  let held = true;
  return accept({
    release() {
      if (!held) return;
      held = false;
      rmSync(ownerPath(path), { force: true });
      database.close();
    },
  });
}

/** The files that a lock makes, for whoever must tell an empty directory from a used one. */
export function filesOfLock(name: string): readonly string[] {
  return [name, ownerPath(name)];
}

function ownerPath(path: string): string {
  return `${path}.owner`;
}

function ownerOf(path: string): string {
  try {
    const pid = readFileSync(ownerPath(path), 'utf8').trim();
    return /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
  } catch {
    return 'another process';
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}
