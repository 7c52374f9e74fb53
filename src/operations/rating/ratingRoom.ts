import type { LogEntry } from '../../db/log.ts';
import {
  bytesPerRatingMax,
  eventsPerRatingMax,
  readingsPerRatingMax,
} from '../../domain/limits.ts';
import { decodeEntry } from './gatherReadings.ts';
import type { DecodedEntry } from './rowRefusal.ts';

export type RatingRoom = {
  take(decoded: DecodedEntry): void;
  /** The last one that was taken may go beyond: each batch is bounded. */
  isFull(): boolean;
};

/** What one commit has room for: a batch that came compressed says only when opened what it has. */
export function createRatingRoom(): RatingRoom {
  let readings = 0;
  let events = 0;
  let bytes = 0;
  return {
    take({ entry, batch }) {
      for (const { meterId } of batch.blocks) readings += meterId.length;
      events += batch.events?.code.length ?? 0;
      bytes += entry.carried.length;
      for (const frame of batch.frames ?? []) bytes += frame.length;
    },
    isFull: () =>
      readings >= readingsPerRatingMax ||
      events >= eventsPerRatingMax ||
      bytes >= bytesPerRatingMax,
  };
}

/** Opens the next batches of the log, until they are as many as one commit takes. */
export function openWithin(entries: readonly LogEntry[]): readonly DecodedEntry[] {
  const room = createRatingRoom();
  const opened: DecodedEntry[] = [];
  for (const entry of entries) {
    if (room.isFull()) break;
    const decoded = decodeEntry(entry);
    opened.push(decoded);
    room.take(decoded);
  }
  return opened;
}
