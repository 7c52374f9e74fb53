import type { Bell } from '../domain/bell.ts';
import type { Sql } from './connect.ts';

const channel = 'joulebook_bells';
type WorkBell = Exclude<Bell, { kind: 'events' }>;

/**
 * Tells other processes that there is work. After the commit and outside of any transaction: a
 * NOTIFY inside would make all commits wait for each other.
 */
export async function ringBell(sql: Sql, { kind }: WorkBell): Promise<void> {
  await sql`select pg_notify(${channel}, ${kind})`;
}

/** Calls back for each ring, on a connection of its own that reconnects by itself. */
export async function listenForBells(
  sql: Sql,
  onRing: (bell: WorkBell) => void,
): Promise<{ close(): Promise<void> }> {
  const listener = await sql.listen(channel, (payload) => {
    switch (payload) {
      case 'rating':
      case 'commands':
      case 'simulations':
      case 'providers':
        onRing({ kind: payload });
    }
  });
  return { close: () => listener.unlisten() };
}
