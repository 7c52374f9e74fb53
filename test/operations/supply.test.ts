import { createHash, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import type { MeterId } from '../../src/domain/ids.ts';
import { putUnderPolicy } from '../../src/operations/prepaid/publishPolicy.ts';
import { requestCommand } from '../../src/operations/requestCommand.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import { approveBreaker, approveDisconnect } from '../../src/operations/supply/approve.ts';
import { canonicalJson } from '../../src/operations/supply/certificate.ts';
import { explainSupply, whoWouldBeCut } from '../../src/operations/supply/forecast.ts';
import { addProtection, endProtection } from '../../src/operations/supply/protections.ts';
import { watchSupplies } from '../../src/operations/supply/watchSupply.ts';
import { sweepSupplies } from '../../src/operations/sweepSupplies.ts';
import { openCommandField } from './commandField.ts';
import type { CommandField } from './commandField.ts';
import { openGround, openPolicy, publishForTest, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

/** Meters of the simulated world are three; the billing mistake of the breaker needs a thousand. */
const accountCount = 1_000;

function crowd() {
  const fleet = smallFleet();
  const [agreement] = fleet.agreements;
  const [meter] = fleet.meters;
  if (agreement === undefined || meter === undefined) throw new Error('the small fleet has both');
  const names = Array.from({ length: accountCount }, (_, index) => `crowd ${index}`);
  return {
    ...fleet,
    servicePoints: [
      ...fleet.servicePoints,
      ...names.map((name) => ({ name, timeZone: 'Europe/Berlin', region: 'valley' })),
    ],
    meters: [
      ...fleet.meters.map((one, index) =>
        index === 1 && one.contactor !== null
          ? { ...one, contactor: { ...one.contactor, limiterRegister: 0 } }
          : one,
      ),
      ...names.map((name, index) => ({
        ...meter,
        serial: `CR${index}`,
        servicePoint: name,
        bus: null,
        contactor: { unitId: 1, coil: 0 },
      })),
    ],
    customers: [
      ...fleet.customers,
      ...names.map((name) => ({ name, accounts: [{ number: name, currency: 'EUR' }] })),
    ],
    agreements: [
      ...fleet.agreements,
      ...names.map((name) => ({ ...agreement, account: name, servicePoint: name })),
    ],
  };
}

let ground: Ground;
let field: CommandField;
beforeAll(async () => {
  ground = await openGround('supply', crowd());
  field = await openCommandField(ground.fleet.buses.get('head-end/bus 1') ?? 0);
  await ground.writer.sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(ground.clock.nowMs())}, 1000 from meter`;
  await ground.writer.sql`update account_balance set balance_micros = 9000000`;
});
afterAll(async () => {
  await field.close();
  await ground.close();
});

const wake = () => {};
const api = () => ({ sql: ground.api.sql, clock: ground.clock, wake });
const deps = () => ({ sql: ground.writer.sql, clock: ground.clock, link: field.link, wake });

function meter(index: number): MeterId {
  const id = ground.fleet.meters.get(`JB00000${index}`);
  if (id === undefined) throw new Error(`the fleet has no meter ${index}`);
  return id;
}

async function settle(number: string, balance: string): Promise<void> {
  const { sql } = ground.writer;
  await sql`update account_balance set balance_micros = ${balance}::int8
            where account_id = ${ground.account(number)}`;
  await sql`update series_head set last_read_at = ${new Date(ground.clock.nowMs())}`;
}

function review(...numbers: readonly string[]) {
  const { companyId } = ground.fleet;
  const accountIds = numbers.map((number) => ground.account(number));
  const nowMs = ground.clock.nowMs();
  return ground.writer.sql.begin((tx) => reviewSupply(tx, { companyId, accountIds, nowMs }));
}

function person(name: string): Viewer {
  return { ...ground.viewer('operator'), actor: name };
}

async function ordersOf(kind: string): Promise<number> {
  const { count } = await ground.writer.sql`select from work_order where kind = ${kind}`;
  return count;
}

describe('the breaker', () => {
  test('a billing mistake that puts 1,000 accounts below zero cuts no more than N', async () => {
    const { companyId } = ground.fleet;
    await publishForTest(ground.writer.sql, companyId, {
      ...openPolicy,
      breaker: { cutsMax: 20, minutes: 10 },
    });
    const numbers = Array.from({ length: accountCount }, (_, index) => `crowd ${index}`);
    await ground.writer.sql`
      update account_balance set balance_micros = -1000000 from account a
      where a.id = account_id and a.number like 'crowd %'`;
    // Four ratings at once, in batches of a quarter each.
    const parts = [0, 1, 2, 3].map((at) => numbers.filter((_, index) => index % 4 === at));
    const reviews = await Promise.all(parts.map((part) => review(...part)));
    expect(reviews.flatMap(({ requested }) => requested)).toHaveLength(20);
    const trips = await ground.writer.sql<{ id: string; region: string; cuts: number }[]>`
      select id, region, cuts from breaker_trip`;
    expect(trips.map(({ region, cuts }) => ({ region, cuts }))).toEqual([
      { region: 'valley', cuts: 21 },
    ]);
    ground.clock.push(3_600_000);
    await ground.writer
      .sql`update series_head set last_read_at = ${new Date(ground.clock.nowMs())}`;
    expect((await review(...numbers)).requested).toEqual([]);

    const tripId = trips[0]?.id ?? '';
    const approve = (who: string) =>
      approveBreaker(api(), person(who), {
        idempotencyKey: randomUUID(),
        tripId,
        reason: 'the tariff was wrong and is corrected',
      });
    expect(await approve('ann')).toMatchObject({ ok: true, value: { people: 1 } });
    expect(await approve('ann')).toMatchObject({ ok: false, code: 'ALREADY_APPROVED' });
    expect((await review(...numbers)).requested).toEqual([]);
    expect(await approve('bob')).toMatchObject({ ok: true, value: { people: 2 } });
    ground.clock.push(1);
    // Whoever says yes to what is over does not begin the count anew.
    expect((await review(...numbers.slice(500, 515))).requested).toHaveLength(15);
    expect(await approve('eve')).toMatchObject({ ok: true, value: { people: 3 } });
    ground.clock.push(1);
    expect((await review(...numbers)).requested).toHaveLength(5);
    await ground.writer.sql`
      update account_balance set balance_micros = 9000000 from account a
      where a.id = account_id and a.number like 'crowd %'`;
    await ground.writer.sql`delete from supply_wait`;
    await publishForTest(ground.writer.sql, companyId);
  });
});

describe('a cut by one person that is not sent yet', () => {
  const cut = () =>
    requestCommand(api(), person('ann'), {
      idempotencyKey: randomUUID(),
      meterId: meter(1),
      kind: 'disconnect',
      reason: 'fire on site',
    });

  test('is withdrawn when the customer has become protected', async () => {
    await settle('A-1', '9000000');
    const asked = await cut();
    const added = await addProtection(api(), person('bob'), {
      idempotencyKey: randomUUID(),
      accountId: ground.account('A-1'),
      kind: 'medical',
      fromMs: ground.clock.nowMs() - 1,
      toMs: ground.clock.nowMs() + 60_000,
      reason: 'a night at the clinic',
    });
    expect(added).toMatchObject({ ok: true });
    const commandId = asked.ok ? asked.value.commandId : '';
    expect(await sendCommand(deps(), commandId)).toMatchObject({ state: 'cancelled' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
    ground.clock.push(60_000);
  });

  test('is withdrawn when somebody else lives there by then', async () => {
    await settle('A-1', '9000000');
    const asked = await cut();
    const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
    const moveIn = (number: string) => owner`
      update agreement set account_id = ${ground.account(number)}
      where service_point_id = (select service_point_id from meter where id = ${meter(1)})`;
    await moveIn('A-3');
    const commandId = asked.ok ? asked.value.commandId : '';
    expect(await sendCommand(deps(), commandId)).toMatchObject({ state: 'cancelled' });
    expect(field.world.isSupplyClosed(0, 1)).toBe(true);
    await moveIn('A-1');
    await owner.end();
  });
});

describe('a protected customer', () => {
  test('domain rule 61: never by itself, by people only by two, and ends with proof', async () => {
    const added = await addProtection(api(), person('ann'), {
      idempotencyKey: randomUUID(),
      accountId: ground.account('A-1'),
      kind: 'life_support',
      fromMs: ground.clock.nowMs() - 1,
      toMs: null,
      reason: 'oxygen at home',
    });
    expect(added).toMatchObject({ ok: true });
    await settle('A-1', '-5000000');
    expect((await review('A-1')).requested).toEqual([]);
    const ask = (who: string, kind: 'disconnect' | 'reconnect') =>
      requestCommand(api(), person(who), {
        idempotencyKey: randomUUID(),
        meterId: meter(1),
        kind,
        reason: 'fire on site',
      });
    const cut = (who: string) => ask(who, 'disconnect');
    expect(await cut('ann')).toMatchObject({ ok: false, code: 'SECOND_PERSON_NEEDED' });
    const agree = (who: string) =>
      approveDisconnect(api(), person(who), {
        idempotencyKey: randomUUID(),
        meterId: meter(1),
        reason: 'heard from the fire brigade',
      });
    expect(await agree('ann')).toMatchObject({ ok: true });
    expect(await cut('ann')).toMatchObject({ ok: false, code: 'SECOND_PERSON_NEEDED' });
    expect(await agree('bob')).toMatchObject({ ok: true });
    const done = await cut('ann');
    expect(done).toMatchObject({ ok: true });
    const commandId = done.ok ? done.value.commandId : '';
    const [row] = await ground.writer.sql<{ document: { people: string[] }; hash: Buffer }[]>`
      select document, hash from command_certificate
      where command_id = ${commandId}::uuid and stage = 'requested'`;
    expect(row?.document.people).toEqual(['ann', 'bob']);
    expect(await sendCommand(deps(), commandId)).toMatchObject({ state: 'verified' });

    const end = (contactProof: string) =>
      endProtection(api(), person('ann'), {
        idempotencyKey: randomUUID(),
        protectionId: added.ok ? added.value.id : '',
        contactProof,
        reason: 'moved to a clinic',
      });
    expect(await end(' ')).toMatchObject({ ok: false, code: 'CONTACT_PROOF_MISSING' });
    // Nothing would cut it again, so that one person gives it back, and the engine leaves it on.
    const back = await ask('ann', 'reconnect');
    expect(back).toMatchObject({ ok: true });
    const backId = back.ok ? back.value.commandId : '';
    expect(await sendCommand(deps(), backId)).toMatchObject({ state: 'verified' });
    expect((await review('A-1')).requested).toEqual([]);
    const { sql } = ground.writer;
    await sql`update supply set state = 'disconnected', cause = 'manual'`;
    expect(await end('call of 1 March, spoke to her')).toMatchObject({ ok: true });
    expect(await end('call of 1 March, spoke to her')).toMatchObject({ code: 'PROTECTION_ENDED' });
    expect(await ask('ann', 'reconnect')).toMatchObject({ code: 'BALANCE_AT_LIMIT' });
    await ground.writer.sql`delete from supply_watch`;
    await ground.writer.sql`update supply set state = 'connected', cause = 'automatic'`;
  });
});

describe('an automatic cut', () => {
  test('domain rule 58: waits for the end of friendly hours and then comes by itself', async () => {
    const { companyId } = ground.fleet;
    // Sunday noon UTC on the ground's clock, in winter time.
    const hours = [
      { from: '16:00', to: '10:00' },
      { weekdays: [6, 7], from: '00:00', to: '24:00' },
    ];
    const friendly = { ...openPolicy, protectedHours: hours };
    await publishForTest(ground.writer.sql, companyId, friendly);
    await settle('A-1', '0');
    expect((await review('A-1')).requested).toEqual([]);
    const [wait] = await ground.writer.sql<{ at: Date }[]>`
      select ask_again_at as at from supply_wait where meter_id = ${meter(1)}`;
    expect(wait?.at.toISOString()).toBe('2026-03-02T09:00:00.000Z');
    const before = Date.parse('2026-03-02T08:59:59Z');
    ground.clock.push(before - ground.clock.nowMs());
    await settle('A-1', '0');
    expect((await sweepSupplies(deps())).requested).toEqual([]);
    const forecast = (atMs: number) =>
      whoWouldBeCut(api(), person('ann'), { atMs, afterMeterId: 0, limit: 1 });
    expect(await forecast(before)).toMatchObject({ value: { supplies: [{ wouldBeCut: false }] } });
    expect(await forecast(before + 1_000)).toMatchObject({
      value: { supplies: [{ wouldBeCut: true, action: 'disconnect' }] },
    });
    ground.clock.push(1_000);
    const { requested } = await sweepSupplies(deps());
    expect(requested).toHaveLength(1);

    // Its certificate says why, to the byte.
    const [certificate] = await ground.writer.sql<{ document: object; hash: Buffer }[]>`
      select document, hash from command_certificate
      where command_id = ${requested[0] ?? ''}::uuid`;
    const text = canonicalJson(JSON.parse(JSON.stringify(certificate?.document ?? null)));
    expect(createHash('sha256').update(text).digest()).toEqual(certificate?.hash);
    expect(certificate?.document).toMatchObject({ kind: 'disconnect', reason: 'BALANCE_AT_LIMIT' });

    // A restore comes in between: it is not sent.
    await ground.writer.sql`
      insert into restore_mark (system_id, timeline, xact_seen, kind, at, by_whom)
      values ('1', 2, '1', 'restored', now(), 'test')`;
    expect(await sendCommand(deps(), requested[0] ?? '')).toMatchObject({ state: 'cancelled' });
    const [step] = await ground.writer.sql<{ detail: string }[]>`
      select detail from command_step where command_id = ${requested[0] ?? ''}::uuid
      order by ordinal desc limit 1`;
    expect(step?.detail).toBe('RESTORED_NOT_RECONCILED');
    await ground.writer.sql`
      insert into restore_mark (system_id, timeline, xact_seen, kind, at, by_whom)
      values ('1', 2, '2', 'reconciled', now(), 'test')`;
    await publishForTest(ground.writer.sql, companyId);
  });

  test('that fails for the last time is a work order', async () => {
    await settle('A-1', '0');
    const [cut = ''] = (await review('A-1')).requested;
    field.world.setFault(0, 101, { kind: 'silent' });
    for (let state: string | null = null; state !== 'failed';) {
      ({ state } = await sendCommand(deps(), cut));
      ground.clock.push(10_000);
    }
    expect(await ordersOf('command_failed')).toBe(1);
    field.world.setFault(0, 101, null);
    field.clock.push(120_000);
    ground.clock.push(120_000);
  });

  /** The meter is read some time later, and its power known since `ageMs`. */
  const look = async (n: number, afterMs: number, { registerWh = 0, powerW = 0, ageMs = 0 }) => {
    ground.clock.push(afterMs);
    const nowMs = ground.clock.nowMs();
    await ground.writer.sql`
      update series_head set last_value_wh = ${registerWh}, last_read_at = ${new Date(nowMs)},
                             last_power_w = ${powerW}, last_power_at = ${new Date(nowMs - ageMs)}
      where meter_id = ${meter(n)}`;
    return watchSupplies(deps());
  };

  test('domain rule 66: energy behind it is a bypass, told once', async () => {
    await settle('A-1', '0');
    const [cut = ''] = (await review('A-1')).requested;
    expect(await sendCommand(deps(), cut)).toMatchObject({ state: 'verified' });
    const [change] = await ground.writer.sql`
      select state from supply_change where command_id = ${cut}::uuid`;
    expect(change).toEqual({ state: 'disconnected' });
    const read = (registerWh: number) => look(1, 60_000, { registerWh });
    expect(await read(2_000)).toEqual({ told: 0 });
    expect(await read(2_299)).toEqual({ told: 0 });
    expect(await read(2_300)).toEqual({ told: 1 });
    expect(await read(9_000)).toEqual({ told: 0 });
    expect(await ordersOf('bypass')).toBe(1);
    const standing = await explainSupply(api(), ground.viewer('subscriber', 'A-1'), meter(1));
    expect(standing?.meter.supply).toBe('disconnected');
    expect(standing?.decision?.findings.find(({ prevents }) => prevents)?.rule).toBe('ALREADY_CUT');
    expect(await explainSupply(api(), ground.viewer('subscriber', 'A-2'), meter(1))).toBeNull();
  });

  test('domain rule 71: is a limit where the policy says so, and is watched', async () => {
    const { companyId } = ground.fleet;
    await publishForTest(ground.writer.sql, companyId, {
      ...openPolicy,
      name: 'social',
      loadLimit: { powerW: 500, tripAfterMinutes: 5 },
    });
    const put = await putUnderPolicy(api(), person('ann'), {
      idempotencyKey: randomUUID(),
      accountId: ground.account('A-2'),
      policyName: 'social',
      validFromMs: ground.clock.nowMs() - 1,
      reason: 'social tariff',
    });
    expect(put).toMatchObject({ ok: true });
    await settle('A-2', '0');
    const [limit = ''] = (await review('A-2')).requested;
    expect(await sendCommand(deps(), limit)).toMatchObject({ state: 'verified' });
    expect(field.world.limitW(0, 2)).toBe(500);
    expect(field.world.isSupplyClosed(0, 2)).toBe(true);
    const draw = (powerW: number, afterMs: number, ageMs = 0) =>
      look(2, afterMs, { powerW, ageMs });
    // What flowed before the limit says nothing of it.
    expect(await draw(9_000, 1_000, 1_001)).toEqual({ told: 0 });
    expect(await draw(9_000, 600_000, 601_001)).toEqual({ told: 0 });
    expect(await draw(600, 1_000)).toEqual({ told: 0 });
    expect(await draw(600, 299_999)).toEqual({ told: 0 });
    expect(await draw(600, 1)).toEqual({ told: 1 });
    expect(await ordersOf('load_limit_tripped')).toBe(1);
    await settle('A-2', '5000000');
    const [unlimit = ''] = (await review('A-2')).requested;
    expect(await sendCommand(deps(), unlimit)).toMatchObject({ state: 'verified' });
    expect(field.world.limitW(0, 2)).toBe(0);
    const { count } = await ground.writer.sql`
      select from supply_watch where meter_id = ${meter(2)}`;
    expect(count).toBe(0);
  });
});
