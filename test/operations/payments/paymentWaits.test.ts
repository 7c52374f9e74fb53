import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expireCommand } from '../../../src/operations/sendCommand.ts';
import { readReceipts } from '../../../src/db/payments.ts';
import { openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';
import { eventually } from '../../support/eventually.ts';

let ground: PaymentGround;
beforeAll(async () => {
  ground = await openPayments('payment_waits');
  // The company's first payment makes its clearing account, for which others wait.
  await hear('A-2');
});
afterAll(() => ground.close());

function hear(number: string) {
  return ground.hear({ reference: randomUUID(), accountId: ground.account(number) });
}

const euro = 1_000_000n;

/** Somebody who is cut by the balance. */
async function cutOff(number: string, serial: string): Promise<number> {
  const { writer, fleet } = ground;
  const meterId = fleet.meters.get(serial);
  if (meterId === undefined) throw new Error(`the fleet has meter ${serial}`);
  await ground.spend(number, euro);
  await writer.sql`
    insert into supply (meter_id, company_id, state, cause, since)
    values (${meterId}, ${fleet.companyId}, 'disconnected', 'automatic', now())`;
  return meterId;
}

/** Work that waits for the meter's row, while another customer pays. */
async function whileItWaits<T>(number: string, meterId: number, work: () => Promise<T>) {
  const { writer, fleet } = ground;
  await writer.sql`
    insert into supply_wait (meter_id, company_id, account_id, ask_again_at)
    values (${meterId}, ${fleet.companyId}, ${ground.account(number)}, now())`;
  const blocked = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const blocker = writer.sql.begin(async (tx) => {
    await tx`select from supply_wait where meter_id = ${meterId} for update`;
    blocked.resolve();
    await mayEnd.promise;
  });
  await blocked.promise;
  const waiting = work();
  await untilSomebodyWaits();
  const other = await hear('A-2');
  mayEnd.resolve();
  await blocker;
  return { own: await waiting, other };
}

async function untilSomebodyWaits(): Promise<void> {
  await eventually(async () => {
    const rows = await ground.writer.sql`
      select from pg_locks l join pg_stat_activity a using (pid)
      where a.datname = current_database() and not l.granted`;
    expect(rows).not.toHaveLength(0);
  });
}

/** In the order in which payments have ended. */
async function receiptOf(heard: Awaited<ReturnType<typeof hear>>): Promise<bigint | undefined> {
  if (!heard.ok) throw new Error(heard.message);
  const [receipt] = await readReceipts(ground.writer.sql, [heard.value.paymentId]);
  return receipt?.number;
}

describe('another customer pays meanwhile', () => {
  test('while a payment waits for its own meter', async () => {
    const meterId = await cutOff('A-1', 'JB000001');
    const { own, other } = await whileItWaits('A-1', meterId, () => hear('A-1'));
    expect(await receiptOf(other)).toBe(2n);
    expect(own).toMatchObject({ ok: true, value: { commandsRequested: true } });
    expect(await receiptOf(own)).toBe(3n);
  });

  test('while the end of a command waits for its own meter', async () => {
    const { writer, clock, fleet } = ground;
    const [command] = await writer.sql<{ id: string; meterId: number }[]>`
      select id, meter_id as "meterId" from command where company_id = ${fleet.companyId}`;
    if (command === undefined) throw new Error('the payment has asked for a reconnection');
    clock.push(2 * 86_400_000);
    const deps = { sql: writer.sql, clock, wake: () => {} };
    const expire = () => expireCommand(deps, command.id);
    const { own, other } = await whileItWaits('A-1', command.meterId, expire);
    expect(await receiptOf(other)).toBe(4n);
    expect(own).toBe(true);
    const told = await writer.sql`
      select detail->>'state' as state, detail->>'commandId' = ${command.id} as "isSame"
      from event where kind = 'command' order by sequence`;
    // Its end is told before what the balance asks for next.
    expect([...told]).toEqual([
      { state: 'requested', isSame: true },
      { state: 'expired', isSame: true },
      { state: 'requested', isSame: false },
    ]);
  });
});
