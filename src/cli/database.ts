import { readFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from '../db/connect.ts';
import type { DatabaseRole, Sql } from '../db/connect.ts';
import { refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { Misused } from './answer.ts';

export type DatabaseCode = 'DATABASE_UNREACHABLE' | 'DATABASE_NOT_MIGRATED' | 'DATABASE_REFUSED';

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ECONNRESET',
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  '57P03', // cannot_connect_now
  '3D000', // invalid_catalog_name
]);
/** undefined_table, undefined_column, undefined_object, invalid_parameter_value (the role). */
const notMigrated = new Set(['42P01', '42703', '42704', '22023']);

/** In the data directory of a start that runs: its database's address, for its owner alone. */
export const databaseUrlFile = 'database-url';

/** The address that a running start has written into its data directory. */
export function databaseUrlIn(dataDirectory: string): string {
  const file = path.join(dataDirectory, databaseUrlFile);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const start = `npm start -- --data ${dataDirectory}`;
    throw new Misused(`${file} is not there (${why}): --data is of a start that runs, as ${start}`);
  }
}

/** From --database, --data or the environment. */
export function databaseUrl(asked: string | undefined): string {
  const url = asked ?? process.env['DATABASE_URL'];
  if (url === undefined || !URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new Misused(
      'set DATABASE_URL to the database, such as postgres://user@127.0.0.1/name, or give --data ' +
        'with the data directory of an npm start that runs, such as .joulebook',
    );
  }
  return url;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? '' : codeOf(error.cause);
}

/** What a database's own error means for whoever called, or null for a bug. */
export function databaseRefusal(error: unknown, url: string): Refused<DatabaseCode> | null {
  const { hostname, port, pathname } = new URL(url);
  const where = `${hostname}:${port === '' ? '5432' : port}${pathname}`;
  const code = codeOf(error);
  if (unreachable.has(code)) {
    const message = `No database answers at ${where} (${code}). Start it or correct DATABASE_URL.`;
    return refuse('DATABASE_UNREACHABLE', message);
  }
  if (notMigrated.has(code)) {
    const message = `The database at ${where} has not this version's tables. Run ems-cli migrate.`;
    return refuse('DATABASE_NOT_MIGRATED', message);
  }
  // Classes of SQLSTATE: 28 who may log in, 42501 what a role may do, 53 no connection left.
  if (/^(28|53|42501)/.test(code)) {
    const message = `The database at ${where} refuses this user (${code}). Check its rights.`;
    return refuse('DATABASE_REFUSED', message);
  }
  if (error instanceof Error && error.message.startsWith('DATABASE_NOT_DURABLE')) {
    return refuse('DATABASE_REFUSED', error.message);
  }
  return null;
}

/** Works on one connection, which is closed afterwards. */
export async function withDatabase<T, Code extends string>(
  url: string,
  role: DatabaseRole,
  work: (sql: Sql) => Promise<Outcome<T, Code>>,
): Promise<Outcome<T, Code | DatabaseCode>> {
  try {
    const database = await connect(url, { role, connectionsMax: 1, name: 'ems-cli' });
    try {
      return await work(database.sql);
    } finally {
      await database.close();
    }
  } catch (error) {
    const refusal = databaseRefusal(error, url);
    if (refusal === null) throw error;
    return refusal;
  }
}
