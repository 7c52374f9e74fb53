import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { catalogueFaults } from './catalogue.ts';
import { projectRoot } from './projectFiles.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-migrations-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Lets drizzle-kit write the next migration into a copy; returns the ones that it made. */
async function missingMigrations(name: string, more?: string): Promise<readonly string[]> {
  const copy = path.join(folder, name);
  mkdirSync(copy);
  cpSync(path.join(projectRoot, 'src/db'), copy, { recursive: true });
  symlinkSync(path.join(projectRoot, 'node_modules'), path.join(copy, 'node_modules'));
  if (more !== undefined) writeFileSync(path.join(copy, 'tables/more.ts'), more);
  const out = path.join(copy, 'migrations');
  const before = new Set(readdirSync(out));
  const args = ['generate', '--dialect', 'postgresql', '--name', 'missing'];
  const bin = path.join(projectRoot, 'node_modules/.bin/drizzle-kit');
  await new Promise<void>((resolve, reject) => {
    const schema = path.join(copy, 'tables/*.ts');
    const child = execFile(
      process.execPath,
      [bin, ...args, '--schema', schema, '--out', out],
      { cwd: copy, timeout: 100_000 },
      (error, stdout, stderr) =>
        error === null ? resolve() : reject(new Error(`${stdout}${stderr}`, { cause: error })),
    );
    child.stdin?.end();
  });
  return readdirSync(out).filter((each) => !before.has(each));
}

describe('the migrations match the tables', () => {
  test('drizzle-kit has nothing to add', async () => {
    expect(await missingMigrations('asCommitted')).toEqual([]);
  });

  test('planted: a table without a migration is found', async () => {
    const planted = `
      import { integer, pgTable } from 'drizzle-orm/pg-core';
      export const forgotten = pgTable('forgotten', { id: integer('id').primaryKey() });`;
    expect(await missingMigrations('planted', planted)).toEqual([
      expect.stringMatching(/_missing$/),
    ]);
  });
});

describe('the catalogue of a migrated database', () => {
  let sql: postgres.Sql;
  beforeAll(async () => {
    sql = postgres((await freshDatabase('catalogue')).url, { max: 1, onnotice: () => {} });
  });
  afterAll(() => sql.end());

  test('every table of a company is secured, and what is appended stays', async () => {
    expect(await catalogueFaults(sql)).toEqual({
      withoutRowLevelSecurity: [],
      withoutCompany: [],
      partitionsOpenToTheApi: [],
      openToPublic: [],
      rewritable: [],
      referencesWithoutCompany: [],
    });
  });

  test.each([
    ['withoutRowLevelSecurity', 'create table planted (company_id integer)', 'planted'],
    ['withoutRowLevelSecurity', 'alter table meter no force row level security', 'meter'],
    ['withoutRowLevelSecurity', 'alter table event disable row level security', 'event'],
    ['withoutCompany', 'create table planted (id integer)', 'planted'],
    [
      'partitionsOpenToTheApi',
      'grant select on batch_log_default to joulebook_api',
      'batch_log_default',
    ],
    ['openToPublic', 'grant select on tariff to public', 'tariff'],
    [
      'openToPublic',
      'grant execute on function ensure_log_partition(date) to public',
      'ensure_log_partition',
    ],
    ['rewritable', 'drop trigger append_only on transfer', 'transfer'],
    ['rewritable', 'alter table audit_entry disable trigger append_only', 'audit_entry'],
    ['rewritable', 'grant update (at) on audit_entry to joulebook_api', 'audit_entry'],
    ['rewritable', 'grant update (amount_micros) on bank_entry to joulebook_api', 'bank_entry'],
    ['rewritable', 'grant delete on batch_log to joulebook_writer', 'batch_log'],
    [
      'referencesWithoutCompany',
      `alter table charge add constraint planted_fk foreign key (account_id)
         references account (id)`,
      'planted_fk',
    ],
  ])('planted: %s is found after "%s"', async (kind, statement, name) => {
    let found: readonly string[] = [];
    const undo = new Error('undo the plant');
    const planted = sql.begin(async (tx) => {
      await tx.unsafe(statement);
      found = (await catalogueFaults(tx))[kind] ?? [];
      throw undo;
    });
    await expect(planted).rejects.toBe(undo);
    expect(found).toContain(name);
  });
});
