import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { findCharges } from '../../../src/db/chargeReads.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { microsOf } from '../../../src/domain/exact.ts';
import { estimateBill } from '../../../src/operations/estimateBill.ts';
import { exchangeMeter } from '../../../src/operations/exchangeMeter.ts';
import { idleDays } from '../../../src/operations/doctor/modes.ts';
import { noteIdleDays } from '../../../src/operations/prepaid/noteIdleDays.ts';
import { recordMark } from '../../../src/operations/recordMark.ts';
import { readChargeBill } from '../../../src/operations/readChargeBill.ts';
import { bills, flat } from '../billsGround.ts';
import { openPolicy, publishForTest } from '../smallFleet.ts';

/**
 * Berlin, March 2026; on the 29th the clocks go from 02:00 to 03:00, and the day has 23 hours. The
 * supply is off from the 27th 18:00 to the 31st 09:00: the 28th, 29th and 30th wholly. The month
 * has 31 days at 0.40: 12.40; without the three of them 11.20.
 */
const begin = Date.parse('2026-03-01T00:00:00+01:00');
const cutMs = Date.parse('2026-03-27T18:00:00+01:00');
const noon29 = Date.parse('2026-03-29T12:00:00+02:00');
const noon30 = Date.parse('2026-03-30T12:00:00+02:00');
const backMs = Date.parse('2026-03-31T09:00:00+02:00');
const april = Date.parse('2026-04-01T00:00:00+02:00');
const standing = { kind: 'fixed', name: 'standing', amount: '0.40', per: 'day' } as const;

async function world(name: string, standingChargeWhileDisconnected: boolean, isKeyZone = false) {
  const ground = await bills(name, flat('0.30', [standing]), (fleet) => ({
    ...fleet,
    servicePoints: fleet.servicePoints.map((point) => ({
      ...point,
      timeZone: 'Europe/Berlin',
      isKeyZone,
    })),
    agreements: fleet.agreements.map((agreement) => ({
      ...agreement,
      mode: 'prepaid' as const,
      validFromMs: begin,
    })),
  }));
  const { sql } = ground.database;
  const { companyId } = ground.registered;
  await publishForTest(sql, companyId, { ...openPolicy, standingChargeWhileDisconnected });
  const meterId = ground.meter('M1');
  return {
    ground,
    meterId,
    async switched(state: 'connected' | 'disconnected', atMs: number, switchedId = meterId) {
      await sql`
        insert into supply_change (meter_id, at, company_id, state, command_id)
        values (${switchedId}, ${new Date(atMs)}, ${companyId}, ${state}, ${randomUUID()})`;
      await sql`
        insert into supply (meter_id, company_id, state, cause, since)
        values (${switchedId}, ${companyId}, ${state}, 'automatic', ${new Date(atMs)})
        on conflict (meter_id) do update set state = excluded.state, since = excluded.since`;
    },
    async exchange(oldId: number, { atMs, serial }: { atMs: number; serial: string }) {
      ground.clock.set(atMs);
      const plain = { mapName: null, powerMaxW: null, registerModulusWh: null, factor: null };
      const exchanged = await exchangeMeter(
        { sql: ground.api.sql, clock: ground.clock, wake: () => {} },
        ground.viewer,
        {
          idempotencyKey: randomUUID(),
          meterId: oldId,
          atMs,
          finalValues: [],
          meter: { serial, ...plain },
          startValues: [],
          reason: 'verification period is over',
        },
      );
      if (!exchanged.ok) throw new Error(exchanged.message);
      return exchanged.value.newMeterId;
    },
    async mark(markedId: number, kind: 'installed' | 'removed' | 'withdrawn', atMs: number) {
      const marked = await recordMark(
        { sql: ground.api.sql, clock: ground.clock, wake: () => {} },
        ground.viewer,
        {
          idempotencyKey: randomUUID(),
          meterId: markedId,
          channel: null,
          atMs,
          kind,
          finalValue: null,
          startValue: null,
          factor: null,
          reason: 'no longer needed, or so it seemed',
        },
      );
      if (!marked.ok) throw new Error(marked.message);
    },
    async putBeside() {
      const [row] = await sql<{ id: number }[]>`
        insert into meter (company_id, edge_id, service_point_id, serial, map_name, medium,
                           power_max_w, register_modulus_wh)
        select company_id, edge_id, service_point_id, 'M1 beside', map_name, medium, power_max_w,
               register_modulus_wh from meter where id = ${meterId} returning id`;
      return row?.id ?? 0;
    },
    async read(atMs: number) {
      ground.clock.set(atMs);
      await ground.read([{ atMs, wh: 0 }]);
    },
    async sweep() {
      const { days } = await noteIdleDays({ sql, clock: ground.clock });
      await ground.rateAll();
      return days;
    },
    /** By the check of the live system. */
    async doubted() {
      const found: string[] = [];
      await sql.begin(async (tx) => {
        const context = { tx, nowMs: ground.clock.nowMs(), onProgress: () => {} };
        for await (const { code } of idleDays.find(context)) found.push(code);
      });
      return found;
    },
    async estimated() {
      const [row] = await sql<{ id: number }[]>`select id from agreement limit 1`;
      const input = { agreementId: row?.id ?? 0, month: '2026-03', tariffId: null, document: null };
      const nowMs = ground.clock.nowMs();
      const done = await asViewer(ground.api.sql, ground.viewer, (tx) =>
        estimateBill(tx, ground.viewer, { input, nowMs }),
      );
      if (!done.ok) throw new Error(done.message);
      const { soFar, projected } = done.value;
      const micros = (bill: typeof soFar) => (bill.ok ? microsOf(bill.value.total) : null);
      return { soFar: micros(soFar), projected: micros(projected) };
    },
    async charged() {
      const [row] = await sql<{ micros: bigint; open: boolean; held: boolean }[]>`
        select sum(c.amount_micros)::int8 as micros, bool_or(c.open_until is not null) as open,
               bool_or(h.code is not null) as held
        from charge c left join charge_hold h on h.agreement_id = c.agreement_id
          and h.period_start = c.period_start
        where c.period_start = ${new Date(begin)}`;
      return row;
    },
  };
}

test('with the word false whole days off are given back, each once it is over', async () => {
  const w = await world('idle_false', false);
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  await w.read(noon29);
  // 28 1/2 days at 0.40 are 11.40, by the wall clock; the 28th is over and off: 11.00.
  expect(await w.charged()).toMatchObject({ micros: 11_400_000n });
  expect(await w.sweep()).toBe(1);
  expect(await w.charged()).toMatchObject({ micros: 11_000_000n, open: true });
  expect(await w.sweep()).toBe(0);
  await w.read(noon30);
  expect(await w.sweep()).toBe(1);
  expect(await w.charged()).toMatchObject({ micros: 11_000_000n });
  // Two of 31 days are over and off; what is to come is guessed to be like any other day.
  expect(await w.estimated()).toEqual({ soFar: 11_000_000n, projected: 11_600_000n });
  await w.switched('connected', backMs);
  await w.read(april);
  expect(await w.sweep()).toBe(1);
  await w.read(april + 3_600_000);
  expect(await w.charged()).toMatchObject({ micros: 11_200_000n, open: false });
  // The bill that people see is made of the same.
  const { ground } = w;
  const [{ key } = { key: '' }] = await ground.database.sql<{ key: string }[]>`
    select concat_ws('.', agreement_id, meter_id, (extract(epoch from period_start) * 1000)::int8,
                     tariff_version_id) as key
    from charge where period_start = ${new Date(begin)}`;
  const bill = await asViewer(ground.api.sql, ground.viewer, async (tx) => {
    const [charge] = await findCharges(tx, [key]);
    return charge === undefined ? null : readChargeBill(tx, charge);
  });
  expect(bill === null ? null : microsOf(bill.total)).toBe(11_200_000n);
  expect(await w.doubted()).toEqual([]);
});

test('with the word true they carry it like any other day', async () => {
  const w = await world('idle_true', true);
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  await w.read(noon29);
  expect(await w.sweep()).toBe(0);
  await w.switched('connected', backMs);
  await w.read(april);
  expect(await w.sweep()).toBe(0);
  await w.read(april + 3_600_000);
  expect(await w.charged()).toMatchObject({ micros: 12_400_000n, open: false });
});

test('the second engine agrees on a bill with such days', async () => {
  const w = await world('idle_judged', false, true);
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  await w.switched('connected', backMs);
  await w.read(april);
  expect(await w.sweep()).toBe(3);
  await w.read(april + 3_600_000);
  expect(await w.charged()).toEqual({ micros: 11_200_000n, open: false, held: false });
});

test('a meter that is exchanged in the dark leaves the dark to the next one', async () => {
  const w = await world('idle_exchanged', false);
  const { ground, meterId } = w;
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  const atMs = Date.parse('2026-03-28T12:00:00+01:00');
  const newId = await w.exchange(meterId, { atMs, serial: 'M1 again' });
  ground.clock.set(noon29);
  expect(await w.sweep()).toBe(1);
  await w.switched('connected', noon30, newId);
  ground.clock.set(april + 3_600_000);
  // The 28th by both of them, the 29th by the new one alone; the 30th has light from noon on.
  expect(await w.sweep()).toBe(1);
  expect(await w.sweep()).toBe(0);
  expect(await w.doubted()).toEqual([]);
});

test('a meter that is exchanged twice in the dark has light when the last one has', async () => {
  const w = await world('idle_exchanged_twice', false);
  const { ground, meterId } = w;
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  const first = { atMs: Date.parse('2026-03-27T20:00:00+01:00'), serial: 'M1 again' };
  const secondId = await w.exchange(meterId, first);
  const thirdId = await w.exchange(secondId, { atMs: first.atMs + 3_600_000, serial: 'M1 anew' });
  await w.switched('connected', noon29, thirdId);
  ground.clock.set(april + 3_600_000);
  // The 28th alone.
  expect(await w.sweep()).toBe(1);
  expect(await w.doubted()).toEqual([]);
});

test('a cut meter that is taken away makes no day idle at a place with light', async () => {
  const w = await world('idle_removed', false);
  const { ground, meterId } = w;
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  await w.putBeside();
  ground.clock.set(noon29);
  await w.mark(meterId, 'removed', Date.parse('2026-03-28T12:00:00+01:00'));
  ground.clock.set(april + 3_600_000);
  expect(await w.sweep()).toBe(0);
});

test('a meter that was said to be gone, and was not, has its light all the time', async () => {
  const w = await world('idle_withdrawn', false);
  const { ground } = w;
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  const besideId = await w.putBeside();
  ground.clock.set(noon29);
  const atMs = Date.parse('2026-03-20T12:00:00+01:00');
  await w.mark(besideId, 'removed', atMs);
  ground.clock.set(noon29 + 1);
  await w.mark(besideId, 'withdrawn', atMs);
  ground.clock.set(april + 3_600_000);
  expect(await w.sweep()).toBe(0);
});

test('a meter that was said to be gone and is cut all the same makes no day idle', async () => {
  const w = await world('idle_gone', false);
  const { ground, meterId } = w;
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  ground.clock.set(noon29);
  await w.mark(meterId, 'removed', Date.parse('2026-03-20T12:00:00+01:00'));
  ground.clock.set(april + 3_600_000);
  expect(await w.sweep()).toBe(0);
  expect(await w.doubted()).toEqual([]);
});

test('a meter that was taken away and put back is dark only while it is cut', async () => {
  const w = await world('idle_put_back', false);
  const { ground, meterId } = w;
  await w.read(begin);
  ground.clock.set(cutMs);
  await w.mark(meterId, 'removed', Date.parse('2026-03-10T12:00:00+01:00'));
  await w.mark(meterId, 'installed', Date.parse('2026-03-15T12:00:00+01:00'));
  await w.switched('disconnected', cutMs);
  await w.switched('connected', backMs);
  ground.clock.set(april + 3_600_000);
  expect(await w.sweep()).toBe(3);
  expect(await w.doubted()).toEqual([]);
});

test('a meter that is taken away has had its light until then', async () => {
  const w = await world('idle_until_gone', false);
  const { ground } = w;
  await w.read(begin);
  await w.switched('disconnected', cutMs);
  const besideId = await w.putBeside();
  ground.clock.set(noon30);
  await w.mark(besideId, 'removed', noon30);
  ground.clock.set(april + 3_600_000);
  // The 31st alone: nothing else hangs there any more.
  expect(await w.sweep()).toBe(1);
  expect(await w.doubted()).toEqual([]);
});
