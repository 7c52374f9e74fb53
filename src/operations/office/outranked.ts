import type { Transaction } from '../../db/connect.ts';
import { readUnrated } from '../../db/logReads.ts';
import { readDays } from '../../db/series.ts';
import { dayOf } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { openStored, rowsOf } from '../logRows.ts';
import type { OfficeReading } from './commitOffice.ts';

/** A reading that goes into the log and does not count: an edit of its instant ranks above it. */
export type Outranked = {
  readonly meterId: number;
  readonly channel: number;
  readonly atMs: number;
  /** Of the edit that counts. */
  readonly revision: number;
};

type Name = Pick<OfficeReading, 'meterId' | 'channel' | 'atMs'>;

function nameOf({ meterId, channel, atMs }: Name): string {
  return `${meterId}/${channel}/${atMs}`;
}

/** Revisions above 0 of what the series keeps at these instants. */
async function editedInSeries(
  tx: Transaction,
  readings: readonly OfficeReading[],
): Promise<Map<string, number>> {
  const days = new Map<string, Name & { readonly day: number }>();
  for (const { meterId, channel, atMs } of readings) {
    const day = dayOf(atMs);
    days.set(`${meterId}/${channel}/${day}`, { meterId, channel, atMs, day });
  }
  const wanted = [...days.values()];
  const rows = await readDays(tx, {
    meterId: wanted.map(({ meterId }) => meterId),
    channel: wanted.map(({ channel }) => channel),
    day: wanted.map(({ day }) => day),
  });
  const edited = new Map<string, number>();
  for (const { meterId, channel, day, bytes } of rows) {
    const { offsetMs, revision } = decodeDay(bytes);
    for (const [place, offset] of offsetMs.entries()) {
      if (offset < 0 || revision[place] === 0) continue;
      const atMs = day * dayMs + offset;
      edited.set(nameOf({ meterId, channel, atMs }), revision[place]);
    }
  }
  return edited;
}

/**
 * Which of the readings do not count because somebody edited their instant, however they rank
 * otherwise. Edits are the office's own: under its lock, those that wait for the rater are known.
 */
export async function findOutranked(
  tx: Transaction,
  { edgeId, readings }: { readonly edgeId: number; readonly readings: readonly OfficeReading[] },
): Promise<readonly Outranked[]> {
  const edited = await editedInSeries(tx, readings);
  const meterIds = new Set(readings.map(({ meterId }) => meterId));
  for (const stored of await readUnrated(tx, edgeId)) {
    for (const { block, index, atMs, revision } of rowsOf(openStored(stored), (meterId) =>
      meterIds.has(meterId),
    )) {
      const name = nameOf({ meterId: block.meterId[index], channel: block.channel, atMs });
      if (revision > (edited.get(name) ?? 0)) edited.set(name, revision);
    }
  }
  return readings.flatMap(({ meterId, channel, atMs, revision }) => {
    const other = edited.get(nameOf({ meterId, channel, atMs })) ?? 0;
    return other > revision ? [{ meterId, channel, atMs, revision: other }] : [];
  });
}
