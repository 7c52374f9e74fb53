import type { Statement, Transaction } from '../../db/connect.ts';
import { streamBatchesTouching } from '../../db/logReads.ts';
import { readCursors, readLeftOut } from '../../db/reconciliation.ts';
import type { LeftOut } from '../../db/reconciliation.ts';
import { readDaysWithin } from '../../db/seriesReads.ts';
import { channelOf } from '../../domain/channel.ts';
import { logReadBatches } from '../../domain/limits.ts';
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

/** Of one slot the winners of its first and of its last instant. */
type Slot = { first: LogRow; last: LogRow };

type Register = { readonly meterId: number; readonly channel: number; slots: Map<number, Slot> };

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

/** Names of the readings that the stored days of a register keep. */
async function keptNames(
  tx: Statement,
  { meterId, channel }: Register,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<Map<string, number>> {
  const window = { fromDay: dayOf(fromMs), throughDay: dayOf(toMs - 1) };
  const kept = new Map<string, number>();
  for (const { bytes } of await readDaysWithin(tx, { meterId, channel, ...window })) {
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
  return kept;
}

type Counted = {
  readonly meters: Map<number, MeterCount>;
  readonly registers: Map<string, Register>;
};

function addRow(counted: Counted, row: LogRow, state: 'waiting' | LeftOut | 'rated'): void {
  const meterId = row.block.meterId[row.index];
  const count = counted.meters.get(meterId);
  if (count === undefined) return;
  if (state === 'waiting') {
    count.waiting += 1;
    return;
  }
  count.inLog += 1;
  if (state !== 'rated') {
    count[state] += 1;
    return;
  }
  const { channel } = row.block;
  const key = `${meterId}/${channel}`;
  let register = counted.registers.get(key);
  if (register === undefined) {
    register = { meterId, channel, slots: new Map() };
    counted.registers.set(key, register);
  }
  offer(register.slots, row);
}

async function judgeRegister(
  tx: Statement,
  register: Register,
  {
    window,
    count,
    findings,
  }: {
    readonly window: { readonly fromMs: number; readonly toMs: number };
    readonly count: MeterCount;
    readonly findings: Findings;
  },
): Promise<void> {
  const kept = await keptNames(tx, register, window);
  const subject = `meter/${register.meterId}/${register.channel}`;
  const say = (name: string, message: string): void => {
    count.unexplained += 1;
    findings.add('SERIES_DIFFERS', subject, `${name}: ${message}`);
  };
  for (const { first, last } of register.slots.values()) {
    const expected = new Map([first, last].map((row) => [nameOf(row), row]));
    for (const [name, row] of expected) {
      const stored = kept.get(name);
      kept.delete(name);
      if (stored === undefined) {
        say(name, 'the log has this reading, and the series keeps none of that name');
      } else if (!isValueOf(row, stored)) {
        say(name, `the series has ${stored}, the log ${row.block.value[row.index]}`);
      } else {
        count.accepted += 1;
      }
    }
  }
  for (const name of kept.keys()) say(name, 'the series keeps it, and no batch of the log has it');
}

/** Units apart, the value that came is the value that is kept: a power of ten lies between. */
function isValueOf({ block, index }: LogRow, stored: number): boolean {
  const value = Number(block.value[index]);
  if (value === 0 || stored === 0) return value === stored;
  const scale = Math.round(Math.log10(stored / value));
  return Math.abs(scale) <= 12 && Math.abs(value * 10 ** scale - stored) < 0.5;
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
    readonly meterIds: readonly number[];
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
  const counted: Counted = { meters: new Map(), registers: new Map() };
  for (const meterId of asked.meterIds) {
    const none = { accepted: 0, superseded: 0, heldBack: 0, dismissed: 0, unexplained: 0 };
    counted.meters.set(meterId, { meterId, inLog: 0, waiting: 0, ...none });
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
    for (const row of rowsOf(openStored(stored), (id) => counted.meters.has(id))) {
      if (row.atMs < fromMs || row.atMs >= toMs) continue;
      const left = leftOut.get(`${place}/${row.row}`);
      // Instantaneous values are shown and not kept.
      if (channelOf(row.block.channel)?.kind !== 'register' && left === undefined) continue;
      addRow(counted, row, isRated ? (left ?? 'rated') : 'waiting');
    }
  }
  const read = new Set([...counted.registers.values()].map(({ meterId }) => meterId));
  for (const meterId of counted.meters.keys()) {
    if (!read.has(meterId)) counted.registers.set(`${meterId}/1`, emptyRegister(meterId));
  }
  for (const register of counted.registers.values()) {
    const count = counted.meters.get(register.meterId);
    if (count === undefined) continue;
    await judgeRegister(tx, register, { window: { fromMs, toMs }, count, findings });
  }
  for (const count of counted.meters.values()) {
    const rest =
      count.inLog - count.heldBack - count.dismissed - count.accepted - count.unexplained;
    count.superseded = Math.max(0, rest);
  }
  return [...counted.meters.values()];
}

/** Of a meter that the log says nothing of: what the series keeps of it came from nowhere. */
function emptyRegister(meterId: number): Register {
  return { meterId, channel: 1, slots: new Map() };
}
