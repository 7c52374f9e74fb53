import postgres from 'postgres';
import { afterAll, afterEach, inject } from 'vitest';

export type FreshDatabase = {
  /** Of the superuser. */
  readonly url: string;
  /** Idempotent, and done by itself after the file. */
  drop(): Promise<void>;
};

const made: FreshDatabase[] = [];
let hasFailed = false;

// Importing this file registers these for the test file that imports it.
afterEach(({ task }) => {
  if (task.result?.state === 'fail') hasFailed = true;
});
afterAll(async () => {
  const isKept = hasFailed && process.env['KEEP_TEST_DATABASES'] !== undefined;
  if (hasFailed) {
    const hint = isKept
      ? 'kept in KEEP_TEST_DATABASES; start Postgres on that directory to look'
      : 'run again with KEEP_TEST_DATABASES=DIR to keep them';
    for (const { url } of made) console.error(`database of the failed file: ${url} (${hint})`);
  }
  if (!isKept) await Promise.all(made.map((database) => database.drop()));
});

/** A migrated, empty database for this caller alone, in tens of milliseconds. */
export async function freshDatabase(name: string): Promise<FreshDatabase> {
  const database = `test_${name}_${process.pid}_${made.length + 1}`.toLowerCase();
  const adminUrl = inject('postgresUrl');
  await asAdmin(adminUrl, async (sql) => {
    await sql`create database ${sql(database)} template ${sql(inject('templateName'))}`;
  });
  const url = new URL(adminUrl);
  url.pathname = database;
  const fresh: FreshDatabase = {
    url: url.href,
    drop: () =>
      asAdmin(adminUrl, async (sql) => {
        await sql`drop database if exists ${sql(database)} with (force)`;
      }),
  };
  made.push(fresh);
  return fresh;
}

async function asAdmin(url: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}
