import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchangeMeter } from '../../src/operations/exchangeMeter.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import type { CommandLink } from '../../src/operations/sendCommand.ts';
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

async function exchange(serial: string): Promise<void> {
  const meterId = ground.fleet.meters.get(serial) ?? 0;
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
  expect(exchanged).toMatchObject({ ok: true });
}

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
