import type { Sql, Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
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
import { forecastAgeMsMax, warnedPerSweepMax } from '../../domain/prepaid/limits.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { milliDaysLeft, reachedThresholds } from '../../domain/prepaid/thresholds.ts';
import type { Standing } from '../../domain/prepaid/thresholds.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { derivedId } from '../derivedId.ts';
import { readPolicy } from './accountPolicy.ts';
import { forecastDays, spareOf } from './forecast.ts';

/** What an ordinary day costs: as it was worked out last, or again when that is long ago. */
async function keepDaily(
  tx: Transaction,
  account: PrepaidAccount,
  { policy, nowMs }: { readonly policy: PrepaidPolicy; readonly nowMs: number },
): Promise<void> {
  const { accountId, companyId, balanceMicros } = account;
  const known = await findForecast(tx, accountId);
  const of = { accountId, companyId, balanceMicros };
  if (known !== null && nowMs - known.computedAt.getTime() < forecastAgeMsMax) {
    const { dailyMicros } = known;
    const spareMicros = spareOf(account, policy);
    const isKnown = dailyMicros !== null && dailyMicros > 0n && spareMicros > 0n;
    const leftMs = isKnown ? Number((spareMicros * 86_400_000n) / dailyMicros) : null;
    const runsOutMs = leftMs === null ? null : Math.min(nowMs + leftMs, nowMs + 3_650 * 86_400_000);
    const computedAtMs = known.computedAt.getTime();
    await upsertForecast(tx, { ...of, dailyMicros, runsOutMs, reason: null, computedAtMs });
    return;
  }
  const found = await forecastDays(tx, account, { policy, nowMs });
  const dailyMicros = found.ok ? found.value.dailyMicros : null;
  await upsertForecast(tx, {
    ...of,
    dailyMicros,
    runsOutMs: found.ok ? found.value.runsOutMs : null,
    reason: found.ok ? null : found.code,
    computedAtMs: nowMs,
  });
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

/** What a day costs is worked out without the account's lock: it takes a while. */
async function forecastAccount(
  tx: Transaction,
  { accountId }: { readonly accountId: number },
  nowMs: number,
): Promise<void> {
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null) return;
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  await keepDaily(tx, account, { policy, nowMs });
}

/** Looks at one account under its lock; the notices that it wrote. */
async function warnAccount(
  tx: Transaction,
  { companyId, accountId }: { readonly companyId: number; readonly accountId: number },
  nowMs: number,
): Promise<number> {
  await lockAccounts(tx, { companyId, accountIds: [accountId] });
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null || account.mode !== 'prepaid') return 0;
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  const dailyMicros = (await findForecast(tx, accountId))?.dailyMicros ?? null;
  const standing: Standing = {
    balanceMicros: account.balanceMicros - account.reservedMicros,
    limitMicros: account.balanceMicros - account.reservedMicros - spareOf(account, policy),
    dailyMicros,
    noticeBeforeMs: policy.notice?.beforeMs ?? 0,
  };
  const isEmergencyTaken = account.emergencyId !== null;
  const reached = reachedThresholds(standing, policy, { isEmergencyTaken });
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
  for (const { kind, threshold, breach } of news.values()) {
    const id = derivedId('notice', String(accountId), kind, threshold, String(breach));
    const told = detailOf(account, standing, policy);
    const earliest = kind === 'cut_notice' ? instantText(nowMs + standing.noticeBeforeMs) : null;
    const detail = { ...told, notCutBefore: earliest };
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
    await appendEvent(
      tx,
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
  return news.size;
}

/**
 * Tells customers whose credit goes down, once a breach (domain rule 56): only accounts whose
 * balance moved since they were looked at last are looked at, the lowest first.
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
  for (const moved of await findMovedAccounts(sql, { nowMs, limit: warnedPerSweepMax })) {
    await sql.begin((tx) => forecastAccount(tx, moved, nowMs));
    const written = await sql.begin((tx) => warnAccount(tx, moved, nowMs));
    notices += written;
    if (written > 0) wake({ kind: 'events', shard: eventShardOf(moved.companyId) });
  }
  return { notices };
}
