import { lockAccounts } from '../../db/ledger.ts';
import type { Transaction } from '../../db/connect.ts';
import { endEmergencyCredits, readPrepaidAccount } from '../../db/prepaidLife.ts';
import type { PrepaidAccount } from '../../db/prepaidLife.ts';
import { assert } from '../../domain/assert.ts';
import { reviewSupply } from '../reviewSupply.ts';
import type { SupplyReview } from '../reviewSupply.ts';
import { readPolicy } from './accountPolicy.ts';
import { recoverFromCredit } from './recoverDebt.ts';
import { rearmWarnings } from './rearmWarnings.ts';

export type Credit = {
  readonly companyId: number;
  readonly accountId: number;
  /** What the account gained, above zero; it is in the balance already. */
  readonly amountMicros: bigint;
  readonly paymentId: string;
  /** What of the payment it is: one payment may bring several credits. */
  readonly part: string;
  readonly nowMs: number;
};

export type CreditEffect = {
  readonly review: SupplyReview;
  /** Of the amount. */
  readonly toDebtMicros: bigint;
  /** After all of it. */
  readonly balanceMicros: bigint;
};

/**
 * What is lent is paid back when the balance is at zero again (domain rule 57). The caller holds
 * the account's lock and has just raised the balance.
 */
export async function repayEmergencyCredit(
  tx: Transaction,
  account: PrepaidAccount,
  nowMs: number,
): Promise<PrepaidAccount> {
  if (account.emergencyId === null || account.balanceMicros < 0n) return account;
  const { companyId, accountId } = account;
  await endEmergencyCredits(tx, { companyId, accountId, reason: 'repaid', atMs: nowMs });
  return { ...account, emergencyId: null, emergencyMicros: null, emergencyTakenAt: null };
}

/**
 * What a credit does besides raising the balance, in its transaction, which holds the account's
 * lock: what was lent is paid back first, then the debt's share is taken, warnings are armed
 * again, and the supply may come back.
 */
export async function onCredit(
  tx: Transaction,
  { companyId, accountId, amountMicros, paymentId, part, nowMs }: Credit,
): Promise<CreditEffect> {
  const accountIds = [accountId];
  const found = await readPrepaidAccount(tx, { accountId, nowMs });
  assert(found !== null, 'the account of a credit is there');
  const account = await repayEmergencyCredit(tx, found, nowMs);
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  const credit = { amountMicros, paymentId, part, policy, nowMs };
  const toDebtMicros = await recoverFromCredit(tx, account, credit);
  const balanceMicros = account.balanceMicros - toDebtMicros;
  await rearmWarnings(tx, { ...account, balanceMicros }, policy);
  const review = await reviewSupply(tx, { companyId, accountIds, nowMs, mayCut: false });
  const [after] = await lockAccounts(tx, { companyId, accountIds });
  assert(after !== undefined, 'the account of a credit was locked before');
  return { review, toDebtMicros, balanceMicros: after.balanceMicros };
}
