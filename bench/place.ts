import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { migrate } from '../src/db/migrate.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import type { EmbeddedPostgres } from '../src/embedded/postgres.ts';

/** Where a bench runs: a durable Postgres, and an empty migrated database for each bench. */
export type Place = {
  freshDatabase(name: string): Promise<string>;
  readonly onProgress: (line: string) => void;
};

export type OwnPlace = Place & {
  readonly postgresVersion: string;
  /** Where the server's time went since the last call; empty unless statements are counted. */
  statements(): Promise<readonly StatementTime[]>;
  close(): Promise<void>;
};

export type StatementTime = {
  readonly query: string;
  readonly calls: number;
  readonly totalMs: number;
  readonly rows: number;
};

const queryLengthShown = 200;

async function start(directory: string | null): Promise<EmbeddedPostgres> {
  const started = await startPostgres({
    directory: directory ?? '',
    ephemeral: directory === null,
    onProgress: () => {},
  });
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
  return started.value;
}

async function asAdmin<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

/** The library that counts must be loaded when the server starts, so it is started twice. */
async function startCounting(directory: string): Promise<EmbeddedPostgres> {
  const first = await start(directory);
  await asAdmin(first.url, async (sql) => {
    await sql`alter system set shared_preload_libraries = 'pg_stat_statements'`;
    await sql`alter system set "pg_stat_statements.track" = 'all'`;
    await sql`create extension pg_stat_statements`;
  });
  await first.stop();
  return start(directory);
}

/** An embedded Postgres of its own, with fsync and synchronous_commit on, gone afterwards. */
export async function openPlace(options: {
  onProgress: (line: string) => void;
  countStatements: boolean;
}): Promise<OwnPlace> {
  const folder = options.countStatements ? mkdtempSync(join(tmpdir(), 'joulebook-bench-')) : null;
  const server = folder === null ? await start(null) : await startCounting(folder);
  const close = async () => {
    await server.stop();
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const version = await asAdmin(server.url, async (sql) => {
      const [row] = await sql<[{ version: string }]>`
        select current_setting('server_version') as version`;
      return row.version;
    });
    return {
      postgresVersion: version,
      onProgress: options.onProgress,
      close,
      freshDatabase: async (name) => {
        await asAdmin(server.url, (sql) => sql`create database ${sql(`bench_${name}`)}`);
        const url = new URL(server.url);
        url.pathname = `bench_${name}`;
        await migrate(url.href);
        return url.href;
      },
      statements: async () => (folder === null ? [] : takeStatements(server.url)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function takeStatements(url: string): Promise<readonly StatementTime[]> {
  return asAdmin(url, async (sql) => {
    const rows = await sql<{ query: string; calls: number; total: number; rows: number }[]>`
      select query, calls::float8, total_exec_time as total, rows::float8
      from pg_stat_statements order by total_exec_time desc limit 25`;
    await sql`select pg_stat_statements_reset()`;
    return rows.map(({ query, calls, total, rows: touched }) => ({
      // An insert of drizzle names each of its forty thousand parameters.
      query: query.replaceAll(/\s+/g, ' ').trim().slice(0, queryLengthShown),
      calls,
      totalMs: total,
      rows: touched,
    }));
  });
}
