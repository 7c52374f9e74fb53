import type { Transaction } from '../db/connect.ts';
import { findLedgerAccount, lockAccounts } from '../db/ledger.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseMicros } from '../domain/exact.ts';
import type { AccountId } from '../domain/ids.ts';
import { topUpMicrosMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { RequestDeps } from './onceByKey.ts';
import { postByHand } from './postByHand.ts';
import type { ByHandCode, ByHandRequest, ByHandTransfer, MovedByHand } from './postByHand.ts';

export type TakeDepositInput = ByHandRequest & {
  readonly accountId: AccountId;
  /** Plain decimal text. */
  readonly amount: string;
  readonly currency: string;
};

export type TakeDepositCode =
  | ByHandCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'CURRENCY_MISMATCH'
  | 'AMOUNT_MALFORMED'
  | 'AMOUNT_NOT_POSITIVE'
  | 'AMOUNT_TOO_LARGE';

function readAmount({ amount, currency }: TakeDepositInput): Outcome<bigint, TakeDepositCode> {
  const path = ['amount'];
  const parsed = parseMicros(amount);
  if (!parsed.ok) return refuse('AMOUNT_MALFORMED', parsed.message, path);
  if (parsed.value <= 0n) return refuse('AMOUNT_NOT_POSITIVE', 'A deposit is above zero.', path);
  if (parsed.value > topUpMicrosMax) {
    const message = `A deposit is at most ${topUpMicrosMax / 1_000_000n} ${currency}. Check it.`;
    return refuse('AMOUNT_TOO_LARGE', message, path);
  }
  return parsed;
}

async function prepare(
  tx: Transaction,
  companyId: number,
  input: TakeDepositInput,
): Promise<Outcome<ByHandTransfer, TakeDepositCode>> {
  const amount = readAmount(input);
  if (!amount.ok) return amount;
  const { accountId, currency } = input;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    const message = 'You have no such account. Check its id; nothing was posted.';
    return refuse('ACCOUNT_NOT_FOUND', message, ['accountId']);
  }
  if (account.currency !== currency) {
    const message = `The account is kept in ${account.currency}; take its deposit in that.`;
    return refuse('CURRENCY_MISMATCH', message, ['currency']);
  }
  const of = { companyId, currency };
  return accept({
    accountId,
    currency,
    debitId: await findLedgerAccount(tx, { ...of, code: 'payments_clearing' }),
    creditId: await findLedgerAccount(tx, { ...of, code: 'deposit', accountId }),
    amountMicros: amount.value,
    code: 'deposit_taken',
    reasonCode: 'deposit',
  });
}

/**
 * Money that a customer leaves at the counter as a security. The company owes it and it buys no
 * energy: it stands beside the balance until the account is paid out (`payOutAccount`).
 */
export async function takeDeposit(
  deps: RequestDeps,
  viewer: Viewer,
  input: TakeDepositInput,
): Promise<Outcome<MovedByHand, TakeDepositCode>> {
  if (!isAllowed(viewer.role, 'Mutation.takeDeposit')) {
    return refuse('NOT_PERMITTED', 'Your role may not take deposits. Ask an operator.');
  }
  const asked = { request: input, action: 'deposit.take' };
  return postByHand(deps, viewer, asked, (tx) => prepare(tx, viewer.companyId, input));
}
