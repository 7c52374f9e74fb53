import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import type { Admin } from '../../test/simulate/invariants.ts';

/** How far log and rating are, by shard. */
export type Places = {
  readonly heads: readonly bigint[];
  readonly cursors: readonly bigint[];
  /** Meters to be rated or validated again. */
  readonly duties: number;
  /** Of the shard that is furthest behind. */
  readonly relayBehind: bigint;
};

const lookMsMax = 2_000;

/** The superuser's view of the database, which survives that the database does not. */
export class Watch {
  readonly admin: Admin;
  /** When each intake gave its last receipt, by its number. */
  readonly receiptMs: number[] = [];

  constructor(url: string) {
    this.admin = postgres(url, {
      max: 2,
      types: { bigint: postgres.BigInt },
      onnotice: () => {},
      connect_timeout: 2,
      backoff: () => 0.1,
      connection: { application_name: 'faults oracle' },
    });
  }

  /** Null while the database does not answer. */
  async places(): Promise<Places | null> {
    const look = async (): Promise<Places> => {
      const rows = await this.admin<{ head: bigint; cursor: bigint }[]>`
        select h.position as head, c.position as cursor
        from log_head h join rating_cursor c using (shard) order by shard`;
      const [rest] = await this.admin<[{ duties: bigint; behind: bigint }]>`
        select (select count(*) from rerate_duty) + (select count(*) from vee_duty) as duties,
          coalesce((select max(h.sequence - coalesce(c.sequence, 0)) from event_head h
            left join relay_cursor c on c.shard = h.shard and c.relay = 'broker'), 0) as behind`;
      return {
        heads: rows.map(({ head }) => head),
        cursors: rows.map(({ cursor }) => cursor),
        duties: Number(rest.duties),
        relayBehind: rest.behind,
      };
    };
    try {
      return await Promise.race([look(), delay(lookMsMax, null, { ref: false })]);
    } catch {
      return null;
    }
  }

  close(): Promise<void> {
    return this.admin.end({ timeout: 2 });
  }
}

/** Resolves with the milliseconds that it took, or null when it took too long. */
export async function untilTrue(
  isTrue: () => Promise<boolean> | boolean,
  { fromMs, msMax, stepMs = 25 }: { fromMs: number; msMax: number; stepMs?: number },
): Promise<number | null> {
  while (performance.now() - fromMs < msMax) {
    if (await isTrue()) return performance.now() - fromMs;
    await delay(stepMs);
  }
  return null;
}

/** Rated up to where the log was when somebody first looked: fresh batches come all the time. */
export function caughtUp(watch: Watch): () => Promise<boolean> {
  let goal: readonly bigint[] | null = null;
  return async () => {
    const places = await watch.places();
    if (places === null) return false;
    goal ??= places.heads;
    return goal.every((head, shard) => (places.cursors[shard] ?? 0n) >= head);
  };
}
