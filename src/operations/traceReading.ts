import type { Statement } from '../db/connect.ts';
import { findEdgesOfMeters, readEdgeNames, readExceptionsWithin } from '../db/logReads.ts';
import type { EdgeName, StoredException } from '../db/logReads.ts';
import { findOfficeBatches } from '../db/officeBatches.ts';
import type { OfficeBatchRow } from '../db/officeBatches.ts';
import { findMeters } from '../db/meterReads.ts';
import { readMarks } from '../db/registerMarks.ts';
import { readDays } from '../db/series.ts';
import { assert } from '../domain/assert.ts';
import { channelOf } from '../domain/channel.ts';
import { slotMs } from '../domain/rating/slot.ts';
import { dayOf } from '../domain/series/day.ts';
import { decodeCarry } from '../domain/series/carryCodec.ts';
import type { SeriesDay } from '../domain/series/day.ts';
import { decodeDay } from '../domain/series/dayCodec.ts';
import { isHeldBack } from '../domain/series/heldBack.ts';
import { noMarks, walkOptionsOf } from '../domain/series/meterMarks.ts';
import { qualityVoid } from '../domain/series/quality.ts';
import { walkDays } from '../domain/series/walk.ts';
import type { WalkCarry } from '../domain/series/walk.ts';
import { dayMs } from '../domain/time/civil.ts';
import { compareRank, logRowsAt, rankOf } from './logRows.ts';
import type { LogRow, ReadingName } from './logRows.ts';
import { StoredKeys } from './storedKeys.ts';
import type { SignatureFact } from './storedKeys.ts';

/** One reading of the instant, as one batch brought it. */
export type TracedVersion = {
  readonly row: LogRow;
  readonly edge: EdgeName;
  readonly signature: SignatureFact;
  /** It outranks the others of its instant. */
  readonly isWinner: boolean;
  /** The series keeps it: the first or last reading of its slot. */
  readonly isInSeries: boolean;
  /** And the walk takes it, or its word that nothing counts there: no jump, not after a removal. */
  readonly isCounted: boolean;
  /** What rating said against it. */
  readonly exceptions: readonly StoredException[];
  /** The device's answer that it was taken from, where the gateway sent it along. */
  readonly frame: Uint8Array | null;
  /** Who entered it and why, where it came from the office. */
  readonly office: OfficeBatchRow | null;
};

type Kept = {
  readonly series: SeriesDay;
  readonly carryIn: WalkCarry;
  readonly place: number;
};

async function seriesAt(
  tx: Statement,
  { meterId, channel, atMs }: ReadingName,
): Promise<Kept | null> {
  const keys = { meterId: [meterId], channel: [channel], day: [dayOf(atMs)] };
  const [stored] = await readDays(tx, keys);
  if (stored === undefined) return null;
  const series = decodeDay(stored.bytes);
  const place = series.offsetMs.indexOf(atMs - series.day * dayMs);
  return place === -1 ? null : { series, carryIn: decodeCarry(stored.carryIn), place };
}

/** Whether a register's walk comes to stand on its reading of an instant, by today's marks. */
async function isTaken(
  tx: Statement,
  { series, carryIn, place }: Kept,
  { meterId, channel, atMs }: ReadingName,
): Promise<boolean> {
  if (channelOf(channel)?.kind !== 'register' || series.quality[place] === qualityVoid) return true;
  const [meter] = await findMeters(tx, [meterId]);
  assert(meter !== undefined, 'a series is of a meter');
  const marks = (await readMarks(tx, [meterId])).get(meterId) ?? noMarks;
  const options = walkOptionsOf({ ...meter, marks }, channel);
  const own = series.offsetMs[place];
  const offsetMs = series.offsetMs.map((offset, at) => {
    if (offset <= own) return offset;
    const first = series.offsetMs[at - (at % 2)];
    return first <= own ? first : -1;
  });
  const { carryOut } = walkDays([{ ...series, offsetMs }], carryIn, {
    ...options,
    marks: options.marks.filter((mark) => mark.atMs <= atMs),
  });
  return carryOut?.lastAtMs === atMs;
}

function standsAt(kept: Kept | null, { opened, row }: LogRow): boolean {
  if (kept === null) return false;
  const { series, place } = kept;
  const { epoch, sequence } = opened.batch;
  return (
    series.epoch[place] === epoch &&
    series.sequence[place] === Number(sequence) &&
    series.row[place] === row
  );
}

function frameOf({ opened, block, index }: LogRow): Uint8Array | null {
  const number = block.frame?.[index] ?? 0;
  return number === 0 ? null : (opened.batch.frames?.[number - 1] ?? null);
}

/** What stands in the series has forgotten which edge brought it: it is known by its value. */
function isSamePlace(exception: StoredException, { opened, block, index, row }: LogRow): boolean {
  const { edgeId, epoch, sequence } = opened.batch;
  const isOwn = isHeldBack(exception.code)
    ? exception.edgeId === edgeId
    : exception.value === block.value[index];
  return (
    isOwn && exception.epoch === epoch && exception.sequence === sequence && exception.row === row
  );
}

/**
 * All that the log knows of one register at one instant: each version with its batch, signature,
 * frame and author, the winner first. What retention has taken is not there any more.
 */
export async function traceReading(
  tx: Statement,
  name: ReadingName,
): Promise<readonly TracedVersion[]> {
  const edgeIds = await findEdgesOfMeters(tx, [name.meterId]);
  const rows = await logRowsAt(tx, name, edgeIds);
  const edges = new Map((await readEdgeNames(tx, edgeIds)).map((edge) => [edge.id, edge]));
  const { meterId, atMs } = name;
  const window = { meterId, fromMs: atMs - slotMs, toMs: atMs + slotMs + 1 };
  const exceptions = await readExceptionsWithin(tx, window);
  const offices = await findOfficeBatches(
    tx,
    rows.map(({ opened }) => opened.batch),
  );
  const keys = new StoredKeys();
  await keys.load(
    tx,
    rows.map(({ opened }) => opened),
  );
  const kept = await seriesAt(tx, name);
  const isWalked = kept !== null && (await isTaken(tx, kept, name));
  const own = (row: LogRow) => exceptions.filter((each) => isSamePlace(each, row));
  const counts = (row: LogRow) => !own(row).some((each) => isHeldBack(each.code) && !each.isTaken);
  const ranked = rows.toSorted((a, b) => compareRank(rankOf(b), rankOf(a)));
  const winner = ranked.find(counts);
  return ranked.map((row) => {
    const { edgeId, epoch, sequence } = row.opened.batch;
    const edge = edges.get(edgeId);
    assert(edge !== undefined, 'the edges of a meter were read with it');
    const isOfIt = (office: OfficeBatchRow) =>
      office.edgeId === edgeId && office.epoch === epoch && office.sequence === sequence;
    return {
      row,
      edge,
      signature: keys.factOf(row.opened),
      isWinner: row === winner,
      isInSeries: row === winner && standsAt(kept, row),
      isCounted: isWalked && row === winner && standsAt(kept, row),
      exceptions: own(row),
      frame: frameOf(row),
      office: offices.find(isOfIt) ?? null,
    };
  });
}
