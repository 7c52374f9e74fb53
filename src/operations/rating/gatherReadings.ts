import type { LogEntry, ReadingExceptionRow } from '../../db/log.ts';
import type { MeterEventRow } from '../../db/meterEvents.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import type { SentMultiplier } from '../../db/sentFacts.ts';
import { assert } from '../../domain/assert.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Medium } from '../../domain/medium.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { ReadingColumns } from '../../domain/series/day.ts';
import { meterEventName } from '../../domain/series/meterEvent.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { openEnvelope } from '../../wire/batch.ts';
import type { Batch } from '../../wire/batch.ts';
import { batchOfEnvelope } from '../../wire/openBatch.ts';
import { measure, timeBlock } from './measuredBlock.ts';
import type { Measured, TimedBlock } from './measuredBlock.ts';
import {
  isDismissed,
  isEventDismissed,
  placeOf,
  placeOfEvent,
  refusalOfEvent,
  refusalOfInstant,
  refusalOfSender,
  refusalOfValue,
  unknownMeter,
} from './rowRefusal.ts';
import type { DecodedEntry, RowKnowledge } from './rowRefusal.ts';

/** Neighbouring rows of one block that belong to one meter and UTC day: merged in one call. */
export type ReadingRun = {
  readonly columns: ReadingColumns;
  readonly from: number;
  readonly to: number;
};

/** What the batches bring for one register of one meter, by UTC day. */
export type RegisterWork = {
  readonly meter: RatedMeter;
  readonly channel: Channel;
  readonly days: Map<number, ReadingRun[]>;
};

export type LatestPower = { readonly atMs: number; readonly powerW: number };

/** What became of a batch where not all of it is taken as it was sent. */
export type BatchNote = {
  readonly entry: LogEntry;
  readonly batch: Batch;
  /** Rows held back, by code. */
  readonly refused: Map<string, number>;
  /** Lines of meters' logs held back. */
  eventsHeldBack: number;
  /** Blocks in which a device's clock was off, and by how much at most. */
  blocksCorrected: number;
  clockOffsetMsMax: number;
};

export type GatheredReadings = {
  /** Keyed by `registerKey`. */
  readonly registers: Map<number, RegisterWork>;
  /** Instantaneous power by meter: shown, not billed. */
  readonly power: Map<number, LatestPower>;
  /** Of meters' own logs, as far as the sender may tell of the meter. */
  readonly events: MeterEventRow[];
  readonly exceptions: ReadingExceptionRow[];
  /** Transformer ratios that came with readings, by meter, channel, UTC day and ratio. */
  readonly multipliers: Map<string, SentMultiplier>;
  /** Of batches of which there is something to say. */
  readonly notes: BatchNote[];
  readingCount: number;
};

/** One number for meter and channel: a map key without a string a reading. */
export function registerKey(meterId: number, channel: number): number {
  return meterId * 65_536 + channel;
}

/** Entries of the log were verified before they were appended; they decode or the log is broken. */
export function decodeEntry(entry: LogEntry): DecodedEntry {
  const envelope = openEnvelope(entry.carried);
  assert(envelope.ok, `log entry ${entry.shard}/${entry.position} is a signed batch`);
  const batch = batchOfEnvelope(envelope.value);
  assert(batch.ok, `log entry ${entry.shard}/${entry.position} decodes`);
  return { entry, batch: batch.value };
}

export function metersOf(decoded: readonly DecodedEntry[]): Set<number> {
  const meterIds = new Set<number>();
  for (const { batch } of decoded) {
    for (const block of batch.blocks) {
      for (const meterId of block.meterId) meterIds.add(meterId);
    }
    for (const meterId of batch.events?.meterId ?? []) meterIds.add(meterId);
  }
  return meterIds;
}

type Refusal = { readonly code: string; readonly message: string };

function exceptionOf(
  decoded: DecodedEntry,
  timed: TimedBlock,
  row: number,
  { code, message }: Refusal,
): ReadingExceptionRow {
  const { block } = timed;
  return {
    ...placeOf(decoded, timed, row),
    companyId: decoded.entry.companyId,
    meterId: block.meterId[row],
    readAtMs: block.readAtMs[row],
    value: block.value[row],
    unit: block.unit,
    code,
    message,
  };
}

/** A line of a meter's log that waits, as an exception; its words say what it tells. */
export function eventException(
  decoded: DecodedEntry,
  line: number,
  { code, message }: Refusal,
): ReadingExceptionRow {
  const { batch, entry } = decoded;
  assert(batch.events !== undefined, 'a line of events is of a batch that has some');
  const { events } = batch;
  const span = `${instantText(events.fromMs[line])} to ${instantText(events.toMs[line])}`;
  return {
    ...placeOfEvent(decoded, line),
    companyId: entry.companyId,
    meterId: events.meterId[line],
    readAtMs: events.fromMs[line],
    value: BigInt(events.code[line]),
    code,
    message: `${message} The meter's log tells of ${meterEventName(events.code[line])}, ${span}.`,
  };
}

type OpenRun = {
  readonly meter: RatedMeter;
  readonly measured: Measured;
  readonly day: number;
  readonly from: number;
};

function addRun(gathered: GatheredReadings, { meter, measured, day, from }: OpenRun, to: number) {
  const { channel, columns } = measured;
  const key = registerKey(meter.meterId, channel.code);
  let work = gathered.registers.get(key);
  if (work === undefined) {
    work = { meter, channel, days: new Map() };
    gathered.registers.set(key, work);
  }
  const run = { columns, from, to };
  const runs = work.days.get(day);
  if (runs === undefined) work.days.set(day, [run]);
  else runs.push(run);
}

function notePower(gathered: GatheredReadings, meterId: number, power: LatestPower): void {
  const known = gathered.power.get(meterId);
  if (known === undefined || power.atMs >= known.atMs) gathered.power.set(meterId, power);
}

/** What the sender believes that a count stands for: compared with the marks, later. */
function noteMultiplier(
  { multipliers }: GatheredReadings,
  { meter: { meterId, companyId }, measured: { channel } }: Judged,
  { thousandths, atMs }: { readonly thousandths: number; readonly atMs: number },
): void {
  const day = dayOf(atMs);
  const key = `${meterId}/${channel.code}/${day}/${thousandths}`;
  const known = multipliers.get(key);
  if (known === undefined) {
    const span = { firstMs: atMs, lastMs: atMs };
    multipliers.set(key, { meterId, companyId, channel: channel.code, day, thousandths, ...span });
    return;
  }
  known.firstMs = Math.min(known.firstMs, atMs);
  known.lastMs = Math.max(known.lastMs, atMs);
}

type Judged = { readonly meter: RatedMeter; readonly measured: Measured };

/** Says of each row of a block what it is a reading of, or why it is held back. */
function judgeOf(
  decoded: DecodedEntry,
  timed: TimedBlock,
  known: RowKnowledge,
): (row: number) => Judged | Refusal {
  const byMedium = new Map<Medium, ReturnType<typeof measure>>();
  return (row) => {
    const meterId = timed.block.meterId[row];
    const meter = known.meters.get(meterId);
    if (meter === undefined) return unknownMeter(meterId);
    const { offices } = known;
    const foreign = refusalOfSender(decoded, timed, { row, meter, offices });
    if (foreign !== null) return foreign;
    let measured = byMedium.get(meter.medium);
    if (measured === undefined) {
      measured = measure(decoded.batch, timed, meter.medium);
      byMedium.set(meter.medium, measured);
    }
    if (!measured.ok) return measured;
    const drifted = timed.drifted.get(row);
    if (drifted !== undefined) return drifted;
    const { channel, factor } = measured.value;
    return (
      refusalOfInstant(decoded, timed, { row, known }) ??
      refusalOfValue(timed, { row, channel, factor }) ?? { meter, measured: measured.value }
    );
  };
}

function gatherBlock(
  gathered: GatheredReadings,
  decoded: DecodedEntry,
  { timed, known, note }: { timed: TimedBlock; known: RowKnowledge; note: BatchNote },
): void {
  const { block, readAtMs } = timed;
  const judge = judgeOf(decoded, timed, known);
  const isBilled = decoded.batch.stream === 'billing';
  let open: OpenRun | null = null;
  const close = (to: number): void => {
    if (open !== null) addRun(gathered, open, to);
    open = null;
  };
  for (let row = 0; row < block.meterId.length; row += 1) {
    if (isDismissed(decoded, timed, { row, dismissed: known.dismissed })) {
      close(row);
      continue;
    }
    const judged = judge(row);
    if ('code' in judged) {
      close(row);
      gathered.exceptions.push(exceptionOf(decoded, timed, row, judged));
      note.refused.set(judged.code, (note.refused.get(judged.code) ?? 0) + 1);
      continue;
    }
    const { meter, measured } = judged;
    if (measured.channel.kind === 'instantaneous') {
      const powerW = Number(block.value[row]) * measured.factor;
      notePower(gathered, meter.meterId, { atMs: readAtMs[row], powerW });
      continue;
    }
    // Telemetry may be dropped by its sender, so nothing is billed by it.
    if (!isBilled) continue;
    const thousandths = block.multiplierThousandths?.[row] ?? 0;
    if (thousandths > 0) noteMultiplier(gathered, judged, { thousandths, atMs: readAtMs[row] });
    const day = dayOf(readAtMs[row]);
    if (open !== null && open.meter === meter && open.day === day) continue;
    close(row);
    open = { meter, measured, day, from: row };
  }
  close(block.meterId.length);
}

function gatherEvents(
  gathered: GatheredReadings,
  decoded: DecodedEntry,
  { known, note }: { known: RowKnowledge; note: BatchNote },
): void {
  const { batch, entry } = decoded;
  if (batch.events === undefined) return;
  const { code, meterId, fromMs, toMs } = batch.events;
  for (let line = 0; line < code.length; line += 1) {
    if (isEventDismissed(decoded, line, known.dismissed)) continue;
    const refusal = refusalOfEvent(decoded, line, known);
    if (refusal !== null) {
      gathered.exceptions.push(eventException(decoded, line, refusal));
      note.eventsHeldBack += 1;
      continue;
    }
    gathered.events.push({
      meterId: meterId[line],
      companyId: entry.companyId,
      code: code[line],
      fromMs: fromMs[line],
      toMs: toMs[line],
      edgeId: batch.edgeId,
      epoch: batch.epoch,
      sequence: batch.sequence,
    });
  }
}

/**
 * Sorts the readings of some batches by register and day. Rows that may not be billed become
 * exceptions and harm no other row.
 */
export function gatherReadings(
  decoded: readonly DecodedEntry[],
  known: RowKnowledge,
): GatheredReadings {
  const gathered: GatheredReadings = {
    registers: new Map(),
    power: new Map(),
    events: [],
    exceptions: [],
    multipliers: new Map(),
    notes: [],
    readingCount: 0,
  };
  for (const each of decoded) {
    const { entry, batch } = each;
    const note: BatchNote = {
      entry,
      batch,
      refused: new Map(),
      eventsHeldBack: 0,
      blocksCorrected: 0,
      clockOffsetMsMax: 0,
    };
    let firstRow = 0;
    for (const block of batch.blocks) {
      const timed = timeBlock({ block, firstRow });
      gatherBlock(gathered, each, { timed, known, note });
      if (timed.offsetMsMax > 0) note.blocksCorrected += 1;
      note.clockOffsetMsMax = Math.max(note.clockOffsetMsMax, timed.offsetMsMax);
      firstRow += block.meterId.length;
    }
    gatherEvents(gathered, each, { known, note });
    gathered.readingCount += firstRow;
    if (note.refused.size > 0 || note.eventsHeldBack > 0 || note.blocksCorrected > 0) {
      gathered.notes.push(note);
    }
  }
  return gathered;
}
