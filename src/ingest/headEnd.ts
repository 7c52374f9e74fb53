import { pause } from '../devices/busClock.ts';
import type { BusClock } from '../devices/busClock.ts';
import { assert } from '../domain/assert.ts';
import type { Channel } from '../domain/channel.ts';
import type { EdgeId } from '../domain/ids.ts';
import {
  commitBackOffMsMax,
  commitBackOffMsMin,
  headEndBatchesMax,
  headEndCommitBatchesMax,
  registerWhMax,
} from '../domain/limits.ts';
import type { Outcome } from '../domain/outcome.ts';
import { batchHash, batchHashBytes, signBatch } from '../wire/batch.ts';
import type { RegisterBlock } from '../wire/batch.ts';
import { encodeBatch } from '../wire/encodeBatch.ts';
import type { SigningKey } from '../wire/envelope.ts';

export type PolledReading = {
  readonly meterId: number;
  readonly channel: Channel;
  readonly readAtMs: number;
  /** In the channel's own unit. */
  readonly value: bigint;
};

export type HeadEndOptions = {
  readonly edgeId: EdgeId;
  /** Taken from the database for this start: sequences begin again at 1. */
  readonly epoch: number;
  readonly key: SigningKey;
  readonly clock: BusClock;
  commit(carried: readonly Uint8Array[]): Promise<readonly Outcome<unknown, string>[]>;
  /** After each commit that put something into the log. */
  onCommitted(): void;
  report(problem: { readonly code: string; readonly message: string }): void;
  readonly batchesMax?: number;
};

/** Of one poll, from its beginning. */
export type HeadEndPlace = {
  /** Makes one signed batch of a poll's readings; it is committed as soon as the log takes it. */
  submit(readings: readonly PolledReading[]): void;
  /** Of a poll without readings. */
  release(): void;
};

export type HeadEnd = {
  /**
   * Room for the one batch of a poll that begins; null while the log takes nothing and the buffer,
   * with what runs, is full: polls pause.
   */
  reserve(): HeadEndPlace | null;
  stats(): { readonly pending: number; readonly committed: number; readonly failures: number };
  /** Commits what is pending with one last try; the registers still hold what is then lost. */
  stop(): Promise<void>;
};

const valueMax = BigInt(registerWhMax);

/** Columns by channel, in the order in which the channels first occur. */
export function blocksOf(readings: readonly PolledReading[]): readonly RegisterBlock[] {
  const byChannel = Map.groupBy(readings, (reading) => reading.channel.code);
  return [...byChannel.values()].map((ones) => {
    const { code, dlmsUnit } = ones[0].channel;
    // A BigInt64Array wraps what it cannot hold, and what wrapped would be signed.
    assert(
      ones.every(({ value }) => value <= valueMax && value >= -valueMax),
      'a device that shows more than any register counts was refused',
    );
    return {
      channel: code,
      unit: dlmsUnit,
      scaler: 0,
      meterId: Int32Array.from(ones, (one) => one.meterId),
      readAtMs: Float64Array.from(ones, (one) => one.readAtMs),
      value: BigInt64Array.from(ones, (one) => one.value),
      quality: new Uint8Array(ones.length),
    };
  });
}

/**
 * The head-end as an edge of its own: its polls leave as the same signed, chained, numbered batches
 * that gateways send. A batch is signed once; after a failed commit the same bytes are sent again,
 * so that a commit whose answer was lost is found to be a duplicate.
 */
export function openHeadEnd(options: HeadEndOptions): HeadEnd {
  const { edgeId, epoch, key, clock, report } = options;
  const batchesMax = options.batchesMax ?? headEndBatchesMax;
  const stopping = new AbortController();
  const pending: Uint8Array[] = [];
  const counts = { committed: 0, failures: 0 };
  let sequence = 0n;
  let previousHash: Uint8Array = new Uint8Array(batchHashBytes);
  let reserved = 0;
  let flushing: Promise<void> | null = null;

  async function commitSome(): Promise<boolean> {
    const some = pending.slice(0, headEndCommitBatchesMax);
    try {
      const answers = await options.commit(some);
      pending.splice(0, some.length);
      for (const answer of answers) {
        if (answer.ok) counts.committed += 1;
        else report({ code: answer.code, message: answer.message });
      }
      if (answers.some((answer) => answer.ok)) options.onCommitted();
      return true;
    } catch (error) {
      counts.failures += 1;
      report({ code: 'COMMIT_FAILED', message: `${String(error)}. The batches are kept.` });
      return false;
    }
  }

  async function flush(): Promise<void> {
    let failuresInRow = 0;
    while (pending.length > 0) {
      failuresInRow = (await commitSome()) ? 0 : failuresInRow + 1;
      if (failuresInRow > 0 && stopping.signal.aborted) return;
      if (failuresInRow > 0) {
        const backOffMs = commitBackOffMsMin * 2 ** Math.min(failuresInRow - 1, 16);
        await pause(clock, Math.min(commitBackOffMsMax, backOffMs), stopping.signal);
      }
    }
  }

  function flushSoon(): void {
    flushing ??= flush().finally(() => {
      flushing = null;
      if (pending.length > 0 && !stopping.signal.aborted) flushSoon();
    });
  }

  function enqueue(readings: readonly PolledReading[]): void {
    const blocks = blocksOf(readings);
    sequence += 1n;
    const payload = encodeBatch({
      edgeId,
      epoch,
      sequence,
      previousHash,
      createdAtMs: clock.nowMs(),
      stream: 'billing',
      blocks,
    });
    previousHash = batchHash(payload);
    pending.push(signBatch(payload, key));
    flushSoon();
  }

  return {
    reserve() {
      if (pending.length + reserved >= batchesMax) return null;
      reserved += 1;
      let isUsed = false;
      const release = (): void => {
        assert(!isUsed, 'a place is used once');
        isUsed = true;
        reserved -= 1;
      };
      return {
        submit(readings) {
          release();
          enqueue(readings);
        },
        release,
      };
    },
    stats: () => ({ pending: pending.length, ...counts }),
    async stop() {
      stopping.abort();
      await flushing;
      if (pending.length > 0) await commitSome();
    },
  };
}
