import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { readRetriable, readTaken, retryReason } from '../../db/heldBack.ts';
import type { HeldBackRow, RowPlace } from '../../db/heldBack.ts';
import { readBatchesAt } from '../../db/logReads.ts';
import { readAheadMsMax, retriedBatchesMax } from '../../domain/limits.ts';
import { inFutureCode } from '../../domain/series/heldBack.ts';
import { decodeEntry, gatherReadings } from './gatherReadings.ts';
import type { GatheredReadings } from './gatherReadings.ts';
import type { RatingMemory } from './registry.ts';
import type { DecodedEntry } from './rowRefusal.ts';

export type Retried = {
  readonly gathered: GatheredReadings;
  /** Rows that were held back and enter the series now. */
  readonly taken: readonly HeldBackRow[];
  /** More may be left than one look takes: duties to look again, as this one brought something. */
  readonly further: readonly Duty[];
};

type BatchOfRow = Pick<RowPlace, 'edgeId' | 'stream' | 'epoch' | 'sequence'>;

function batchKey({ edgeId, stream, epoch, sequence }: BatchOfRow): string {
  return `${edgeId}/${stream}/${epoch}/${sequence}`;
}

function rowKey(place: RowPlace): string {
  return `${batchKey(place)}/${place.channel}/${place.row}`;
}

/**
 * The readings of new batches of the log. Where the log is rated anew, a row that looked to be of
 * the future and was taken in later stays taken in: that is known by its place.
 */
export async function gatherNew(
  tx: Transaction,
  decoded: readonly DecodedEntry[],
  { meters, offices }: RatingMemory,
): Promise<GatheredReadings> {
  const gathered = gatherReadings(decoded, { meters, offices, hasCome: () => false });
  const early = gathered.exceptions.filter(({ code }) => code === inFutureCode);
  const taken = new Set((await readTaken(tx, early)).map(rowKey));
  if (taken.size === 0) return gathered;
  const hasCome = (place: RowPlace) => taken.has(rowKey(place));
  return gatherReadings(decoded, { meters, offices, hasCome });
}

/**
 * What duties to look again bring: batches of the log that hold rows of their meters which were
 * held back, gathered for these meters alone. Rows that are in the series already are merged once
 * more, which changes nothing; a row that is refused again stays an exception.
 */
export async function gatherRetried(
  tx: Transaction,
  duties: readonly Duty[],
  { memory, nowMs }: { memory: RatingMemory; nowMs: number },
): Promise<Retried> {
  const { offices } = memory;
  const asked = duties.filter(({ reason }) => reason === retryReason);
  const meterIds = new Set(asked.map((duty) => duty.meterId));
  const rows =
    meterIds.size === 0
      ? []
      : await readRetriable(tx, { meterIds: [...meterIds], nowMs, batchesMax: retriedBatchesMax });
  const places = new Map(rows.map((row) => [batchKey(row), row]));
  const batches = await readBatchesAt(tx, [...places.values()]);
  const meters = new Map([...memory.meters].filter(([meterId]) => meterIds.has(meterId)));
  const hasCome = (_: RowPlace, readAtMs: number) => readAtMs <= nowMs + readAheadMsMax;
  const gathered = gatherReadings(batches.map(decodeEntry), { meters, offices, hasCome });
  // To the others of these batches nothing is done.
  const exceptions = gathered.exceptions.filter(({ meterId }) => meters.has(meterId));
  const again = new Set(exceptions.map(rowKey));
  const found = new Set(batches.map(batchKey));
  const taken = rows.filter((row) => !again.has(rowKey(row)) && found.has(batchKey(row)));
  const isCut = places.size === retriedBatchesMax && taken.length > 0;
  return {
    // What was the latest power then is not the latest now.
    gathered: { ...gathered, power: new Map(), exceptions, notes: [] },
    taken,
    further: isCut ? asked : [],
  };
}
