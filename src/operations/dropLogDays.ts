import type { Sql } from '../db/connect.ts';
import { dropLogDay, readLogDays } from '../db/logKeeping.ts';
import type { DropAnswer } from '../db/logKeeping.ts';
import { assertNever } from '../domain/assert.ts';
import { logRetentionDaysMin } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { dayMs } from '../domain/time/civil.ts';

export type DroppedLog = {
  readonly dropped: readonly string[];
  /** The first day that had to stay, and why; null when all that was asked went. */
  readonly kept: { readonly day: string; readonly why: DropAnswer } | null;
};

export type DropCode = 'RETENTION_TOO_SHORT';

export function whyKept(answer: DropAnswer): string {
  switch (answer) {
    case 'dropped':
    case 'absent':
      return 'it is gone';
    case 'too_young':
      return 'it may still be written to';
    case 'not_oldest':
      return 'an older day is still there';
    case 'unrated':
      return 'some of its batches are not rated yet: let the workers finish';
    case 'held_back':
      return 'some of its rows are held back and need it: retry or correct them first';
    default:
      return assertNever(answer);
  }
}

/**
 * Drops the days of the log that are older than so many days, the oldest first and each as a
 * whole. The guard stays for ever, so a batch that comes again years later is still a duplicate.
 */
export async function dropLogDays(
  { sql, clock }: { readonly sql: Sql; readonly clock: { nowMs(): number } },
  { days, actor }: { readonly days: number; readonly actor: string },
): Promise<Outcome<DroppedLog, DropCode>> {
  if (!Number.isInteger(days) || days < logRetentionDaysMin) {
    const message = `The log is kept for ${logRetentionDaysMin} days at least. Keep so many.`;
    return refuse('RETENTION_TOO_SHORT', message);
  }
  const nowMs = clock.nowMs();
  const firstKept = new Date(nowMs - days * dayMs).toISOString().slice(0, 10);
  const dropped: string[] = [];
  for (const day of await readLogDays(sql)) {
    if (day >= firstKept) break;
    const answer = await dropLogDay(sql, { day, actor, nowMs });
    if (answer === 'dropped') dropped.push(day);
    else if (answer !== 'absent') return accept({ dropped, kept: { day, why: answer } });
  }
  return accept({ dropped, kept: null });
}
