import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { readPrepaidAccount } from '../../src/db/prepaidLife.ts';
import type { Fleet } from '../../src/domain/fleet.ts';
import { setAsideDebt } from '../../src/operations/prepaid/setAsideDebt.ts';
import { sweepSupplies } from '../../src/operations/sweepSupplies.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { bills, dayMs, flat, hourMs } from './billsGround.ts';
import { makeChannel } from './payments/paymentGround.ts';
import { openPolicy, publishForTest } from './smallFleet.ts';

/** Friday the 6th of March 2026 at 18:00 in Berlin, which is an hour ahead of UTC. */
const fridayEvening = Date.UTC(2026, 2, 6, 17);
const mondayAt10 = Date.UTC(2026, 2, 9, 9);

const friendly = {
  ...openPolicy,
  protectedHours: [
    { from: '16:00', to: '10:00' },
    { weekdays: [6, 7], from: '00:00', to: '24:00' },
  ],
};

function prepaidInBerlin(fleet: Fleet): Fleet {
  return {
    ...fleet,
    servicePoints: fleet.servicePoints.map((each) => ({ ...each, timeZone: 'Europe/Berlin' })),
    meters: fleet.meters.map((each) => ({ ...each, contactor: { unitId: 1, coil: 0 } })),
    agreements: fleet.agreements.map((each) => ({
      ...each,
      mode: 'prepaid' as const,
      balanceLimitMicros: 0n,
      reconnectMicros: 2_000_000n,
    })),
  };
}

test('domain rule 58: 4.20 of usage in friendly hours is owed, and becomes a debt', async () => {
  const ground = await bills('friendly_hours', flat('0.30'), prepaidInBerlin);
  const { sql } = ground.database;
  const { companyId, accounts } = ground.registered;
  const accountId = accounts.get('A1');
  if (accountId === undefined) throw new Error('the fleet has the account');
  await publishForTest(sql, companyId, friendly);
  if ((await sql`select from payment_channel where kind = 'counter'`).length === 0) {
    await makeChannel({ writer: ground.database }, { companyId, name: 'counter', kind: 'counter' });
  }
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => undefined };
  const read = async (atMs: number, wh: number) => {
    ground.clock.set(atMs);
    await ground.read([{ atMs, wh }]);
  };
  const stand = async () => {
    const nowMs = ground.clock.nowMs();
    const account = await readPrepaidAccount(sql, { accountId, nowMs });
    const { count: cuts } = await sql`select from command where kind = 'disconnect'`;
    return { balance: account?.balanceMicros, debt: account?.debtMicros, cuts };
  };
  ground.clock.set(fridayEvening - dayMs);
  const bought = { accountId, amount: '3.00', currency: 'EUR', idempotencyKey: randomUUID() };
  expect(await topUp(deps, ground.viewer, bought)).toMatchObject({ ok: true });
  await read(fridayEvening - dayMs, 0);
  // 10 kWh at 0.30.
  await read(fridayEvening, 10_000);
  expect(await stand()).toEqual({ balance: 0n, debt: 0n, cuts: 0 });
  const [wait] = await sql<{ at: Date }[]>`select ask_again_at as at from supply_wait`;
  expect(wait?.at).toEqual(new Date(mondayAt10));

  // 14 kWh more until a quarter to ten on Monday.
  await read(fridayEvening + 30 * hourMs, 17_000);
  await read(mondayAt10 - hourMs / 4, 24_000);
  const sweeps = { ...deps, sql };
  expect((await sweepSupplies(sweeps)).requested).toEqual([]);
  expect(await stand()).toEqual({ balance: -4_200_000n, debt: 0n, cuts: 0 });
  ground.clock.set(mondayAt10);
  expect((await sweepSupplies(sweeps)).requested).toHaveLength(1);
  expect(await stand()).toEqual({ balance: -4_200_000n, debt: 0n, cuts: 1 });

  const owed = { accountId, reasonCode: 'negative_balance', reason: 'friendly hours' } as const;
  const asked = { ...owed, idempotencyKey: randomUUID() };
  expect(await setAsideDebt(deps, ground.viewer, asked)).toMatchObject({
    ok: true,
    value: { amountMicros: 4_200_000n, state: 'posted' },
  });
  expect(await stand()).toEqual({ balance: 0n, debt: 4_200_000n, cuts: 1 });
});
