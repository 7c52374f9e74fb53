import type { Transaction } from '../db/connect.ts';
import { findLedgerAccount, lockAccounts } from '../db/ledger.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseMicros } from '../domain/exact.ts';
import type { AccountId } from '../domain/ids.ts';
import type { AdjustmentReason } from '../domain/ledger/reasonCode.ts';
import { topUpMicrosMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { RequestDeps } from './onceByKey.ts';
import { postByHand } from './postByHand.ts';
import type { ByHandCode, ByHandRequest, ByHandTransfer, MovedByHand } from './postByHand.ts';

export type AdjustBalanceInput = ByHandRequest & {
  readonly accountId: AccountId;
  /** Plain decimal text: above zero it is given to the customer, below zero taken. */
  readonly amount: string;
  readonly currency: string;
  readonly reasonCode: AdjustmentReason;
};

export type AdjustBalanceCode =
  | ByHandCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'CURRENCY_MISMATCH'
  | 'AMOUNT_MALFORMED'
  | 'AMOUNT_ZERO'
  | 'AMOUNT_TOO_LARGE';

function parseSigned(input: AdjustBalanceInput): Outcome<bigint, AdjustBalanceCode> {
  const path = ['amount'];
  const parsed = parseMicros(input.amount);
  if (!parsed.ok) return refuse('AMOUNT_MALFORMED', parsed.message, path);
  const amount = parsed.value;
  if (amount === 0n) return refuse('AMOUNT_ZERO', 'An adjustment moves something.', path);
  if (amount > topUpMicrosMax || amount < -topUpMicrosMax) {
    const message = `An adjustment is at most ${topUpMicrosMax / 1_000_000n} ${input.currency}.`;
    return refuse('AMOUNT_TOO_LARGE', message, path);
  }
  return parsed;
}

async function prepare(
  tx: Transaction,
  companyId: number,
  input: AdjustBalanceInput,
): Promise<Outcome<ByHandTransfer, AdjustBalanceCode>> {
  const amount = parseSigned(input);
  if (!amount.ok) return amount;
  const { accountId, currency, reasonCode } = input;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    const message = 'You have no such account. Check its id; nothing was posted.';
    return refuse('ACCOUNT_NOT_FOUND', message, ['accountId']);
  }
  if (account.currency !== currency) {
    const message = `The account is kept in ${account.currency}; adjust it in that.`;
    return refuse('CURRENCY_MISMATCH', message, ['currency']);
  }
  const of = { companyId, currency };
  const ours = await findLedgerAccount(tx, { ...of, code: 'adjustments' });
  const theirs = await findLedgerAccount(tx, { ...of, code: 'customer', accountId });
  const isGiven = amount.value > 0n;
  return accept({
    accountId,
    currency,
    debitId: isGiven ? ours : theirs,
    creditId: isGiven ? theirs : ours,
    amountMicros: isGiven ? amount.value : -amount.value,
    code: 'adjustment',
    reasonCode,
  });
}

/** Gives to a customer or takes from one by a person's decision, such as goodwill. */
export async function adjustBalance(
  deps: RequestDeps,
  viewer: Viewer,
  input: AdjustBalanceInput,
): Promise<Outcome<MovedByHand, AdjustBalanceCode>> {
  if (!isAllowed(viewer.role, 'Mutation.adjustBalance')) {
    return refuse('NOT_PERMITTED', 'Your role may not adjust balances. Ask an operator.');
  }
  const asked = { request: input, action: 'account.adjust' };
  return postByHand(deps, viewer, asked, (tx) => prepare(tx, viewer.companyId, input));
}
