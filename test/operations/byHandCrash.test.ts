import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import { adjustBalance } from '../../src/operations/adjustBalance.ts';
import { Fuse, SimulatedCrash, brittleSql } from '../simulate/faults.ts';
import { postCredit } from './money.ts';
import { openGround, startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
let owner: postgres.Sql;
beforeAll(async () => {
  ground = await openGround('by_hand_crash');
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

async function cut(pid: number): Promise<void> {
  await owner`select pg_terminate_backend(${pid})`;
}

test.each([false, true])(
  'domain rule 77: whatever await a crash comes at, the same key again moves it once (cut: %s)',
  async (cutsConnection) => {
    const accountId = ground.account('A-1');
    const read = async () => {
      const [row] = await owner<{ balance: string; audits: number; transfers: number }[]>`
        select (select balance_micros::text from account_balance
                where account_id = ${accountId}) as balance,
               (select count(*)::int4 from audit_entry where action = 'account.adjust') as audits,
               (select count(*)::int4 from transfer where account_id = ${accountId}) as transfers`;
      return row ?? { balance: '', audits: 0, transfers: 0 };
    };
    let crashes = 0;
    for (let atAwait = 1; ; atAwait += 1) {
      const before = await read();
      const idempotencyKey = randomUUID();
      const once = (fuse: Fuse) =>
        adjustBalance(
          { sql: brittleSql(ground.api.sql, fuse, cut), clock: ground.clock, wake: () => {} },
          ground.viewer('operator'),
          {
            idempotencyKey,
            accountId,
            amount: '1.00',
            currency: 'EUR',
            reasonCode: 'goodwill',
            reason: 'test',
          },
        );
      const fuse = new Fuse({ atAwait, isBeforeCommit: false, cutsConnection });
      const first = await once(fuse).then(
        () => 'done',
        (error: unknown) => error,
      );
      const calm = new Fuse({ atAwait: Infinity, isBeforeCommit: false, cutsConnection: false });
      expect(await once(calm)).toMatchObject({ ok: true, value: { state: 'posted' } });
      expect(await read()).toEqual({
        balance: String(BigInt(before.balance) + 1_000_000n),
        audits: before.audits + 1,
        transfers: before.transfers + 1,
      });
      if (first === 'done') break;
      crashes += 1;
      expect(first instanceof SimulatedCrash || cutsConnection).toBe(true);
    }
    expect(crashes).toBeGreaterThan(8);
  },
);

test('domain rule 64: 50 parallel charges of 0.05 on 1.00 leave exactly -1.50', async () => {
  await postCredit(ground, 'A-2', 1_000_000n);
  const { companyId } = ground.fleet;
  const accountId = ground.account('A-2');
  const of = { companyId, currency: 'EUR' };
  const { sql } = ground.writer;
  const debitId = await findLedgerAccount(sql, { ...of, code: 'customer', accountId });
  const creditId = await findLedgerAccount(sql, { ...of, code: 'energy_revenue' });
  const balances = await Promise.all(
    Array.from({ length: 50 }, () =>
      sql.begin(async (tx) => {
        await lockAccounts(tx, { companyId, accountIds: [accountId] });
        const charge = { ...of, id: randomUUID(), accountId, debitId, creditId } as const;
        const amountMicros = 50_000n;
        const row = { ...charge, amountMicros, code: 'energy', postedAtMs: startMs } as const;
        return (await postTransfer(tx, row)).balanceMicros ?? 0n;
      }),
    ),
  );
  // Each saw a balance of its own on the way down, and nobody saw one twice.
  expect(new Set(balances).size).toBe(50);
  expect(balances.filter((balance) => balance >= 0n)).toHaveLength(20);
  const [head] = await lockAccounts(sql, { companyId, accountIds: [accountId] });
  expect(head?.balanceMicros).toBe(-1_500_000n);
});
