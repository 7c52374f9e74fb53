import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { readDismissed, readRetriable, readTaken, retryReason } from '../../db/heldBack.ts';
import type { HeldBackRow, RowPlace } from '../../db/heldBack.ts';
import { readBatchesAt } from '../../db/logReads.ts';
import type { BatchPlace } from '../../db/logReads.ts';
import { readAheadMsMax, retriedBatchesPerRead } from '../../domain/limits.ts';
import { inFutureCode } from '../../domain/series/heldBack.ts';
import { decodeEntry, gatherReadings } from './gatherReadings.ts';
import type { GatheredReadings } from './gatherReadings.ts';
import { createRatingRoom } from './ratingRoom.ts';
import type { RatingMemory } from './registry.ts';
import { rowKey } from './rowRefusal.ts';
import type { DecodedEntry } from './rowRefusal.ts';

export type Retried = {
  readonly gathered: GatheredReadings;
  /** Rows that were held back and enter the series now. */
  readonly taken: readonly HeldBackRow[];
  /** More batches are left than one look takes: behind this one the next look goes on. */
  readonly furtherAfter: BatchPlace | null;
};

function batchKey({ edgeId, stream, epoch, sequence }: BatchPlace): string {
  return `${edgeId}/${stream}/${epoch}/${sequence}`;
}

/**
 * The readings of new batches of the log. Where the log is rated anew, a row that looked to be of
 * the future and was taken in later stays taken in: that is known by its place.
 */
export async function gatherNew(
  tx: Transaction,
  decoded: readonly DecodedEntry[],
  { meters, offices, dismissed }: RatingMemory,
): Promise<GatheredReadings> {
  const known = { meters, offices, dismissed };
  const gathered = gatherReadings(decoded, { ...known, hasCome: () => false });
  const early = gathered.exceptions.filter(({ code }) => code === inFutureCode);
  const taken = new Set((await readTaken(tx, early)).map(rowKey));
  if (taken.size === 0) return gathered;
  const hasCome = (place: RowPlace) => taken.has(rowKey(place));
  return gatherReadings(decoded, { ...known, hasCome });
}

/**
 * What duties to look again bring: batches of the log that hold rows of their meters which were
 * held back, gathered for these meters alone. Rows that are in the series already are merged once
 * more, which changes nothing; a row that is refused again stays an exception. Each look goes on
 * behind the one before, so that batches that can never be taken in hide none behind them.
 */
export async function gatherRetried(
  tx: Transaction,
  duties: readonly Duty[],
  { memory, nowMs, batchesMax }: { memory: RatingMemory; nowMs: number; batchesMax: number },
): Promise<Retried> {
  const { offices } = memory;
  const asked = duties.filter(({ reason }) => reason === retryReason);
  const meterIds = new Set(asked.map((duty) => duty.meterId));
  const dutyIds = asked.map(({ id }) => id);
  const rows = asked.length === 0 ? [] : await readRetriable(tx, { dutyIds, nowMs, batchesMax });
  const places = [...new Map(rows.map((row) => [batchKey(row), row])).values()];
  const room = createRatingRoom();
  const opened: DecodedEntry[] = [];
  const found = new Set<string>();
  let looked = 0;
  for (; looked < places.length && !room.isFull(); looked += retriedBatchesPerRead) {
    const some = places.slice(looked, looked + retriedBatchesPerRead);
    for (const batch of await readBatchesAt(tx, some)) {
      const decoded = decodeEntry(batch);
      found.add(batchKey(batch));
      opened.push(decoded);
      room.take(decoded);
    }
  }
  const last = places.slice(0, looked).at(-1) ?? null;
  const isCut = looked < places.length || places.length === batchesMax;
  const dismissed = new Set((await readDismissed(tx, places)).map(rowKey));
  const meters = new Map([...memory.meters].filter(([meterId]) => meterIds.has(meterId)));
  const hasCome = (_: RowPlace, readAtMs: number) => readAtMs <= nowMs + readAheadMsMax;
  const known = { meters, offices, hasCome, dismissed };
  const gathered = gatherReadings(opened, known);
  // To the others of these batches nothing is done.
  const exceptions = gathered.exceptions.filter(({ meterId }) => meters.has(meterId));
  const again = new Set(exceptions.map(rowKey));
  const taken = rows.filter((row) => !again.has(rowKey(row)) && found.has(batchKey(row)));
  return {
    // What was the latest power then is not the latest now.
    gathered: { ...gathered, power: new Map(), exceptions, notes: [] },
    taken,
    furtherAfter: isCut ? last : null,
  };
}
