import { insertResolution, isQuarantineKey, placeOf } from '../../db/quarantine.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { checkEntries, checkReason, qualityCodeOf } from './checkEntries.ts';
import type { EnteredReading, EntryCode } from './checkEntries.ts';
import { enterReadings } from './enterReadings.ts';
import type { EnterCode, EnteredReadings, OfficeDeps } from './enterReadings.ts';
import { findOwnQuarantined } from './quarantined.ts';
import type { QuarantineCode } from './quarantined.ts';
import { textOfReadings } from './recordReadings.ts';

export type CorrectInput = {
  readonly idempotencyKey: string;
  /** `hash.code` of the batch. */
  readonly key: string;
  readonly reason: string;
  /** What it should have said. */
  readonly readings: readonly EnteredReading[];
};

export type CorrectCode = EnterCode | EntryCode | QuarantineCode | 'NOT_PERMITTED';

/**
 * Takes in what a batch in quarantine should have said, as a batch of the office that names it.
 * Both stand: the bytes that came, and the readings that a person put in their place.
 */
export async function correctQuarantined(
  deps: OfficeDeps,
  viewer: Viewer,
  input: CorrectInput,
): Promise<Outcome<EnteredReadings, CorrectCode>> {
  if (!isAllowed(viewer.role, 'Mutation.correctQuarantined')) {
    return refuse('NOT_PERMITTED', 'Your role may not do this. Ask an operator.');
  }
  const reason = checkReason(input.reason);
  if (!reason.ok) return reason;
  const nowMs = deps.clock.nowMs();
  const checked = checkEntries(input.readings, nowMs);
  if (!checked.ok) return checked;
  if (!isQuarantineKey(input.key)) {
    return refuse('QUARANTINE_NOT_FOUND', 'This is no id of a batch in quarantine. Check it.');
  }
  const { companyId, actor } = viewer;
  const place = placeOf(input.key);
  const resolution = { ...place, companyId, actor, reason: reason.value, atMs: nowMs };
  return enterReadings<CorrectCode>(deps, viewer, {
    idempotencyKey: input.idempotencyKey,
    operation: 'correctQuarantined',
    input: [input.key, reason.value, textOfReadings(input.readings)],
    kind: 'correction',
    reason: reason.value,
    quarantineHash: place.hash,
    meterIds: input.readings.map(({ meterId }) => meterId),
    subject: `quarantine/${input.key}`,
    before: null,
    decide: async (tx) => {
      const found = await findOwnQuarantined(tx, { key: input.key, companyId });
      if (!found.ok) return found;
      return accept(
        input.readings.map(({ quality, ...reading }) => ({
          ...reading,
          quality: qualityCodeOf(quality),
          revision: 0,
        })),
      );
    },
    alsoWrite: async (tx) => {
      const isFirst = await insertResolution(tx, { ...resolution, kind: 'corrected' });
      assert(isFirst, 'nobody else decides while its lock is held');
    },
  });
}
