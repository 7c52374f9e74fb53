import postgres from 'postgres';
import { expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';

async function inDatabase<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

test('a fresh database is migrated, and another one sees nothing of it', async () => {
  const [one, two] = await Promise.all([freshDatabase('one'), freshDatabase('two')]);
  await inDatabase(one.url, (sql) => sql`create table only_here (n int)`);
  const tables = await inDatabase(
    two.url,
    (sql) => sql<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  expect(tables.map(({ name }) => name)).not.toContain('only_here');
  expect(tables.length).toBeGreaterThan(0);
});

test('a dropped database is gone, even while somebody is connected to it', async () => {
  const database = await freshDatabase('dropped');
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  await sql`select 1`;
  await database.drop();
  await sql.end({ timeout: 1 });
  await expect(inDatabase(database.url, (again) => again`select 1`)).rejects.toThrow(
    'does not exist',
  );
});
