import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import { doctorChecks } from '../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../src/operations/doctor/runDoctor.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { openCommandField } from './commandField.ts';
import type { CommandField } from './commandField.ts';
import { openGround } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

const name = 'paralleldebits';
let ground: Ground;
let field: CommandField;
let owner: postgres.Sql;
beforeAll(async () => {
  ground = await openGround(name);
  field = await openCommandField(ground.fleet.buses.get('head-end/bus 1') ?? 0);
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  await owner`select 1`; // connected before there is something to kill
});
afterAll(async () => {
  await field.close();
  await owner.end();
  await ground.close();
});

/** The account with 1.00 and a reading of now. */
async function begin(number: string): Promise<number> {
  const accountId = ground.account(number);
  const api = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const payment = { idempotencyKey: randomUUID(), accountId, amount: '1.00', currency: 'EUR' };
  const paid = await topUp(api, ground.viewer('subscriber', number), payment);
  expect(paid).toMatchObject({ ok: true, value: { balanceMicros: 1_000_000n } });
  await ground.writer.sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(ground.clock.nowMs())}, 0 from meter
    on conflict do nothing`;
  return accountId;
}

/** One debit of 0.05 as rating posts it: under the lock, and the supply decided in it. */
async function debit(accountId: number, id: string): Promise<bigint> {
  const { companyId } = ground.fleet;
  const of = { companyId, currency: 'EUR' };
  const nowMs = ground.clock.nowMs();
  return ground.writer.sql.begin(async (tx) => {
    await lockAccounts(tx, { companyId, accountIds: [accountId] });
    const { balanceMicros } = await postTransfer(tx, {
      ...of,
      id,
      accountId,
      debitId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
      creditId: await findLedgerAccount(tx, { ...of, code: 'energy_revenue' }),
      amountMicros: 50_000n,
      code: 'energy',
      postedAtMs: nowMs,
    });
    await reviewSupply(tx, { companyId, accountIds: [accountId], nowMs });
    return balanceMicros ?? 0n;
  });
}

function isLoss(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    /^(?:CONNECTION_|57P|ECONNRESET|EPIPE)/.test(String(error.code))
  );
}

async function stands(accountId: number) {
  const [row] = await ground.writer.sql<{ balance: bigint; debits: number; commands: string }[]>`
    select balance_micros as balance,
           (select count(*)::int4 from transfer t
            where t.account_id = b.account_id and t.code = 'energy') as debits,
           (select string_agg(kind || ' ' || state, ', ') from command c
            where c.account_id = b.account_id) as commands
    from account_balance b where account_id = ${accountId}`;
  return row;
}

describe('domain rule 64: 50 parallel debits of 0.05 on 1.00', () => {
  test('leave exactly -1.50, and one cut that is sent and verified once', async () => {
    const accountId = await begin('A-1');
    const balances = await Promise.all(
      Array.from({ length: 50 }, () => debit(accountId, randomUUID())),
    );
    expect(balances.filter((balance) => balance >= 0n)).toHaveLength(20);
    const cut = { balance: -1_500_000n, debits: 50 };
    expect(await stands(accountId)).toEqual({ ...cut, commands: 'disconnect requested' });
    const [command] = await ground.writer.sql<{ id: string }[]>`
      select id from command where account_id = ${accountId}`;
    const deps = { sql: ground.writer.sql, clock: ground.clock, wake: () => {}, link: field.link };
    const sent = await Promise.all([1, 2, 3].map(() => sendCommand(deps, command?.id ?? '')));
    expect(sent.map(({ state }) => state)).toContain('verified');
    const steps = await ground.writer.sql<{ state: string }[]>`
      select state from command_step where command_id = ${command?.id ?? ''}::uuid
      order by ordinal`;
    expect(steps.map(({ state }) => state)).toEqual([
      'requested',
      'sent',
      'acknowledged',
      'verified',
    ]);
    expect(await stands(accountId)).toEqual({ ...cut, commands: 'disconnect verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(false);
  });

  test('with connections killed under them and each repeated: the same, and one cut', async () => {
    const accountId = await begin('A-2');
    // In their work: postgres.js does not outlive the end of a connection that only begins.
    let isDone = false;
    let kills = 0;
    const killing = (async () => {
      while (!isDone) {
        const killed = await owner`
          select pg_terminate_backend(pid) from pg_stat_activity
          where application_name like ${`%${name}%`} and datname = current_database()
            and state <> 'idle' and query like '%account_balance%' order by random() limit 2`;
        kills += killed.count;
      }
    })();
    let repeats = 0;
    const surely = async (id: string): Promise<void> => {
      // The killer would never let the last ones through.
      for (let attempt = 1; ; attempt += 1) {
        try {
          await debit(accountId, id);
          return;
        } catch (error) {
          if (!isLoss(error)) throw error;
          repeats += 1;
          if (attempt === 3) isDone = true;
        }
      }
    };
    await Promise.all(Array.from({ length: 50 }, () => surely(randomUUID())));
    isDone = true;
    await killing;
    expect(kills).toBeGreaterThan(0);
    expect(repeats).toBeGreaterThan(0);
    const left = { balance: -1_500_000n, debits: 50, commands: 'disconnect requested' };
    expect(await stands(accountId)).toEqual(left);
  });

  test('and the doctor finds nothing wrong', async () => {
    const deps = { sql: ground.writer.sql, nowMs: ground.clock.nowMs(), onStep: () => {} };
    const checked = await runDoctor(deps, doctorChecks);
    expect(checked.flatMap(({ findings }) => findings)).toEqual([]);
  });
});
