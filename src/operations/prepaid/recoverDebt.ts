import { findLedgerAccount, lockAccounts, postTransfer } from '../../db/ledger.ts';
import type { Sql, Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import {
  findDebtPlan,
  findWeeklyDues,
  insertDebtDay,
  readPrepaidAccount,
  recoveredSince,
} from '../../db/prepaidLife.ts';
import type { DebtPlan, PrepaidAccount, WeeklyDue } from '../../db/prepaidLife.ts';
import { assert } from '../../domain/assert.ts';
import type { Bell } from '../../domain/bell.ts';
import { accountsPerSweepMax } from '../../domain/limits.ts';
import { debtShareOf } from '../../domain/prepaid/allocate.ts';
import { debtDaysCaughtUpMax } from '../../domain/prepaid/limits.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { dayOfWeekly } from '../../domain/prepaid/weeklySpread.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { dayMs, weekdayOf } from '../../domain/time/civil.ts';
import { offsetMsAt, startOfLocalDayMs } from '../../domain/time/zone.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart } from '../eachApart.ts';
import { readPolicy } from './accountPolicy.ts';

export function localDayAt(zone: string, atMs: number): number {
  return Math.floor((atMs + offsetMsAt(zone, atMs)) / dayMs);
}

/** What a plan's cap leaves of the local week that a day is in; null: there is no cap. */
async function capLeft(
  tx: Transaction,
  {
    accountId,
    zone,
    localDay,
    plan,
  }: { accountId: number; zone: string; localDay: number; plan: DebtPlan },
): Promise<bigint | null> {
  if (plan.weeklyCapMicros === null) return null;
  const fromMs = startOfLocalDayMs(zone, localDay - weekdayOf(localDay) + 1);
  const left = plan.weeklyCapMicros - (await recoveredSince(tx, { accountId, fromMs }));
  return left > 0n ? left : 0n;
}

async function postRecovered(
  tx: Transaction,
  account: PrepaidAccount,
  move: {
    readonly id: string;
    readonly amountMicros: bigint;
    readonly nowMs: number;
    readonly paymentId?: string;
  },
): Promise<void> {
  const { companyId, accountId, currency } = account;
  const of = { companyId, currency };
  await postTransfer(tx, {
    id: move.id,
    ...of,
    accountId,
    debitId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
    creditId: await findLedgerAccount(tx, { ...of, code: 'debt', accountId }),
    amountMicros: move.amountMicros,
    code: 'debt_recovered',
    postedAtMs: move.nowMs,
    ...(move.paymentId !== undefined && { paymentId: move.paymentId }),
  });
}

/** Takes the debt's share of a credit that is in the balance already; returns what it took. */
export async function recoverFromCredit(
  tx: Transaction,
  account: PrepaidAccount,
  credit: {
    readonly amountMicros: bigint;
    readonly paymentId: string;
    /** What of the payment the credit is: a payment may bring several. */
    readonly part: string;
    readonly policy: PrepaidPolicy;
    readonly nowMs: number;
  },
): Promise<bigint> {
  const { accountId, zone, debtMicros } = account;
  const { amountMicros, paymentId, policy, nowMs } = credit;
  if (debtMicros <= 0n || account.mode !== 'prepaid' || zone === null) return 0n;
  const plan = await findDebtPlan(tx, { accountId, atMs: nowMs });
  const localDay = localDayAt(zone, nowMs);
  const toDebtMicros = debtShareOf({
    amountMicros,
    balanceMicros: account.balanceMicros,
    debtMicros,
    planSharePpm: plan?.sharePpm ?? null,
    capLeftMicros: plan === null ? null : await capLeft(tx, { accountId, zone, localDay, plan }),
    isSuspended: policy.debt.suspendInEmergencyCredit && account.emergencyId !== null,
    allocation: policy.allocation,
  });
  if (toDebtMicros <= 0n) return 0n;
  await postRecovered(tx, account, {
    id: derivedId('debt_recovered', paymentId, credit.part),
    amountMicros: toDebtMicros,
    nowMs,
    paymentId,
  });
  return toDebtMicros;
}

type DayDebt = { readonly takenMicros: bigint; readonly skipped: string | null };

/** What one local day takes; nothing from below zero, and never below it. */
async function debtOfDay(
  tx: Transaction,
  account: PrepaidAccount,
  { zone, localDay, nowMs }: { zone: string; localDay: number; nowMs: number },
): Promise<DayDebt> {
  const nothing = (skipped: string): DayDebt => ({ takenMicros: 0n, skipped });
  const { accountId, debtMicros, balanceMicros } = account;
  // The plan of the day's begin: one that is agreed in the afternoon begins on the next day.
  const atMs = startOfLocalDayMs(zone, localDay);
  const plan = await findDebtPlan(tx, { accountId, atMs });
  if (plan === null || plan.weeklyMicros === 0n) return nothing('no weekly plan');
  if (debtMicros <= 0n) return nothing('no debt');
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  if (policy.debt.suspendInEmergencyCredit && account.emergencyId !== null) {
    return nothing('emergency credit');
  }
  const minorDigits = minorDigitsOf(account.currency);
  assert(minorDigits !== undefined, 'an account is kept in a known currency');
  const weekday = weekdayOf(localDay);
  const due = dayOfWeekly(plan.weeklyMicros, { weekday, minorDigits });
  const cap = (await capLeft(tx, { accountId, zone, localDay, plan })) ?? due;
  const bounds = [due, debtMicros, cap, balanceMicros - account.reservedMicros];
  const takenMicros = bounds.reduce((low, bound) => (bound < low ? bound : low));
  return takenMicros > 0n ? { takenMicros, skipped: null } : nothing('no credit or cap reached');
}

async function recoverDays(tx: Transaction, due: WeeklyDue, nowMs: number): Promise<bigint> {
  const { companyId, accountId, zone } = due;
  await lockAccounts(tx, { companyId, accountIds: [accountId] });
  const today = localDayAt(zone, nowMs);
  const first = Math.max((due.lastDay ?? today - 1) + 1, today - debtDaysCaughtUpMax + 1);
  let taken = 0n;
  let balanceMicros = 0n;
  for (let localDay = first; localDay <= today; localDay += 1) {
    const account = await readPrepaidAccount(tx, { accountId, nowMs });
    if (account === null) return taken;
    const day = await debtOfDay(tx, account, { zone, localDay, nowMs });
    const { takenMicros, skipped } = day;
    const id = derivedId('debt_day', String(accountId), String(localDay));
    const transferId = takenMicros > 0n ? id : null;
    const row = { accountId, companyId, localDay, transferId, skipped };
    if (!(await insertDebtDay(tx, row)) || transferId === null) continue;
    await postRecovered(tx, account, { id, amountMicros: takenMicros, nowMs });
    taken += takenMicros;
    balanceMicros = account.balanceMicros - takenMicros;
  }
  if (taken === 0n) return taken;
  const detail = { code: 'debt_recovered', amountMicros: taken.toString() };
  const subjects = [{ ...companySubject, accountId }];
  const news = { companyId, kind: 'adjustment', atMs: nowMs, subjects, detail } as const;
  await appendEvent(tx, plainEvent({ ...news, balanceMicros: [balanceMicros] }));
  return taken;
}

/**
 * Takes the weekly plans' part of each local day that has begun, once a day. Whoever is at the
 * limit after it is found by the sweep of supplies, with its notice.
 */
export async function recoverDebts({
  sql,
  clock,
  wake,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  wake(bell: Bell): void;
}): Promise<{ readonly accounts: number }> {
  const nowMs = clock.nowMs();
  let accounts = 0;
  const dues = await findWeeklyDues(sql, { nowMs, limit: accountsPerSweepMax });
  await eachApart(dues, async (due) => {
    const taken = await sql.begin((tx) => recoverDays(tx, due, nowMs));
    if (taken === 0n) return;
    accounts += 1;
    wake({ kind: 'events', shard: eventShardOf(due.companyId) });
  });
  return { accounts };
}
