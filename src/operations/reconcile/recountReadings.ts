import type { Transaction } from '../../db/connect.ts';
import { findEdgesOfMeters, streamBatchesTouching } from '../../db/logReads.ts';
import type { StoredBatch } from '../../db/logReads.ts';
import { readCursors, readLeftOut } from '../../db/reconciliation.ts';
import type { LeftOut, ReconciledMeter } from '../../db/reconciliation.ts';
import { readStoredDays } from '../../db/seriesReads.ts';
import type { RegisterDay } from '../../db/seriesReads.ts';
import { assertNever } from '../../domain/assert.ts';
import { channelOf } from '../../domain/channel.ts';
import { logReadBatches } from '../../domain/limits.ts';
import type { Medium } from '../../domain/medium.ts';
import { slotMs } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { compareRank, openStored, rankOf, rowsOf } from '../logRows.ts';
import type { LogRow, Rank } from '../logRows.ts';
import type { Findings } from './finding.ts';

/** Readings of one meter in the window, counted anew from the log. */
export type MeterCount = {
  readonly meterId: number;
  /** Rows of the log that are rated. */
  inLog: number;
  /** They stand in the series. */
  accepted: number;
  /** Another of their instant outranks them, or they lie between two of their slot. */
  superseded: number;
  heldBack: number;
  /** Held back once, and left out for good by somebody. */
  dismissed: number;
  /** In the log, and the rater has not come to them yet. */
  waiting: number;
  unexplained: number;
};

type State = 'waiting' | LeftOut | 'rated';

/** What is held of a row of the log while its day is counted: nothing of its batch. */
type Reading = Rank & { readonly atMs: number; readonly unit: number; readonly scaler: number };

/** Of one slot the winners of its first and of its last instant. */
type Slot = { first: Reading; last: Reading };

type Slots = Map<number, Slot>;

type Window = { readonly fromMs: number; readonly toMs: number };

/** The merge once more, the slow and obvious way. */
function offer(slots: Slots, reading: Reading): void {
  const at = Math.floor(reading.atMs / slotMs);
  const slot = slots.get(at);
  if (slot === undefined) {
    slots.set(at, { first: reading, last: reading });
    return;
  }
  const earlier = reading.atMs - slot.first.atMs;
  if (earlier < 0 || (earlier === 0 && compareRank(reading, slot.first) > 0)) slot.first = reading;
  const later = reading.atMs - slot.last.atMs;
  if (later > 0 || (later === 0 && compareRank(reading, slot.last) > 0)) slot.last = reading;
}

function nameOf({ atMs, revision, epoch, sequence, row }: Reading): string {
  return `${atMs}/${revision}/${epoch}/${sequence}/${row}`;
}

/** Names of the readings of a window that a stored day keeps, and their values. */
function keptNames(bytes: Uint8Array, { fromMs, toMs }: Window): Map<string, number> {
  const kept = new Map<string, number>();
  const { day, offsetMs, revision, epoch, sequence, row, wh } = decodeDay(bytes);
  for (const [place, ms] of offsetMs.entries()) {
    const atMs = day * dayMs + ms;
    if (ms === -1 || atMs < fromMs || atMs >= toMs) continue;
    const rank = `${revision[place]}/${epoch[place]}/${sequence[place]}/${row[place]}`;
    kept.set(`${atMs}/${rank}`, wh[place]);
  }
  return kept;
}

type Counted = {
  readonly medium: Medium;
  readonly count: MeterCount;
  /** Of the day that is being counted, by channel. */
  readonly registers: Map<number, Slots>;
};

function addRow({ count, registers }: Counted, row: LogRow, state: State): void {
  if (state === 'waiting') {
    count.waiting += 1;
    return;
  }
  count.inLog += 1;
  if (state !== 'rated') {
    count[state] += 1;
    return;
  }
  const { channel, unit, scaler } = row.block;
  const slots = registers.get(channel) ?? new Map<number, Slot>();
  registers.set(channel, slots);
  offer(slots, { ...rankOf(row), atMs: row.atMs, unit, scaler });
}

/** DLMS units, and how many tens a count in them is of what the series keeps: Wh, varh, litres. */
function unitsOf(medium: Medium): { readonly codes: readonly number[]; readonly tens: number } {
  switch (medium) {
    case 'electricity':
      return { codes: [30, 32], tens: 0 };
    case 'gas':
      return { codes: [13, 14], tens: 3 };
    case 'water':
      return { codes: [13], tens: 3 };
    default:
      return assertNever(medium);
  }
}

/** The value as the series must keep it; null: its unit is none of this meter. */
function valueOf({ value, unit, scaler }: Reading, medium: Medium): number | null {
  const { codes, tens } = unitsOf(medium);
  return codes.includes(unit) ? Number(value) * 10 ** (scaler + tens) : null;
}

function judgeRegister(
  { medium, count }: Counted,
  { slots, kept }: { readonly slots: Slots; readonly kept: Map<string, number> },
  say: (name: string, message: string) => void,
): void {
  for (const { first, last } of slots.values()) {
    const expected = new Map([first, last].map((reading) => [nameOf(reading), reading]));
    for (const [name, reading] of expected) {
      const stored = kept.get(name);
      kept.delete(name);
      const { value, scaler, unit } = reading;
      if (stored === undefined) {
        say(name, 'the log has this reading, and the series keeps none of that name');
      } else if (stored !== valueOf(reading, medium)) {
        const sent = `${value} with scaler ${scaler} in unit ${unit}`;
        say(name, `the series has ${stored}, the log ${sent}`);
      } else {
        count.accepted += 1;
      }
    }
  }
  for (const name of kept.keys()) say(name, 'the series keeps it, and no batch of the log has it');
}

/** A day of some meters: every register that the log or the series has of them. */
function judgeDay(
  counted: ReadonlyMap<number, Counted>,
  { window, stored }: { readonly window: Window; readonly stored: readonly RegisterDay[] },
  findings: Findings,
): void {
  const judge = (meter: Counted, channel: number, kept: Map<string, number>): void => {
    const { count, registers } = meter;
    const slots = registers.get(channel) ?? new Map<number, Slot>();
    registers.delete(channel);
    judgeRegister(meter, { slots, kept }, (name, message) => {
      count.unexplained += 1;
      findings.add('SERIES_DIFFERS', `meter/${count.meterId}/${channel}`, `${name}: ${message}`);
    });
  };
  for (const { meterId, channel, bytes } of stored) {
    const meter = counted.get(meterId);
    if (meter !== undefined) judge(meter, channel, keptNames(bytes, window));
  }
  for (const meter of counted.values()) {
    for (const channel of meter.registers.keys()) judge(meter, channel, new Map());
  }
}

/** A slot keeps its first and its last reading, so it is counted as a whole; a day at a time. */
function daysOf({ fromMs, toMs }: Window): readonly Window[] {
  const days: Window[] = [];
  const endMs = Math.ceil(toMs / slotMs) * slotMs;
  for (let atMs = Math.floor(fromMs / slotMs) * slotMs; atMs < endMs;) {
    const nextMs = Math.min((dayOf(atMs) + 1) * dayMs, endMs);
    days.push({ fromMs: atMs, toMs: nextMs });
    atMs = nextMs;
  }
  return days;
}

function countedOf(meters: readonly ReconciledMeter[]): ReadonlyMap<number, Counted> {
  return new Map(
    meters.map(({ meterId, medium }) => {
      const none = { accepted: 0, superseded: 0, heldBack: 0, dismissed: 0, unexplained: 0 };
      const count = { meterId, inLog: 0, waiting: 0, ...none };
      return [meterId, { medium, count, registers: new Map<number, Slots>() }];
    }),
  );
}

type Known = {
  readonly window: Window;
  readonly leftOut: ReadonlyMap<string, LeftOut>;
  /** By shard, how far it is rated. */
  readonly cursors: ReadonlyMap<number, bigint>;
};

function addBatch(
  counted: ReadonlyMap<number, Counted>,
  stored: StoredBatch,
  { window, leftOut, cursors }: Known,
): void {
  const isRated = stored.position <= (cursors.get(stored.shard) ?? 0n);
  const place = `${stored.edgeId}/${stored.stream}/${stored.epoch}/${stored.sequence}`;
  for (const row of rowsOf(openStored(stored), (id) => counted.has(id))) {
    if (row.atMs < window.fromMs || row.atMs >= window.toMs) continue;
    const left = leftOut.get(`${place}/${row.row}`);
    // Instantaneous values are shown and not kept.
    const kind = channelOf(row.block.channel)?.kind ?? 'instantaneous';
    if (kind === 'instantaneous' && left === undefined) continue;
    const meter = counted.get(row.block.meterId[row.index]);
    if (meter !== undefined) addRow(meter, row, isRated ? (left ?? 'rated') : 'waiting');
  }
}

/**
 * Reads all batches that touch a window and says what became of each row of the registers of some
 * meters: in the series, outranked, held back, or waiting for the rater. What is left over on
 * either side has no explanation. Held at once are the winners of one day of some of the meters.
 */
export async function recountReadings(
  tx: Transaction,
  asked: {
    readonly companyId: number;
    /** Those of an edge one after the other. */
    readonly meters: readonly ReconciledMeter[];
    readonly metersAtOnce: number;
    readonly fromMs: number;
    readonly toMs: number;
    onBatches(batches: number): void;
  },
  findings: Findings,
): Promise<readonly MeterCount[]> {
  const { companyId, meters, metersAtOnce } = asked;
  const cursors = await readCursors(tx);
  const counts: MeterCount[] = [];
  let batches = 0;
  for (let first = 0; first < meters.length; first += metersAtOnce) {
    const counted = countedOf(meters.slice(first, first + metersAtOnce));
    const meterIds = [...counted.keys()];
    const edgeIds = await findEdgesOfMeters(tx, meterIds);
    for (const window of daysOf(asked)) {
      // A clock's offset moves an instant by a slot at most.
      const wide = { fromMs: window.fromMs - slotMs, toMs: window.toMs + slotMs };
      const leftOut = await readLeftOut(tx, { companyId, meterIds, ...wide });
      for await (const stored of streamBatchesTouching(tx, { edgeIds, ...wide })) {
        batches += 1;
        if (batches % logReadBatches === 0) asked.onBatches(batches);
        if (stored.stream !== 1) continue; // telemetry stands in no series
        addBatch(counted, stored, { window, leftOut, cursors });
      }
      const day = dayOf(window.fromMs);
      const stored = await readStoredDays(tx, { meterIds, day });
      judgeDay(counted, { window, stored }, findings);
    }
    for (const { count } of counted.values()) {
      const explained = count.heldBack + count.dismissed + count.accepted;
      count.superseded = Math.max(0, count.inLog - explained - count.unexplained);
      counts.push(count);
    }
  }
  return counts.toSorted((a, b) => a.meterId - b.meterId);
}
