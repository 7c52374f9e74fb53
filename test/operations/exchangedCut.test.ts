import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchangeMeter } from '../../src/operations/exchangeMeter.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import type { CommandLink } from '../../src/operations/sendCommand.ts';
import { watchSupplies } from '../../src/operations/supply/watchSupply.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { openGround, startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('exchanged_cut');
});
afterAll(() => ground.close());

const wake = () => {};

/** A contactor that does as it is told, and nobody hears of it. */
const unheard: CommandLink = {
  writeSwitch: () => Promise.resolve({ ok: true, value: { acknowledgedAtMs: startMs } }),
  verifySwitch: () => Promise.resolve({ ok: false, code: 'SILENT', message: 'No answer.' }),
  writeLimit: () => Promise.reject(new Error('nothing is limited here')),
  verifyLimit: () => Promise.reject(new Error('nothing is limited here')),
};

async function exchange(serial: string): Promise<number> {
  const [old] = await ground.writer.sql<{ id: number }[]>`
    select id from meter where serial = ${serial}`;
  const meterId = old?.id ?? 0;
  const api = { sql: ground.api.sql, clock: ground.clock, wake };
  const meter = { mapName: null, powerMaxW: null, registerModulusWh: null, factor: null };
  const exchanged = await exchangeMeter(api, ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    meterId,
    atMs: ground.clock.nowMs(),
    finalValues: [],
    startValues: [],
    meter: { ...meter, serial: `${serial} new` },
    reason: 'verification period is over',
  });
  if (!exchanged.ok) throw new Error(exchanged.message);
  return exchanged.value.newMeterId;
}

const heard: CommandLink = {
  ...unheard,
  verifySwitch: () => Promise.resolve({ ok: true, value: { verifiedAtMs: startMs, powerW: 0n } }),
};

async function pay(number: string, amount: string): Promise<void> {
  const api = { sql: ground.api.sql, clock: ground.clock, wake };
  const paid = await topUp(api, ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    accountId: ground.account(number),
    amount,
    currency: 'EUR',
  });
  expect(paid).toMatchObject({ ok: true });
}

test('a cut of unknown end is taken back by the meter that has come in its place', async () => {
  const { sql } = ground.writer;
  const { companyId } = ground.fleet;
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(startMs)}, 1000 from meter`;
  const query = { companyId, accountIds: [ground.account('A-1')], nowMs: startMs };
  const { requested } = await sql.begin((tx) => reviewSupply(tx, query));
  const [cut = ''] = requested;
  const deps = { sql, clock: ground.clock, wake, link: unheard };
  expect(await sendCommand(deps, cut)).toMatchObject({ state: 'queued' });
  await exchange('JB000001');
  await pay('A-1', '20.00');
  ground.clock.push(120_000);
  expect(await sendCommand(deps, cut)).toMatchObject({ state: 'cancelled' });
  const open = await sql`
    select m.serial, c.kind, c.reason from command c join meter m on m.id = c.meter_id
    where c.state = 'requested'`;
  expect(open.map((row) => ({ ...row }))).toEqual([
    { serial: 'JB000001 new', kind: 'reconnect', reason: 'SUPPLY_UNCERTAIN' },
  ]);
});

test('energy behind a cut is told of the meter that has come in its place', async () => {
  const { sql } = ground.writer;
  const { companyId } = ground.fleet;
  const accountIds = [ground.account('A-2')];
  await sql`update series_head set last_read_at = ${new Date(ground.clock.nowMs())}`;
  const query = { companyId, accountIds, nowMs: ground.clock.nowMs() };
  const { requested } = await sql.begin((tx) => reviewSupply(tx, query));
  const [cut = ''] = requested;
  const deps = { sql, clock: ground.clock, wake };
  expect(await sendCommand({ ...deps, link: heard }, cut)).toMatchObject({ state: 'verified' });
  const read = async (meterId: number, registerWh: number) => {
    ground.clock.push(60_000);
    const at = new Date(ground.clock.nowMs());
    await sql`
      insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
      values (${meterId}, 1, ${companyId}, ''::bytea, ${at}, ${registerWh})
      on conflict (meter_id, channel) do update
      set last_read_at = excluded.last_read_at, last_value_wh = excluded.last_value_wh`;
    return watchSupplies(deps);
  };
  expect(await read(ground.fleet.meters.get('JB000002') ?? 0, 1_000)).toEqual({ told: 0 });
  const freshId = await exchange('JB000002');
  // The new register begins elsewhere: what it shows first is where the cut goes on.
  expect(await read(freshId, 5_000)).toEqual({ told: 0 });
  expect(await read(freshId, 5_299)).toEqual({ told: 0 });
  expect(await read(freshId, 5_300)).toEqual({ told: 1 });
  const orders = await sql`
    select m.serial, o.kind from work_order o join meter m on m.id = o.meter_id
    where o.kind = 'bypass'`;
  expect(orders.map((row) => ({ ...row }))).toEqual([{ serial: 'JB000002 new', kind: 'bypass' }]);
});

test('an exchange that holds the place of a watch makes it wait, and neither fails', async () => {
  const { sql } = ground.writer;
  const owner = postgres(ground.url, { max: 2, onnotice: () => {} });
  // As if nobody had been told of it yet.
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from work_order`;
  });
  await sql`update supply_watch set told_at = null`;
  const [watched] = await sql<{ id: number }[]>`select meter_id as id from supply_watch`;
  const meterId = watched?.id ?? 0;
  const waiting = async () => {
    const { count } = await owner`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return count;
  };
  // As an exchange does it: the address on the bus, which is a key, goes first, the watch last.
  const exchanged = await owner.begin(async (tx) => {
    await tx`select from meter where id = ${meterId} for update`;
    const told = watchSupplies({ sql, clock: ground.clock, wake });
    await expect.poll(waiting).toBe(1);
    await tx`update supply_watch set register_wh = null where meter_id = ${meterId}`;
    return { told };
  });
  expect(await exchanged.told).toEqual({ told: 1 });
  await owner.end();
});

test('a cut whose meter is exchanged before it is verified is taken back, too', async () => {
  const { sql } = ground.writer;
  const { companyId } = ground.fleet;
  const accountId = ground.account('A-1');
  const at = new Date(ground.clock.nowMs());
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${at}, 1000 from meter where serial = 'JB000001 new'`;
  const deps = { sql, clock: ground.clock, wake };
  const open = await sql<{ id: string; serial: string }[]>`
    select c.id, m.serial from command c join meter m on m.id = c.meter_id
    where c.state = 'requested'`;
  for (const { id } of open) await sendCommand({ ...deps, link: heard }, id);
  await sql`update account_balance set balance_micros = 0 where account_id = ${accountId}`;
  const query = { companyId, accountIds: [accountId], nowMs: ground.clock.nowMs() };
  const { requested } = await sql.begin((tx) => reviewSupply(tx, query));
  const [cut = ''] = requested;
  const meanwhile: CommandLink = {
    ...heard,
    verifySwitch: async (target, on) => {
      await exchange('JB000001 new');
      return heard.verifySwitch(target, on);
    },
  };
  const sent = await sendCommand({ ...deps, link: meanwhile }, cut);
  expect(sent).toMatchObject({ state: 'queued' });
  ground.clock.push(120_000);
  expect(await sendCommand({ ...deps, link: heard }, cut)).toMatchObject({ state: 'failed' });
  await pay('A-1', '20.00');
  const review = { companyId, accountIds: [accountId], nowMs: ground.clock.nowMs() };
  await sql.begin((tx) => reviewSupply(tx, review));
  const after = await sql`
    select m.serial, c.kind, c.reason from command c join meter m on m.id = c.meter_id
    where c.state = 'requested'`;
  expect(after.map((row) => ({ ...row }))).toEqual([
    { serial: 'JB000001 new new', kind: 'reconnect', reason: 'SUPPLY_UNCERTAIN' },
  ]);
});
