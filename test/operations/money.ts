import { randomUUID } from 'node:crypto';
import type { Statement } from '../../src/db/connect.ts';
import { insertAudit } from '../../src/db/audit.ts';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import { startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

/** What an operation would have written beside a transfer. */
export function auditForTest(tx: Statement, companyId: number): Promise<void> {
  const entry = { id: randomUUID(), companyId, atMs: startMs, actor: 'test', action: 'test.post' };
  return insertAudit(tx, { ...entry, subject: 'test', before: null, after: null });
}

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
    await auditForTest(tx, companyId);
  });
  return id;
}
