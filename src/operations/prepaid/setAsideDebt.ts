import { findLedgerAccount, lockAccounts } from '../../db/ledger.ts';
import type { Transaction } from '../../db/connect.ts';
import type { LedgerTransfer } from '../../db/ledgerReads.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { parseMicros } from '../../domain/exact.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { SetAsideReason } from '../../domain/ledger/reasonCode.ts';
import { topUpMicrosMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { postByHand } from '../postByHand.ts';
import type { ByHandCode, ByHandRequest, ByHandTransfer, MovedByHand } from '../postByHand.ts';

export type SetAsideInput = ByHandRequest & {
  readonly accountId: AccountId;
  /** Plain decimal text. Of a negative balance: without it all that is below zero. */
  readonly amount?: string;
  readonly reasonCode: SetAsideReason;
};

export type SetAsideCode =
  | ByHandCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'AMOUNT_MISSING'
  | 'AMOUNT_MALFORMED'
  | 'AMOUNT_NOT_POSITIVE'
  | 'AMOUNT_TOO_LARGE'
  | 'SET_ASIDE_ABOVE_OWED';

/** The amount that was asked for; null where none was. */
function readAmount(amount: string | undefined): Outcome<bigint | null, SetAsideCode> {
  if (amount === undefined) return accept(null);
  const parsed = parseMicros(amount);
  if (!parsed.ok) return refuse('AMOUNT_MALFORMED', parsed.message, ['amount']);
  if (parsed.value <= 0n) {
    return refuse('AMOUNT_NOT_POSITIVE', 'A debt is above zero.', ['amount']);
  }
  if (parsed.value > topUpMicrosMax) {
    const message = `A debt is at most ${topUpMicrosMax / 1_000_000n} at a time. Check it.`;
    return refuse('AMOUNT_TOO_LARGE', message, ['amount']);
  }
  return parsed;
}

async function prepare(
  tx: Transaction,
  companyId: number,
  { input, posted }: { input: SetAsideInput; posted: LedgerTransfer | null },
): Promise<Outcome<ByHandTransfer, SetAsideCode>> {
  const { accountId, reasonCode } = input;
  const amount = readAmount(input.amount);
  if (!amount.ok) return amount;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    const message = 'You have no such account. Check its id; nothing was posted.';
    return refuse('ACCOUNT_NOT_FOUND', message, ['accountId']);
  }
  const { currency, balanceMicros } = account;
  const of = { companyId, currency };
  const isImported = reasonCode === 'imported';
  if (isImported && amount.value === null) {
    return refuse('AMOUNT_MISSING', 'Say how much an imported debt is.', ['amount']);
  }
  const owedMicros = balanceMicros < 0n ? -balanceMicros : 0n;
  const amountMicros = amount.value ?? posted?.amountMicros ?? owedMicros;
  if (posted === null && !isImported && (owedMicros === 0n || amountMicros > owedMicros)) {
    const owed = moneyText(owedMicros, currency);
    const message = `The balance is ${owed} below zero; no more becomes a debt.`;
    return refuse('SET_ASIDE_ABOVE_OWED', message, ['amount']);
  }
  return accept({
    accountId,
    currency,
    debitId: await findLedgerAccount(tx, { ...of, code: 'debt', accountId }),
    creditId: isImported
      ? await findLedgerAccount(tx, { ...of, code: 'adjustments' })
      : await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
    amountMicros,
    code: 'debt_set_aside',
    reasonCode,
  });
}

/**
 * Makes a negative balance whole: what is owed stands as a debt beside it from then on, which the
 * customer pays off by a plan while new credit buys energy again. An imported debt leaves the
 * balance as it is.
 */
export async function setAsideDebt(
  deps: RequestDeps,
  viewer: Viewer,
  input: SetAsideInput,
): Promise<Outcome<MovedByHand, SetAsideCode>> {
  if (!isAllowed(viewer.role, 'Mutation.setAsideDebt')) {
    return refuse('NOT_PERMITTED', 'Your role may not set debts aside. Ask an operator.');
  }
  const asked = { request: input, action: 'debt.setAside' };
  return postByHand(deps, viewer, asked, (tx, posted) =>
    prepare(tx, viewer.companyId, { input, posted }),
  );
}
