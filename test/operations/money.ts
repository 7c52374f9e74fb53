import { randomUUID } from 'node:crypto';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import { startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

/** Money that came from the bank, like every payment; returns the transfer's id. */
export async function postCredit(
  ground: Ground,
  number: string,
  amountMicros: bigint,
): Promise<string> {
  const { companyId } = ground.fleet;
  const accountId = ground.account(number);
  const of = { companyId, currency: 'EUR' };
  const id = randomUUID();
  await ground.writer.sql.begin(async (tx) => {
    await lockAccounts(tx, { companyId, accountIds: [accountId] });
    await postTransfer(tx, {
      id,
      companyId,
      accountId,
      currency: 'EUR',
      debitId: await findLedgerAccount(tx, { ...of, code: 'bank' }),
      creditId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
      amountMicros,
      code: 'payment',
      postedAtMs: startMs,
    });
  });
  return id;
}
