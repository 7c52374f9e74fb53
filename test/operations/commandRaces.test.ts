import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Sql } from '../../src/db/connect.ts';
import { reviewSupply } from '../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import { sweepCommands } from '../../src/operations/sweepCommands.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { openCommandField } from './commandField.ts';
import type { CommandField } from './commandField.ts';
import { openGround } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
let field: CommandField;
let meterId: number;
beforeAll(async () => {
  ground = await openGround('races');
  field = await openCommandField(ground.fleet.buses.get('head-end/bus 1') ?? 0);
  meterId = ground.fleet.meters.get('JB000001') ?? 0;
});
afterAll(async () => {
  await field.close();
  await ground.close();
});

function deps(sql: Sql = ground.writer.sql) {
  return { sql, clock: ground.clock, link: field.link, wake: () => {} };
}

/** The account at its limit with a reading of now, and the cut that follows. */
async function requestCut(): Promise<string> {
  const { sql } = ground.writer;
  const { companyId } = ground.fleet;
  const accountId = ground.account('A-1');
  await sql`update account_balance set balance_micros = 0 where account_id = ${accountId}`;
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    values (${meterId}, 1, ${companyId}, ''::bytea, ${new Date(ground.clock.nowMs())}, 0)
    on conflict (meter_id, channel) do update set last_read_at = excluded.last_read_at`;
  const review = await sql.begin((tx) =>
    reviewSupply(tx, { companyId, accountIds: [accountId], nowMs: ground.clock.nowMs() }),
  );
  return review.requested[0] ?? '';
}

function pay() {
  const viewer = ground.viewer('subscriber', 'A-1');
  const accountId = ground.account('A-1');
  const api = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const payment = { idempotencyKey: randomUUID(), accountId, amount: '5', currency: 'EUR' };
  return topUp(api, viewer, payment);
}

/** Sends what is due, over every lease and back-off, until no command is open. */
async function drain(): Promise<void> {
  const open = () => ground.writer.sql`
    select from command where state in ('requested', 'queued', 'sent', 'acknowledged')`;
  for (let round = 0; (await open()).count > 0; round += 1) {
    expect(round).toBeLessThan(20);
    const { due } = await sweepCommands(deps());
    for (const { commandId } of due) await sendCommand(deps(), commandId);
    ground.clock.push(10_000);
  }
}

/** What the books say and what the contactor does. */
async function supply(): Promise<{ booked: boolean; real: boolean }> {
  const [row] = await ground.writer.sql<{ state: string }[]>`
    select state from supply where meter_id = ${meterId}`;
  const booked = row === undefined || row.state === 'connected';
  return { booked, real: field.world.isSupplyClosed(0, 1) };
}

beforeEach(async () => {
  await pay();
  await drain();
  ground.clock.push(120_000);
  expect(await supply()).toEqual({ booked: true, real: true });
});

/** Fails at its n-th transaction: before it, or after its commit. */
function failingSql(at: number, when: 'before' | 'after', error: Error): Sql {
  let begun = 0;
  return new Proxy(ground.writer.sql, {
    get(target, property, receiver) {
      if (property !== 'begin') return Reflect.get(target, property, receiver);
      return async (work: Parameters<Sql['begin']>[1]) => {
        begun += 1;
        if (begun === at && when === 'before') throw error;
        const result = await target.begin(work);
        if (begun === at) throw error;
        return result;
      };
    },
  });
}

describe('a sender that dies', () => {
  test.each([1, 2, 3].flatMap((at) => [[at, 'before'] as const, [at, 'after'] as const]))(
    'at transaction %i, %s it, leaves a cut that ends once and as booked',
    async (at, when) => {
      const cut = await requestCut();
      const dying = failingSql(at, when, new Error('killed'));
      await expect(sendCommand(deps(dying), cut)).rejects.toThrow('killed');
      await drain();
      expect(await supply()).toEqual({ booked: false, real: false });
      const ends = await ground.writer.sql`
        select state from command_step where command_id = ${cut}::uuid
          and state in ('verified', 'failed', 'expired', 'cancelled')`;
      expect([...ends]).toEqual([{ state: 'verified' }]);
    },
  );
});

describe('a sender whose connection is lost', () => {
  // Without that the command waits for the end of the try's lease, and a paid customer with it.
  test.each([1, 2, 3].flatMap((at) => [[at, 'before'] as const, [at, 'after'] as const]))(
    'at transaction %i, %s it, brings the same try to its end, each step written once',
    async (at, when) => {
      const cut = await requestCut();
      const lost = Object.assign(new Error('lost'), { code: 'CONNECTION_CLOSED' });
      const sent = await sendCommand(deps(failingSql(at, when, lost)), cut);
      expect(sent).toEqual({ state: 'verified', retryAtMs: null });
      expect(await supply()).toEqual({ booked: false, real: false });
      const steps = await ground.writer.sql`
        select state from command_step where command_id = ${cut}::uuid order by ordinal`;
      const all = ['requested', 'sent', 'acknowledged', 'verified'];
      expect(steps.map((row) => row['state'])).toEqual(all);
    },
  );
});

describe('a payment against a cut', () => {
  test('ends with the supply on, whenever it comes', async () => {
    for (let round = 0; round < 15; round += 1) {
      const cut = await requestCut();
      const sending = sendCommand(deps(), cut);
      // Spread over the sender's way: a turn of the loop further each round.
      for (let turn = 0; turn < round * 2; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      const [, paid] = await Promise.all([sending, pay()]);
      expect(paid.ok).toBe(true);
      await drain();
      expect(await supply()).toEqual({ booked: true, real: true });
    }
  });
});

describe('two senders of one command', () => {
  test('write it down once', async () => {
    const cut = await requestCut();
    const results = await Promise.all([sendCommand(deps(), cut), sendCommand(deps(), cut)]);
    expect(results.map(({ state }) => state)).toContain('verified');
    const steps = await ground.writer.sql`
      select state from command_step where command_id = ${cut}::uuid order by ordinal`;
    expect(steps.map((row) => row['state'])).toEqual([
      'requested',
      'sent',
      'acknowledged',
      'verified',
    ]);
  });
});
