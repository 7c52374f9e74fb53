import { listenForBells, ringBell } from '../db/bells.ts';
import type { Sql } from '../db/connect.ts';
import { wakeReaders } from '../db/events.ts';
import { assertNever } from '../domain/assert.ts';
import type { Bell } from '../domain/bell.ts';

/** Bells of this process and of the others: whoever rings need not know where the work is done. */
export type Bells = {
  wake(bell: Bell): void;
  /** Calls back for rings from anywhere, also from this process. */
  onWork(kind: Exclude<Bell['kind'], 'events'>, callback: () => void): void;
  close(): Promise<void>;
};

/** Rings are coalesced: while one is on its way to Postgres, a hundred more are one. */
export async function createBells(sql: Sql, onProblem: (error: unknown) => void): Promise<Bells> {
  const callbacks = {
    rating: new Set<() => void>(),
    commands: new Set<() => void>(),
    simulations: new Set<() => void>(),
    providers: new Set<() => void>(),
  };
  const underway = new Map<string, { again: boolean }>();
  let isClosed = false;
  const listener = await listenForBells(sql, ({ kind }) => {
    for (const callback of callbacks[kind]) callback();
  });
  const tell = (bell: Bell): Promise<void> => {
    switch (bell.kind) {
      case 'events':
        return wakeReaders(sql, bell.shard);
      case 'rating':
      case 'commands':
      case 'simulations':
      case 'providers':
        return ringBell(sql, bell);
      default:
        return assertNever(bell);
    }
  };
  const send = async (key: string, bell: Bell): Promise<void> => {
    const state = { again: true };
    underway.set(key, state);
    try {
      while (state.again && !isClosed) {
        state.again = false;
        await tell(bell);
      }
    } catch (error) {
      onProblem(error); // a lost bell costs time until the next sweep, nothing else
    } finally {
      underway.delete(key);
    }
  };
  return {
    wake(bell) {
      if (isClosed) return;
      // This process hears itself at once; the others through Postgres.
      if (bell.kind !== 'events') for (const callback of callbacks[bell.kind]) callback();
      const key = bell.kind === 'events' ? `events ${bell.shard}` : bell.kind;
      const state = underway.get(key);
      if (state !== undefined) state.again = true;
      else send(key, bell).catch(onProblem);
    },
    onWork: (kind, callback) => callbacks[kind].add(callback),
    async close() {
      isClosed = true;
      await listener.close();
    },
  };
}
