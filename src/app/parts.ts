import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import { connect } from '../db/connect.ts';
import type { Database, DatabaseRole } from '../db/connect.ts';
import type { BusClock } from '../devices/busClock.ts';
import type { Queues } from '../workers/queues.ts';
import type { Bells } from './bells.ts';
import type { Closing } from './closing.ts';

/** What every role is given: made once by the composition root, closed by it in reverse. */
export type Parts = {
  readonly databaseUrl: string;
  /** Of this process, under joulebook_writer. */
  readonly writer: Database;
  readonly queues: Queues;
  readonly bells: Bells;
  readonly clock: BusClock;
  readonly log: Logger;
  readonly closing: Closing;
};

export type TokenKeys = { readonly privateKey: KeyObject | null; readonly publicKey: KeyObject };

/** Connections a process keeps: the rater's shards, commits, streams and one to spare. */
const writerConnectionsMax = 12;
const apiConnectionsMax = 10;

export async function openDatabase(
  { databaseUrl, closing }: Pick<Parts, 'databaseUrl' | 'closing'>,
  role: DatabaseRole,
  name: string,
): Promise<Database> {
  const connectionsMax = role === 'joulebook_api' ? apiConnectionsMax : writerConnectionsMax;
  const database = await connect(databaseUrl, { role, connectionsMax, name });
  closing.add(`${role} connections`, () => database.close());
  return database;
}
