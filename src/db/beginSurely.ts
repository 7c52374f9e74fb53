import { setTimeout as pause } from 'node:timers/promises';
import { surelyTriesMax, surelyWaitMsMin } from '../domain/limits.ts';
import type { Sql, Transaction } from './connect.ts';

/** What postgres.js, the kernel and the server say of a connection that is not there. */
const losses = new Set([
  'CONNECTION_CLOSED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
]);

function isLoss(error: unknown): boolean {
  return error instanceof Error && 'code' in error && losses.has(String(error.code));
}

/** A try that came as far as its COMMIT, whose answer was lost. */
type Reached<T> = { readonly xact: string; readonly value: T };

/**
 * Whether a transaction was committed, by its number. One that a server which crashed does not know
 * any more was not.
 * @throws a loss while the server itself is not done with it: ask again.
 */
export async function hasCommitted(sql: Sql, xact: string): Promise<boolean> {
  const [row] = await sql<[{ status: string | null }]>`
    select case when ${xact}::xid8 < pg_current_xact_id()
                then pg_xact_status(${xact}::xid8) end as status`;
  if (row.status === 'in progress') {
    const message = 'the connection was lost while Postgres was still at the commit';
    throw Object.assign(new Error(message), { code: 'CONNECTION_CLOSED' });
  }
  return row.status === 'committed';
}

/**
 * One transaction that is done once although its connection may be lost, also in the very COMMIT:
 * Postgres knows by its number whether a transaction was committed (its documentation,
 * "Transaction ID and Snapshot Information Functions": pg_xact_status). The work may run again,
 * always in a transaction that sees nothing of the last.
 * @throws what the work throws; the loss, when it lasts longer than `surelyTriesMax` tries.
 */
export async function beginSurely<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const reached: Reached<T>[] = [];

  async function once(): Promise<T> {
    const last = reached.at(-1);
    if (last !== undefined && (await hasCommitted(sql, last.xact))) return last.value;
    const done = await sql.begin(async (tx) => {
      const value = await work(tx);
      const [row] = await tx<[{ xact: string }]>`select pg_current_xact_id()::text as xact`;
      reached.push({ xact: row.xact, value });
      return { value };
    });
    return done.value;
  }

  for (let tries = 1; ; tries += 1) {
    try {
      return await once();
    } catch (error) {
      if (!isLoss(error) || tries === surelyTriesMax) throw error;
      await pause(surelyWaitMsMin * 2 ** (tries - 1));
    }
  }
}
