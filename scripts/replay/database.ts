import { accept } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import { migrate } from '../../src/db/migrate.ts';
import { startPostgres } from '../../src/embedded/postgres.ts';
import type { PostgresRefusal } from '../../src/embedded/postgres.ts';

export type ThrowawayDatabase = { readonly url: string; stop(): Promise<void> };

/** An embedded Postgres of this run alone, migrated and empty; gone after the stop or a crash. */
export async function startThrowawayDatabase(): Promise<
  Outcome<ThrowawayDatabase, PostgresRefusal>
> {
  const started = await startPostgres({ directory: '', ephemeral: true, onProgress: () => {} });
  if (!started.ok) return started;
  const { url, stop } = started.value;
  try {
    await migrate(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return accept({ url, stop });
}
