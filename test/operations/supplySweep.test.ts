import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findMovedAccounts, insertNotice } from '../../src/db/notices.ts';
import type { NoticeSender } from '../../src/domain/prepaid/notice.ts';
import { deliverNotices } from '../../src/operations/prepaid/deliverNotices.ts';
import { warnAccounts } from '../../src/operations/prepaid/warnAccounts.ts';
import { sweepCommands } from '../../src/operations/sweepCommands.ts';
import { sweepSupplies } from '../../src/operations/sweepSupplies.ts';
import { openGround, openPolicy, publishForTest, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

/** More than a sweep takes at a time (`accountsPerSweepMax`, `commandsPerSweepMax`). */
const crowdCount = 300;

function crowd() {
  const fleet = smallFleet();
  const [agreement] = fleet.agreements;
  const [meter] = fleet.meters;
  if (agreement === undefined || meter === undefined) throw new Error('the small fleet has both');
  const names = Array.from({ length: crowdCount }, (_, index) => `crowd ${index}`);
  return {
    ...fleet,
    servicePoints: [
      ...fleet.servicePoints,
      ...names.map((name) => ({ name, timeZone: 'Europe/Berlin' })),
    ],
    meters: [
      ...fleet.meters,
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
beforeAll(async () => {
  ground = await openGround('supply_sweep', crowd());
});
afterAll(() => ground.close());

const deps = () => ({ sql: ground.writer.sql, clock: ground.clock, wake: () => {} });

/** Cut by themselves, as after verified commands. */
async function darken(serials: string): Promise<void> {
  await ground.writer.sql`
    insert into supply (meter_id, company_id, state, cause, since)
    select id, company_id, 'disconnected', 'automatic', ${new Date(ground.clock.nowMs())}
    from meter where serial like ${serials}
    on conflict (meter_id) do update set state = excluded.state`;
}

async function give(accounts: string, balanceMicros: string): Promise<void> {
  await ground.writer.sql`
    update account_balance b set balance_micros = ${balanceMicros}::int8 from account a
    where a.id = b.account_id and a.number like ${accounts}`;
}

async function requestedMeters(): Promise<readonly string[]> {
  const rows = await ground.writer.sql<{ serial: string }[]>`
    select m.serial from command c join meter m on m.id = c.meter_id
    where c.kind = 'reconnect' and c.state = 'requested' order by m.id`;
  return rows.map(({ serial }) => serial);
}

beforeEach(async () => {
  const { sql } = ground.writer;
  await sql`update command set state = 'cancelled', attempts = 0`;
  await sql`update supply set state = 'connected'`;
  await give('%', '9000000');
  ground.clock.push(120_000);
});

describe('the sweep of supplies brings back', () => {
  test('whoever can be, behind however many that cannot', async () => {
    // Lent 10.00 and 20.00 below zero: in the dark, and looked at again and again.
    await give('A-%', '-20000000');
    await give('crowd %', '-20000000');
    await darken('%');
    await ground.writer.sql`
      insert into emergency_credit (id, company_id, account_id, amount_micros, taken_at, taken_by)
      select gen_random_uuid(), company_id, id, 10000000, now(), 'test' from account
      where number like 'crowd %'`;
    const last = `CR${crowdCount - 1}`;
    await give(`crowd ${crowdCount - 1}`, '6000000');
    await sweepSupplies(deps());
    expect(await requestedMeters()).toEqual([last]);
    await ground.writer.sql`
      insert into emergency_credit_end (credit_id, company_id, account_id, ended_at, reason)
      select id, company_id, account_id, now(), 'repaid' from emergency_credit`;
  });

  test('whoever is above the level of the policy, where that is the lower one', async () => {
    const { companyId } = ground.fleet;
    await publishForTest(ground.writer.sql, companyId, {
      ...openPolicy,
      balanceLimits: { connectionMax: '3.00', disconnectionMax: '0.00' },
    });
    await give('A-1', '2990000');
    await give('A-2', '3000000');
    await darken('JB%');
    await sweepSupplies(deps());
    expect(await requestedMeters()).toEqual(['JB000002']);
    await publishForTest(ground.writer.sql, companyId);
  });

  test('all others, where one account cannot be decided over', async () => {
    const { sql } = ground.writer;
    const { companyId } = ground.fleet;
    // What an older version may have let in: nothing can be read from it.
    await publishForTest(sql, companyId, { name: 'unreadable', breaker: 7 });
    await sql`
      insert into account_policy (account_id, valid_from, company_id, policy_name, recorded_at,
                                  recorded_by)
      values (${ground.account('A-1')}, to_timestamp(0), ${companyId}, 'unreadable', now(),
              'test')`;
    await darken('JB%');
    await expect(sweepSupplies(deps())).rejects.toThrow('1 failed');
    expect(await requestedMeters()).toEqual(['JB000002']);
  });
});

describe('the sweep of warnings tells', () => {
  test('whoever has reached a threshold, behind however many that live on loans', async () => {
    const { sql } = ground.writer;
    const { companyId } = ground.fleet;
    await publishForTest(sql, companyId, { ...openPolicy, notice: { hoursBefore: 24 } });
    await sql`
      insert into emergency_credit (id, company_id, account_id, amount_micros, taken_at, taken_by)
      select gen_random_uuid(), company_id, id, 10000000, now(), 'test' from account
      where number like 'crowd %'`;
    await sql`
      insert into notice_arm (account_id, kind, threshold, company_id, is_armed, breach)
      select id, 'cut_notice', 'limit', company_id, true, 1 from account
      where number like 'crowd %'`;
    await give('crowd %', '-2000000');
    await give('A-2', '-1000000');
    // All but A-2 were looked at.
    await sql`
      insert into prepaid_forecast (account_id, company_id, balance_micros, computed_at)
      select b.account_id, b.company_id, b.balance_micros, ${new Date(ground.clock.nowMs())}
      from account_balance b where b.account_id <> ${ground.account('A-2')}`;
    await warnAccounts(deps());
    const told = await sql<{ number: string; kind: string }[]>`
      select a.number, n.kind from notice n join account a on a.id = n.account_id
      where n.kind = 'cut_notice'`;
    expect([...told]).toEqual([{ number: 'A-2', kind: 'cut_notice' }]);
    await sql`
      insert into emergency_credit_end (credit_id, company_id, account_id, ended_at, reason)
      select id, company_id, account_id, now(), 'repaid' from emergency_credit
      on conflict do nothing`;
    await publishForTest(sql, companyId);
  });
});

describe('the sweep of warnings looks', () => {
  const due = () =>
    findMovedAccounts(ground.writer.sql, {
      nowMs: ground.clock.nowMs(),
      restMs: 3_600_000,
      limit: 10,
    });

  test('at whoever only uses energy when the next threshold is reached, however many', async () => {
    const { companyId } = ground.fleet;
    const warnings = { days: [], balances: ['5.00', '1.00'] };
    await publishForTest(ground.writer.sql, companyId, { ...openPolicy, warnings });
    ground.clock.push(3_600_000);
    await give('crowd %', '900000');
    await give('A-2', '5100000');
    // The crowd was looked at and told, and nothing is below where it stands.
    await ground.writer.sql`
      insert into prepaid_forecast (account_id, company_id, balance_micros, computed_at, looked_at)
      select b.account_id, b.company_id, b.balance_micros, ${new Date(ground.clock.nowMs())},
             ${new Date(ground.clock.nowMs())}
      from account_balance b join account a on a.id = b.account_id and a.number like 'crowd %'
      on conflict (account_id) do update
      set balance_micros = excluded.balance_micros, looked_at = excluded.looked_at`;
    await warnAccounts(deps());
    // All of them move, again and again, and of two something may have to be told.
    await give('crowd %', '899000');
    await give('A-2', '5000001');
    expect(await due()).toEqual([]);
    await give('A-2', '5000000');
    await give('crowd 7', '900001');
    const moved = [ground.account('A-2'), ground.account('crowd 7')];
    expect((await due()).map(({ accountId }) => accountId)).toEqual(moved);
    await warnAccounts(deps());
    expect(await due()).toEqual([]);
    // What a day costs is worked out again, and thresholds by days with it.
    ground.clock.push(3_600_000);
    await give('crowd 8', '898000');
    expect((await due()).length).toBe(10);
    // Those that were looked at longest ago are first.
    expect((await due()).map(({ accountId }) => accountId)).not.toContain(moved[0]);
    await publishForTest(ground.writer.sql, companyId);
  });
});

describe('the sweep of notices', () => {
  test('leaves the rest to the next one when the gateway is slow', async () => {
    const { sql } = ground.writer;
    const { companyId } = ground.fleet;
    await sql`
      insert into notice_step (notice_id, ordinal, company_id, account_id, state, at, detail)
      select id, 1, company_id, account_id, 'delivered', at, '' from notice`;
    const accountId = ground.account('A-3');
    const of = { companyId, accountId, kind: 'low_days', breach: 1, detail: {} } as const;
    for (const threshold of ['7', '3', '1']) {
      const atMs = ground.clock.nowMs();
      await insertNotice(sql, { ...of, id: randomUUID(), threshold, atMs });
      ground.clock.push(1);
    }
    const heard: string[] = [];
    const sender: NoticeSender = {
      send: async ({ threshold }) => {
        heard.push(threshold);
        ground.clock.push(6_000);
        return { state: 'sent', detail: '' };
      },
    };
    expect(await deliverNotices({ ...deps(), sender })).toEqual({ sent: 2, failed: 0 });
    expect(await deliverNotices({ ...deps(), sender })).toEqual({ sent: 1, failed: 0 });
    expect(heard).toEqual(['7', '3', '1']);
  });
});

describe('the sweep of commands finds', () => {
  test('those of one bus behind however many of another that nobody serves', async () => {
    const { sql } = ground.writer;
    const nowMs = ground.clock.nowMs();
    const insert = (serials: string, atMs: number) => sql`
      insert into command (id, company_id, meter_id, kind, cause, reason, state, requested_by,
                           requested_at, not_after, attempts, next_attempt_at)
      select gen_random_uuid(), company_id, id, 'reconnect', 'automatic', 'test',
             'requested', 'test', ${new Date(atMs)}, ${new Date(nowMs + 3_600_000)}, 0,
             ${new Date(atMs)}
      from meter where serial like ${serials}`;
    await insert('CR%', nowMs - 1_000);
    await insert('JB000001', nowMs);
    const { due } = await sweepCommands(deps());
    const ours = due.filter(({ busId }) => busId !== null);
    expect(due).toHaveLength(crowdCount + 1);
    expect(ours).toHaveLength(1);
  });
});
