import type { RowPlace } from '../../db/heldBack.ts';
import type { LogEntry } from '../../db/log.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import type { Channel } from '../../domain/channel.ts';
import {
  gapBridgedDaysMax,
  powerWMax,
  powerWMin,
  readAheadMsMax,
  registerWhMax,
} from '../../domain/limits.ts';
import { inFutureCode } from '../../domain/series/heldBack.ts';
import type { HeldBackCode } from '../../domain/series/heldBack.ts';
import { qualityEstimated, qualityVoid } from '../../domain/series/quality.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { streamNumberOf } from '../../wire/batch.ts';
import type { Batch, StreamNumber } from '../../wire/batch.ts';
import type { TimedBlock } from './measuredBlock.ts';

export type DecodedEntry = { readonly entry: LogEntry; readonly batch: Batch };

/** By their edges. */
export type Offices = { has(edgeId: number): boolean };

/** What rows of some batches are judged by. */
export type RowKnowledge = {
  readonly meters: ReadonlyMap<number, RatedMeter>;
  readonly offices: Offices;
  /** Of a row that was dated for the future when it was received: it is one of the past by now. */
  hasCome(place: RowPlace, atMs: number): boolean;
  /** Rows that somebody left out for good, by `rowKey`. */
  readonly dismissed: ReadonlySet<string>;
};

export function rowKey(place: RowPlace): string {
  const { edgeId, stream, epoch, sequence, isEvent, channel, row } = place;
  return `${edgeId}/${stream}/${epoch}/${sequence}/${isEvent ? 'event' : channel}/${row}`;
}

export type RowRefusal = { readonly code: HeldBackCode; readonly message: string };

/** An office speaks of all meters of its company, any other edge of its own. */
export function mayTellOf(
  { batch, entry }: DecodedEntry,
  meter: RatedMeter,
  offices: Offices,
): boolean {
  if (!offices.has(batch.edgeId)) return meter.edgeId === batch.edgeId;
  return meter.companyId === entry.companyId;
}

/** Whether the sender may say this of the meter at all; null: it may. */
export function refusalOfSender(
  decoded: DecodedEntry,
  { block, quality }: TimedBlock,
  { row, meter, offices }: { row: number; meter: RatedMeter; offices: Offices },
): RowRefusal | null {
  const { edgeId } = decoded.batch;
  if (!mayTellOf(decoded, meter, offices)) {
    return foreignMeter(decoded, meter.meterId);
  }
  const isEdit = (block.revision?.[row] ?? 0) > 0 || quality[row] === qualityVoid;
  if (isEdit && !offices.has(edgeId)) {
    return {
      code: 'REVISION_FOREIGN',
      message: `Edge ${edgeId} reads meters; edits and voids come from an office alone.`,
    };
  }
  return null;
}

/** Whether the line of the meter's log is one that the sender may tell; null: it is. */
export function refusalOfEvent(
  decoded: DecodedEntry,
  line: number,
  known: RowKnowledge,
): RowRefusal | null {
  const { events } = decoded.batch;
  assert(events !== undefined, 'a line of events is of a batch that has some');
  const meterId = events.meterId[line];
  const meter = known.meters.get(meterId);
  if (meter === undefined) return unknownMeter(meterId);
  if (!mayTellOf(decoded, meter, known.offices)) return foreignMeter(decoded, meterId);
  const toMs = events.toMs[line];
  if (toMs - events.fromMs[line] > gapBridgedDaysMax * dayMs) {
    return {
      code: 'VALUE_OUT_OF_RANGE',
      message: `The line spans more than ${gapBridgedDaysMax} days: set the clock that is wrong.`,
    };
  }
  const isEarly = toMs > decoded.entry.receivedAtMs + readAheadMsMax;
  if (!isEarly || known.hasCome(placeOfEvent(decoded, line), toMs)) return null;
  return {
    code: inFutureCode,
    message:
      'The line ends after it was received. Set the clock that is wrong; once that time has ' +
      'come, it can be retried.',
  };
}

type Place = RowPlace & { readonly stream: StreamNumber };

export function placeOf(
  { batch }: DecodedEntry,
  { block, firstRow }: TimedBlock,
  row: number,
): Place {
  const { edgeId, epoch, sequence } = batch;
  const stream = streamNumberOf(batch.stream);
  const { channel } = block;
  return { edgeId, stream, epoch, sequence, isEvent: false, channel, row: firstRow + row };
}

/** Of a line of the meters' logs in the batch. */
export function placeOfEvent({ batch }: DecodedEntry, line: number): Place {
  const { edgeId, epoch, sequence } = batch;
  const stream = streamNumberOf(batch.stream);
  return { edgeId, stream, epoch, sequence, isEvent: true, channel: 0, row: line };
}

/** Whether somebody left the row out for good, whatever may speak for it now. */
export function isDismissed(
  decoded: DecodedEntry,
  timed: TimedBlock,
  { row, dismissed }: { row: number; dismissed: ReadonlySet<string> },
): boolean {
  return dismissed.size > 0 && dismissed.has(rowKey(placeOf(decoded, timed, row)));
}

export function isEventDismissed(
  decoded: DecodedEntry,
  line: number,
  dismissed: ReadonlySet<string>,
): boolean {
  return dismissed.size > 0 && dismissed.has(rowKey(placeOfEvent(decoded, line)));
}

/** Whether there can be a reading of that time; null: there can. */
export function refusalOfInstant(
  decoded: DecodedEntry,
  timed: TimedBlock,
  { row, known }: { row: number; known: RowKnowledge },
): RowRefusal | null {
  const readAtMs = timed.readAtMs[row];
  if (readAtMs <= decoded.entry.receivedAtMs + readAheadMsMax) return null;
  if (known.hasCome(placeOf(decoded, timed, row), readAtMs)) return null;
  return {
    code: inFutureCode,
    message:
      `The reading is dated ${new Date(readAtMs).toISOString()}, after it was received. Set the ` +
      'clock that is wrong; once that time has come, it can be retried.',
  };
}

/** Whether the value can be one; null: it can. */
export function refusalOfValue(
  { block, quality }: TimedBlock,
  { row, channel, factor }: { row: number; channel: Channel; factor: number },
): RowRefusal | null {
  const value = Number(block.value[row]) * factor;
  if (channel.kind === 'instantaneous' && (value < powerWMin || value > powerWMax)) {
    return {
      code: 'VALUE_OUT_OF_RANGE',
      message: `A power lies between ${powerWMin} and ${powerWMax} W: check the scaler.`,
    };
  }
  if (Math.abs(value) > registerWhMax) {
    return {
      code: 'VALUE_OUT_OF_RANGE',
      message: 'No register counts this far: check the scaler.',
    };
  }
  if (quality[row] > qualityEstimated && quality[row] !== qualityVoid) {
    return {
      code: 'QUALITY_UNKNOWN',
      message: `Quality ${quality[row]} is not known; 0 to ${qualityEstimated} are.`,
    };
  }
  return null;
}

function foreignMeter({ batch: { edgeId } }: DecodedEntry, meterId: number): RowRefusal {
  return {
    code: 'METER_FOREIGN',
    message: `Meter ${meterId} does not belong to edge ${edgeId}, which read it.`,
  };
}

export function unknownMeter(meterId: number): RowRefusal {
  return {
    code: 'METER_UNKNOWN',
    message: `Meter ${meterId} is not registered. Register it; its readings are kept.`,
  };
}
