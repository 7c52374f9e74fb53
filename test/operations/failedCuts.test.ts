import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MeterId } from '../../src/domain/ids.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import type { CommandLink } from '../../src/operations/sendCommand.ts';
import { endWorkOrder } from '../../src/operations/supply/protections.ts';
import { sweepSupplies } from '../../src/operations/sweepSupplies.ts';
import { openCommandField } from './commandField.ts';
import type { CommandField } from './commandField.ts';
import { openGround, openPolicy, publishForTest, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

/** The second meter takes a limit, too. */
function limiting() {
  const fleet = smallFleet();
  const meters = fleet.meters.map((one, index) =>
    index === 1 && one.contactor !== null
      ? { ...one, contactor: { ...one.contactor, limiterRegister: 0 } }
      : one,
  );
  return { ...fleet, meters };
}

let ground: Ground;
let field: CommandField;
beforeAll(async () => {
  ground = await openGround('failed_cuts', limiting());
  field = await openCommandField(ground.fleet.buses.get('head-end/bus 1') ?? 0);
  await ground.writer.sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(ground.clock.nowMs())}, 1000 from meter`;
});
afterAll(async () => {
  await field.close();
  await ground.close();
});

const wake = () => {};
const deps = () => ({ sql: ground.writer.sql, clock: ground.clock, link: field.link, wake });

function meter(index: number): MeterId {
  const id = ground.fleet.meters.get(`JB00000${index}`);
  if (id === undefined) throw new Error(`the fleet has no meter ${index}`);
  return id;
}

/** At its limit, by a reading of now; the command that is requested for it. */
async function review(number: string): Promise<string> {
  const { sql } = ground.writer;
  const { companyId } = ground.fleet;
  const accountIds = [ground.account(number)];
  const nowMs = ground.clock.nowMs();
  await sql`update account_balance set balance_micros = 0 where account_id = ${accountIds[0] ?? 0}`;
  await sql`update series_head set last_read_at = ${new Date(nowMs)}`;
  const done = await sql.begin((tx) => reviewSupply(tx, { companyId, accountIds, nowMs }));
  return done.requested[0] ?? '';
}

/** No try of it is ever seen to have done anything. */
async function failCut(number: string): Promise<void> {
  const cut = await review(number);
  const unseen: CommandLink = {
    ...field.link,
    verifySwitch: () => Promise.resolve({ ok: false, code: 'SILENT', message: 'No answer.' }),
  };
  for (let state: string | null = null; state !== 'failed';) {
    ({ state } = await sendCommand({ ...deps(), link: unseen }, cut));
    ground.clock.push(10_000);
  }
  ground.clock.push(120_000);
}

async function ordersOf(kind: string): Promise<readonly { id: string }[]> {
  return ground.writer.sql<{ id: string }[]>`
    select id from work_order where kind = ${kind} order by opened_at`;
}

test('a cut that fails again and again is one open work order, until it is ended', async () => {
  await failCut('A-1');
  await failCut('A-1');
  await failCut('A-1');
  const orders = await ordersOf('command_failed');
  expect(orders).toHaveLength(1);
  const api = { sql: ground.api.sql, clock: ground.clock, wake };
  const ended = await endWorkOrder(api, ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    workOrderId: orders[0]?.id ?? '',
    outcome: 'a loose wire',
  });
  expect(ended).toMatchObject({ ok: true });
  await failCut('A-1');
  expect(await ordersOf('command_failed')).toHaveLength(2);
});

test('a cut of unknown end, under a policy that limits by then, ends on and limited', async () => {
  await failCut('A-2');
  expect(field.world.isSupplyClosed(0, 2)).toBe(false);
  await publishForTest(ground.writer.sql, ground.fleet.companyId, {
    ...openPolicy,
    loadLimit: { powerW: 500, tripAfterMinutes: 5 },
  });
  await ground.writer.sql`update series_head set last_read_at = ${new Date(ground.clock.nowMs())}`;
  for (let sweeps = 0; sweeps < 3; sweeps += 1) {
    await sweepSupplies(deps());
    const open = await ground.writer.sql<{ id: string }[]>`
      select id from command where meter_id = ${meter(2)} and state = 'requested'`;
    for (const { id } of open) await sendCommand(deps(), id);
    ground.clock.push(1_000);
  }
  expect(field.world.isSupplyClosed(0, 2)).toBe(true);
  expect(field.world.limitW(0, 2)).toBe(500);
});

test('a cut that stands is a limit, too, once the policy limits', async () => {
  const { sql } = ground.writer;
  await sql`update supply set state = 'disconnected' where meter_id = ${meter(2)}`;
  await sweepSupplies(deps());
  const [command] = await sql`
    select kind, reason from command where meter_id = ${meter(2)} and state = 'requested'`;
  expect({ ...command }).toEqual({ kind: 'reconnect', reason: 'POLICY_LIMITS' });
});
