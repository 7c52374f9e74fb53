import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { upsertForecast } from '../../../src/db/notices.ts';
import { whoWouldBeCut } from '../../../src/operations/supply/forecast.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { makeChannel } from '../payments/paymentGround.ts';
import { openGround } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

const dayMs = 86_400_000;
let ground: Ground;

beforeAll(async () => {
  ground = await openGround('forecast_cut');
  const { companyId } = ground.fleet;
  const { sql } = ground.writer;
  const known = await sql`select from payment_channel where kind = 'counter'`;
  if (known.length === 0) {
    await makeChannel(ground, { companyId, name: 'counter', kind: 'counter' });
  }
  const nowMs = ground.clock.nowMs();
  for (const [number, meter] of [
    ['A-1', 'JB000001'],
    ['A-2', 'JB000002'],
  ] as const) {
    const accountId = ground.account(number);
    const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => undefined };
    const paid = await topUp(deps, ground.viewer('operator'), {
      idempotencyKey: randomUUID(),
      accountId,
      amount: '5.00',
      currency: 'EUR',
    });
    if (!paid.ok) throw new Error(paid.message);
    await sql`
      insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
      values (${ground.fleet.meters.get(meter) ?? 0}, 1, ${companyId}, '', ${new Date(nowMs)}, 0)`;
  }
  // As domain rule 72 has it; nobody knows what a day of A-2 costs.
  await upsertForecast(sql, {
    accountId: ground.account('A-1'),
    companyId,
    dailyMicros: 3_100_000n,
    runsOutMs: null,
    reason: null,
    balanceMicros: 5_000_000n,
    computedAtMs: nowMs,
    lookedAtMs: nowMs,
    nextMicros: null,
    cutMicros: null,
  });
});
afterAll(() => ground.close());

async function ask(aheadMs: number) {
  const deps = { sql: ground.api.sql, clock: ground.clock };
  const atMs = ground.clock.nowMs() + aheadMs;
  const query = { atMs, afterMeterId: 0, limit: 10 };
  const page = await whoWouldBeCut(deps, ground.viewer('operator'), query);
  if (!page.ok) throw new Error(page.message);
  const one = page.value.supplies.find(({ accountId }) => accountId === ground.account('A-1'));
  const two = page.value.supplies.find(({ accountId }) => accountId === ground.account('A-2'));
  return { one, two };
}

test('in 36 hours 5.00 are 0.35 at 3.10 a day, in 40 hours the supply would be cut', async () => {
  expect((await ask(0)).one).toMatchObject({ balanceMicros: 5_000_000n, dailyMicros: null });
  expect((await ask(1.5 * dayMs)).one).toMatchObject({
    balanceMicros: 350_000n,
    balanceNowMicros: 5_000_000n,
    dailyMicros: 3_100_000n,
    isDue: false,
    wouldBeCut: false,
  });
  const { one } = await ask((40 / 24) * dayMs);
  expect(one).toMatchObject({ isDue: true, wouldBeCut: true, action: 'disconnect' });
  expect(one?.findings.find(({ rule }) => rule === 'BALANCE_ABOVE_LIMIT')).toMatchObject({
    prevents: false,
  });
});

test('where nobody knows what a day costs, it is the balance of now, and said so', async () => {
  expect((await ask(30 * dayMs)).two).toMatchObject({
    balanceMicros: 5_000_000n,
    dailyMicros: null,
    wouldBeCut: false,
  });
});
