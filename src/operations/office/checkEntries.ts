import { channelOf } from '../../domain/channel.ts';
import {
  officeReadingsMax,
  officeReasonLengthMax,
  readAheadMsMax,
  readAtMsMin,
  registerWhMax,
} from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { qualityActual, qualityCalculated, qualityEstimated } from '../../domain/series/quality.ts';

/** A reading as a person writes it down. */
export type EnteredReading = {
  readonly meterId: number;
  readonly channel: number;
  readonly atMs: number;
  /** As the register shows it: Wh or varh of electricity, litres of gas and water. */
  readonly value: bigint;
  readonly quality: 'ACTUAL' | 'CALCULATED' | 'ESTIMATED';
};

export type EntryCode =
  | 'REASON_MISSING'
  | 'REASON_TOO_LONG'
  | 'READINGS_EMPTY'
  | 'READINGS_TOO_MANY'
  | 'READING_REPEATED'
  | 'CHANNEL_UNKNOWN'
  | 'READING_IN_FUTURE'
  | 'READING_TOO_OLD'
  | 'VALUE_OUT_OF_RANGE';

const qualityCodes = {
  ACTUAL: qualityActual,
  CALCULATED: qualityCalculated,
  ESTIMATED: qualityEstimated,
} as const;

export function qualityCodeOf(quality: EnteredReading['quality']): number {
  return qualityCodes[quality];
}

export function checkReason(reason: string): Outcome<string, EntryCode> {
  const text = reason.trim();
  if (text === '') {
    return refuse('REASON_MISSING', 'Say why: the reason stands with the reading for ever.', [
      'reason',
    ]);
  }
  if (text.length > officeReasonLengthMax) {
    const message = `A reason has at most ${officeReasonLengthMax} characters; shorten it.`;
    return refuse('REASON_TOO_LONG', message, ['reason']);
  }
  return accept(text);
}

export function checkReading(
  { channel, atMs, value }: Omit<EnteredReading, 'quality' | 'meterId'>,
  { nowMs, path }: { readonly nowMs: number; readonly path: readonly string[] },
): Outcome<null, EntryCode> {
  const known = channelOf(channel);
  if (known === null || known.kind !== 'register') {
    const message = `Channel ${channel} is no register that readings are entered for.`;
    return refuse('CHANNEL_UNKNOWN', message, [...path, 'channel']);
  }
  if (atMs > nowMs + readAheadMsMax) {
    return refuse('READING_IN_FUTURE', 'A reading is of the past. Correct its time.', [
      ...path,
      'readAt',
    ]);
  }
  if (atMs < readAtMsMin) {
    return refuse('READING_TOO_OLD', 'Readings before 2000 are mistakes. Correct the time.', [
      ...path,
      'readAt',
    ]);
  }
  if (value < 0n || value > BigInt(registerWhMax)) {
    return refuse('VALUE_OUT_OF_RANGE', `A register shows 0 to ${registerWhMax}.`, [
      ...path,
      'value',
    ]);
  }
  return accept(null);
}

/** Whether all of it can be written down; the first thing wrong is the refusal, with its path. */
export function checkEntries(
  readings: readonly EnteredReading[],
  nowMs: number,
): Outcome<null, EntryCode> {
  if (readings.length === 0) {
    return refuse('READINGS_EMPTY', 'There is no reading to record.', ['readings']);
  }
  if (readings.length > officeReadingsMax) {
    const message = `At most ${officeReadingsMax} readings at once; record them in parts.`;
    return refuse('READINGS_TOO_MANY', message, ['readings']);
  }
  const seen = new Set<string>();
  for (const [index, reading] of readings.entries()) {
    const path = ['readings', String(index)];
    const checked = checkReading(reading, { nowMs, path });
    if (!checked.ok) return checked;
    const key = `${reading.meterId}/${reading.channel}/${reading.atMs}`;
    if (seen.has(key)) {
      const message = 'This meter, channel and time stand there twice; keep one of them.';
      return refuse('READING_REPEATED', message, path);
    }
    seen.add(key);
  }
  return accept(null);
}
