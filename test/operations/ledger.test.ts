import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageTransfers } from '../../src/db/accountReads.ts';
import type { Transaction } from '../../src/db/connect.ts';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import type { SingleTransfer } from '../../src/db/ledger.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { openGround, startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('ledger');
});
afterAll(() => ground.close());

async function paymentTo(tx: Transaction, number: string): Promise<SingleTransfer> {
  const { companyId } = ground.fleet;
  const accountId = ground.account(number);
  const of = { companyId, currency: 'EUR' };
  await lockAccounts(tx, { companyId, accountIds: [accountId] });
  return {
    id: randomUUID(),
    companyId,
    accountId,
    currency: 'EUR',
    debitId: await findLedgerAccount(tx, { ...of, code: 'bank' }),
    creditId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
    amountMicros: 5_000_000n,
    code: 'payment',
    postedAtMs: startMs,
  };
}

async function stateOf(number: string) {
  const [row] = await ground.writer.sql`
    select b.balance_micros as balance, count(t.id)::int4 as transfers
    from account_balance b left join transfer t using (account_id)
    where b.account_id = ${ground.account(number)} group by b.account_id`;
  return row;
}

describe('a single transfer', () => {
  test('domain rule 76: under the same id again is one transfer, and answers alike', async () => {
    const transfer = await ground.writer.sql.begin(async (tx) => {
      const payment = await paymentTo(tx, 'A-1');
      expect(await postTransfer(tx, payment)).toEqual({
        balanceMicros: 5_000_000n,
        isReplay: false,
      });
      expect(await postTransfer(tx, payment)).toEqual({
        balanceMicros: 5_000_000n,
        isReplay: true,
      });
      return payment;
    });
    const again = await ground.writer.sql.begin((tx) => postTransfer(tx, transfer));
    expect(again).toEqual({ balanceMicros: 5_000_000n, isReplay: true });
    expect(await stateOf('A-1')).toEqual({ balance: 5_000_000n, transfers: 1 });
    const other = { ...transfer, amountMicros: 5_000_001n };
    await expect(ground.writer.sql.begin((tx) => postTransfer(tx, other))).rejects.toThrow(
      'TRANSFER_REUSED',
    );
    expect(await stateOf('A-1')).toEqual({ balance: 5_000_000n, transfers: 1 });
  });

  test('domain rule 76: posted by twenty connections at once is one transfer', async () => {
    const transfer = await ground.writer.sql.begin((tx) => paymentTo(tx, 'A-2'));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ground.writer.sql.begin((tx) => postTransfer(tx, transfer))),
    );
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1);
    expect(await stateOf('A-2')).toEqual({ balance: 5_000_000n, transfers: 1 });
  });

  test('of the company alone moves no balance, and the other way it takes', async () => {
    const { companyId } = ground.fleet;
    const of = { companyId, currency: 'EUR' };
    await ground.writer.sql.begin(async (tx) => {
      const payment = await paymentTo(tx, 'A-3');
      const back = { ...payment, debitId: payment.creditId, creditId: payment.debitId };
      expect(await postTransfer(tx, back)).toMatchObject({ balanceMicros: -5_000_000n });
      const debtId = await findLedgerAccount(tx, {
        ...of,
        code: 'debt',
        accountId: ground.account('A-3'),
      });
      const writeOffs = await findLedgerAccount(tx, { ...of, code: 'write_offs' });
      const ofDebt = { ...payment, id: randomUUID(), debitId: writeOffs, creditId: debtId };
      expect(await postTransfer(tx, ofDebt)).toMatchObject({ balanceMicros: -5_000_000n });
      const suspense = await findLedgerAccount(tx, { ...of, code: 'suspense' });
      const unknown = { ...payment, id: randomUUID(), accountId: null, creditId: suspense };
      expect(await postTransfer(tx, unknown)).toEqual({ balanceMicros: null, isReplay: false });
    });
  });

  test('between two customers, or in another’s name, is refused by the database', async () => {
    const { companyId } = ground.fleet;
    const attempt = (change: (payment: SingleTransfer, stranger: number) => SingleTransfer) =>
      ground.writer.sql.begin(async (tx) => {
        const stranger = await findLedgerAccount(tx, {
          companyId,
          currency: 'EUR',
          code: 'customer',
          accountId: ground.account('A-2'),
        });
        return postTransfer(tx, change(await paymentTo(tx, 'A-1'), stranger));
      });
    await expect(
      attempt((payment, stranger) => ({ ...payment, debitId: stranger })),
    ).rejects.toThrow('TRANSFER_ACCOUNT_FOREIGN');
    await expect(
      attempt((payment, stranger) => ({ ...payment, creditId: stranger })),
    ).rejects.toThrow('TRANSFER_ACCOUNT_FOREIGN');
    await expect(attempt((payment) => ({ ...payment, accountId: null }))).rejects.toThrow(
      'TRANSFER_ACCOUNT_FOREIGN',
    );
    await expect(attempt((payment) => ({ ...payment, currency: 'USD' }))).rejects.toThrow(
      'TRANSFER_ACCOUNT_FOREIGN',
    );
  });

  test('a ledger account is made once, also by ten at once and by a subscriber', async () => {
    const key = { companyId: ground.fleet.companyId, currency: 'EUR', code: 'suspense' } as const;
    const ids = await Promise.all(
      Array.from({ length: 10 }, () =>
        asViewer(ground.api.sql, ground.viewer('subscriber', 'A-1'), (tx) =>
          findLedgerAccount(tx, key),
        ),
      ),
    );
    expect(new Set(ids).size).toBe(1);
    const foreign = asViewer(ground.api.sql, ground.viewer('subscriber', 'A-1'), (tx) =>
      findLedgerAccount(tx, { ...key, code: 'debt', accountId: ground.account('A-2') }),
    );
    await expect(foreign).rejects.toThrow('row-level security');
  });

  test('posted after another of the same instant stands after it on every page', async () => {
    const accountId = ground.account('A-3');
    const postedAtMs = startMs + 1;
    // Falling ids, so that an order of ids is the wrong one.
    const ids = ['f', 'b', '7', '3'].map((first) => `${first}${randomUUID().slice(1)}`);
    for (const id of ids) {
      await ground.writer.sql.begin(async (tx) => {
        await postTransfer(tx, { ...(await paymentTo(tx, 'A-3')), id, postedAtMs });
      });
    }
    const read = async (inverted: boolean) => {
      const found: string[] = [];
      let last = inverted ? { atMs: startMs, key: 'x' } : null;
      for (const _ of ids) {
        const bounds = inverted ? { after: null, before: last } : { after: last, before: null };
        const page = { ...bounds, limit: 1, inverted };
        const [row] = await pageTransfers(ground.writer.sql, accountId, page);
        if (row === undefined) break;
        found.push(row.id);
        last = { atMs: row.postedAt.getTime(), key: row.key };
      }
      return found;
    };
    expect(await read(false)).toEqual(ids.toReversed());
    expect(await read(true)).toEqual(ids);
  });
});
