import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { checkEntries, checkReason, qualityCodeOf } from './checkEntries.ts';
import type { EnteredReading, EntryCode } from './checkEntries.ts';
import { enterReadings } from './enterReadings.ts';
import type { EnterCode, EnteredReadings, OfficeDeps } from './enterReadings.ts';

export type RecordReadingsInput = {
  readonly idempotencyKey: string;
  readonly reason: string;
  readonly readings: readonly EnteredReading[];
};

export type RecordReadingsCode = EnterCode | EntryCode | 'NOT_PERMITTED';

/** The readings as one text: the same input again is the same text. */
export function textOfReadings(readings: readonly EnteredReading[]): string {
  const rows = readings.map(({ meterId, channel, atMs, value, quality }) => [
    meterId,
    channel,
    atMs,
    value.toString(),
    quality,
  ]);
  return JSON.stringify(rows);
}

export function subjectOf(meterIds: readonly number[]): string {
  const distinct = [...new Set(meterIds)];
  return distinct.length === 1 ? `meter/${distinct[0]}` : `meters/${distinct.length}`;
}

/**
 * Readings that a person took, with their author and reason. They overwrite nothing: beside a
 * reading of the same instant the better quality counts, and both stay in the log.
 */
export async function recordReadings(
  deps: OfficeDeps,
  viewer: Viewer,
  input: RecordReadingsInput,
): Promise<Outcome<EnteredReadings, RecordReadingsCode>> {
  if (!isAllowed(viewer.role, 'Mutation.recordReadings')) {
    return refuse('NOT_PERMITTED', 'Your role may not enter readings. Ask an operator.');
  }
  const reason = checkReason(input.reason);
  if (!reason.ok) return reason;
  const checked = checkEntries(input.readings, deps.clock.nowMs());
  if (!checked.ok) return checked;
  const meterIds = input.readings.map(({ meterId }) => meterId);
  return enterReadings<never>(deps, viewer, {
    idempotencyKey: input.idempotencyKey,
    operation: 'recordReadings',
    input: [reason.value, textOfReadings(input.readings)],
    kind: 'manual',
    reason: reason.value,
    quarantineHash: null,
    meterIds,
    subject: subjectOf(meterIds),
    before: null,
    decide: async () =>
      accept(
        input.readings.map(({ quality, ...reading }) => ({
          ...reading,
          quality: qualityCodeOf(quality),
          revision: 0,
        })),
      ),
  });
}
