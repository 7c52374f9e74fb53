import { isOfMoment } from '../db/faults.ts';
import { pause } from '../devices/busClock.ts';
import type { BusClock } from '../devices/busClock.ts';
import { assert } from '../domain/assert.ts';
import {
  commitBackOffMsMax,
  commitBackOffMsMin,
  intakeBatchesMax,
  intakeBytesMax,
  intakeCommitBatchesMax,
  intakeCommitBytesMax,
  intakeCommitsAtOnceMax,
  intakeDrainMsMax,
  intakeKnownSendersMax,
  intakeLaneBatchesMax,
  intakeLaneBytesMax,
} from '../domain/limits.ts';
import type { CommitAnswer } from '../operations/commitBatches.ts';
import { openEnvelope } from '../wire/batch.ts';
import { createLanes } from './intakeLanes.ts';
import type { LaneLimits, Waiting } from './intakeLanes.ts';

/** What became of an offered batch; unanswered: come back with it, it may or may not be in. */
export type IntakeResult =
  | { readonly kind: 'answered'; readonly answer: CommitAnswer }
  | { readonly kind: 'unanswered'; readonly message: string };

export type IntakeLimits = LaneLimits & {
  readonly commitBatchesMax: number;
  readonly commitBytesMax: number;
  readonly commitsAtOnceMax: number;
};

export type IntakeOptions = {
  commit(carried: readonly Uint8Array[]): Promise<readonly CommitAnswer[]>;
  readonly clock: BusClock;
  /** After each commit that put something into the log. */
  onCommitted(): void;
  report(problem: { readonly code: string; readonly error: unknown }): void;
  readonly limits?: Partial<IntakeLimits>;
};

export type IntakeStats = {
  readonly batches: number;
  readonly bytes: number;
  readonly committed: number;
  readonly duplicates: number;
  readonly refused: number;
  /** Offers that were told to come back. */
  readonly turnedAway: number;
  readonly commits: number;
  /** Commits that failed, to be tried again. */
  readonly failures: number;
  /** False from a commit that failed until one that did not. */
  readonly isHealthy: boolean;
};

export type Intake = {
  /**
   * Takes a signed batch of whoever `source` names (a connection's address), or says that there is
   * no room. The promise is kept after the commit, however long the database is away.
   */
  offer(carried: Uint8Array, source: string): Promise<IntakeResult> | 'full';
  /** False when it stops: what was not taken by now is for another process. */
  isOpen(): boolean;
  /** Resolves when something was committed and there may be room again. */
  whenRoom(): Promise<void>;
  stats(): IntakeStats;
  /** Takes nothing more and commits what is there; what cannot be committed stays unanswered. */
  stop(drainMs?: number): Promise<void>;
};

const limitsDefault: IntakeLimits = {
  batchesMax: intakeBatchesMax,
  bytesMax: intakeBytesMax,
  laneBatchesMax: intakeLaneBatchesMax,
  laneBytesMax: intakeLaneBytesMax,
  commitBatchesMax: intakeCommitBatchesMax,
  commitBytesMax: intakeCommitBytesMax,
  commitsAtOnceMax: intakeCommitsAtOnceMax,
};

type Offered = Waiting & {
  /** Its source and key: the name of a lane of its own, once it has signed well from there. */
  readonly sender: string | null;
  /** One of its group cannot be committed: it is tried by itself, so that it stops no others. */
  isAlone: boolean;
  settle(result: IntakeResult): void;
};

/**
 * The one queue of all transports: bounded, fair between senders, committed in groups. Whatever
 * queued during the last commits goes into the next one, so that groups grow with the load and a
 * lone batch waits for nobody.
 */
export function createIntake(options: IntakeOptions): Intake {
  const { clock, report } = options;
  const limits = { ...limitsDefault, ...options.limits };
  const lanes = createLanes<Offered>(limits);
  const knownSenders = new Set<string>();
  const counts = { committed: 0, duplicates: 0, refused: 0, turnedAway: 0, commits: 0 };
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let failuresInRow = 0;
  let failures = 0;
  let isClosed = false;
  let roomBell = Promise.withResolvers<void>();

  function remember({ sender }: Offered): void {
    if (sender === null || knownSenders.has(sender)) return;
    if (knownSenders.size >= intakeKnownSendersMax) {
      for (const oldest of knownSenders) {
        knownSenders.delete(oldest);
        break;
      }
    }
    knownSenders.add(sender);
  }

  function settle(offered: Offered, result: IntakeResult): void {
    lanes.release(offered);
    if (result.kind === 'answered') {
      const { answer } = result;
      if (!answer.ok) counts.refused += 1;
      else if (answer.value.state === 'duplicate') counts.duplicates += 1;
      else counts.committed += 1;
      if (answer.ok) remember(offered);
      else if (answer.fault !== undefined) report({ code: answer.code, error: answer.fault });
    }
    offered.settle(result);
  }

  function afterFailure(group: readonly Offered[], error: unknown): void {
    failures += 1;
    report({ code: 'COMMIT_FAILED', error });
    const [only] = group;
    const isPassing = isOfMoment(error);
    if (!isPassing && group.length === 1) {
      settle(only, { kind: 'unanswered', message: 'The batch cannot be stored; see the log.' });
      return;
    }
    if (isPassing) failuresInRow += 1;
    else for (const offered of group) offered.isAlone = true;
    lanes.putBack(group);
    if (stopping.signal.aborted) giveUp();
  }

  async function commitGroup(group: readonly Offered[]): Promise<void> {
    try {
      const answers = await options.commit(group.map(({ carried }) => carried));
      assert(answers.length === group.length, 'every batch is answered');
      counts.commits += 1;
      failuresInRow = 0;
      for (const [index, offered] of group.entries()) {
        settle(offered, { kind: 'answered', answer: answers[index] });
      }
      const isNew = (answer: CommitAnswer) => answer.ok && answer.value.state === 'committed';
      if (answers.some(isNew)) options.onCommitted();
    } catch (error) {
      afterFailure(group, error);
    }
    roomBell.resolve();
    roomBell = Promise.withResolvers();
  }

  function giveUp(): void {
    const message = 'The intake stops before the batch is committed; send it again.';
    for (const offered of lanes.takeAll()) settle(offered, { kind: 'unanswered', message });
    roomBell.resolve();
  }

  async function run(): Promise<void> {
    while (!lanes.isEmpty()) {
      if (stopping.signal.aborted) return;
      if (failuresInRow > 0) {
        const backOffMs = commitBackOffMsMin * 2 ** Math.min(failuresInRow - 1, 16);
        await pause(clock, Math.min(commitBackOffMsMax, backOffMs), stopping.signal);
        if (lanes.isEmpty()) return;
      }
      await commitGroup(
        lanes.take({
          batchesMax: limits.commitBatchesMax,
          bytesMax: limits.commitBytesMax,
        }),
      );
    }
  }

  function runSoon(): void {
    // While commits fail, one of them asks whether the database is back.
    const runsMax = failuresInRow > 0 ? 1 : limits.commitsAtOnceMax;
    if (running.size >= runsMax || lanes.isEmpty()) return;
    const ended = run().finally(() => {
      running.delete(ended);
      if (!stopping.signal.aborted) runSoon();
    });
    running.add(ended);
  }

  return {
    offer(carried, source) {
      const opened = openEnvelope(carried);
      const sender = opened.ok
        ? `${source} ${Buffer.from(opened.value.keyId).toString('hex')}`
        : null;
      // Whoever has not signed well from there yet shares a lane with all others of that source:
      // anybody can name a key.
      const lane = sender !== null && knownSenders.has(sender) ? sender : source;
      if (isClosed || !lanes.hasRoom(lane, carried.length)) {
        counts.turnedAway += 1;
        return 'full';
      }
      const { promise, resolve } = Promise.withResolvers<IntakeResult>();
      lanes.add({ carried, lane, sender, isAlone: false, settle: resolve });
      runSoon();
      return promise;
    },
    isOpen: () => !isClosed,
    whenRoom: () => roomBell.promise,
    stats: () => ({ ...lanes.size(), ...counts, failures, isHealthy: failuresInRow === 0 }),
    async stop(drainMs = intakeDrainMsMax) {
      isClosed = true;
      const drained = (async () => {
        while (running.size > 0) await Promise.all(running);
      })();
      const late = new AbortController();
      await Promise.race([drained, pause(clock, drainMs, late.signal)]);
      late.abort();
      stopping.abort();
      giveUp();
    },
  };
}
