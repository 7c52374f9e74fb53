import { sql } from 'drizzle-orm';

export const fault = sql;
