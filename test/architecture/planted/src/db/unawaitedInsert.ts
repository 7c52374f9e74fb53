import { bigint, pgTable } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/postgres-js';

const readings = pgTable('readings', { registerWh: bigint('register_wh', { mode: 'bigint' }) });

export function fault(url: string): void {
  const db = drizzle(url);
  db.insert(readings).values({ registerWh: 1n });
}
