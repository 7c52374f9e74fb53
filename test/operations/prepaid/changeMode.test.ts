import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseAgreementId } from '../../../src/domain/ids.ts';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import { beginModes } from '../../../src/operations/prepaid/beginModes.ts';
import { changeMode } from '../../../src/operations/prepaid/changeMode.ts';
import type { ChangeModeInput } from '../../../src/operations/prepaid/changeMode.ts';
import { takeBackChange } from '../../../src/operations/prepaid/takeBackChange.ts';
import type { TakeBackInput } from '../../../src/operations/prepaid/takeBackChange.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { bills, flat, hourMs, dayMs } from '../billsGround.ts';
import { makeChannel } from '../payments/paymentGround.ts';
import { openPolicy, publishForTest } from '../smallFleet.ts';
import type { Fleet } from '../../../src/domain/fleet.ts';
import type { TariffText } from '../../../src/domain/tariff/shape.ts';

/** UTC throughout. */
const june = Date.UTC(2026, 5, 1);
const july = Date.UTC(2026, 6, 1);
const at10 = june + 9 * dayMs + 10 * hourMs;
const quarterMs = hourMs / 4;

function twoPrepaid(fleet: Fleet): Fleet {
  const [point] = fleet.servicePoints;
  const [meter] = fleet.meters;
  const [agreement] = fleet.agreements;
  if (point === undefined || meter === undefined || agreement === undefined) {
    throw new Error('the fleet has a meter');
  }
  const of = <T>(make: (n: number) => T): T[] => [1, 2].map(make);
  return {
    ...fleet,
    servicePoints: of((n) => ({ ...point, name: `point ${n}` })),
    meters: of((n) => ({ ...meter, serial: `M${n}`, servicePoint: `point ${n}` })),
    customers: of((n) => ({
      name: `customer ${n}`,
      accounts: [{ number: `A${n}`, currency: 'EUR' }],
    })),
    agreements: of((n) => ({
      ...agreement,
      account: `A${n}`,
      servicePoint: `point ${n}`,
      mode: 'prepaid' as const,
      balanceLimitMicros: 0n,
      reconnectMicros: 2_000_000n,
      validFromMs: june,
    })),
  };
}

/** The same load on two meters: M1's account changes its mode, M2's never does. */
async function world(name: string, document: TariffText = flat('0.30')) {
  const ground = await bills(name, document, twoPrepaid);
  const { sql } = ground.database;
  const { companyId, accounts } = ground.registered;
  await publishForTest(sql, companyId, openPolicy);
  const known = await sql`select from payment_channel where kind = 'counter'`;
  if (known.length === 0) {
    await makeChannel({ writer: ground.database }, { companyId, name: 'counter', kind: 'counter' });
  }
  ground.clock.set(june);
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => undefined };
  const accountOf = (number: string) => {
    const id = accounts.get(number);
    if (id === undefined) throw new Error('the fleet has the account');
    return id;
  };
  const agreementOf = async (number: string) => {
    const [row] = await sql<{ id: number }[]>`
      select id from agreement where account_id = ${accountOf(number)} order by id desc limit 1`;
    const id = parseAgreementId(row?.id);
    if (!id.ok) throw new Error('the account has an agreement');
    return id.value;
  };
  return {
    ground,
    deps,
    accountOf,
    agreementOf,
    async read(atMs: number, wh: number) {
      ground.clock.set(Math.max(ground.clock.nowMs(), atMs));
      await ground.read(['M1', 'M2'].map((meter) => ({ meter, atMs, wh })));
    },
    async buy(number: string, amount: string) {
      const accountId = accountOf(number);
      const input = { idempotencyKey: randomUUID(), accountId, amount, currency: 'EUR' };
      const done = await topUp(deps, ground.viewer, input);
      if (!done.ok) throw new Error(done.message);
    },
    async change(
      to: 'prepaid' | 'postpaid',
      more: Partial<ChangeModeInput> = {},
      viewer: Viewer = { ...ground.viewer, role: 'operator' },
    ) {
      const done = await changeMode(deps, viewer, {
        idempotencyKey: randomUUID(),
        agreementId: await agreementOf('A1'),
        mode: to,
        atMs: null,
        reason: 'asked for by letter',
        ...more,
      });
      await ground.rateAll();
      return done;
    },
    async balance(number: string) {
      const [row] = await sql<{ micros: bigint }[]>`
        select balance_micros as micros from account_balance
        where account_id = ${accountOf(number)}`;
      return row?.micros;
    },
    /** By agreement of an account, in the order of time. */
    async billed(number: string) {
      return sql<{ mode: string; wh: bigint; micros: bigint; open: boolean }[]>`
        select g.mode, sum(c.energy_wh)::int8 as wh, sum(c.amount_micros)::int8 as micros,
               bool_or(c.open_until is not null) as open
        from agreement g join charge c on c.agreement_id = g.id
        where g.account_id = ${accountOf(number)} and c.period_start = ${new Date(june)}
        group by g.id, g.mode order by g.id`;
    },
    begin: () =>
      beginModes({ sql: ground.database.sql, clock: ground.clock, wake: () => undefined }),
  };
}

describe('domain rule 74: prepaid to postpaid within a month', () => {
  test('7.30 goes on as opening credit, and no interval is billed twice or missed', async () => {
    const { ground, ...w } = await world('mode_rule_74');
    await w.buy('A1', '10.00');
    await w.buy('A2', '10.00');
    await w.read(june, 0);
    // 9 kWh at 0.30 are 2.70.
    await w.read(at10, 9_000);
    expect(await w.balance('A1')).toBe(7_300_000n);
    ground.clock.set(at10 + 7 * 60_000);
    const before = await ground.transfers();
    expect(await w.change('postpaid')).toMatchObject({
      ok: true,
      value: { atMs: at10 + quarterMs, isReplay: false },
    });
    expect(await ground.transfers()).toEqual(before);
    expect(await w.balance('A1')).toBe(7_300_000n);
    // 0.1 kWh from 10:00 to 10:30, half of it before the change.
    await w.read(at10 + 2 * quarterMs, 9_100);
    await w.begin();
    await w.read(july, 20_000);
    await w.read(july + hourMs, 20_000);
    // 9.05 kWh are 2.715 and 10.95 kWh are 3.285; together the 6.00 of 20 kWh.
    expect(await w.billed('A1')).toEqual([
      { mode: 'prepaid', wh: 9_050n, micros: 2_715_000n, open: false },
      { mode: 'postpaid', wh: 10_950n, micros: 3_285_000n, open: false },
    ]);
    expect(await w.billed('A2')).toEqual([
      { mode: 'prepaid', wh: 20_000n, micros: 6_000_000n, open: false },
    ]);
    expect(await w.balance('A1')).toBe(4_000_000n);
    expect(await w.balance('A2')).toBe(4_000_000n);
    const [audited] = await ground.database.sql<{ after: { balance: string } }[]>`
      select after from audit_entry where action = 'agreement.modeBegun'`;
    // By the readings of 10:30; the opening credit of 10:15 less what flowed since.
    expect(audited?.after.balance).toBe('7.27');
  });

  test('the same request behind its begin answers as before, no other under its key', async () => {
    const { ground, ...w } = await world('mode_again');
    await w.buy('A1', '10.00');
    await w.read(june, 0);
    ground.clock.set(at10);
    const { sql } = ground.database;
    const agreementId = await w.agreementOf('A1');
    const of = { idempotencyKey: randomUUID(), agreementId };
    const whole = { ...of, atMs: at10 + quarterMs, balanceLimit: '5.00', reconnectLevel: '7.00' };
    const first = await w.change('postpaid', whole);
    expect(first).toMatchObject({ ok: true, value: { isReplay: false } });
    await w.read(at10 + dayMs, 9_000);
    expect(await w.begin()).toEqual({ changes: 1 });
    // A limit is known by its value, as every amount of a key is.
    for (const balanceLimit of ['5.00', '5']) {
      const again = await w.change('postpaid', { ...whole, balanceLimit });
      expect(again).toEqual(first.ok ? { ...first, value: { ...first.value, isReplay: true } } : 0);
    }
    const next = await w.agreementOf('A1');
    for (const other of [
      { balanceLimit: '5.01' },
      { reconnectLevel: '8.00' },
      { atMs: at10 + 2 * quarterMs },
      { atMs: null },
      { agreementId: next },
      { reason: 'asked for at the counter' },
    ]) {
      const refused = await w.change('postpaid', { ...whole, ...other });
      expect(refused).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    }
    const back = await w.change('prepaid', whole);
    expect(back).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await sql`select from mode_change`).toHaveLength(1);
    expect(await sql`select from agreement`).toHaveLength(3);
  });

  test('a standing charge by the day is cut at the instant: 12.00 for June in both', async () => {
    const standing = { kind: 'fixed', name: 'standing', amount: '0.40', per: 'day' } as const;
    const { ground, ...w } = await world('mode_standing', flat('0.30', [standing]));
    await w.buy('A1', '50.00');
    await w.read(june, 0);
    await w.read(at10, 0);
    expect((await w.change('postpaid', { atMs: at10 + 2 * hourMs })).ok).toBe(true);
    await w.read(july, 0);
    await w.read(july + hourMs, 0);
    // 9.5 of 30 days at 0.40 are 3.80, the rest is 8.20.
    expect(await w.billed('A1')).toMatchObject([
      { mode: 'prepaid', micros: 3_800_000n, open: false },
      { mode: 'postpaid', micros: 8_200_000n, open: false },
    ]);
    expect(await w.billed('A2')).toMatchObject([{ micros: 12_000_000n, open: false }]);
    ground.clock.set(july + 2 * hourMs);
  });

  test('a reading that comes late moves neither the sum nor the border', async () => {
    const { ground, ...w } = await world('mode_late');
    await w.buy('A1', '10.00');
    await w.read(june, 0);
    await w.read(at10, 9_000);
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    await w.read(july, 20_000);
    await w.read(july + hourMs, 20_000);
    const sum = await w.balance('A1');
    await w.read(at10 - dayMs, 8_000);
    await w.read(at10 + dayMs, 12_000);
    expect(await w.billed('A1')).toMatchObject([
      { mode: 'prepaid', wh: 9_000n },
      { mode: 'postpaid', wh: 11_000n },
    ]);
    expect(await w.balance('A1')).toBe(sum);
    expect(sum).toBe(4_000_000n);
    // The declaration that made the fleet still holds.
    await ground.register(ground.fleet);
    expect(await w.billed('A1')).toHaveLength(2);
  });

  test('there and back: arms are fresh, the limits are those of before', async () => {
    const { ground, ...w } = await world('mode_back');
    const { sql } = ground.database;
    await w.buy('A1', '10.00');
    await w.read(june, 0);
    await w.read(at10, 9_000);
    await sql`insert into notice_arm (account_id, kind, threshold, company_id, is_armed, breach)
              values (${w.accountOf('A1')}, 'cut_notice', 'limit',
                      ${ground.registered.companyId}, false, 1)`;
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    ground.clock.set(at10 + dayMs);
    expect((await w.change('prepaid', { atMs: at10 + dayMs })).ok).toBe(true);
    const agreements = await sql`
      select mode, balance_limit_micros as low, reconnect_micros as back from agreement
      where account_id = ${w.accountOf('A1')} order by id`;
    expect(agreements).toMatchObject([
      { mode: 'prepaid', low: 0n, back: 2_000_000n },
      { mode: 'postpaid', low: 0n, back: 2_000_000n },
      { mode: 'prepaid', low: 0n, back: 2_000_000n },
    ]);
    expect(await sql`select is_armed as armed from notice_arm`).toMatchObject([{ armed: true }]);
    expect(await w.begin()).toEqual({ changes: 2 });
    expect(await w.begin()).toEqual({ changes: 0 });
  });
});

describe('a recorded change that has not begun', () => {
  test('is taken back: one bill of the whole month, as if nothing had been recorded', async () => {
    const { ground, ...w } = await world('mode_taken_back');
    const { sql } = ground.database;
    await w.buy('A1', '10.00');
    await w.buy('A2', '10.00');
    await w.read(june, 0);
    const agreementId = await w.agreementOf('A1');
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    const back = async (more: Partial<TakeBackInput> = {}, viewer?: Viewer) => {
      const asked = { idempotencyKey: randomUUID(), agreementId, reason: 'asked again', ...more };
      const by = viewer ?? { ...ground.viewer, role: 'operator' };
      const done = await takeBackChange(w.deps, by, asked);
      await ground.rateAll();
      return done;
    };
    const subscriber = { ...ground.viewer, role: 'subscriber' as const };
    expect(await back({}, subscriber)).toMatchObject({ code: 'NOT_PERMITTED' });
    const idempotencyKey = randomUUID();
    expect(await back({ idempotencyKey })).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(await back({ idempotencyKey })).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await back()).toMatchObject({ code: 'AGREEMENT_CHANGE_NOT_FOUND' });
    const held = await sql`select id, mode, valid_to as "validTo" from agreement
                           where account_id = ${w.accountOf('A1')}`;
    expect([...held]).toEqual([{ id: agreementId, mode: 'prepaid', validTo: null }]);
    await w.read(at10, 9_000);
    await w.read(july, 20_000);
    await w.read(july + hourMs, 20_000);
    const whole = [{ mode: 'prepaid', wh: 20_000n, micros: 6_000_000n, open: false }];
    expect(await w.billed('A1')).toEqual(whole);
    expect(await w.billed('A2')).toEqual(whole);
    expect(await w.begin()).toEqual({ changes: 0 });
    const told = await sql`
      select detail->>'what' as what from event where kind = 'notice' order by shard, sequence`;
    expect(told.map(({ what }) => String(what))).toContain('change_taken_back');
    const [audited] = await sql`
      select before->>'mode' as mode, after->>'reason' as reason from audit_entry
      where action = 'agreement.takeBackChange'`;
    expect(audited).toEqual({ mode: 'postpaid', reason: 'asked again' });
    // It can be recorded again.
    ground.clock.set(july + 2 * hourMs);
    expect((await w.change('postpaid', { atMs: july + dayMs })).ok).toBe(true);
  });

  test('stays once it has begun, is followed by another one, or is in use', async () => {
    const { ground, ...w } = await world('mode_stays');
    const { sql } = ground.database;
    await w.buy('A1', '10.00');
    const first = await w.agreementOf('A1');
    const back = (agreementId: typeof first) =>
      takeBackChange(
        w.deps,
        { ...ground.viewer, role: 'operator' },
        {
          idempotencyKey: randomUUID(),
          agreementId,
          reason: 'asked again',
        },
      );
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    const second = await w.agreementOf('A1');
    expect((await w.change('prepaid', { atMs: at10 + dayMs })).ok).toBe(true);
    expect(await back(first)).toMatchObject({ code: 'AGREEMENT_CHANGE_IN_USE' });
    expect(await back(second)).toMatchObject({ ok: true });
    await sql`insert into accrual (agreement_id, company_id, accrued_until)
              values (${second}, ${ground.registered.companyId}, now())`;
    expect(await back(first)).toMatchObject({ code: 'AGREEMENT_CHANGE_IN_USE' });
    ground.clock.set(at10);
    expect(await back(first)).toMatchObject({ code: 'AGREEMENT_CHANGE_BEGUN' });
  });
});

describe('a change of mode is refused with no effect', () => {
  test('of an agreement whose change is to come already, sooner than that', async () => {
    const w = await world('mode_again');
    await w.buy('A1', '10.00');
    const agreementId = await w.agreementOf('A1');
    expect(await w.change('postpaid', { agreementId, atMs: june + 2 * dayMs })).toMatchObject({
      ok: true,
    });
    expect(await w.change('postpaid', { agreementId, atMs: june + dayMs })).toMatchObject({
      ok: false,
      code: 'AGREEMENT_CHANGE_PLANNED',
    });
  });

  test('in the past, off the grid, far ahead, unchanged, foreign, by a subscriber', async () => {
    const { ground, ...w } = await world('mode_refused');
    await w.buy('A1', '10.00');
    await w.read(june, 0);
    await w.read(at10, 9_000);
    ground.clock.set(at10 + 1);
    const code = async (...given: Parameters<typeof w.change>) => {
      const done = await w.change(...given);
      return done.ok ? 'ok' : done.code;
    };
    expect(await code('postpaid', { atMs: at10 })).toBe('MODE_CHANGE_IN_PAST');
    expect(await code('postpaid', { atMs: at10 + 60_000 })).toBe('MODE_CHANGE_OFF_GRID');
    expect(await code('postpaid', { atMs: at10 + 93 * dayMs })).toBe('MODE_CHANGE_TOO_FAR');
    expect(await code('prepaid')).toBe('MODE_UNCHANGED');
    const subscriber = { ...ground.viewer, role: 'subscriber' as const };
    expect(await code('postpaid', {}, subscriber)).toBe('NOT_PERMITTED');
    const foreign = parseAgreementId(2_000_000);
    if (!foreign.ok) throw new Error('an id');
    const nobody = { agreementId: foreign.value };
    expect(await code('postpaid', nobody)).toBe('AGREEMENT_NOT_FOUND');
    const { sql } = ground.database;
    expect(await sql`select from mode_change`).toHaveLength(0);
    expect(await sql`select from agreement where valid_to is not null`).toHaveLength(0);
  });

  test('to prepaid while money is owed: a change of mode cuts nobody', async () => {
    const { ground, ...w } = await world('mode_owed');
    await w.buy('A1', '1.00');
    await w.read(june, 0);
    await w.read(at10, 1_000);
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    await w.read(at10 + dayMs, 9_000);
    expect(await w.change('prepaid')).toMatchObject({ ok: false, code: 'BALANCE_AT_LIMIT' });
    expect(await w.change('prepaid', { balanceLimit: '-5.00' })).toMatchObject({ ok: true });
    ground.clock.set(at10 + 2 * dayMs);
  });

  test('of a tariff whose tiers run through the year', async () => {
    const { ground, ...w } = await world('mode_carries', {
      currency: 'EUR',
      components: [
        {
          kind: 'energy',
          name: 'energy',
          flow: 'import',
          price: [{ upTo: '100', price: '0.20' }, { price: '0.30' }],
          tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
        },
      ],
    });
    ground.clock.set(at10);
    expect(await w.change('postpaid')).toMatchObject({ ok: false, code: 'MODE_CHANGE_CARRIES' });
  });
});
