import type { Sql, Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import type { EventBlock } from '../../db/events.ts';
import { lockAccounts } from '../../db/ledger.ts';
import {
  breachThreshold,
  findForecast,
  findMovedAccounts,
  insertNotice,
  upsertForecast,
} from '../../db/notices.ts';
import { readPrepaidAccount } from '../../db/prepaidLife.ts';
import type { PrepaidAccount } from '../../db/prepaidLife.ts';
import type { Bell } from '../../domain/bell.ts';
import { formatMicros } from '../../domain/exact.ts';
import { isUnknown } from '../../domain/prepaid/daysLeft.ts';
import {
  forecastAgeMsMax,
  runsOutDaysMax,
  warnedPerSweepMax,
  warnSweepMsMax,
} from '../../domain/prepaid/limits.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { lookAgain, milliDaysLeft, reachedThresholds } from '../../domain/prepaid/thresholds.ts';
import type { Standing } from '../../domain/prepaid/thresholds.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart } from '../eachApart.ts';
import { readPolicy } from './accountPolicy.ts';
import { forecastDays, spareOf, standingOf } from './forecast.ts';
import { rearmCutNotice } from './rearmWarnings.ts';

/** What an ordinary day costs, and when the credit that there was then runs out. */
type Daily = {
  readonly dailyMicros: bigint | null;
  /** Why nobody knows. */
  readonly reason: string | null;
  readonly computedAtMs: number;
  /** By the tariff's own times; null where it was not worked out now. */
  readonly exact: { readonly spareMicros: bigint; readonly runsOutMs: number | null } | null;
};

/** As it was worked out last, or again when that is long ago; without the account's lock. */
async function findDaily(
  tx: Transaction,
  { accountId }: { readonly accountId: number },
  nowMs: number,
): Promise<Daily | null> {
  const known = await findForecast(tx, accountId);
  if (known !== null && nowMs - known.computedAt.getTime() < forecastAgeMsMax) {
    const { dailyMicros, reason, computedAt } = known;
    return { dailyMicros, reason, computedAtMs: computedAt.getTime(), exact: null };
  }
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null) return null;
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  const found = await forecastDays(tx, account, { policy, nowMs });
  const computedAtMs = nowMs;
  const reason = found.ok ? (isUnknown(found.value) ? 'HISTORY_MISSING' : null) : found.code;
  if (!found.ok || reason !== null) {
    return { dailyMicros: null, reason, computedAtMs, exact: null };
  }
  const { dailyMicros, runsOutMs } = found.value;
  const exact = { spareMicros: spareOf(account, policy), runsOutMs };
  return { dailyMicros, reason: null, computedAtMs, exact };
}

/** When what is available now runs out; null: nobody knows, or it is out, or never. */
function runsOutAt({ dailyMicros, exact }: Daily, spareMicros: bigint, nowMs: number) {
  if (exact !== null && exact.spareMicros === spareMicros) return exact.runsOutMs;
  if (dailyMicros === null || dailyMicros <= 0n || spareMicros <= 0n) return null;
  const leftMs = (spareMicros * BigInt(dayMs)) / dailyMicros;
  return nowMs + Math.min(Number(leftMs), runsOutDaysMax * dayMs);
}

function detailOf(account: PrepaidAccount, standing: Standing, policy: PrepaidPolicy) {
  const left = milliDaysLeft(standing);
  const digits = minorDigitsOf(account.currency) ?? 2;
  return {
    balance: formatMicros(account.balanceMicros, digits),
    currency: account.currency,
    daysLeft: left === null ? null : formatMicros((left / 100n) * 100_000n, 1),
    emergencyCredit:
      policy.emergencyCredit === null
        ? null
        : formatMicros(policy.emergencyCredit.amountMicros, digits),
    isEmergencyTaken: account.emergencyId !== null,
  };
}

/**
 * Looks at one account under its lock, and writes in the same transaction that it was looked at;
 * the notices that it wrote.
 */
async function warnAccount(
  tx: Transaction,
  { companyId, accountId }: { readonly companyId: number; readonly accountId: number },
  { daily, nowMs }: { readonly daily: Daily; readonly nowMs: number },
): Promise<number> {
  await lockAccounts(tx, { companyId, accountIds: [accountId] });
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null || account.mode !== 'prepaid') return 0;
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  const { balanceMicros } = account;
  const { dailyMicros, reason, computedAtMs } = daily;
  const before = await findForecast(tx, accountId);
  const runsOutMs = runsOutAt(daily, spareOf(account, policy), nowMs);
  const standing = standingOf(account, policy, dailyMicros);
  const taken = { isEmergencyTaken: account.emergencyId !== null };
  const worked = { dailyMicros, runsOutMs, reason, balanceMicros, computedAtMs };
  const looked = { lookedAtMs: nowMs, ...lookAgain(standing, policy, taken) };
  await upsertForecast(tx, { accountId, companyId, ...worked, ...looked });
  // What lifts it may be a gift or a corrected reading: no cut goes by the notice of before.
  if (before !== null && balanceMicros > before.balanceMicros) {
    await rearmCutNotice(tx, accountId, standing);
  }
  const reached = reachedThresholds(standing, policy, taken);
  // By kind the last one, which is the lowest: whoever falls past two hears of one.
  const news = new Map<
    string,
    { kind: (typeof reached)[number]['kind']; threshold: string } & {
      breach: number;
    }
  >();
  for (const arm of reached) {
    const breach = await breachThreshold(tx, { ...arm, companyId, accountId });
    if (breach !== null) news.set(arm.kind, { ...arm, breach });
  }
  const told: EventBlock[] = [];
  for (const { kind, threshold, breach } of news.values()) {
    const id = derivedId('notice', String(accountId), kind, threshold, String(breach));
    const standingNow = detailOf(account, standing, policy);
    const earliest = kind === 'cut_notice' ? instantText(nowMs + standing.noticeBeforeMs) : null;
    const detail = { ...standingNow, notCutBefore: earliest };
    await insertNotice(tx, {
      id,
      companyId,
      accountId,
      kind,
      threshold,
      breach,
      detail,
      atMs: nowMs,
    });
    told.push(
      plainEvent({
        companyId,
        kind: 'notice',
        atMs: nowMs,
        subjects: [{ ...companySubject, accountId }],
        detail: { noticeId: id, what: kind, threshold, breach, ...detail },
        balanceMicros: [account.balanceMicros],
      }),
    );
  }
  for (const event of told) await appendEvent(tx, event);
  return news.size;
}

/**
 * Tells customers whose credit goes down, once a breach (domain rule 56): only accounts that have
 * reached a threshold, or may have, are looked at.
 */
export async function warnAccounts({
  sql,
  clock,
  wake,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  wake(bell: Bell): void;
}): Promise<{ readonly notices: number }> {
  const nowMs = clock.nowMs();
  let notices = 0;
  const accounts = await findMovedAccounts(sql, {
    nowMs,
    restMs: forecastAgeMsMax,
    limit: warnedPerSweepMax,
  });
  await eachApart(accounts, async (moved) => {
    if (clock.nowMs() - nowMs >= warnSweepMsMax) return;
    const daily = await sql.begin((tx) => findDaily(tx, moved, nowMs));
    if (daily === null) return;
    const written = await sql.begin((tx) => warnAccount(tx, moved, { daily, nowMs }));
    notices += written;
    if (written > 0) wake({ kind: 'events', shard: eventShardOf(moved.companyId) });
  });
  return { notices };
}
