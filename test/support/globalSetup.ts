import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/db/migrate.ts';
import { startPostgres } from '../../src/embedded/postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser, database `postgres`. */
    postgresUrl: string;
    /** A migrated database that nobody connects to; test databases are copies of it. */
    templateName: string;
  }
}

const templateName = 'joulebook_template';

/**
 * One real Postgres for the whole run, migrated once. Copies of the template take tens of
 * milliseconds; migrating each test's database would take a second. With KEEP_TEST_DATABASES set
 * to a directory the cluster and the databases of failed tests stay there for a post-mortem.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const keptIn = process.env['KEEP_TEST_DATABASES'];
  const started = await startPostgres({
    directory: keptIn ?? '',
    ephemeral: keptIn === undefined,
    onProgress: () => {},
  });
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
  const { url, stop } = started.value;
  try {
    await makeTemplate(url);
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide('postgresUrl', url);
  project.provide('templateName', templateName);
  return stop;
}

async function makeTemplate(url: string): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await admin`drop database if exists ${admin(templateName)}`;
    await admin`create database ${admin(templateName)}`;
  } finally {
    await admin.end();
  }
  const template = new URL(url);
  template.pathname = templateName;
  await migrate(template.href);
}
