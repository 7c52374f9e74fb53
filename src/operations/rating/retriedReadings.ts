import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { readRetriable, retryReason } from '../../db/heldBack.ts';
import type { HeldBackRow } from '../../db/heldBack.ts';
import { readBatchesAt } from '../../db/logReads.ts';
import { retriedBatchesMax } from '../../domain/limits.ts';
import { decodeEntry, gatherReadings } from './gatherReadings.ts';
import type { GatheredReadings } from './gatherReadings.ts';
import type { RatingMemory } from './registry.ts';

export type Retried = {
  readonly gathered: GatheredReadings;
  /** Rows that were held back and enter the series now. */
  readonly taken: readonly HeldBackRow[];
};

type Place = Pick<HeldBackRow, 'edgeId' | 'epoch' | 'sequence' | 'channel' | 'row'>;

function keyOf({ edgeId, epoch, sequence, channel, row }: Place): string {
  return `${edgeId}/${epoch}/${sequence}/${channel}/${row}`;
}

/**
 * What duties to look again bring: batches of the log that hold rows of their meters which were
 * held back, gathered for these meters alone. Rows that are in the series already are merged once
 * more, which changes nothing; a row that is refused again stays an exception.
 */
export async function gatherRetried(
  tx: Transaction,
  duties: readonly Duty[],
  { meters, offices }: RatingMemory,
): Promise<Retried> {
  const meterIds = duties
    .filter(({ reason }) => reason === retryReason)
    .map((duty) => duty.meterId);
  if (meterIds.length === 0) return { gathered: gatherReadings([], meters), taken: [] };
  const rows = await readRetriable(tx, { meterIds, batchesMax: retriedBatchesMax });
  const places = new Map(
    rows.map((row) => [`${row.edgeId}/${row.stream}/${row.epoch}/${row.sequence}`, row]),
  );
  const batches = await readBatchesAt(tx, [...places.values()]);
  const wanted = new Map([...meters].filter(([meterId]) => meterIds.includes(meterId)));
  const gathered = gatherReadings(batches.map(decodeEntry), wanted, offices);
  // To the others of these batches nothing is done.
  const exceptions = gathered.exceptions.filter(({ meterId }) => wanted.has(meterId));
  const again = new Set(exceptions.map(keyOf));
  const found = new Set(batches.map((each) => `${each.edgeId}/${each.epoch}/${each.sequence}`));
  const taken = rows.filter(
    (row) => !again.has(keyOf(row)) && found.has(`${row.edgeId}/${row.epoch}/${row.sequence}`),
  );
  return { gathered: { ...gathered, exceptions, notes: [] }, taken };
}
