import { migrate } from '../../db/migrate.ts';
import { accept } from '../../domain/outcome.ts';
import type { Answer } from '../answer.ts';
import { databaseRefusal } from '../database.ts';

export async function migrateDatabase(url: string): Promise<Answer> {
  try {
    await migrate(url);
  } catch (error) {
    const refusal = databaseRefusal(error, url);
    if (refusal === null) throw error;
    return refusal;
  }
  const database = new URL(url).pathname.slice(1);
  return accept({
    sentence: `The database ${database} has this version's tables, roles and policies.`,
    facts: { database },
  });
}
