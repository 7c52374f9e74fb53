import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { doctorChecks } from '../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../src/operations/doctor/runDoctor.ts';
import { adjustBalance } from '../../src/operations/adjustBalance.ts';
import { takeDeposit } from '../../src/operations/takeDeposit.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { makeChannel } from './payments/paymentGround.ts';
import { openGround, smallFleet } from './smallFleet.ts';

const person = 'Wilhelmina Zauberhaft';

test('domain rule 89: the ledger knows no names and stays as it is under a pseudonym', async () => {
  const fleet = smallFleet();
  const [first, ...others] = fleet.customers;
  if (first === undefined) throw new Error('the fleet has a customer');
  const ground = await openGround('pseudonym', {
    ...fleet,
    customers: [{ ...first, name: person }, ...others],
  });
  const { companyId } = ground.fleet;
  const { sql } = ground.writer;
  if ((await sql`select from payment_channel where kind = 'counter'`).length === 0) {
    await makeChannel(ground, { companyId, name: 'counter', kind: 'counter' });
  }
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => undefined };
  const operator = ground.viewer('operator');
  const of = () => ({ idempotencyKey: randomUUID(), accountId: ground.account('A-1') });
  const money = { amount: '20.00', currency: 'EUR', reason: 'as agreed' };
  const done = [
    await topUp(deps, operator, { ...of(), ...money }),
    await takeDeposit(deps, operator, { ...of(), ...money }),
    await adjustBalance(deps, operator, { ...of(), ...money, reasonCode: 'goodwill' }),
  ];
  expect(done).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);

  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  const holders = async (): Promise<readonly string[]> => {
    const tables = await owner<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
    const found: string[] = [];
    for (const { name } of tables) {
      const rows = await owner`
        select from ${owner(name)} t where t::text like ${`%${person.split(' ')[0]}%`}`;
      if (rows.length > 0) found.push(name);
    }
    return found;
  };
  const ledger = () => owner`
    select t::text as line from transfer t union all select b::text from account_balance b
    union all select l::text from ledger_account l order by line`;
  const before = await ledger();
  expect(before.length).toBeGreaterThan(3);
  expect(await holders()).toEqual(['customer']);
  await owner`update customer set name = 'former customer 1' where name = ${person}`;
  expect(await holders()).toEqual([]);
  expect(await ledger()).toEqual(before);
  const looked = { sql, nowMs: ground.clock.nowMs(), onStep: () => {} };
  const checked = await runDoctor(looked, doctorChecks);
  expect(checked.flatMap(({ findings }) => findings.map(({ code }) => code))).toEqual([]);
  await owner.end();
  await ground.close();
});
