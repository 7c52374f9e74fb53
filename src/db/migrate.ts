import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';

const migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url));
/** Any constant: two starts at once take turns. */
const migrationLock = 7_425_300_911n;

/**
 * Brings a database to this version's tables, roles and policies. Safe to run again and by several
 * processes at once. The url's user must be allowed to create roles (BYPASSRLS needs a superuser).
 */
export async function migrate(url: string): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await client`select pg_advisory_lock(${migrationLock.toString()}::bigint)`;
    await runMigrations(drizzle({ client }), { migrationsFolder });
    await client`select pg_advisory_unlock(${migrationLock.toString()}::bigint)`;
  } finally {
    await client.end({ timeout: 5 });
  }
}
