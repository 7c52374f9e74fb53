import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseAgreementId } from '../../../src/domain/ids.ts';
import { flat, hourMs, dayMs } from '../billsGround.ts';
import { at10, july, june, modeWorld, quarterMs } from './modeGround.ts';

describe('domain rule 74: prepaid to postpaid within a month', () => {
  test('7.30 goes on as opening credit, and no interval is billed twice or missed', async () => {
    const { ground, ...w } = await modeWorld('mode_rule_74');
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
    const { ground, ...w } = await modeWorld('mode_again');
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
    const { ground, ...w } = await modeWorld('mode_standing', flat('0.30', [standing]));
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
    const { ground, ...w } = await modeWorld('mode_late');
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
    const { ground, ...w } = await modeWorld('mode_back');
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

describe('a change of mode is refused with no effect', () => {
  test('of an agreement whose change is to come already, sooner than that', async () => {
    const w = await modeWorld('mode_again');
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
    const { ground, ...w } = await modeWorld('mode_refused');
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
    const { ground, ...w } = await modeWorld('mode_owed');
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
    const { ground, ...w } = await modeWorld('mode_carries', {
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
