import type { Transaction } from '../../db/connect.ts';
import { findLedgerAccount, postTransfer } from '../../db/ledger.ts';
import { findSetAside } from '../../db/ledgerReads.ts';
import { armAgain } from '../../db/notices.ts';
import { readPrepaidAccount } from '../../db/prepaidLife.ts';
import { derivedId } from '../derivedId.ts';
import { readPolicy } from '../prepaid/accountPolicy.ts';

type Disputed = {
  readonly companyId: number;
  readonly accountId: number;
  readonly currency: string;
  readonly paymentId: string;
  /** Of the payment: with it the transfers find themselves again. */
  readonly ordinal: number;
  /** What the account lost by it, or gained. */
  readonly amountMicros: bigint;
  readonly nowMs: number;
};

function least(...amounts: readonly bigint[]): bigint {
  return amounts.reduce((left, right) => (left < right ? left : right));
}

async function findSides(tx: Transaction, { companyId, currency, accountId }: Disputed) {
  const of = { companyId, currency, accountId };
  const debtId = await findLedgerAccount(tx, { ...of, code: 'debt' });
  const customerId = await findLedgerAccount(tx, { ...of, code: 'customer' });
  return { debtId, customerId };
}

/**
 * What a dispute took and the customer had used already stands as a debt beside the balance
 * (domain rule 68): 20.00 taken back after 18.00 were used leave nothing and a debt of 18.00. The
 * supply is not cut on a notice that was told before: a new one is due. Of a prepaid account, under
 * its lock, after the dispute was posted. Returns what became a debt.
 */
export async function setAsideChargeback(tx: Transaction, disputed: Disputed): Promise<bigint> {
  const { companyId, accountId, currency, paymentId, nowMs } = disputed;
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null || account.mode !== 'prepaid') return 0n;
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  if (policy.notice !== null)
    await armAgain(tx, accountId, [{ kind: 'cut_notice', threshold: 'limit' }]);
  const amountMicros = least(disputed.amountMicros, -account.balanceMicros);
  if (amountMicros <= 0n) return 0n;
  const { debtId, customerId } = await findSides(tx, disputed);
  await postTransfer(tx, {
    id: derivedId('chargeback_debt', paymentId, String(disputed.ordinal)),
    companyId,
    accountId,
    currency,
    debitId: debtId,
    creditId: customerId,
    amountMicros,
    code: 'debt_set_aside',
    reasonCode: 'chargeback',
    postedAtMs: nowMs,
    paymentId,
  });
  return amountMicros;
}

/**
 * A dispute that was won gives back what it took: first to the debt that it had made, as far as
 * that still stands. Returns what went there.
 */
export async function endChargebackDebt(tx: Transaction, won: Disputed): Promise<bigint> {
  const { companyId, accountId, currency, paymentId, nowMs } = won;
  const setAside = await findSetAside(tx, { accountId, paymentId });
  if (setAside.length === 0) return 0n;
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  let leftMicros = least(won.amountMicros, account?.debtMicros ?? 0n);
  const { debtId, customerId } = await findSides(tx, won);
  let takenMicros = 0n;
  for (const { id, leftMicros: standing } of setAside) {
    const amountMicros = least(standing, leftMicros);
    if (amountMicros <= 0n) continue;
    await postTransfer(tx, {
      id: derivedId('chargeback_won', paymentId, String(won.ordinal), id),
      companyId,
      accountId,
      currency,
      debitId: customerId,
      creditId: debtId,
      amountMicros,
      code: 'correction',
      corrects: id,
      reasonCode: 'dispute_won',
      postedAtMs: nowMs,
      paymentId,
    });
    takenMicros += amountMicros;
    leftMicros -= amountMicros;
  }
  return takenMicros;
}
