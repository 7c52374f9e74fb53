import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import type { Json } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { findOfficeMeters, lockOffice } from '../../db/officeBatches.ts';
import type { Office, OfficeMeter } from '../../db/officeBatches.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { commitOffice } from './commitOffice.ts';
import type { OfficeReading, OfficeSide, OfficeWord } from './commitOffice.ts';
import { findOutranked } from './outranked.ts';
import type { Outranked } from './outranked.ts';
import { officeKeyOf } from './officeKey.ts';

/** What an operation that writes by the office is given: a request's deps and the office. */
export type OfficeDeps = RequestDeps & { readonly office: OfficeSide };

export type EnterCode = KeyCode | 'METER_NOT_FOUND';

/** Where the readings stand in the log: batches of the company's office. */
export type EnteredReadings = {
  readonly readings: number;
  readonly batches: readonly {
    readonly edgeId: number;
    readonly epoch: number;
    readonly sequence: bigint;
  }[];
  /** So many of them do not count: an edit of their instant ranks above them. */
  readonly outrankedCount: number;
  readonly firstOutranked: Outranked | null;
  readonly isReplay: boolean;
};

export type Entry<Code extends string> = {
  readonly idempotencyKey: string;
  readonly operation: string;
  /** All of the input that matters. */
  readonly input: readonly string[];
  readonly kind: OfficeWord['kind'];
  readonly reason: string;
  readonly quarantineHash: Uint8Array | null;
  readonly meterIds: readonly number[];
  readonly subject: string;
  readonly before: Json;
  /**
   * What goes into the log, decided under the office's lock: nobody else of the company enters
   * anything between the decision and the commit.
   */
  decide(tx: Transaction, office: Office): Promise<Outcome<readonly OfficeReading[], Code>>;
  /** What else the same transaction writes. */
  alsoWrite?(tx: Transaction): Promise<void>;
};

async function visibleMeters(
  { sql }: OfficeDeps,
  viewer: Viewer,
  meterIds: readonly number[],
): Promise<Outcome<ReadonlyMap<number, OfficeMeter>, 'METER_NOT_FOUND'>> {
  const { companyId } = viewer;
  const wanted = [...new Set(meterIds)];
  const meters = await asViewer(sql, viewer, (tx) =>
    findOfficeMeters(tx, { companyId, meterIds: wanted }),
  );
  const unknown = wanted.find((meterId) => !meters.has(meterId));
  if (unknown === undefined) return accept(meters);
  return refuse('METER_NOT_FOUND', `You have no meter ${unknown}. Nothing was written.`);
}

function placesOf(answer: KeyedAnswer): EnteredReadings['batches'] {
  const [edgeId, epoch] = textOf(answer, 'office').split('/').map(Number);
  return textOf(answer, 'sequences')
    .split(',')
    .map((sequence) => ({ edgeId, epoch, sequence: BigInt(sequence) }));
}

/** As an answer keeps it; one of a time before has nothing of it. */
function outrankedOf(
  answer: KeyedAnswer,
): Pick<EnteredReadings, 'outrankedCount' | 'firstOutranked'> {
  const [count, ...first] = (answer['outranked'] ?? '0').split('/').map(Number);
  const [meterId, channel, atMs, revision] = first;
  const firstOutranked = count === 0 ? null : { meterId, channel, atMs, revision };
  return { outrankedCount: count, firstOutranked };
}

function outrankedText(outranked: readonly Outranked[]): string {
  const [first] = outranked;
  if (first === undefined) return '0';
  const { meterId, channel, atMs, revision } = first;
  return [outranked.length, meterId, channel, atMs, revision].join('/');
}

/**
 * Once for a client's key, in one transaction of the writer's: the batches of the office, who
 * entered them and why, the audit, the key. Whether the meters are the viewer's is decided before
 * it, under the viewer's own rights.
 */
export async function enterReadings<Code extends string>(
  deps: OfficeDeps,
  viewer: Viewer,
  entry: Entry<Code>,
): Promise<Outcome<EnteredReadings, Code | EnterCode>> {
  const meters = await visibleMeters(deps, viewer, entry.meterIds);
  if (!meters.ok) return meters;
  const { companyId, actor } = viewer;
  const nowMs = deps.clock.nowMs();
  const { kind, reason, quarantineHash } = entry;
  const key = officeKeyOf(deps.office.key, companyId);
  const word: OfficeWord = { companyId, kind, author: actor, reason, nowMs, quarantineHash };
  const work = async (tx: Transaction): Promise<Outcome<KeyedAnswer, Code | EnterCode>> => {
    const office = await lockOffice(tx, { companyId, publicKey: key.publicKey });
    const readings = await entry.decide(tx, office);
    if (!readings.ok) return readings;
    const { edgeId } = office;
    const outranked = await findOutranked(tx, { edgeId, readings: readings.value });
    const committed = await commitOffice(tx, {
      office,
      key,
      word,
      readings: readings.value,
      meters: meters.value,
    });
    const sequences = committed.map(({ sequence }) => sequence.toString());
    await entry.alsoWrite?.(tx);
    await insertAudit(tx, {
      id: derivedId('audit', 'office', String(companyId), actor, entry.idempotencyKey),
      companyId,
      atMs: nowMs,
      actor,
      action: `reading.${kind}`,
      subject: entry.subject,
      before: entry.before,
      after: { reason, readings: readings.value.length, office: office.edgeId, sequences },
    });
    return accept({
      office: `${office.edgeId}/${office.epoch}`,
      sequences: sequences.join(','),
      readings: String(readings.value.length),
      outranked: outrankedText(outranked),
    });
  };
  const { idempotencyKey, operation, input } = entry;
  const asked = { viewer, key: idempotencyKey, operation, input, nowMs };
  const outcome = await deps.office.writer.begin((tx) => onceByKey(tx, asked, () => work(tx)));
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) deps.wake({ kind: 'rating' });
  return accept({
    readings: Number(textOf(answer, 'readings')),
    batches: placesOf(answer),
    ...outrankedOf(answer),
    isReplay,
  });
}
