import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import type { MeterId } from '../../src/domain/ids.ts';
import { requestCommand } from '../../src/operations/requestCommand.ts';
import type { RequestCommandInput } from '../../src/operations/requestCommand.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import type { CommandLink } from '../../src/operations/sendCommand.ts';
import { sweepCommands } from '../../src/operations/sweepCommands.ts';
import { sweepSupplies } from '../../src/operations/sweepSupplies.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { openCommandField } from './commandField.ts';
import type { CommandField } from './commandField.ts';
import { openGround } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
let field: CommandField;
beforeAll(async () => {
  ground = await openGround('commands');
  field = await openCommandField(ground.fleet.buses.get('head-end/bus 1') ?? 0);
});
afterAll(async () => {
  await field.close();
  await ground.close();
});

function meter(index: number): MeterId {
  const id = ground.fleet.meters.get(`JB00000${index}`);
  if (id === undefined) throw new Error(`the fleet has no meter ${index}`);
  return id;
}

const wake = (bell: Ground['bells'][number]) => ground.bells.push(bell);

function deps(link: CommandLink = field.link) {
  return { sql: ground.writer.sql, clock: ground.clock, link, wake };
}

function request(viewer: Viewer, input: Partial<RequestCommandInput>) {
  const api = { sql: ground.api.sql, clock: ground.clock, wake };
  return requestCommand(api, viewer, {
    idempotencyKey: randomUUID(),
    meterId: meter(1),
    kind: 'disconnect',
    reason: 'moving out',
    ...input,
  });
}

function pay(amount: string) {
  const api = { sql: ground.api.sql, clock: ground.clock, wake };
  const viewer = ground.viewer('subscriber', 'A-1');
  const accountId = ground.account('A-1');
  return topUp(api, viewer, { idempotencyKey: randomUUID(), accountId, amount, currency: 'EUR' });
}

/** As rating leaves an account after its readings: a balance, and a reading of now. */
async function settle(balance: string, readAgoMs = 1_000): Promise<void> {
  const { sql } = ground.writer;
  await sql`
    update account_balance set balance_micros = ${balance}::int8
    where account_id = ${ground.account('A-1')}`;
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    values (${meter(1)}, 1, ${ground.fleet.companyId}, ''::bytea,
            ${new Date(ground.clock.nowMs() - readAgoMs)}, 0)
    on conflict (meter_id, channel) do update set last_read_at = excluded.last_read_at`;
}

function review() {
  const { companyId } = ground.fleet;
  const accountIds = [ground.account('A-1')];
  return ground.writer.sql.begin((tx) =>
    reviewSupply(tx, { companyId, accountIds, nowMs: ground.clock.nowMs() }),
  );
}

async function stepsOf(commandId: string): Promise<readonly string[]> {
  const rows = await ground.writer.sql<{ state: string }[]>`
    select state from command_step where command_id = ${commandId}::uuid order by ordinal`;
  return rows.map((row) => row.state);
}

async function eventsOf(commandId: string): Promise<readonly string[]> {
  const rows = await ground.writer.sql<{ state: string }[]>`
    select detail->>'state' as state from event
    where kind = 'command' and detail->>'commandId' = ${commandId}
    order by sequence`;
  return rows.map((row) => row.state);
}

async function supplyOf(meterId: number) {
  const [row] = await ground.writer.sql<{ state: string; cause: string }[]>`
    select state, cause from supply where meter_id = ${meterId}`;
  return row === undefined ? null : { ...row };
}

/** Every command ends, so that the next test begins without one. */
beforeEach(async () => {
  const { sql } = ground.writer;
  await sql`update command set state = 'cancelled', attempts = 0
            where state in ('requested', 'queued', 'sent', 'acknowledged')`;
  await sql`update command set attempts = 0 where state <> 'verified'`;
  await sql`update supply set state = 'connected', cause = 'automatic'`;
  ground.clock.push(120_000);
  ground.bells.length = 0;
  field.world.setPowerW(0, 1, 0);
  field.world.setFault(0, 101, null);
  field.clock.push(120_000); // past the breaker of a unit that a test silenced
});

describe('an automatic cut (003.7)', () => {
  test('is requested once however many debits find the balance at its limit', async () => {
    await settle('-1');
    const reviews = await Promise.all(Array.from({ length: 10 }, review));
    expect(reviews.flatMap(({ requested }) => requested)).toHaveLength(1);
    ground.clock.push(1_000);
    expect(await review()).toEqual({ commandsRequested: false, requested: [], cancelled: [] });
  });

  test('goes to the contactor, is proven by coil and power, and a top-up undoes it', async () => {
    field.world.setPowerW(0, 1, 2_300);
    await settle('0');
    const [cut = ''] = (await review()).requested;
    const { due } = await sweepCommands(deps());
    expect(due.map(({ commandId }) => commandId)).toEqual([cut]);
    expect(await sendCommand(deps(), cut)).toEqual({ state: 'verified', retryAtMs: null });
    expect(field.world.isSupplyClosed(0, 1)).toBe(false);
    expect(await stepsOf(cut)).toEqual(['requested', 'sent', 'acknowledged', 'verified']);
    expect(await eventsOf(cut)).toEqual(['requested', 'sent', 'acknowledged', 'verified']);
    expect(await supplyOf(meter(1))).toEqual({ state: 'disconnected', cause: 'automatic' });

    ground.bells.length = 0;
    expect(await pay('4.99')).toMatchObject({ ok: true });
    expect(ground.bells).not.toContainEqual({ kind: 'commands' });
    expect(await pay('0.01')).toMatchObject({ ok: true, value: { balanceMicros: 5_000_000n } });
    expect(ground.bells).toContainEqual({ kind: 'commands' });
    const [back] = (await sweepCommands(deps())).due;
    expect(await sendCommand(deps(), back?.commandId ?? '')).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
    expect(await supplyOf(meter(1))).toEqual({ state: 'connected', cause: 'automatic' });
  });

  test('that is not sent yet is called back by a top-up', async () => {
    await settle('0');
    const [cut = ''] = (await review()).requested;
    expect(await pay('1')).toMatchObject({ ok: true });
    expect(await stepsOf(cut)).toEqual(['requested', 'cancelled']);
    expect(await sendCommand(deps(), cut)).toEqual({ state: 'cancelled', retryAtMs: null });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
  });

  test('is decided again at the moment of sending', async () => {
    await settle('0');
    const [cut = ''] = (await review()).requested;
    await settle('1'); // a correction that nobody reviewed
    expect(await sendCommand(deps(), cut)).toEqual({ state: 'cancelled', retryAtMs: null });
    await settle('0');
    const [second = ''] = (await review()).requested;
    await settle('0', 3_600_000); // the meter has been silent since
    expect(await sendCommand(deps(), second)).toEqual({ state: 'cancelled', retryAtMs: null });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
  });

  test('is not requested on data that is old', async () => {
    await settle('-1', 1_800_001);
    expect((await review()).requested).toEqual([]);
    await settle('-1', 1_800_000);
    expect((await review()).requested).toHaveLength(1);
  });

  test('that comes too late expires unsent', async () => {
    await settle('0');
    const [cut = ''] = (await review()).requested;
    ground.clock.push(900_001);
    await settle('1');
    expect((await sweepCommands(deps())).expired).toEqual([cut]);
    expect(await stepsOf(cut)).toEqual(['requested', 'expired']);
  });

  test('whose meter still draws power fails after three tries and is taken back', async () => {
    // Welded contacts: the coil obeys, the power goes on.
    const stuck: CommandLink = {
      ...field.link,
      verifySwitch: () =>
        Promise.resolve({ ok: false, code: 'POWER_STILL_FLOWS', message: 'It still flows.' }),
    };
    await settle('0');
    const [cut = ''] = (await review()).requested;
    const states: (string | null)[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const sent = await sendCommand(deps(stuck), cut);
      states.push(sent.state);
      ground.clock.push(Math.max(0, (sent.retryAtMs ?? 0) - ground.clock.nowMs()));
    }
    expect(states).toEqual(['queued', 'queued', 'failed']);
    const [row] = await ground.writer.sql`
      select failure_code, attempts from command where id = ${cut}::uuid`;
    expect(row).toEqual({ failure_code: 'POWER_STILL_FLOWS', attempts: 3 });
    expect(await supplyOf(meter(1))).toEqual({ state: 'connected', cause: 'automatic' });
    // Nobody knows how the contactor stands: any money above the limit closes it.
    expect(field.world.isSupplyClosed(0, 1)).toBe(false);
    expect(await pay('0.01')).toMatchObject({ ok: true });
    const [back] = (await sweepCommands(deps())).due;
    expect(await sendCommand(deps(), back?.commandId ?? '')).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
  });
});

describe('a reconnection that failed', () => {
  test('is tried again by the sweep after its cool-down, until the supply is back', async () => {
    await settle('0');
    const [cut = ''] = (await review()).requested;
    expect(await sendCommand(deps(), cut)).toMatchObject({ state: 'verified' });
    expect(await pay('5')).toMatchObject({ ok: true });
    field.world.setFault(0, 101, { kind: 'silent' });
    const [first] = (await sweepCommands(deps())).due;
    const firstId = first?.commandId ?? '';
    for (let state: string | null = null; state !== 'failed';) {
      ({ state } = await sendCommand(deps(), firstId));
      ground.clock.push(10_000);
    }
    expect(await sweepSupplies(deps())).toEqual({ requested: [] });
    ground.clock.push(60_000);
    const { requested } = await sweepSupplies(deps());
    expect(requested).toHaveLength(1);
    expect(await sweepSupplies(deps())).toEqual({ requested: [] });
    field.world.setFault(0, 101, null);
    field.clock.push(60_000); // past the breaker of the silent unit
    expect(await sendCommand(deps(), requested[0] ?? '')).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
  });

  test('is tried again too when it was to take back a cut of unknown end', async () => {
    const crash = () => Promise.reject(new Error('killed'));
    await settle('0');
    const [cut = ''] = (await review()).requested;
    const dying = deps({ ...field.link, verifySwitch: crash });
    await expect(sendCommand(dying, cut)).rejects.toThrow('killed');
    expect(field.world.isSupplyClosed(0, 1)).toBe(false);
    expect(await pay('5')).toMatchObject({ ok: true });
    ground.clock.push(45_000);
    expect(await sendCommand(deps(), cut)).toMatchObject({ state: 'cancelled' });
    field.world.setFault(0, 101, { kind: 'silent' });
    const [back] = (await sweepCommands(deps())).due;
    for (let state: string | null = null; state !== 'failed';) {
      ({ state } = await sendCommand(deps(), back?.commandId ?? ''));
      ground.clock.push(10_000);
    }
    field.world.setFault(0, 101, null);
    field.clock.push(60_000); // past the breaker of the silent unit
    ground.clock.push(60_000);
    const { requested } = await sweepSupplies(deps());
    expect(requested).toHaveLength(1);
    expect(await sendCommand(deps(), requested[0] ?? '')).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
    ground.clock.push(60_000);
    expect(await sweepSupplies(deps())).toEqual({ requested: [] });
  });
});

describe('a crash', () => {
  const crash = () => Promise.reject(new Error('killed'));

  test.each<[string, Partial<CommandLink>]>([
    ['before the coil is written', { writeSwitch: crash }],
    ['before the coil is read back', { verifySwitch: crash }],
  ])('%s leaves a command that the sweep finishes', async (_, broken) => {
    await settle('0');
    const [cut = ''] = (await review()).requested;
    await expect(sendCommand(deps({ ...field.link, ...broken }), cut)).rejects.toThrow('killed');
    expect((await sweepCommands(deps())).due).toEqual([]);
    expect(await sendCommand(deps(), cut)).toMatchObject({ retryAtMs: expect.any(Number) });
    ground.clock.push(45_000);
    expect((await sweepCommands(deps())).due).toHaveLength(1);
    expect(await sendCommand(deps(), cut)).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(false);
  });

  test('within a try that a payment overtakes ends with the supply on', async () => {
    await settle('0');
    const [cut = ''] = (await review()).requested;
    const dying = deps({ ...field.link, verifySwitch: crash });
    await expect(sendCommand(dying, cut)).rejects.toThrow('killed');
    expect(field.world.isSupplyClosed(0, 1)).toBe(false);
    expect(await pay('1')).toMatchObject({ ok: true }); // too late to call it back
    ground.clock.push(45_000);
    expect(await sendCommand(deps(), cut)).toMatchObject({ state: 'cancelled' });
    const [back] = (await sweepCommands(deps())).due;
    expect(await sendCommand(deps(), back?.commandId ?? '')).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
  });
});

describe('a command by staff', () => {
  test('cuts and reconnects, and a payment does not undo the cut', async () => {
    await settle('9000000');
    const operator = ground.viewer('operator');
    const key = randomUUID();
    const cut = await request(operator, { idempotencyKey: key });
    expect(cut).toMatchObject({ ok: true, value: { isReplay: false } });
    const commandId = cut.ok ? cut.value.commandId : '';
    const again = await request(operator, { idempotencyKey: key });
    expect(again).toMatchObject({ ok: true, value: { isReplay: true, commandId } });
    expect(await request(operator, {})).toMatchObject({ ok: false, code: 'COMMAND_OPEN' });
    expect(await sendCommand(deps(), commandId)).toMatchObject({ state: 'verified' });
    expect(await supplyOf(meter(1))).toEqual({ state: 'disconnected', cause: 'manual' });
    expect(await request(operator, {})).toMatchObject({ ok: false, code: 'SUPPLY_ALREADY_SO' });
    expect(await pay('20')).toMatchObject({ ok: true });
    expect((await sweepCommands(deps())).due).toEqual([]);
    const back = await request(operator, { kind: 'reconnect' });
    const sent = await sendCommand(deps(), back.ok ? back.value.commandId : '');
    expect(sent).toMatchObject({ state: 'verified' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
    const audits = await ground.writer.sql`
      select action, after->>'kind' as kind from audit_entry
      where action = 'command.request' order by at, kind`;
    expect(audits.map((row) => row['kind'])).toEqual(['disconnect', 'reconnect']);
  });

  test.each<[string, string, () => ReturnType<typeof request>]>([
    ['by a subscriber', 'NOT_PERMITTED', () => request(ground.viewer('subscriber', 'A-1'), {})],
    [
      'by a subscriber, of a foreign meter',
      'NOT_PERMITTED',
      () => request(ground.viewer('subscriber', 'A-1'), { meterId: meter(2) }),
    ],
    [
      'by another company',
      'METER_NOT_FOUND',
      async () => {
        const [row] = await ground.writer.sql<{ id: Viewer['companyId'] }[]>`
          insert into company (name) values ('South Grid') returning id`;
        const stranger = { ...ground.viewer('operator'), companyId: row.id };
        return request(stranger, {});
      },
    ],
    [
      'of a meter without a contactor',
      'NO_CONTACTOR',
      () => request(ground.viewer('operator'), { meterId: meter(3) }),
    ],
    [
      'to connect what is connected',
      'SUPPLY_ALREADY_SO',
      () => request(ground.viewer('operator'), { kind: 'reconnect' }),
    ],
    [
      'with a blank reason',
      'REASON_MISSING',
      () => request(ground.viewer('operator'), { reason: ' \n' }),
    ],
    [
      'with a reason of a page',
      'REASON_TOO_LONG',
      () => request(ground.viewer('operator'), { reason: 'x'.repeat(401) }),
    ],
  ])('%s is refused in words and leaves nothing', async (_, code, attempt) => {
    const count = async () => (await ground.writer.sql`select from command`).count;
    const before = await count();
    const refused = await attempt();
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? '' : refused.message).toMatch(/^[A-Z].{20,}\.$/);
    expect(await count()).toBe(before);
  });

  test('to connect a prepaid supply at its limit is refused', async () => {
    await settle('0');
    await ground.writer.sql`update supply set state = 'disconnected' where meter_id = ${meter(1)}`;
    const refused = await request(ground.viewer('operator'), { kind: 'reconnect' });
    expect(refused).toMatchObject({ ok: false, code: 'BALANCE_AT_LIMIT' });
  });

  test('to a silent contactor is tried again, with the code of the device', async () => {
    await settle('9000000');
    field.world.setFault(0, 101, { kind: 'silent' });
    const cut = await request(ground.viewer('operator'), {});
    const commandId = cut.ok ? cut.value.commandId : '';
    const first = await sendCommand(deps(), commandId);
    expect(first).toEqual({ state: 'queued', retryAtMs: ground.clock.nowMs() + 2_000 });
    expect(await sendCommand(deps(), commandId)).toEqual(first);
    const [row] = await ground.writer.sql`
      select failure_code, attempts from command where id = ${commandId}::uuid`;
    expect(row).toEqual({ failure_code: 'DEVICE_TIMEOUT', attempts: 1 });
  });
});
