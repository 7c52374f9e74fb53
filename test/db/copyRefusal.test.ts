import { afterAll, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { copyInto } from '../../src/db/copy.ts';
import { freshDatabase } from '../support/postgres.ts';

const opened: Database[] = [];
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
});

test('a COPY that a constraint refuses fails at once and is rolled back', async () => {
  const { url } = await freshDatabase('copy_refused');
  const name = 'copy refusal';
  const database = await connect(url, { role: 'joulebook_writer', connectionsMax: 1, name });
  opened.push(database);
  const { sql } = database;
  const column = (values: readonly number[]) =>
    ({ name: 'position', type: 'int4', values }) as const;
  await sql`create temporary table place (position int4 primary key)`;
  const copied = sql.begin(async (tx) => {
    await copyInto(tx, 'place', [column([1, 2])], 2);
    await copyInto(tx, 'place', [column([3, 1])], 2);
  });
  await expect(copied).rejects.toThrow('duplicate key value violates unique constraint');
  // The only connection of the pool is free again, and a further COPY on it works.
  await sql.begin((tx) => copyInto(tx, 'place', [column([7])], 1));
  expect([...(await sql`select position from place`)]).toEqual([{ position: 7 }]);
});
