import type { Sql } from '../db/connect.ts';
import { eventHeads, eventShards, listenForEvents, oldestEvent, readEvents } from '../db/events.ts';
import type { SequencedBlock, Subject, SubjectEvent } from '../db/events.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { createRecentBlocks } from './recentBlocks.ts';

/** A process's one reader of the event log; its subscribers are woken and then pull. */
export type Tail = {
  /** Calls back at news of the subject, until the returned function is called. */
  watch(subject: Subject, onNews: () => void): () => void;
  /** How many are being called back: zero when every subscription is closed. */
  watcherCount(): number;
  /** The last number of a shard that this process knows of. */
  head(shard: number): bigint;
  /** Events at hand after a number; null: read the log. */
  recent(
    viewer: Viewer,
    subject: Subject,
    position: { shard: number; after: bigint },
  ): readonly SubjectEvent[] | null;
  /** The first number that the log still keeps. */
  oldest(shard: number): Promise<bigint | null>;
  close(): Promise<void>;
};

/** A block of 10,000 meters is about 2 MB while it is parsed. */
const blocksPerReadMax = 16;

type Watchers = Map<number, Set<() => void>>;

function callAll(watchers: Watchers, ids: ArrayLike<number>, called: Set<() => void>): void {
  if (watchers.size === 0) return;
  for (let row = 0; row < ids.length; row += 1) {
    for (const onNews of watchers.get(ids[row]) ?? []) called.add(onNews);
  }
}

function createWatchers() {
  const meters: Watchers = new Map();
  const accounts: Watchers = new Map();
  let count = 0;
  return {
    count: () => count,
    add(subject: Subject, onNews: () => void): () => void {
      const watchers = subject.meterId === undefined ? accounts : meters;
      const id = subject.meterId ?? subject.accountId;
      const set = watchers.get(id) ?? new Set();
      // Wrapped, so that two watchers with one function are two.
      const own = () => onNews();
      set.add(own);
      watchers.set(id, set);
      count += 1;
      return () => {
        if (!set.delete(own)) return;
        count -= 1;
        if (set.size === 0 && watchers.get(id) === set) watchers.delete(id);
      };
    },
    call(block: SequencedBlock): void {
      const called = new Set<() => void>();
      callAll(meters, block.meterIds, called);
      callAll(accounts, block.accountIds, called);
      for (const onNews of called) onNews();
    },
  };
}

/**
 * Follows all shards from now on: rings are coalesced into one read a shard, and a slow poll stands
 * behind for rings that were lost. `sql` is the writer's, which sees whole blocks.
 */
export async function startTail(
  sql: Sql,
  options: { readonly pollMs: number; readonly onError: (error: unknown) => void },
): Promise<Tail> {
  const shards = (await eventHeads(sql)).map(createRecentBlocks);
  const watchers = createWatchers();
  const rung = new Set<number>();
  let pumping: Promise<void> | null = null;
  let isClosed = false;

  const readShard = async (shard: number): Promise<void> => {
    const recent = shards[shard];
    for (;;) {
      const query = { shard, after: recent.newest(), limit: blocksPerReadMax };
      const blocks = await readEvents(sql, query);
      for (const block of blocks) {
        recent.add(block);
        watchers.call(block);
      }
      if (blocks.length < blocksPerReadMax || isClosed) return;
    }
  };
  const pump = async (): Promise<void> => {
    try {
      for (const shard of rung) {
        rung.delete(shard);
        await readShard(shard);
      }
    } catch (error) {
      // The poll asks again.
      if (!isClosed) options.onError(error);
    } finally {
      pumping = null;
    }
  };
  const ring = (shard: number): void => {
    if (isClosed) return;
    rung.add(shard);
    pumping ??= pump();
  };
  const listener = await listenForEvents(sql, ring);
  const poll = setInterval(() => {
    for (let shard = 0; shard < eventShards; shard += 1) ring(shard);
  }, options.pollMs);

  return {
    watch: watchers.add,
    watcherCount: watchers.count,
    head: (shard) => shards[shard].newest(),
    recent: (viewer, subject, { shard, after }) => shards[shard].read(viewer, subject, after),
    oldest: (shard) => oldestEvent(sql, shard),
    async close() {
      isClosed = true;
      clearInterval(poll);
      await listener.close();
      await pumping;
    },
  };
}
