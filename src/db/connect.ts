import postgres from 'postgres';
import { idleTransactionMsMax } from '../domain/limits.ts';
import { makeBeginLossProof } from './lossProofBegin.ts';
import { promptSocket } from './promptSocket.ts';

export type Sql = postgres.Sql<{ bigint: bigint }>;
export type Transaction = postgres.TransactionSql<{ bigint: bigint }>;
/** A client or a transaction of it: what a single statement needs. */
export type Statement = Sql | Transaction;

/**
 * joulebook_api is held by row-level security; joulebook_writer (ingest and rating) is not and is
 * held by its grants and by composite foreign keys.
 */
export type DatabaseRole = 'joulebook_api' | 'joulebook_writer';

export type Database = {
  readonly sql: Sql;
  close(): Promise<void>;
};

/** Refuses to start on a server that may lose what it has acknowledged. */
async function assertDurable(sql: Sql): Promise<void> {
  const [row] = await sql<[{ fsync: string; pages: string; commit: string }]>`
    select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
           current_setting('synchronous_commit') as commit`;
  if (row.fsync !== 'on' || row.pages !== 'on' || row.commit === 'off') {
    throw new Error(
      'DATABASE_NOT_DURABLE: fsync, full_page_writes and synchronous_commit must be on; ' +
        'without them a power cut loses readings that were acknowledged. Change postgresql.conf.',
    );
  }
}

/**
 * postgres.js counts the failures of all connections together, so its own wait grows to 20 s within
 * a moment. A server that comes back is to be used within a second.
 */
function reconnectWaitS(failures: number): number {
  return Math.min(1, 0.05 * failures);
}

/**
 * What the writer sends is of one meter or of ten thousand: a plan that is kept for both looks each
 * of them up by itself. The API's statements are small and always the same.
 */
function planningOf(role: DatabaseRole): string {
  return role === 'joulebook_writer' ? '-c plan_cache_mode=force_custom_plan ' : '';
}

/**
 * One pool of connections under one role.
 * @throws when the server cannot be reached or is not durable.
 */
export async function connect(
  url: string,
  options: { role: DatabaseRole; connectionsMax: number; name: string },
): Promise<Database> {
  const sql = postgres(url, {
    ...promptSocket,
    max: options.connectionsMax,
    types: { bigint: postgres.BigInt },
    onnotice: () => {},
    connect_timeout: 10,
    backoff: reconnectWaitS,
    connection: {
      application_name: options.name,
      options:
        `-c role=${options.role} -c timezone=UTC ${planningOf(options.role)}` +
        `-c idle_in_transaction_session_timeout=${idleTransactionMsMax}`,
    },
  });
  makeBeginLossProof(sql);
  try {
    await assertDurable(sql);
    // The first connection has learned the types of arrays for all. When a later one is lost while
    // it asks, nobody can catch the rejection, and the process ends.
    Object.assign(sql.options, { fetch_types: false });
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
  return { sql, close: () => sql.end({ timeout: 5 }) };
}
