import type { Sql } from '../db/connect.ts';
import { eventHeads, eventShardOf, readSubjectEvents } from '../db/events.ts';
import type { Subject, SubjectEvent } from '../db/events.ts';
import { asViewer } from '../db/viewer.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { streamRetryMs, subjectEventsPerPullMax } from '../domain/limits.ts';
import { createBellRope } from './bellRope.ts';
import { encodeCursor } from './cursor.ts';
import type { StreamPosition } from './cursor.ts';
import type { Tail } from './tail.ts';

export const streamModes = ['ALL', 'LATEST'] as const;
/** ALL loses nothing; LATEST folds what has piled up into one event, for phones. */
export type StreamMode = (typeof streamModes)[number];

export type StreamItem<Snapshot> = {
  readonly cursor: string;
  readonly emittedAtMs: number;
} & (
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'event'; readonly event: SubjectEvent }
  | { readonly kind: 'progress' }
  | { readonly kind: 'gap' }
);

type Untold<Snapshot> =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot; readonly sequence: bigint }
  | { readonly kind: 'event'; readonly event: SubjectEvent; readonly sequence: bigint }
  | { readonly kind: 'progress' | 'gap'; readonly sequence: bigint };

export type FollowOptions<Snapshot> = {
  readonly tail: Tail;
  /** Under joulebook_api. */
  readonly sql: Sql;
  readonly viewer: Viewer;
  readonly subject: Subject;
  /** The others are passed over. */
  wants(event: SubjectEvent): boolean;
  /** Null: begin with a snapshot. */
  readonly after: StreamPosition | null;
  readonly mode: StreamMode;
  readonly clock: { nowMs(): number };
  readonly progressMs: number;
  /** The end of the viewer's token: the stream ends and the client comes back with a new one. */
  readonly endsAtMs: number;
  /** State and the number it is of, from one statement. */
  snapshot(): Promise<{ readonly sequence: bigint; readonly snapshot: Snapshot }>;
  readonly onError: (error: unknown) => void;
};

/** The newest state, with the energy and the cost of all. */
function foldLatest(events: readonly SubjectEvent[]): SubjectEvent[] {
  const newest = events.at(-1);
  if (newest === undefined) return [];
  let energyWh = 0n;
  let chargedMicros = 0n;
  for (const event of events) {
    energyWh += event.energyWh;
    chargedMicros += event.chargedMicros;
  }
  return [{ ...newest, energyWh, chargedMicros }];
}

/**
 * A subscription: live delivery, replay and catch-up are one pull loop over the log from a cursor.
 * It holds one pull's events at most, so a client that stops reading costs flat memory. An outage
 * of the database does not end it. Written as an object, because a generator cannot be closed
 * while it waits.
 */
export function follow<Snapshot>(
  options: FollowOptions<Snapshot>,
): AsyncIterableIterator<StreamItem<Snapshot>> {
  const { tail, viewer, subject, clock } = options;
  const shard = eventShardOf(viewer.companyId);
  const bell = createBellRope();
  const unwatch = tail.watch(subject, bell.ring);
  let position: bigint | null = null;
  let untold: Untold<Snapshot>[] = [];
  let toldAtMs = clock.nowMs();
  let hasMore = false;
  let isClosed = false;
  let turn: Promise<unknown> = Promise.resolve();

  const close = (): void => {
    isClosed = true;
    unwatch();
    untold = [];
    bell.ring();
  };
  const pushSnapshot = async (): Promise<void> => {
    const { sequence, snapshot } = await options.snapshot();
    untold.push({ kind: 'snapshot', snapshot, sequence });
    position = sequence;
  };
  const begin = async (): Promise<void> => {
    if (options.after === null) return pushSnapshot();
    const { sequence } = options.after;
    const oldest = await tail.oldest(shard);
    // A client may come from a process whose tail is further than this one's.
    const known = tail.head(shard);
    const head = sequence <= known ? known : ((await eventHeads(options.sql))[shard] ?? known);
    const isKept = oldest === null ? sequence >= head : sequence + 1n >= oldest;
    // Ahead of the log: it was restored from a backup, and its numbers are given out again.
    if (isKept && sequence <= head) {
      position = sequence;
      return;
    }
    untold.push({ kind: 'gap', sequence });
    await pushSnapshot();
  };
  const pull = async (from: bigint): Promise<void> => {
    const head = tail.head(shard);
    const limit = subjectEventsPerPullMax;
    const query = { shard, after: from, subject, limit };
    const recent = tail.recent(viewer, subject, { shard, after: from });
    const events =
      recent ?? (await asViewer(options.sql, viewer, (tx) => readSubjectEvents(tx, query)));
    const last = events.at(-1)?.sequence ?? from;
    const isAll = recent !== null || events.length < limit;
    position = isAll && head > last ? head : last;
    hasMore = !isAll;
    const wanted = events.filter((event) => options.wants(event));
    const told = options.mode === 'LATEST' ? foldLatest(wanted) : wanted;
    for (const event of told) untold.push({ kind: 'event', event, sequence: event.sequence });
  };
  const tell = (item: Untold<Snapshot>): IteratorResult<StreamItem<Snapshot>> => {
    toldAtMs = clock.nowMs();
    const { sequence, ...rest } = item;
    const cursor = encodeCursor({ shard, sequence });
    return { done: false, value: { ...rest, cursor, emittedAtMs: toldAtMs } };
  };
  const step = async (): Promise<IteratorResult<StreamItem<Snapshot>>> => {
    while (!isClosed) {
      const next = untold.shift();
      if (next !== undefined) return tell(next);
      const leftMs = options.endsAtMs - clock.nowMs();
      if (leftMs <= 0) {
        close();
        break;
      }
      const quietMs = clock.nowMs() - toldAtMs;
      if (position !== null && quietMs >= options.progressMs) {
        return tell({ kind: 'progress', sequence: position });
      }
      let waitMs = Math.min(options.progressMs - quietMs, leftMs);
      try {
        if (position === null) {
          await begin();
          continue;
        }
        await pull(position);
      } catch (error) {
        if (!isClosed) options.onError(error);
        hasMore = false;
        waitMs = Math.min(streamRetryMs, leftMs);
      }
      if (untold.length === 0 && !isClosed && !hasMore) await bell.wait(waitMs);
    }
    return { done: true, value: undefined };
  };
  const finish = (): Promise<IteratorResult<StreamItem<Snapshot>>> => {
    close();
    return Promise.resolve({ done: true, value: undefined });
  };
  return {
    next: () => {
      const result = turn.then(step);
      turn = result.catch(() => undefined);
      return result;
    },
    return: finish,
    throw: finish,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
