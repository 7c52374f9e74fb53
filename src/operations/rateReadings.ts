import { addUnrated, clearUnrated, dropDuties, readCharges, readDuties } from '../db/charges.ts';
import type { Duty } from '../db/charges.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import { appendEvent, eventShardOf } from '../db/events.ts';
import { insertReadingExceptions, lockRatingCursor, readLog, setRatingCursor } from '../db/log.ts';
import { writeDays, writeHeads } from '../db/series.ts';
import { importChannel } from '../domain/channel.ts';
import { batchesPerRatingMax, dutiesPerRatingMax } from '../domain/limits.ts';
import type { RatingJob, RatingJobResult } from '../domain/rating/job.ts';
import { advanceRegisters } from './rating/advanceRegisters.ts';
import type { AdvancedRegister } from './rating/advanceRegisters.ts';
import { decodeEntry, gatherReadings, metersOf } from './rating/gatherReadings.ts';
import { postCharges } from './rating/postCharges.ts';
import type { Cause } from './rating/postCharges.ts';
import { priceSlots } from './rating/priceSlots.ts';
import type { ChargeDelta, SlotSpan } from './rating/priceSlots.ts';
import { ratedEvents } from './rating/ratedEvents.ts';
import { accountOf, loadRegistry } from './rating/registry.ts';
import type { RatingMemory } from './rating/registry.ts';
import { reviewSupply } from './reviewSupply.ts';

export type RateDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  /** Inline or on the threads: the same pure function. */
  rate(job: RatingJob): Promise<RatingJobResult>;
  readonly memory: RatingMemory;
};

export type Rated = {
  readonly batches: number;
  readonly readings: number;
  /** Whose readers to wake, after this returns. */
  readonly eventShards: readonly number[];
  /** Commands were requested: ring their bell. */
  readonly commandsRequested: boolean;
  /** There is more to do: come again at once. */
  readonly more: boolean;
};

function spansOf(advanced: readonly AdvancedRegister[]): SlotSpan[] {
  const spans: SlotSpan[] = [];
  for (const { work, advance, priceFromSlot } of advanced) {
    if (advance.carryOut === null) continue;
    const { settledFirstSlot, settledWh, openFirstSlot, openWh } = advance;
    const skip = Math.max(0, Math.min(settledWh.length, priceFromSlot - settledFirstSlot));
    const firstSlot = settledFirstSlot + skip;
    const { meter } = work;
    if (settledWh.length > skip) {
      spans.push({ meter, firstSlot, slotWh: settledWh.subarray(skip), isSettled: true });
    }
    spans.push({ meter, firstSlot: openFirstSlot, slotWh: openWh, isSettled: false });
  }
  return spans;
}

/** The begin of the earliest billing period whose charges this commit can touch, by meter. */
function chargesFrom(advanced: readonly AdvancedRegister[]): { meterId: number; fromMs: number }[] {
  return advanced
    .filter(({ advance }) => advance.carryOut !== null)
    .map(({ work, periodFromMs }) => ({ meterId: work.meter.meterId, fromMs: periodFromMs }));
}

type Step = { readonly cause: Cause; readonly duties: readonly Duty[]; readonly nowMs: number };

async function priceAndPost(
  { memory, rate }: RateDeps,
  tx: Transaction,
  advanced: readonly AdvancedRegister[],
  { cause, duties, nowMs }: Step,
): Promise<{
  charges: readonly ChargeDelta[];
  accounts: Map<number, number>;
  balances: Map<number, bigint>;
}> {
  const imports = advanced.filter(({ work }) => work.channel.code === importChannel);
  const wanted = chargesFrom(imports);
  const stored = await readCharges(tx, wanted);
  const recomputed = new Set(
    imports.filter((each) => each.isRecomputed).map(({ work }) => work.meter.meterId),
  );
  await clearUnrated(
    tx,
    wanted.filter((each) => recomputed.has(each.meterId)),
  );
  const priced = await priceSlots({
    memory,
    rate,
    spans: spansOf(imports),
    stored,
    recomputed,
    settledUntilSlot: new Map(
      imports.map(({ work, advance }) => [work.meter.meterId, advance.openFirstSlot]),
    ),
  });
  await addUnrated(tx, priced.unrated);
  const dutyMeters = new Set(duties.map((duty) => duty.meterId));
  const accounts = new Map(
    imports.map(({ work: { meter }, head }) => [
      meter.meterId,
      head === null ? 0 : accountOf(memory, meter, head.lastReadAtMs),
    ]),
  );
  const balances = await postCharges(tx, priced.charges, {
    accountIds: accounts.values(),
    cause,
    nowMs,
    codeOf: ({ row }) => {
      if (dutyMeters.has(row.meterId)) return 'tariff_changed';
      return recomputed.has(row.meterId) ? 'reading_corrected' : 'energy';
    },
  });
  return { charges: priced.charges, accounts, balances };
}

/** Prepaid accounts that may need a cut (at or below the limit) or its end (credited back). */
function accountsToReview(
  charges: readonly ChargeDelta[],
  balances: ReadonlyMap<number, bigint>,
): Map<number, number[]> {
  const byCompany = new Map<number, Set<number>>();
  for (const { segment, row, deltaMicros } of charges) {
    if (segment.agreement.mode !== 'prepaid') continue;
    const balanceMicros = balances.get(row.accountId) ?? 0n;
    if (balanceMicros > segment.agreement.balanceLimitMicros && deltaMicros >= 0n) continue;
    const accounts = byCompany.get(row.companyId) ?? new Set();
    byCompany.set(row.companyId, accounts.add(row.accountId));
  }
  return new Map([...byCompany].map(([company, accounts]) => [company, [...accounts]]));
}

async function rateShard(
  deps: RateDeps,
  tx: Transaction,
  { shard, batchesMax }: { shard: number; batchesMax: number },
): Promise<Rated> {
  const nowMs = deps.clock.nowMs();
  const cursor = await lockRatingCursor(tx, shard);
  const entries = await readLog(tx, { shard, after: cursor, batchesMax });
  const duties =
    entries.length === 0 ? await readDuties(tx, { shard, dutiesMax: dutiesPerRatingMax }) : [];
  const done = { batches: entries.length, readings: 0, eventShards: [], commandsRequested: false };
  if (entries.length === 0 && duties.length === 0) return { ...done, more: false };

  const decoded = entries.map(decodeEntry);
  const meterIds = metersOf(decoded);
  for (const duty of duties) meterIds.add(duty.meterId);
  await loadRegistry(tx, deps.memory, meterIds);
  const gathered = gatherReadings(decoded, deps.memory.meters);
  const advanced = await advanceRegisters(tx, gathered, { memory: deps.memory, duties });

  const position = entries.at(-1)?.position ?? duties[0].id;
  const cause: Cause = { kind: entries.length > 0 ? 'log' : 'duty', shard, position };
  await writeDays(
    tx,
    advanced.flatMap(({ advance }) => advance.days),
  );
  await writeHeads(
    tx,
    advanced.flatMap(({ head }) => (head === null ? [] : [head])),
  );
  await insertReadingExceptions(tx, [
    ...gathered.exceptions,
    ...advanced.flatMap(({ advance }) => advance.exceptions),
  ]);
  const posted = await priceAndPost(deps, tx, advanced, { cause, duties, nowMs });
  let commandsRequested = false;
  for (const [companyId, accountIds] of accountsToReview(posted.charges, posted.balances)) {
    const review = await reviewSupply(tx, { companyId, accountIds, nowMs });
    commandsRequested ||= review.commandsRequested;
  }
  await dropDuties(tx, duties);
  if (entries.length > 0) await setRatingCursor(tx, shard, position);
  const events = ratedEvents({ advanced, ...posted, nowMs });
  for (const event of events) await appendEvent(tx, event);
  return {
    batches: entries.length,
    readings: gathered.readingCount,
    eventShards: [...new Set(events.map((event) => eventShardOf(event.companyId)))],
    commandsRequested,
    more: true,
  };
}

/**
 * Moves a shard's cursor over the next batches of the log: their readings enter the series, the
 * energy is priced, and charges, transfers, balances, commands and events are written in one
 * transaction with the cursor. A crash before its commit repeats the work, one after it repeats
 * nothing. Without batches it works off what must be rated again.
 */
export async function rateReadings(
  deps: RateDeps,
  { shard, batchesMax = batchesPerRatingMax }: { shard: number; batchesMax?: number },
): Promise<Rated> {
  return deps.sql.begin((tx) => rateShard(deps, tx, { shard, batchesMax }));
}
