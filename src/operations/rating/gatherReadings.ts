import type { LogEntry, ReadingExceptionRow } from '../../db/log.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { checkUnit } from '../../domain/channel.ts';
import type { Channel } from '../../domain/channel.ts';
import { readAheadMsMax, registerWhMax } from '../../domain/limits.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { ReadingColumns } from '../../domain/series/day.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import { openEnvelope } from '../../wire/batch.ts';
import type { Batch, RegisterBlock } from '../../wire/batch.ts';
import { decodeEnvelope } from '../../wire/openBatch.ts';

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

export type GatheredReadings = {
  /** Keyed by `registerKey`. */
  readonly registers: Map<number, RegisterWork>;
  /** Instantaneous power by meter: shown, not billed. */
  readonly power: Map<number, LatestPower>;
  readonly exceptions: ReadingExceptionRow[];
  readingCount: number;
};

export type DecodedEntry = { readonly entry: LogEntry; readonly batch: Batch };

/** One number for meter and channel: a map key without a string a reading. */
export function registerKey(meterId: number, channel: number): number {
  return meterId * 65_536 + channel;
}

/** Entries of the log were verified before they were appended; they decode or the log is broken. */
export function decodeEntry(entry: LogEntry): DecodedEntry {
  const envelope = openEnvelope(entry.carried);
  assert(envelope.ok, `log entry ${entry.shard}/${entry.position} is a signed batch`);
  const decoded = decodeEnvelope(envelope.value);
  assert(decoded.ok, `log entry ${entry.shard}/${entry.position} decodes`);
  return { entry, batch: decoded.value.batch };
}

export function metersOf(decoded: readonly DecodedEntry[]): Set<number> {
  const meterIds = new Set<number>();
  for (const { batch } of decoded) {
    for (const block of batch.blocks) {
      for (const meterId of block.meterId) meterIds.add(meterId);
    }
  }
  return meterIds;
}

/** A block, and the number of its first row within the batch. */
type PlacedBlock = { readonly block: RegisterBlock; readonly firstRow: number };

type RowRefusal = { readonly code: string; readonly message: string };

function refusalOfRow(
  { batch, entry }: DecodedEntry,
  block: RegisterBlock,
  { row, factor, meter }: { row: number; factor: number; meter: RatedMeter | undefined },
): RowRefusal | null {
  if (meter === undefined) {
    return {
      code: 'METER_UNKNOWN',
      message: `Meter ${block.meterId[row]} is not registered. Register it; its readings are kept.`,
    };
  }
  if (meter.edgeId !== batch.edgeId) {
    return {
      code: 'METER_FOREIGN',
      message: `Meter ${meter.meterId} does not belong to edge ${batch.edgeId}, which read it.`,
    };
  }
  if (block.readAtMs[row] > entry.receivedAtMs + readAheadMsMax) {
    return {
      code: 'READING_IN_FUTURE',
      message:
        `The reading is dated ${new Date(block.readAtMs[row]).toISOString()}, after it was ` +
        'received. Set the clock of the meter or gateway.',
    };
  }
  if (Math.abs(Number(block.value[row])) * factor > registerWhMax) {
    return {
      code: 'VALUE_OUT_OF_RANGE',
      message: 'No register counts this far: check the scaler.',
    };
  }
  if (block.quality[row] > qualityEstimated) {
    return {
      code: 'QUALITY_UNKNOWN',
      message: `Quality ${block.quality[row]} is not known; 0 to ${qualityEstimated} are.`,
    };
  }
  return null;
}

function exceptionOf(
  { batch, entry }: DecodedEntry,
  { block, firstRow }: PlacedBlock,
  row: number,
  { code, message }: RowRefusal,
): ReadingExceptionRow {
  return {
    companyId: entry.companyId,
    edgeId: batch.edgeId,
    epoch: batch.epoch,
    sequence: batch.sequence,
    row: firstRow + row,
    meterId: block.meterId[row],
    channel: block.channel,
    readAtMs: block.readAtMs[row],
    value: block.value[row],
    code,
    message,
  };
}

function addRun(
  gathered: GatheredReadings,
  { meter, channel, day }: { meter: RatedMeter; channel: Channel; day: number },
  run: ReadingRun,
): void {
  const key = registerKey(meter.meterId, channel.code);
  let work = gathered.registers.get(key);
  if (work === undefined) {
    work = { meter, channel, days: new Map() };
    gathered.registers.set(key, work);
  }
  const runs = work.days.get(day);
  if (runs === undefined) work.days.set(day, [run]);
  else runs.push(run);
}

function gatherBlock(
  gathered: GatheredReadings,
  decoded: DecodedEntry,
  { block, firstRow }: PlacedBlock,
  meters: ReadonlyMap<number, RatedMeter>,
): void {
  const unit = checkUnit(block);
  const factor = unit.ok ? unit.value.factor : 1;
  const columns: ReadingColumns = {
    readAtMs: block.readAtMs,
    value: block.value,
    quality: block.quality,
    factor,
    epoch: decoded.batch.epoch,
    sequence: decoded.batch.sequence,
    firstRow,
  };
  const rows = block.meterId.length;
  let open: { meter: RatedMeter; channel: Channel; day: number; from: number } | null = null;
  const close = (to: number): void => {
    if (open !== null) addRun(gathered, open, { columns, from: open.from, to });
    open = null;
  };
  for (let row = 0; row < rows; row += 1) {
    const meter = meters.get(block.meterId[row]);
    const refusal: RowRefusal | null = unit.ok
      ? refusalOfRow(decoded, block, { row, factor, meter })
      : unit;
    if (refusal !== null || meter === undefined || !unit.ok) {
      close(row);
      if (refusal !== null)
        gathered.exceptions.push(exceptionOf(decoded, { block, firstRow }, row, refusal));
      continue;
    }
    const { channel } = unit.value;
    if (channel.kind === 'instantaneous') {
      const atMs = block.readAtMs[row];
      const known = gathered.power.get(meter.meterId);
      if (known === undefined || atMs >= known.atMs) {
        gathered.power.set(meter.meterId, { atMs, powerW: Number(block.value[row]) * factor });
      }
      continue;
    }
    const day = dayOf(block.readAtMs[row]);
    if (open !== null && open.meter === meter && open.day === day) continue;
    close(row);
    open = { meter, channel, day, from: row };
  }
  close(rows);
}

/**
 * Sorts the readings of some batches by register and day. Rows that may not be billed become
 * exceptions and harm no other row.
 */
export function gatherReadings(
  decoded: readonly DecodedEntry[],
  meters: ReadonlyMap<number, RatedMeter>,
): GatheredReadings {
  const gathered: GatheredReadings = {
    registers: new Map(),
    power: new Map(),
    exceptions: [],
    readingCount: 0,
  };
  for (const each of decoded) {
    let firstRow = 0;
    for (const block of each.batch.blocks) {
      gatherBlock(gathered, each, { block, firstRow }, meters);
      firstRow += block.meterId.length;
    }
    gathered.readingCount += firstRow;
  }
  return gathered;
}
