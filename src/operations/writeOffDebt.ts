import type { Transaction } from '../db/connect.ts';
import { findLedgerAccount, lockAccounts } from '../db/ledger.ts';
import { sumOfAccountLedger } from '../db/ledgerReads.ts';
import type { LedgerTransfer } from '../db/ledgerReads.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseMicros } from '../domain/exact.ts';
import type { AccountId } from '../domain/ids.ts';
import type { WriteOffReason } from '../domain/ledger/reasonCode.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { moneyText } from '../domain/tariff/currency.ts';
import type { RequestDeps } from './onceByKey.ts';
import { postByHand } from './postByHand.ts';
import type { ByHandCode, ByHandRequest, ByHandTransfer, MovedByHand } from './postByHand.ts';

export type WriteOffInput = ByHandRequest & {
  readonly accountId: AccountId;
  readonly reasonCode: WriteOffReason;
};

export type WriteOffCode =
  | ByHandCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'AMOUNT_MALFORMED'
  | 'AMOUNT_NOT_POSITIVE'
  | 'WRITE_OFF_ABOVE_DEBT';

async function prepare(
  tx: Transaction,
  companyId: number,
  { input, posted }: { input: WriteOffInput; posted: LedgerTransfer | null },
): Promise<Outcome<ByHandTransfer, WriteOffCode>> {
  const { accountId, reasonCode } = input;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    const message = 'You have no such account. Check its id; nothing was posted.';
    return refuse('ACCOUNT_NOT_FOUND', message, ['accountId']);
  }
  const { currency } = account;
  const of = { companyId, currency };
  const debtId = await findLedgerAccount(tx, { ...of, code: 'debt', accountId });
  // A debt stands as a debit.
  const debtMicros = -(await sumOfAccountLedger(tx, { accountId, ledgerId: debtId }));
  let amountMicros = posted?.amountMicros ?? debtMicros;
  if (input.amount !== undefined) {
    const parsed = parseMicros(input.amount);
    if (!parsed.ok) return refuse('AMOUNT_MALFORMED', parsed.message, ['amount']);
    amountMicros = parsed.value;
    if (amountMicros <= 0n) {
      return refuse('AMOUNT_NOT_POSITIVE', 'What is written off is above zero.', ['amount']);
    }
  }
  if (posted === null && (debtMicros <= 0n || amountMicros > debtMicros)) {
    const owed = moneyText(debtMicros > 0n ? debtMicros : 0n, currency);
    const message = `The account's debt is ${owed}; no more is written off.`;
    return refuse('WRITE_OFF_ABOVE_DEBT', message, ['amount']);
  }
  return accept({
    accountId,
    currency,
    debitId: await findLedgerAccount(tx, { ...of, code: 'write_offs' }),
    creditId: debtId,
    amountMicros,
    code: 'debt_written_off',
    reasonCode,
  });
}

/** Gives up a debt that was set aside, wholly or in part. The customer's balance stays. */
export async function writeOffDebt(
  deps: RequestDeps,
  viewer: Viewer,
  input: WriteOffInput,
): Promise<Outcome<MovedByHand, WriteOffCode>> {
  if (!isAllowed(viewer.role, 'Mutation.writeOffDebt')) {
    return refuse('NOT_PERMITTED', 'Your role may not write off debts. Ask an administrator.');
  }
  const asked = { request: input, action: 'debt.writeOff' };
  return postByHand(deps, viewer, asked, (tx, posted) =>
    prepare(tx, viewer.companyId, { input, posted }),
  );
}
