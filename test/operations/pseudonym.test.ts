import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adjustBalance } from '../../src/operations/adjustBalance.ts';
import { doctorChecks } from '../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../src/operations/doctor/runDoctor.ts';
import { eraseCustomer } from '../../src/operations/eraseCustomer.ts';
import type { EraseCustomerInput } from '../../src/operations/eraseCustomer.ts';
import { importStatement } from '../../src/operations/payments/importStatement.ts';
import { payOutAccount } from '../../src/operations/payOutAccount.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { takeDeposit } from '../../src/operations/takeDeposit.ts';
import { setAutoTopUp } from '../../src/operations/topUps/setAutoTopUp.ts';
import type { Fleet } from '../../src/domain/fleet.ts';
import type { Role } from '../../src/domain/access/viewer.ts';
import { dayMs } from '../../src/domain/time/civil.ts';
import { camt, entry02, iban } from '../wire/bank/bankFiles.ts';
import { makeChannel } from './payments/paymentGround.ts';
import { keepCheckpoints, makeSigner, sealUntil } from './seal/tamperWorld.ts';
import { openGround, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

const person = 'Wilhelmina Zauberhaft';
const card = 'cus_77/pm_77';

let ground: Ground;
let owner: postgres.Sql;
let fleet: Fleet;
beforeAll(async () => {
  const { customers, ...rest } = smallFleet();
  const [first, ...others] = customers;
  if (first === undefined) throw new Error('the fleet has a customer');
  fleet = { ...rest, customers: [{ ...first, name: person }, ...others] };
  ground = await openGround('pseudonym', fleet);
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

function deps() {
  return { sql: ground.api.sql, clock: ground.clock, wake: () => undefined };
}

function erase(change: Partial<EraseCustomerInput> = {}, role: Role = 'administrator') {
  return eraseCustomer(deps(), ground.viewer(role), {
    idempotencyKey: randomUUID(),
    accountId: ground.account('A-1'),
    reason: 'asked for in writing',
    ...change,
  });
}

/** Tables in which any row has the words. */
async function holders(words: string): Promise<readonly string[]> {
  const tables = await owner<{ name: string }[]>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await owner`select from ${owner(name)} t where t::text like ${`%${words}%`}`;
    if (rows.length > 0) found.push(name);
  }
  return found;
}

/** All that the books and the audit hold, as text. */
function books() {
  return owner`
    select t::text as line from transfer t union all select b::text from account_balance b
    union all select l::text from ledger_account l union all select c::text from charge c
    union all select r::text from payment_receipt r union all select p::text from payment_step p
    union all select a::text from audit_entry a where a.action <> 'customer.erase' order by line`;
}

async function findings(): Promise<readonly string[]> {
  const looked = { sql: ground.writer.sql, nowMs: ground.clock.nowMs(), onStep: () => {} };
  const checked = await runDoctor(looked, doctorChecks);
  return checked.flatMap((each) => each.findings.map(({ code, subject }) => `${code} ${subject}`));
}

const signer = makeSigner();
const checkpoints = keepCheckpoints();

/** At least what the audit has beyond what it had. */
async function sealSince(rowsBefore: number): Promise<number> {
  const [row] = await owner<{ rows: number }[]>`select count(*)::int4 as rows from audit_entry`;
  const rows = row?.rows ?? 0;
  const seal = { sql: ground.writer.sql, signer, checkpoints, clock: ground.clock };
  await sealUntil(seal, rows - rowsBefore);
  return rows;
}

describe('domain rule 89: a former customer is erased, and the books stay as they are', () => {
  test('not while an agreement runs or money is owed, and by an administrator alone', async () => {
    const { companyId } = ground.fleet;
    const bank = { companyId, kind: 'bank', settings: { account: iban } };
    await makeChannel(ground, { ...bank, name: 'house bank' });
    const channelId = await makeChannel(ground, { companyId, name: 'card', kind: 'stripe' });
    const operator = ground.viewer('operator');
    const of = () => ({ idempotencyKey: randomUUID(), accountId: ground.account('A-1') });
    const money = { amount: '20.00', currency: 'EUR', reason: 'as agreed' };
    const file = camt(
      entry02({ ref: 'E-1', amount: '12.34', text: `A-1 ${person}` }) +
        entry02({ ref: 'E-2', amount: '5.00', text: 'A-2 somebody else' }),
    );
    const order = { channelId, instrument: card, below: '1', amount: '5', dailyMax: '5' };
    const done = [
      await takeDeposit(deps(), operator, { ...of(), ...money }),
      await adjustBalance(deps(), operator, { ...of(), ...money, reasonCode: 'goodwill' }),
      await importStatement(deps(), operator, {
        channel: 'house bank',
        file: Buffer.from(file),
      }),
      await setAutoTopUp(deps(), operator, { ...of(), ...order }),
    ];
    expect(done).toMatchObject([{ ok: true }, { ok: true }, { ok: true }, { ok: true }]);
    expect(await erase({}, 'operator')).toMatchObject({ code: 'NOT_PERMITTED' });
    expect(await erase()).toMatchObject({ code: 'AGREEMENT_IN_FORCE' });
    const atMs = ground.clock.nowMs();
    await owner`update agreement set valid_to = ${new Date(atMs)}
                where account_id = ${ground.account('A-1')}`;
    ground.clock.push(4 * dayMs);
    await owner`
      insert into provider_call (id, company_id, channel_id, kind, account_id, breach, instrument,
                                 local_day, amount_micros, currency, asked_at, tries, next_try_at,
                                 detail)
      values (${randomUUID()}, ${companyId}, ${channelId}, 'charge', ${ground.account('A-1')}, 1,
              ${card}, 1, 1, 'EUR', now(), 1, now(), '')`;
    expect(await erase()).toMatchObject({ code: 'MONEY_UNDERWAY' });
    await owner`update provider_call set ended_at = now(), outcome = 'failed'`;
    expect(await erase()).toMatchObject({
      code: 'MONEY_OWED',
      message: expect.stringContaining('32.34 EUR, the deposit 20.00 EUR'),
    });
    const reason = `as ${person.toUpperCase()} asked`;
    expect(await erase({ reason })).toMatchObject({ code: 'REASON_NAMES_CUSTOMER' });
    expect(await erase({ reason: ' ' })).toMatchObject({ code: 'REASON_MISSING' });
    expect(await holders('Zauberhaft')).toEqual(['bank_entry', 'customer']);
    expect(await holders(card)).toEqual(['auto_top_up', 'provider_call']);
  });

  test('nothing names the person any more; books and sealed audit are as before', async () => {
    const accountId = ground.account('A-1');
    const out = { idempotencyKey: randomUUID(), accountId, from: 'bank', reason: 'gone' } as const;
    expect(await payOutAccount(deps(), ground.viewer('operator'), out)).toMatchObject({
      ok: true,
      value: { paidOutMicros: 52_340_000n },
    });
    const sealed = await sealSince(0);
    const before = await books();
    expect(before.length).toBeGreaterThan(10);
    const idempotencyKey = randomUUID();
    const [{ id } = { id: 0 }] = await owner<{ id: number }[]>`
      select id from customer where name = ${person}`;
    const value = { pseudonym: `former customer ${id}`, bankEntries: 1, isReplay: false };
    expect(await erase({ idempotencyKey })).toMatchObject({ ok: true, value });
    expect(await erase({ idempotencyKey })).toMatchObject({ value: { ...value, isReplay: true } });
    expect(await erase()).toMatchObject({ ok: true, value: { bankEntries: 0 } });
    expect(await holders('Zauberhaft')).toEqual([]);
    expect(await holders(card)).toEqual([]);
    expect(await holders('somebody else')).toEqual(['bank_entry']);
    expect(await books()).toEqual(before);
    await sealSince(sealed);
    expect(await findings()).toEqual([]);
    const [audited] = await owner`
      select actor, subject, before, after from audit_entry where action = 'customer.erase'
      order by at, after->>'bankEntries' desc limit 1`;
    expect(audited).toEqual({
      actor: 'administrator:one',
      subject: `customer/${id}`,
      before: null,
      after: { accountIds: [accountId], bankEntries: 1, reason: 'asked for in writing' },
    });
  });

  test('a declaration that still has the name does not bring it back', async () => {
    const deposed = { sql: ground.writer.sql, clock: ground.clock };
    expect(await registerFleet(deposed, fleet)).toMatchObject({ ok: false });
    expect(await holders('Zauberhaft')).toEqual([]);
  });

  test('of a bank’s entry the words may go and nothing else, for the owner neither', async () => {
    const refused = /APPEND_ONLY/;
    for (const change of [
      `remittance = 'other words'`,
      `remittance = '', amount_micros = 1`,
      `currency = 'USD'`,
    ]) {
      const changed = owner.unsafe(`update bank_entry set ${change} where entry_ref = 'E-2'`);
      await expect(changed).rejects.toThrow(refused);
    }
    await expect(owner`delete from bank_entry`).rejects.toThrow(refused);
  });
});
