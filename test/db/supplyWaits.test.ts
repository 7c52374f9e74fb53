import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Transaction } from '../../src/db/connect.ts';
import { hastenSupplyWaits, writeSupplyWaits } from '../../src/db/protections.ts';
import { openGround } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

let ground: Ground;
/** Sees what the others wait for. */
let owner: postgres.Sql;
let meters: readonly number[];
beforeAll(async () => {
  ground = await openGround('supply_waits');
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  meters = [...ground.fleet.meters.values()].toSorted((left, right) => left - right);
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

const atMs = Date.UTC(2026, 2, 1);

function wait(index: number, askAgainMs: number | null) {
  const { companyId } = ground.fleet;
  return { meterId: meters[index] ?? 0, companyId, accountId: ground.account('A-1'), askAgainMs };
}

/** The last meter stands first in the table. */
beforeEach(async () => {
  const { sql } = ground.writer;
  await sql`delete from supply_wait`;
  for (const index of [2, 1, 0]) {
    await sql.begin((tx) => writeSupplyWaits(tx, [wait(index, atMs + 900_000)]));
  }
});

async function waiting(): Promise<number> {
  const { count } = await owner`
    select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  return count;
}

/** Meanwhile somebody holds the first meter and then wants the last: neither may fail. */
async function beside(work: (tx: Transaction) => Promise<void>): Promise<void> {
  const { sql } = ground.writer;
  const other = await sql.begin(async (tx) => {
    await tx`select from supply_wait where meter_id = ${meters[0] ?? 0} for update`;
    const done = sql.begin(work);
    await expect.poll(waiting).toBe(1);
    await tx`select from supply_wait where meter_id = ${meters[2] ?? 0} for update`;
    return { done };
  });
  await other.done;
}

test('whoever hastens all waits of a company locks them in the order of meters', async () => {
  const { companyId } = ground.fleet;
  await beside((tx) => hastenSupplyWaits(tx, { companyId, accountId: null, atMs }));
  const rows = await ground.writer.sql<{ at: Date }[]>`select ask_again_at as at from supply_wait`;
  expect(rows.map(({ at }) => at.getTime())).toEqual([atMs, atMs, atMs]);
});

test('whoever drops one and moves another locks both in that order, too', async () => {
  await beside((tx) => writeSupplyWaits(tx, [wait(2, null), wait(0, atMs)]));
  const rows = await ground.writer.sql<{ meter: number }[]>`
    select meter_id as meter from supply_wait order by 1`;
  expect(rows.map(({ meter }) => meter)).toEqual(meters.slice(0, 2));
});
