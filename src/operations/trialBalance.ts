import type { Transaction } from '../db/connect.ts';
import { readTrialRows } from '../db/ledgerReads.ts';
import type { LedgerCode } from '../db/tables/ledger.ts';

export type TrialLine = {
  readonly currency: string;
  readonly code: LedgerCode;
  /** How many ledger accounts have this code. */
  readonly accounts: number;
  readonly debitMicros: bigint;
  readonly creditMicros: bigint;
  /** Credits less debits. */
  readonly balanceMicros: bigint;
};

export type TrialBalance = {
  readonly lines: readonly TrialLine[];
  /** By currency; each is zero, or the ledger is broken. */
  readonly sums: readonly { readonly currency: string; readonly micros: bigint }[];
};

/** All ledger accounts of a company by currency and code, from the transfers themselves. */
export async function trialBalance(
  tx: Transaction,
  { companyId }: { companyId: number },
): Promise<TrialBalance> {
  const rows = await readTrialRows(tx, companyId);
  const lines = rows.map(({ currency, code, accounts, debitMicros, creditMicros }) => ({
    currency,
    code,
    accounts,
    debitMicros,
    creditMicros,
    balanceMicros: creditMicros - debitMicros,
  }));
  const sums = new Map<string, bigint>();
  for (const { currency, balanceMicros } of lines) {
    sums.set(currency, (sums.get(currency) ?? 0n) + balanceMicros);
  }
  return { lines, sums: [...sums].map(([currency, micros]) => ({ currency, micros })) };
}
