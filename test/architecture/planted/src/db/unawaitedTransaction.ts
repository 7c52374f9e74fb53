import { drizzle } from 'drizzle-orm/postgres-js';

export function fault(url: string): void {
  const db = drizzle(url);
  db.transaction(async (tx) => {
    await tx.execute('select 1');
  });
}
