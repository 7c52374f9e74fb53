import { DatabaseSync } from 'node:sqlite';
import { refuse } from '../domain/outcome.ts';
import type { Refused } from '../domain/outcome.ts';

export type JournalLockCode = 'JOURNAL_IN_USE' | 'JOURNAL_UNWRITABLE';

/** SQLITE_BUSY, SQLITE_READONLY, SQLITE_CANTOPEN. Source: sqlite.org/rescode.html. */
const busy = 5;
const unwritable = [8, 14];

/**
 * Keeps a second sender off a journal: both would give one number to two batches. Held through
 * SQLite's own file lock, which the kernel lets go of however the process ends. The lock's file
 * stays: deleting it would let two senders each lock their own.
 */
export async function withJournalLocked<T>(
  file: string,
  work: () => Promise<T>,
): Promise<T | Refused<JournalLockCode>> {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${file}.lock`, { timeout: 0 });
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
    if (code === busy) {
      const message = `Another sender works with ${file}. Wait for it, or name another --journal.`;
      return refuse('JOURNAL_IN_USE', message);
    }
    if (!unwritable.includes(code)) throw error;
    return refuse('JOURNAL_UNWRITABLE', `${file} cannot be written. Check its folder.`);
  }
  try {
    return await work();
  } finally {
    lock.close();
  }
}
