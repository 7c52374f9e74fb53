import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Statement } from '../../src/db/connect.ts';
import { insertWorkOrderEnd, openWorkOrder } from '../../src/db/workOrders.ts';
import type { WorkOrderKind } from '../../src/db/workOrders.ts';
import { openGround, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

let ground: Ground;
/** Sees what the others wait for. */
let owner: postgres.Sql;
let meterId: number;
beforeAll(async () => {
  ground = await openGround('work_orders');
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  meterId = ground.fleet.meters.get('JB000001') ?? 0;
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

function open(tx: Statement, kind: WorkOrderKind, detail: { [key: string]: string } = {}) {
  const { companyId } = ground.fleet;
  const id = randomUUID();
  return openWorkOrder(tx, { id, companyId, meterId, kind, detail, atMs: startMs });
}

async function end(workOrderId: string): Promise<void> {
  const { companyId } = ground.fleet;
  const by = { actor: 'test:ada', outcome: 'looked at', atMs: startMs };
  await insertWorkOrderEnd(ground.writer.sql, { workOrderId, companyId, ...by });
}

/** What two that open one at once are given: the second begins before the first ends. */
async function twoAtOnce(kind: WorkOrderKind, detail?: { [key: string]: string }) {
  const { sql } = ground.writer;
  const opened = await sql.begin(async (tx) => {
    const first = await open(tx, kind, detail);
    const second = sql.begin((other) => open(other, kind, detail));
    const waiting = async (): Promise<number> => {
      const { count } = await owner`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return count;
    };
    // Where nothing makes it wait the second one is through by itself.
    let isThrough = false;
    const through = second.finally(() => (isThrough = true));
    await expect.poll(async () => isThrough || (await waiting()) === 1).toBe(true);
    return { first, through };
  });
  return { first: opened.first, second: await opened.through };
}

async function openOrders(kind: WorkOrderKind): Promise<readonly string[]> {
  const rows = await owner<{ id: string }[]>`
    select id from work_order o where meter_id = ${meterId} and kind = ${kind}
      and not exists (select from work_order_end e where e.work_order_id = o.id)`;
  return rows.map(({ id }) => id);
}

test('two who open an order of one meter and kind at once are told the same one', async () => {
  const { first, second } = await twoAtOnce('bypass');
  expect(second).toBe(first);
  expect(await openOrders('bypass')).toEqual([first]);
});

test('behind an order that has ended two at once open one further one', async () => {
  const ended = await open(ground.writer.sql, 'notice_given_up');
  await end(ended);
  const { first, second } = await twoAtOnce('notice_given_up');
  expect(second).toBe(first);
  expect(first).not.toBe(ended);
  expect(await openOrders('notice_given_up')).toEqual([first]);
});

test('each kind of failed command has an order of its own', async () => {
  const cut = await twoAtOnce('command_failed', { command: 'disconnect' });
  const back = await twoAtOnce('command_failed', { command: 'reconnect' });
  expect([cut.second, back.second]).toEqual([cut.first, back.first]);
  expect(await openOrders('command_failed')).toHaveLength(2);
});

test('the same order again, open or ended, is no further one', async () => {
  const { companyId } = ground.fleet;
  const kind = 'load_limit_tripped';
  const order = { id: randomUUID(), companyId, meterId, kind, detail: {}, atMs: startMs } as const;
  expect(await openWorkOrder(ground.writer.sql, order)).toBe(order.id);
  expect(await openWorkOrder(ground.writer.sql, order)).toBe(order.id);
  await end(order.id);
  expect(await openWorkOrder(ground.writer.sql, order)).toBe(order.id);
  expect(await openOrders(kind)).toEqual([]);
});
