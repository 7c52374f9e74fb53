import type { Statement, Transaction } from '../../db/connect.ts';
import { streamBatchesTouching } from '../../db/logReads.ts';
import { readCursors, readLeftOut } from '../../db/reconciliation.ts';
import type { LeftOut, ReconciledMeter } from '../../db/reconciliation.ts';
import { readStoredDays } from '../../db/seriesReads.ts';
import { channelOf } from '../../domain/channel.ts';
import { assertNever } from '../../domain/assert.ts';
import { logReadBatches } from '../../domain/limits.ts';
import type { Medium } from '../../domain/medium.ts';
import { slotMs } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { compareRank, openStored, rowsOf } from '../logRows.ts';
import type { LogRow } from '../logRows.ts';
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

/** Of one slot the winners of its first and of its last instant. */
type Slot = { first: LogRow; last: LogRow };

/** The merge once more, the slow and obvious way. */
function offer(slots: Map<number, Slot>, row: LogRow): void {
  const at = Math.floor(row.atMs / slotMs);
  const slot = slots.get(at);
  if (slot === undefined) {
    slots.set(at, { first: row, last: row });
    return;
  }
  const earlier = row.atMs - slot.first.atMs;
  if (earlier < 0 || (earlier === 0 && compareRank(row, slot.first) > 0)) slot.first = row;
  const later = row.atMs - slot.last.atMs;
  if (later > 0 || (later === 0 && compareRank(row, slot.last) > 0)) slot.last = row;
}

function nameOf({ atMs, opened, row, revision }: LogRow): string {
  return `${atMs}/${revision}/${opened.batch.epoch}/${opened.batch.sequence}/${row}`;
}

type Window = { readonly fromMs: number; readonly toMs: number };

/** By channel, the names of the readings that the stored days of a meter keep, and their values. */
async function keptNames(
  tx: Statement,
  meterId: number,
  { fromMs, toMs }: Window,
): Promise<Map<number, Map<string, number>>> {
  const days = { fromDay: dayOf(fromMs), throughDay: dayOf(toMs - 1) };
  const registers = new Map<number, Map<string, number>>();
  for (const { channel, bytes } of await readStoredDays(tx, { meterIds: [meterId], ...days })) {
    const kept = registers.get(channel) ?? new Map<string, number>();
    registers.set(channel, kept);
    const day = decodeDay(bytes);
    for (const [place, offsetMs] of day.offsetMs.entries()) {
      if (offsetMs === -1) continue;
      const atMs = day.day * dayMs + offsetMs;
      if (atMs < fromMs || atMs >= toMs) continue;
      const { revision, epoch, sequence, row, wh } = day;
      const rank = `${revision[place]}/${epoch[place]}/${sequence[place]}/${row[place]}`;
      kept.set(`${atMs}/${rank}`, wh[place]);
    }
  }
  return registers;
}

type Counted = {
  readonly medium: Medium;
  readonly count: MeterCount;
  /** By channel. */
  readonly registers: Map<number, Map<number, Slot>>;
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
  const slots = registers.get(row.block.channel) ?? new Map<number, Slot>();
  registers.set(row.block.channel, slots);
  offer(slots, row);
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
function valueOf({ block, index }: LogRow, medium: Medium): number | null {
  const { codes, tens } = unitsOf(medium);
  if (!codes.includes(block.unit)) return null;
  return Number(block.value[index]) * 10 ** (block.scaler + tens);
}

function judgeRegister(
  { medium, count }: Counted,
  { slots, kept }: { readonly slots: Map<number, Slot>; readonly kept: Map<string, number> },
  say: (name: string, message: string) => void,
): void {
  for (const { first, last } of slots.values()) {
    const expected = new Map([first, last].map((row) => [nameOf(row), row]));
    for (const [name, row] of expected) {
      const stored = kept.get(name);
      kept.delete(name);
      const { value, scaler, unit } = row.block;
      if (stored === undefined) {
        say(name, 'the log has this reading, and the series keeps none of that name');
      } else if (stored !== valueOf(row, medium)) {
        const sent = `${value[row.index]} with scaler ${scaler} in unit ${unit}`;
        say(name, `the series has ${stored}, the log ${sent}`);
      } else {
        count.accepted += 1;
      }
    }
  }
  for (const name of kept.keys()) say(name, 'the series keeps it, and no batch of the log has it');
}

/** Every register that the log or the series has of the meter. */
async function judgeMeter(
  tx: Statement,
  counted: Counted,
  { window, findings }: { readonly window: Window; readonly findings: Findings },
): Promise<void> {
  const { count, registers } = counted;
  const stored = await keptNames(tx, count.meterId, window);
  for (const channel of new Set([...registers.keys(), ...stored.keys()])) {
    const slots = registers.get(channel) ?? new Map<number, Slot>();
    const kept = stored.get(channel) ?? new Map<string, number>();
    judgeRegister(counted, { slots, kept }, (name, message) => {
      count.unexplained += 1;
      findings.add('SERIES_DIFFERS', `meter/${count.meterId}/${channel}`, `${name}: ${message}`);
    });
  }
  const explained = count.heldBack + count.dismissed + count.accepted;
  count.superseded = Math.max(0, count.inLog - explained - count.unexplained);
}

/**
 * Reads all batches that touch a window and says what became of each row of the registers of some
 * meters: in the series, outranked, held back, or waiting for the rater. What is left over on
 * either side has no explanation.
 */
export async function recountReadings(
  tx: Transaction,
  asked: {
    readonly companyId: number;
    readonly edgeIds: readonly number[];
    readonly meters: readonly ReconciledMeter[];
    readonly fromMs: number;
    readonly toMs: number;
    onBatches(batches: number): void;
  },
  findings: Findings,
): Promise<readonly MeterCount[]> {
  const { companyId, edgeIds, fromMs, toMs } = asked;
  const wide = { companyId, fromMs: fromMs - slotMs, toMs: toMs + slotMs };
  const leftOut = await readLeftOut(tx, wide);
  const cursors = await readCursors(tx);
  const counted = new Map<number, Counted>();
  for (const { meterId, medium } of asked.meters) {
    const none = { accepted: 0, superseded: 0, heldBack: 0, dismissed: 0, unexplained: 0 };
    const count = { meterId, inLog: 0, waiting: 0, ...none };
    counted.set(meterId, { medium, count, registers: new Map() });
  }
  let batches = 0;
  // A clock's offset moves an instant by a slot at most.
  const touching = { edgeIds, fromMs: wide.fromMs, toMs: wide.toMs };
  for await (const stored of streamBatchesTouching(tx, touching)) {
    batches += 1;
    if (batches % logReadBatches === 0) asked.onBatches(batches);
    if (stored.stream !== 1) continue; // telemetry stands in no series
    const isRated = stored.position <= (cursors.get(stored.shard) ?? 0n);
    const place = `${stored.edgeId}/${stored.stream}/${stored.epoch}/${stored.sequence}`;
    for (const row of rowsOf(openStored(stored), (id) => counted.has(id))) {
      if (row.atMs < fromMs || row.atMs >= toMs) continue;
      const left = leftOut.get(`${place}/${row.row}`);
      // Instantaneous values are shown and not kept.
      const kind = channelOf(row.block.channel)?.kind ?? 'instantaneous';
      if (kind === 'instantaneous' && left === undefined) continue;
      const of = counted.get(row.block.meterId[row.index]);
      if (of !== undefined) addRow(of, row, isRated ? (left ?? 'rated') : 'waiting');
    }
  }
  for (const each of counted.values()) {
    await judgeMeter(tx, each, { window: { fromMs, toMs }, findings });
  }
  return [...counted.values()].map(({ count }) => count);
}
