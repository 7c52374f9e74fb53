import { addUnrated, clearUnrated, readDuties, readMarkDuties, setRefused } from '../db/charges.ts';
import type { Duty } from '../db/charges.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import { dutyReasonOf } from '../db/dutyReason.ts';
import { appendEvent, eventShardOf } from '../db/events.ts';
import { insertTaken, retryReason } from '../db/heldBack.ts';
import {
  insertReadingExceptions,
  lockPoints,
  lockRatingCursor,
  lockSeries,
  readLog,
  setRatingCursor,
} from '../db/log.ts';
import { insertMeterEvents } from '../db/meterEvents.ts';
import type { TransferCode } from '../db/tables/ledger.ts';
import { dropDuties, insertFurtherLooks } from '../db/setAsideDuties.ts';
import { dropHeads, writeDays, writeHeads, writePowers } from '../db/series.ts';
import { importChannel } from '../domain/channel.ts';
import { judgeLoad } from '../domain/judge/judge.ts';
import { batchesPerRatingMax, dutiesPerRatingMax, retriedBatchesMax } from '../domain/limits.ts';
import type { RatingJob, RatingJobResult } from '../domain/rating/job.ts';
import { advanceRegisters } from './rating/advanceRegisters.ts';
import type { AdvancedRegister } from './rating/advanceRegisters.ts';
import { auditNotes } from './rating/batchNotes.ts';
import { metersOf } from './rating/gatherReadings.ts';
import type { GatheredReadings } from './rating/gatherReadings.ts';
import { holdDoubtful } from './rating/holdDoubtful.ts';
import { noteAlarms } from './rating/meterAlarms.ts';
import { moveBills, transferCodeOf } from './rating/movedBills.ts';
import type { MovedBills } from './rating/movedBills.ts';
import { postCharges } from './rating/postCharges.ts';
import type { Cause } from './rating/postCharges.ts';
import { rateChains } from './rating/rateChains.ts';
import type { ChargeDelta } from './rating/rateChains.ts';
import { ratedEvents } from './rating/ratedEvents.ts';
import { openWithin } from './rating/ratingRoom.ts';
import { gatherNew, gatherRetried } from './rating/retriedReadings.ts';
import { accountOf, loadRegistry, sharedPoints } from './rating/registry.ts';
import type { RatingMemory } from './rating/registry.ts';
import type { DecodedEntry } from './rating/rowRefusal.ts';
import { reviewSupply } from './reviewSupply.ts';
import { decisionEvents } from './vee/decisionEvents.ts';
import { estimateGaps } from './vee/estimateGaps.ts';
import { noteDuties } from './vee/noteDuties.ts';
import { noteReplaced } from './vee/noteReplaced.ts';
import { noteSent } from './vee/noteSent.ts';
import { validateDue } from './vee/validateDue.ts';

export type RateDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  /** Inline or on the threads: the same pure function. */
  rate(job: RatingJob): Promise<RatingJobResult>;
  readonly memory: RatingMemory;
  /** The second engine, for key zones. */
  readonly judge?: typeof judgeLoad;
};

export type Rated = {
  readonly batches: number;
  readonly readings: number;
  /** Whose readers to wake, after this returns. */
  readonly eventShards: readonly number[];
  /** Commands were requested: ring their bell. */
  readonly commandsRequested: boolean;
  /** Its look at rows held back goes on, with a duty behind all others. */
  readonly goesOn: boolean;
  /** There is more to do: come again at once. */
  readonly more: boolean;
};

/** What a step is about. */
export type RatingWork = {
  readonly kind: 'log' | 'duty' | 'validation';
  /** The last batch of the log that it takes, or the first duty. */
  readonly position: bigint;
  /** Of all that it takes. */
  readonly lastPosition: bigint;
};

export type RatingStep = {
  readonly shard: number;
  readonly batchesMax?: number;
  readonly dutiesMax?: number;
  readonly retriedMax?: number;
  /** Duties that a batch would be rated together with are worked off before it, alone. */
  readonly isApart?: boolean;
  /** Told before any of the work is done, so that a failure can be laid to it. */
  began?(work: RatingWork): void;
};

type Step = { readonly cause: Cause; readonly duties: readonly Duty[]; readonly nowMs: number };

/** The transfer's reason: what a duty says, else whether anything was rated before. */
function codesOf(
  duties: readonly Duty[],
  moved: MovedBills,
  memory: RatingMemory,
): (charge: ChargeDelta) => TransferCode {
  const reasons = new Map<number, TransferCode>();
  for (const { meterId, reason } of duties) {
    const known = dutyReasonOf(reason);
    if (known === retryReason) continue; // its readings are energy like all others
    const point = memory.meters.get(meterId)?.servicePointId ?? 0;
    const code = transferCodeOf(known);
    // Time alone is the weakest reason of several.
    if (code !== 'time_passed' || !reasons.has(point)) reasons.set(point, code);
  }
  return ({ place }) => {
    const point = place.agreement.servicePointId;
    const isAgain = moved.corrected.has(point);
    return reasons.get(point) ?? (isAgain ? 'reading_corrected' : 'energy');
  };
}

async function priceAndPost(
  deps: RateDeps,
  tx: Transaction,
  advanced: readonly AdvancedRegister[],
  { cause, duties, nowMs }: Step,
): Promise<{
  charges: readonly ChargeDelta[];
  accounts: Map<number, number>;
  importHeads: MovedBills['importHeads'];
  balances: Map<number, bigint>;
}> {
  const { memory, rate } = deps;
  const moved = await moveBills(tx, memory, { advanced, duties });
  await clearUnrated(tx, moved.unratedAgain);
  const rated = await rateChains(tx, { memory, rate, ...moved });
  await addUnrated(tx, [...moved.unrated, ...rated.unrated]);
  await setRefused(tx, rated.refusedPeriods, rated.refused);
  await noteReplaced(tx, rated.charges, nowMs);
  const charges = await holdDoubtful(tx, rated, { memory, judge: deps.judge ?? judgeLoad, nowMs });
  const accounts = new Map(
    advanced
      .filter(({ work }) => work.channel.code === importChannel)
      .map(({ work: { meter }, head }) => [
        meter.meterId,
        head === null ? 0 : accountOf(memory, meter, head.lastReadAtMs),
      ]),
  );
  const codeOf = codesOf(duties, moved, memory);
  const posting = { accountIds: accounts.values(), cause, nowMs, codeOf };
  const balances = await postCharges(tx, charges, posting);
  return { charges, accounts, balances, importHeads: moved.importHeads };
}

/** Prepaid accounts that may need a cut (at or below the limit) or its end (credited back). */
function accountsToReview(
  charges: readonly ChargeDelta[],
  balances: ReadonlyMap<number, bigint>,
): Map<number, number[]> {
  const byCompany = new Map<number, Set<number>>();
  for (const { place, row, deltaMicros } of charges) {
    if (place.agreement.mode !== 'prepaid') continue;
    const balanceMicros = balances.get(row.accountId) ?? 0n;
    if (balanceMicros > place.agreement.balanceLimitMicros && deltaMicros >= 0n) continue;
    const accounts = byCompany.get(row.companyId) ?? new Set();
    byCompany.set(row.companyId, accounts.add(row.accountId));
  }
  return new Map([...byCompany].map(([company, accounts]) => [company, [...accounts]]));
}

/** Days, heads, latest powers, and the readings that may not be billed. */
async function writeSeries(
  tx: Transaction,
  gathered: GatheredReadings,
  advanced: readonly AdvancedRegister[],
): Promise<void> {
  await writeDays(
    tx,
    advanced.flatMap(({ advance }) => advance.days),
  );
  await writeHeads(
    tx,
    advanced.flatMap(({ head }) => (head === null ? [] : [head])),
  );
  const gone = advanced.filter(({ head, hadHead }) => head === null && hadHead);
  await dropHeads(
    tx,
    gone.map(({ work: { meter, channel } }) => ({
      meterId: meter.meterId,
      channel: channel.code,
    })),
  );
  const withHead = new Set(
    advanced.flatMap(({ work: { meter, channel } }) =>
      channel.code === importChannel ? [meter.meterId] : [],
    ),
  );
  await writePowers(
    tx,
    [...gathered.power].flatMap(([meterId, power]) =>
      withHead.has(meterId) ? [] : [{ meterId, channel: importChannel, ...power }],
    ),
  );
  await insertReadingExceptions(tx, [
    ...gathered.exceptions,
    ...advanced.flatMap(({ advance }) => advance.exceptions),
  ]);
}

type Taken = {
  readonly cause: Cause;
  readonly decoded: readonly DecodedEntry[];
  readonly duties: readonly Duty[];
  readonly meterIds: Set<number>;
};

/** The next batches with the duties that they cannot do without, else duties; null: neither. */
async function takeWork(tx: Transaction, step: RatingStep): Promise<Taken | null> {
  const { shard, isApart = false, began } = step;
  const { batchesMax = batchesPerRatingMax, dutiesMax = dutiesPerRatingMax } = step;
  const alone = (duties: readonly Duty[]): Taken => {
    const [{ id: position }] = duties;
    began?.({ kind: 'duty', position, lastPosition: duties[duties.length - 1].id });
    const meterIds = new Set(duties.map(({ meterId }) => meterId));
    return { cause: { kind: 'duty', shard, position }, decoded: [], duties, meterIds };
  };
  const after = await lockRatingCursor(tx, shard);
  const entries = await readLog(tx, { shard, after, batchesMax });
  const end = entries.at(-1);
  if (end === undefined) {
    const duties = await readDuties(tx, { shard, dutiesMax });
    return duties.length === 0 ? null : alone(duties);
  }
  began?.({ kind: 'log', position: end.position, lastPosition: end.position });
  const decoded = openWithin(entries);
  const { position } = decoded[decoded.length - 1].entry;
  const meterIds = metersOf(decoded);
  // Where a register stands was worked out by its marks: with others it cannot go on from there.
  const duties = await readMarkDuties(tx, { shard, meterIds: [...meterIds] });
  return isApart && duties.length > 0
    ? alone(duties.slice(0, dutiesMax))
    : { cause: { kind: 'log', shard, position }, decoded, duties, meterIds };
}

async function rateShard(deps: RateDeps, tx: Transaction, step: RatingStep): Promise<Rated> {
  const { shard, began, dutiesMax = dutiesPerRatingMax } = step;
  const nowMs = deps.clock.nowMs();
  const taken = await takeWork(tx, step);
  if (taken === null) {
    await lockSeries(tx, { isAlone: false });
    const shards = await validateDue(tx, {
      shard,
      memory: deps.memory,
      nowMs,
      dutiesMax,
      began: (of) => began?.({ kind: 'validation', ...of }),
    });
    const more = shards !== null;
    const none = { batches: 0, readings: 0, commandsRequested: false, goesOn: false };
    return { ...none, eventShards: shards ?? [], more };
  }

  const { cause, decoded, duties, meterIds } = taken;
  await loadRegistry(tx, deps.memory, meterIds);
  const { offices } = deps.memory;
  await lockSeries(tx, { isAlone: decoded.some(({ batch }) => offices.has(batch.edgeId)) });
  await lockPoints(tx, sharedPoints(deps.memory, meterIds));
  const { memory } = deps;
  const { retriedMax = retriedBatchesMax } = step;
  const look = { memory, nowMs, batchesMax: retriedMax };
  const retried = cause.kind === 'duty' ? await gatherRetried(tx, duties, look) : null;
  const gathered = retried?.gathered ?? (await gatherNew(tx, decoded, memory));
  const events = await insertMeterEvents(tx, gathered.events);
  const moved = { memory: deps.memory, duties, events };
  const walked = await advanceRegisters(tx, gathered, moved);
  const { advanced, news: ofGaps } = await estimateGaps(tx, walked, nowMs);

  await writeSeries(tx, gathered, advanced);
  if (cause.kind === 'log') await auditNotes(tx, gathered.notes, nowMs);
  const posted = await priceAndPost(deps, tx, advanced, { cause, duties, nowMs });
  let commandsRequested = false;
  for (const [companyId, accountIds] of accountsToReview(posted.charges, posted.balances)) {
    const review = await reviewSupply(tx, { companyId, accountIds, nowMs });
    commandsRequested ||= review.commandsRequested;
  }
  await insertTaken(tx, retried?.taken ?? [], nowMs);
  const ofAlarms = await noteAlarms(tx, events, nowMs);
  const sent = await noteSent(tx, gathered, { advanced, duties, events, memory });
  await noteDuties(tx, advanced, { duties, ...posted, sent, memory, nowMs });
  if (retried !== null && retried.furtherAfter !== null) {
    const dutyIds = duties.filter(({ reason }) => reason === retryReason).map(({ id }) => id);
    await insertFurtherLooks(tx, dutyIds, retried.furtherAfter);
  }
  await dropDuties(tx, duties);
  if (cause.kind === 'log') await setRatingCursor(tx, shard, cause.position);
  const told = [
    ...ratedEvents({ advanced, ...posted, nowMs }),
    ...decisionEvents([...ofGaps, ...ofAlarms], nowMs),
  ];
  for (const event of told) await appendEvent(tx, event);
  return {
    batches: decoded.length,
    readings: gathered.readingCount,
    eventShards: [...new Set(told.map((event) => eventShardOf(event.companyId)))],
    commandsRequested,
    goesOn: retried !== null && retried.furtherAfter !== null,
    more: true,
  };
}

/**
 * Moves a shard's cursor over the next batches of the log: their readings enter the series, the
 * energy is priced, and charges, transfers, balances, commands and events are written in one
 * transaction with the cursor. A crash before its commit repeats the work, one after it repeats
 * nothing. Without batches it works off what must be rated again, and then what is to be validated.
 */
export async function rateReadings(deps: RateDeps, step: RatingStep): Promise<Rated> {
  return deps.sql.begin((tx) => rateShard(deps, tx, step));
}
