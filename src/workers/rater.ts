import { faultText, isOfMoment } from '../db/faults.ts';
import { shardsBehind } from '../db/log.ts';
import type { Bell } from '../domain/bell.ts';
import {
  ratingBackOffMsMax,
  ratingBackOffMsMin,
  ratingSweepMs,
  ratingTriesMax,
} from '../domain/limits.ts';
import { rateReadings } from '../operations/rateReadings.ts';
import type { RateDeps, Rated, RatingStep, RatingWork } from '../operations/rateReadings.ts';
import { setAside } from '../operations/setAside.ts';
import { createRatingMemory } from '../operations/rating/registry.ts';
import type { RatingMemory } from '../operations/rating/registry.ts';
import { createBellRope } from '../stream/bellRope.ts';
import type { BellRope } from '../stream/bellRope.ts';

export type RaterOptions = Omit<RateDeps, 'memory'> & {
  wake(bell: Bell): void;
  /** A failure that is tried again; the rater itself never ends by one. */
  report(problem: { readonly shard: number | null; readonly error: unknown }): void;
  readonly sweepMs?: number;
};

export type RaterStats = {
  readonly batches: number;
  readonly readings: number;
  readonly failures: number;
};

export type Rater = {
  /** Batches were committed or duties written: look now and not at the next sweep. */
  ring(): void;
  stats(): RaterStats;
  /** Ends after the transaction in progress. */
  stop(): Promise<void>;
};

/** Of a kind of work of a shard: the failures in a row, and the end of what has failed. */
type Failing = { readonly times: number; readonly untilPosition: bigint };

/** All is rated; or it failed, after something went well, or at once. */
type RatingEnd = 'well' | 'moved' | 'stuck';

function keyOf(shard: number, kind: RatingWork['kind']): string {
  return `${shard}/${kind}`;
}

/** The wait after so many failures in a row. */
export function ratingBackOffMs(failures: number): number {
  return Math.min(ratingBackOffMsMax, ratingBackOffMsMin * 2 ** Math.min(failures - 1, 16));
}

/**
 * Moves the cursors of all shards that are behind, as long as there is something to rate. Several
 * raters may run: the cursor's row lets one of them work on a shard and the others find nothing.
 */
export function startRater(options: RaterOptions): Rater {
  const { sql, wake, report, sweepMs = ratingSweepMs } = options;
  const rope = createBellRope();
  /** Shards that are being rated, each with what ends the wait after a failure. */
  const underway = new Map<number, { readonly pause: BellRope; readonly ended: Promise<void> }>();
  let rings = 0;
  const memories = new Map<number, RatingMemory>();
  const counts = { batches: 0, readings: 0, failures: 0 };
  let stopping = false;
  /**
   * By shard and kind of work, for what goes well beside it proves nothing of it. Up to the end of
   * what failed such work is done one batch or duty at a time: in a group of the others again, what
   * is at fault would fail them all once more with each that is done.
   */
  const failing = new Map<string, Failing>();

  function depsOf(shard: number): RateDeps {
    const memory = memories.get(shard) ?? createRatingMemory();
    memories.set(shard, memory);
    return { sql, clock: options.clock, rate: options.rate, memory };
  }

  function stepOf(shard: number): RatingStep {
    const isFailing = (kind: RatingWork['kind']) => failing.has(keyOf(shard, kind));
    return {
      shard,
      ...(isFailing('log') ? { batchesMax: 1, isApart: true } : {}),
      ...(isFailing('duty') ? { retriedMax: 1 } : {}),
      ...(isFailing('log') || isFailing('duty') || isFailing('validation') ? { dutiesMax: 1 } : {}),
    };
  }

  /** It is done, or set aside: what is left of a group that failed still comes one by one. */
  function forgive(shard: number, work: RatingWork | null, goesOn = false): void {
    if (work === null) return;
    const key = keyOf(shard, work.kind);
    const known = failing.get(key);
    if (known === undefined) return;
    const furtherPosition = goesOn ? work.lastPosition + 1n : 0n;
    const isFurther = furtherPosition > known.untilPosition;
    const untilPosition = isFurther ? furtherPosition : known.untilPosition;
    if (work.lastPosition >= untilPosition) failing.delete(key);
    else failing.set(key, { times: 0, untilPosition });
  }

  function blame(shard: number, { kind, lastPosition }: RatingWork): number {
    const key = keyOf(shard, kind);
    const { times, untilPosition } = failing.get(key) ?? { times: 0, untilPosition: lastPosition };
    const isFurther = lastPosition > untilPosition;
    const failed = { times: times + 1, untilPosition: isFurther ? lastPosition : untilPosition };
    failing.set(key, failed);
    return failed.times;
  }

  function tell(rated: Rated): void {
    for (const shard of rated.eventShards) wake({ kind: 'events', shard });
    if (rated.commandsRequested) wake({ kind: 'commands' });
    counts.batches += rated.batches;
    counts.readings += rated.readings;
  }

  /**
   * A failure that comes back is looked for batch by batch, and duty by duty. One that comes every
   * time, and not of the database's moment, is our own mistake about it: it is set aside, so that
   * what is behind it goes on. True when that was done.
   */
  async function isolate(shard: number, work: RatingWork | null, error: unknown): Promise<boolean> {
    if (work === null) return false;
    const times = blame(shard, work);
    if (times < ratingTriesMax || isOfMoment(error)) return false;
    const reason = faultText(error);
    const aside = await setAside({ sql, clock: options.clock }, { shard, work, reason });
    forgive(shard, work);
    if (aside === null) return false;
    const message = `RATING_FAILED: ${aside.subject} is set aside: ${reason}`;
    report({ shard, error: new Error(message) });
    return true;
  }

  /** Rates a shard until it has caught up, or fails. */
  async function catchUp(shard: number): Promise<RatingEnd> {
    let work: RatingWork | null = null;
    let end: RatingEnd = 'stuck';
    const began = (of: RatingWork): void => {
      work = of;
    };
    try {
      for (let more = true; more && !stopping;) {
        work = null;
        const rated = await rateReadings(depsOf(shard), { ...stepOf(shard), began });
        forgive(shard, work, rated.goesOn);
        tell(rated);
        if (work !== null) end = 'moved';
        ({ more } = rated);
      }
      return 'well';
    } catch (error) {
      // What it remembers may come from a transaction that was rolled back.
      memories.delete(shard);
      report({ shard, error });
      if (!(await isolate(shard, work, error))) return end;
      return (await catchUp(shard)) === 'well' ? 'well' : 'moved';
    }
  }

  /** Rates a shard until it is well, and waits longer after each failure without progress. */
  async function rateOut(shard: number, pause: BellRope): Promise<void> {
    let failuresInRow = 0;
    while (!stopping) {
      let end: RatingEnd = 'stuck';
      try {
        end = await catchUp(shard);
      } catch (error) {
        report({ shard, error });
      }
      if (end === 'well') return;
      counts.failures += 1;
      failuresInRow = end === 'moved' ? 1 : failuresInRow + 1;
      if (!stopping) await pause.wait(ratingBackOffMs(failuresInRow));
    }
  }

  /** A shard that never catches up, or fails each time, keeps no other shard waiting. */
  function begin(shard: number): void {
    const heard = rings;
    const pause = createBellRope();
    const ended = rateOut(shard, pause).then(() => {
      underway.delete(shard);
      // Rung meanwhile: perhaps for what came after it had looked for the last time.
      if (rings !== heard) rope.ring();
    });
    underway.set(shard, { pause, ended });
  }

  async function run(): Promise<void> {
    let failuresInRow = 0;
    while (!stopping) {
      try {
        const shards = await shardsBehind(sql);
        for (const shard of shards) if (!underway.has(shard)) begin(shard);
        failuresInRow = 0;
      } catch (error) {
        report({ shard: null, error });
        counts.failures += 1;
        failuresInRow += 1;
      }
      const waitMs = failuresInRow === 0 ? sweepMs : ratingBackOffMs(failuresInRow);
      if (!stopping) await rope.wait(waitMs);
    }
    await Promise.all(Array.from(underway.values(), ({ ended }) => ended));
  }

  function ring(): void {
    rings += 1;
    rope.ring();
    for (const { pause } of underway.values()) pause.ring();
  }

  const ended = run();
  return {
    ring,
    stats: () => ({ ...counts }),
    async stop() {
      stopping = true;
      ring();
      await ended;
    },
  };
}
