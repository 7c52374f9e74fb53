import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asViewer } from '../../../src/db/viewer.ts';
import type { NoticeAnswer, NoticeMessage } from '../../../src/domain/prepaid/notice.ts';
import { deliverNotices } from '../../../src/operations/prepaid/deliverNotices.ts';
import { forecastDays } from '../../../src/operations/prepaid/forecast.ts';
import { readPrepaid } from '../../../src/operations/prepaid/readPrepaid.ts';
import { takeEmergencyCredit } from '../../../src/operations/prepaid/takeEmergencyCredit.ts';
import { warnAccounts } from '../../../src/operations/prepaid/warnAccounts.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { bills, dayMs, flat, hourMs } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { makeChannel } from '../payments/paymentGround.ts';
import { openPolicy, publishForTest } from '../smallFleet.ts';

/** UTC; 2.60 EUR of energy a day (10 kWh at 0.26) and 0.50 EUR standing charge: 3.10. */
const startMs = Date.UTC(2026, 5, 1);

const standing = { kind: 'fixed', name: 'standing', amount: '0.50', per: 'day' } as const;

async function world(name: string, policy: object, tariff = flat('0.26', [standing])) {
  const ground = await bills(name, tariff, (fleet) => ({
    ...fleet,
    agreements: fleet.agreements.map((agreement) => ({
      ...agreement,
      mode: 'prepaid' as const,
      validFromMs: startMs,
    })),
  }));
  const { companyId, accounts } = ground.registered;
  await publishForTest(ground.database.sql, companyId, { ...openPolicy, ...policy });
  const known = await ground.database.sql`select from payment_channel where kind = 'counter'`;
  if (known.length === 0) {
    await makeChannel({ writer: ground.database }, { companyId, name: 'counter', kind: 'counter' });
  }
  const [accountId] = accounts.values();
  if (accountId === undefined) throw new Error('the fleet has an account');
  ground.clock.set(startMs);
  const deps = { sql: ground.database.sql, clock: ground.clock, wake: () => undefined };
  let wh = 0;
  let readMs = startMs;
  await ground.read([{ atMs: startMs, wh: 0 }].map(readingOf));
  return {
    ground,
    accountId,
    deps,
    /** So many days of 10 kWh, a reading an hour. */
    async live(days: number) {
      const readings: { atMs: number; wh: number }[] = [];
      const endMs = readMs + days * dayMs;
      for (readMs += hourMs; readMs <= endMs; readMs += hourMs) {
        wh = Math.round(((readMs - startMs) / dayMs) * 10_000);
        readings.push({ atMs: readMs, wh });
      }
      readMs = endMs;
      ground.clock.set(endMs);
      await ground.read(readings.map(readingOf));
      await ground.accrue();
    },
    async buy(amount: string) {
      const done = await topUp({ ...deps, sql: ground.api.sql }, ground.viewer, {
        idempotencyKey: randomUUID(),
        accountId,
        amount,
        currency: 'EUR',
      });
      if (!done.ok) throw new Error(done.message);
      return done.value.balanceMicros;
    },
    async notices() {
      const rows = await ground.database.sql<{ kind: string; threshold: string; breach: number }[]>`
        select kind, threshold, breach from notice order by at, kind, threshold`;
      return rows.map(({ kind, threshold, breach }) => `${kind} ${threshold} ${breach}`);
    },
  };
}

type Reading = Parameters<BillsGround['read']>[0][number];

function readingOf({ atMs, wh }: { atMs: number; wh: number }): Reading {
  return { atMs, wh };
}

describe('days left of an account (002.19)', () => {
  test('domain rule 72: by its own readings and tariff, 12.40 is 4.0 days', async () => {
    const { ground, accountId, live, buy } = await world('days_left', {});
    await buy('100.00');
    await live(9);
    const nowMs = ground.clock.nowMs();
    const found = await asViewer(ground.api.sql, ground.viewer, async (tx) => {
      const life = await readPrepaid(tx, { accountId, nowMs });
      if (life === null) throw new Error('the account is prepaid');
      const left = await forecastDays(
        tx,
        { ...life, balanceMicros: 12_400_000n, reservedMicros: 0n },
        { policy: life.policy, nowMs },
      );
      return { left, balanceMicros: life.balanceMicros };
    });
    // Nine days at 3.10; the tenth has begun with its standing charge or has not.
    expect([72_100_000n, 71_600_000n]).toContain(found.balanceMicros);
    expect(found.left).toMatchObject({ ok: true, value: { historyDays: 9 } });
    const tenths = found.left.ok ? found.left.value.tenths : null;
    expect(tenths).toBe(40);
  });
});

test('without a whole day of use and a standing charge nobody knows what a day costs', async () => {
  const { ground, accountId, buy, deps } = await world('no_history', {}, flat('0.26'));
  await buy('5.00');
  await warnAccounts(deps);
  const looked = await ground.database.sql`
    select daily_micros, reason from prepaid_forecast where account_id = ${accountId}`;
  expect(looked).toEqual([{ daily_micros: null, reason: 'HISTORY_MISSING' }]);
});

describe('warnings (002.20, domain rule 56)', () => {
  test('at 7, 3 and 1 days and at a balance, once a breach, armed again by a top-up', async () => {
    const policy = { warnings: { days: [7, 3, 1], balances: ['1.00'] } };
    const { live, buy, deps, notices } = await world('warnings', policy);
    await buy('34.00');
    await live(2);
    await warnAccounts(deps);
    expect(await notices()).toEqual([]);
    await live(2);
    await warnAccounts(deps);
    await warnAccounts(deps);
    expect(await notices()).toEqual(['low_days 7 1']);
    // 34.00 less ten days: 3.00, less than one day; 3 and 1 are reached together.
    await live(6);
    await warnAccounts(deps);
    expect(await notices()).toEqual(['low_days 7 1', 'low_days 1 1']);
    await buy('10.00');
    await warnAccounts(deps);
    expect(await notices()).toEqual(['low_days 7 1', 'low_days 1 1']);
    await live(3);
    await warnAccounts(deps);
    // 3.70 is 1.2 days. 3 and 1 were armed again by the 10.00, 7 was not.
    expect(await notices()).toEqual(['low_days 7 1', 'low_days 1 1', 'low_days 3 2']);
  });

  test('all kinds are armed again by one payment, whoever makes it', async () => {
    const policy = {
      warnings: { days: [7, 3, 1], balances: ['1.00'] },
      emergencyCredit: { amount: '10.00', selectableBelow: '1.00' },
    };
    const { live, buy, deps, notices } = await world('rearmed', policy);
    await live(2);
    await warnAccounts(deps);
    expect(await notices()).toEqual([
      'emergency_offered 0.999999 1',
      'low_balance 1.00 1',
      'low_days 1 1',
    ]);
    await buy('50.00');
    await warnAccounts(deps);
    expect(await notices()).toHaveLength(3);
  });

  test('a notice of a cut is told ahead, sent again until it arrives, and is proof', async () => {
    const policy = {
      warnings: { days: [], balances: [] },
      notice: { hoursBefore: 24, delivered: true },
    };
    const { ground, live, buy, deps, notices } = await world('cut_notice', policy);
    await buy('12.00');
    await live(3);
    await warnAccounts(deps);
    // 2.70 above the limit is less than a day.
    expect(await notices()).toEqual(['cut_notice limit 1']);
    const heard: NoticeMessage[] = [];
    const answers: NoticeAnswer[] = [
      { state: 'failed', detail: 'HTTP 503' },
      { state: 'delivered', detail: 'sms-1' },
    ];
    const sender = {
      send: async (message: NoticeMessage): Promise<NoticeAnswer> => {
        heard.push(message);
        return answers.shift() ?? { state: 'failed', detail: 'asked too often' };
      },
    };
    expect(await deliverNotices({ ...deps, sender })).toEqual({ sent: 0, failed: 1 });
    expect(await deliverNotices({ ...deps, sender })).toEqual({ sent: 0, failed: 0 });
    ground.clock.set(ground.clock.nowMs() + 60_000);
    expect(await deliverNotices({ ...deps, sender })).toEqual({ sent: 1, failed: 0 });
    ground.clock.set(ground.clock.nowMs() + dayMs);
    expect(await deliverNotices({ ...deps, sender })).toEqual({ sent: 0, failed: 0 });
    expect(heard.map(({ id }) => id)).toEqual([heard[0]?.id, heard[0]?.id]);
    expect(JSON.stringify(heard)).not.toMatch(/customer/i);
    const steps = await ground.database.sql`
      select ordinal, state, detail from notice_step order by ordinal`;
    expect([...steps]).toEqual([
      { ordinal: 0, state: 'queued', detail: '' },
      { ordinal: 1, state: 'failed', detail: 'HTTP 503' },
      { ordinal: 2, state: 'delivered', detail: 'sms-1' },
    ]);
  });

  test('whatever dies between two steps, a breach is told', async () => {
    const { ground, live, buy, deps, notices } = await world('told_anyway', {
      warnings: { days: [], balances: ['1.00'] },
    });
    await buy('3.50');
    await live(1);
    for (const deadly of [1, 2]) {
      let begun = 0;
      const begin = (...args: Parameters<typeof ground.database.sql.begin>) => {
        begun += 1;
        const isLast = begun === deadly;
        return isLast ? Promise.reject(new Error('killed')) : ground.database.sql.begin(...args);
      };
      const sql = new Proxy(ground.database.sql, {
        get: (target, name) => (name === 'begin' ? begin : Reflect.get(target, name)),
      });
      await warnAccounts({ ...deps, sql }).catch(() => undefined);
    }
    await warnAccounts(deps);
    expect(await notices()).toEqual(['low_balance 1.00 1']);
  });
});

describe('the notice of a cut is told anew', () => {
  const notice = { hoursBefore: 24, delivered: true };
  const warnings = { days: [], balances: [] };

  test('after something else than a payment has lifted the account', async () => {
    const { ground, accountId, live, buy, deps, notices } = await world('lifted_by_hand', {
      warnings,
      notice,
    });
    await buy('12.00');
    await live(3);
    await warnAccounts(deps);
    expect(await notices()).toEqual(['cut_notice limit 1']);
    // A gift, or readings that were corrected.
    await ground.database.sql`
      update account_balance set balance_micros = balance_micros + 31000000
      where account_id = ${accountId}`;
    await warnAccounts(deps);
    await live(9);
    await warnAccounts(deps);
    await live(1);
    await warnAccounts(deps);
    expect(await notices()).toEqual(['cut_notice limit 1', 'cut_notice limit 2']);
  });

  test('before what was lent is used up', async () => {
    const { ground, accountId, live, buy, deps, notices } = await world('lent_and_used', {
      warnings,
      notice,
      emergencyCredit: { amount: '10.00', selectableBelow: '1.00' },
    });
    const cutNotices = async () => (await notices()).filter((each) => each.startsWith('cut'));
    await buy('6.20');
    await live(2);
    await warnAccounts(deps);
    expect(await cutNotices()).toEqual(['cut_notice limit 1']);
    const lent = await takeEmergencyCredit({ ...deps, sql: ground.api.sql }, ground.viewer, {
      idempotencyKey: randomUUID(),
      accountId,
    });
    expect(lent).toMatchObject({ ok: true });
    await warnAccounts(deps);
    expect(await cutNotices()).toEqual(['cut_notice limit 1']);
    await live(3);
    await warnAccounts(deps);
    expect(await cutNotices()).toEqual(['cut_notice limit 1', 'cut_notice limit 2']);
  });

  test('after a payment has lifted the account above the limit of the law', async () => {
    const { live, buy, deps, notices } = await world('lifted_by_law', {
      warnings,
      notice,
      balanceLimits: { connectionMax: '5.00', disconnectionMax: '-5.00' },
    });
    await buy('0.50');
    await live(1);
    await warnAccounts(deps);
    // 2.40 above the limit of -5.00.
    expect(await notices()).toEqual(['cut_notice limit 1']);
    await buy('4.00');
    await live(1);
    await warnAccounts(deps);
    await live(1);
    await warnAccounts(deps);
    expect(await notices()).toEqual(['cut_notice limit 1', 'cut_notice limit 2']);
  });
});
