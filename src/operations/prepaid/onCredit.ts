import { lockAccounts } from '../../db/ledger.ts';
import type { Transaction } from '../../db/connect.ts';
import { assert } from '../../domain/assert.ts';
import { reviewSupply } from '../reviewSupply.ts';
import type { SupplyReview } from '../reviewSupply.ts';

export type Credit = {
  readonly companyId: number;
  readonly accountId: number;
  /** What the account gained, above zero; it is in the balance already. */
  readonly amountMicros: bigint;
  readonly paymentId: string;
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
 * What a credit does besides raising the balance, in its transaction, which holds the account's
 * lock: the supply may come back.
 */
export async function onCredit(
  tx: Transaction,
  { companyId, accountId, nowMs }: Credit,
): Promise<CreditEffect> {
  const accountIds = [accountId];
  const review = await reviewSupply(tx, { companyId, accountIds, nowMs, mayCut: false });
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  assert(account !== undefined, 'the account of a credit was locked before');
  return { review, toDebtMicros: 0n, balanceMicros: account.balanceMicros };
}
