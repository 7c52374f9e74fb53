import { findOpenEnds } from '../db/accountEnds.ts';
import type { Transaction } from '../db/connect.ts';
import { findLedgerAccount } from '../db/ledger.ts';
import type { AccountHead, LedgerAccountKey } from '../db/ledger.ts';
import { sumOfAccountLedger } from '../db/ledgerReads.ts';
import type { LedgerCode } from '../db/tables/ledger.ts';
import { periodCloseMsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** What keeps an account of somebody who has left from being closed. */

export type UnendedCode = 'AGREEMENT_IN_FORCE' | 'BILL_OPEN' | 'BILL_HELD';

/** While anything may still be charged, nobody knows what is left. */
export async function refuseUnended(
  tx: Transaction,
  accountId: number,
  nowMs: number,
): Promise<Outcome<null, UnendedCode>> {
  const ends = await findOpenEnds(tx, { accountId, nowMs, silentMs: periodCloseMsMax });
  if (ends.agreements > 0) {
    const message = 'An agreement of the account is in force or to come. Let it end first.';
    return refuse('AGREEMENT_IN_FORCE', message, ['accountId']);
  }
  if (ends.openBills > 0) {
    const message =
      'The last bill is still open. It closes with a reading behind its end, or three days ' +
      'after it: ask again then.';
    return refuse('BILL_OPEN', message, ['accountId']);
  }
  if (ends.heldBills > 0) {
    const message = 'A bill of the account is held. Resolve what holds it, and ask again.';
    return refuse('BILL_HELD', message, ['accountId']);
  }
  return accept(null);
}

/** What stands beside a balance. */
export type SumsBeside = { readonly depositMicros: bigint; readonly debtMicros: bigint };

const ofCustomers: ReadonlySet<LedgerCode> = new Set(['customer', 'debt', 'deposit']);

export function ledgerKeyOf(
  { companyId, currency, accountId }: AccountHead,
  code: LedgerCode,
): LedgerAccountKey {
  return { companyId, currency, code, ...(ofCustomers.has(code) && { accountId }) };
}

/** A debt stands as a debit, a deposit as a credit. */
export async function sumsBeside(tx: Transaction, account: AccountHead): Promise<SumsBeside> {
  const sumOf = async (code: 'debt' | 'deposit'): Promise<bigint> => {
    const ledgerId = await findLedgerAccount(tx, ledgerKeyOf(account, code));
    return sumOfAccountLedger(tx, { accountId: account.accountId, ledgerId });
  };
  return { depositMicros: await sumOf('deposit'), debtMicros: -(await sumOf('debt')) };
}
