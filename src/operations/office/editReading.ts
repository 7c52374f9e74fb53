import type { Transaction } from '../../db/connect.ts';
import { findEdgesOfMeters, readExceptionsWithin } from '../../db/logReads.ts';
import { readDays } from '../../db/series.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { slotMs } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { isHeldBack } from '../../domain/series/heldBack.ts';
import { qualityActual, qualityVoid } from '../../domain/series/quality.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { logRowsAt } from '../logRows.ts';
import type { ReadingName } from '../logRows.ts';
import { checkReading, checkReason } from './checkEntries.ts';
import type { EntryCode } from './checkEntries.ts';
import { enterReadings } from './enterReadings.ts';
import type { EnterCode, EnteredReadings, OfficeDeps } from './enterReadings.ts';

export type EditReadingInput = {
  readonly idempotencyKey: string;
  readonly meterId: number;
  readonly channel: number;
  readonly atMs: number;
  /** Null: the reading does not count, and nothing stands in its place. */
  readonly value: bigint | null;
  /** The revision that it takes the place of, 0 for a reading as it was read. */
  readonly supersedes: number;
  readonly reason: string;
};

export type EditReadingCode =
  | EnterCode
  | EntryCode
  | 'NOT_PERMITTED'
  | 'READING_NOT_FOUND'
  | 'READING_REVISION_STALE';

/** Of the log: also what is not rated yet. */
async function revisionInLog(tx: Transaction, name: ReadingName): Promise<number | null> {
  const { meterId, atMs } = name;
  const edgeIds = await findEdgesOfMeters(tx, [meterId]);
  // A clock's offset moves an instant by a slot at most.
  const window = { fromMs: atMs - slotMs, toMs: atMs + slotMs + 1 };
  const exceptions = await readExceptionsWithin(tx, { meterId, ...window });
  const heldBack = new Set(
    exceptions
      .filter(({ code, isTaken }) => isHeldBack(code) && !isTaken)
      .map(({ edgeId, epoch, sequence, row }) => `${edgeId}/${epoch}/${sequence}/${row}`),
  );
  const counting = (await logRowsAt(tx, name, edgeIds)).filter(({ opened, row }) => {
    const { edgeId, epoch, sequence } = opened.stored;
    return !heldBack.has(`${edgeId}/${epoch}/${sequence}/${row}`);
  });
  return counting.length === 0 ? null : Math.max(...counting.map(({ revision }) => revision));
}

/** Of the series: also what retention has taken from the log. */
async function revisionInSeries(
  tx: Transaction,
  { meterId, channel, atMs }: ReadingName,
): Promise<number | null> {
  const day = dayOf(atMs);
  const keys = { meterId: [meterId], channel: [channel], day: [day] };
  const [stored] = await readDays(tx, keys);
  if (stored === undefined) return null;
  const series = decodeDay(stored.bytes);
  const place = series.offsetMs.indexOf(atMs - day * dayMs);
  return place === -1 ? null : series.revision[place];
}

/** The revision of a reading that counts at present; null where there is no such reading. */
export async function currentRevision(tx: Transaction, name: ReadingName): Promise<number | null> {
  const logged = await revisionInLog(tx, name);
  const kept = await revisionInSeries(tx, name);
  if (logged === null || kept === null) return logged ?? kept;
  return Math.max(logged, kept);
}

async function nextRevision(
  tx: Transaction,
  input: EditReadingInput,
): Promise<Outcome<number, EditReadingCode>> {
  const at = new Date(input.atMs).toISOString();
  const current = await currentRevision(tx, input);
  if (current === null) {
    return refuse(
      'READING_NOT_FOUND',
      `There is no reading of channel ${input.channel} at ${at}. Correct the time, or record it.`,
      ['readAt'],
    );
  }
  if (current !== input.supersedes) {
    return refuse(
      'READING_REVISION_STALE',
      `The reading at ${at} has revision ${current}, not ${input.supersedes}: somebody edited it ` +
        'meanwhile. Look at it again, then name the revision that your edit takes the place of.',
      ['supersedes'],
    );
  }
  return accept(current + 1);
}

/**
 * Puts another value in the place of a reading, or none. The edit names what it supersedes, wins
 * over it whatever its quality, and leaves it in the log; what is billed follows by the difference.
 */
export async function editReading(
  deps: OfficeDeps,
  viewer: Viewer,
  input: EditReadingInput,
): Promise<Outcome<EnteredReadings & { readonly revision: number }, EditReadingCode>> {
  if (!isAllowed(viewer.role, 'Mutation.editReading')) {
    return refuse('NOT_PERMITTED', 'Your role may not edit readings. Ask an operator.');
  }
  const reason = checkReason(input.reason);
  if (!reason.ok) return reason;
  const { meterId, channel, atMs, value, supersedes } = input;
  const entered = { channel, atMs, value: value ?? 0n };
  const checked = checkReading(entered, { nowMs: deps.clock.nowMs(), path: [] });
  if (!checked.ok) return checked;
  const name = [meterId, channel, atMs].join('/');
  const done = await enterReadings<EditReadingCode>(deps, viewer, {
    idempotencyKey: input.idempotencyKey,
    operation: 'editReading',
    input: [name, value?.toString() ?? 'void', String(supersedes), reason.value],
    kind: 'edit',
    reason: reason.value,
    quarantineHash: null,
    meterIds: [meterId],
    subject: `meter/${meterId}`,
    before: { channel, readAt: new Date(atMs).toISOString(), revision: supersedes },
    decide: async (tx) => {
      const revision = await nextRevision(tx, input);
      if (!revision.ok) return revision;
      const quality = value === null ? qualityVoid : qualityActual;
      return accept([{ meterId, ...entered, quality, revision: revision.value }]);
    },
  });
  return done.ok ? accept({ ...done.value, revision: supersedes + 1 }) : done;
}
