import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseAccountId, parseAgreementId } from '../../../src/domain/ids.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { takeBackChange } from '../../../src/operations/prepaid/takeBackChange.ts';
import { dayMs, hourMs } from '../billsGround.ts';
import { firstMs, movingWorld, the12th, the15th, the16th } from './movingGround.ts';

/** A tenant leaves with 12.40 of credit, the place is vacant for three days, another one comes. */
async function moved(name: string) {
  const { ground, ...w } = await movingWorld(name);
  await w.buy('first', '17.80');
  await w.read(firstMs, 5_292_000);
  ground.clock.set(the12th - 7 * 60_000);
  expect(await w.pass('first', 'landlord')).toMatchObject({
    ok: true,
    value: { atMs: the12th, isReplay: false },
  });
  // 18 kWh at 0.30 are 5.40 of 17.80.
  await w.read(the12th, 5_310_000);
  await w.begin();
  ground.clock.set(the15th - 7 * 60_000);
  expect((await w.pass('landlord', 'next')).ok).toBe(true);
  await w.read(the15th, 5_318_000);
  await w.begin();
  await w.read(the16th, 5_320_000);
  return { ground, ...w };
}

describe('domain rule 73: out on the 12th at 5,310 kWh, in on the 15th at 5,318', () => {
  test('8 kWh are the landlord’s, and 12.40 go back', async () => {
    const w = await moved('move_money');
    expect(await w.billed()).toEqual([
      { number: 'first', wh: 18_000n, micros: 5_400_000n },
      { number: 'landlord', wh: 8_000n, micros: 2_400_000n },
      { number: 'next', wh: 2_000n, micros: 600_000n },
    ]);
    expect(await w.balance('first')).toBe(12_400_000n);
    expect(await w.balance('landlord')).toBe(-2_400_000n);
    expect(await w.payOut('first')).toMatchObject({
      ok: true,
      value: { paidOutMicros: 12_400_000n, balanceMicros: 0n, isReplay: false },
    });
    expect(await w.balance('first')).toBe(0n);
    expect(await w.moved('first', 'credit_paid_out')).toEqual([
      { debit: 'customer', credit: 'bank', micros: 12_400_000n },
    ]);
    expect(await w.findings()).toEqual([]);
  });

  test('the first sees its own dates alone, and who comes none of the earlier ones', async () => {
    const { ground, ...w } = await moved('move_seen');
    // Of the landlord's time, and of the next tenant's.
    const { sql } = ground.database;
    const { companyId } = ground.registered;
    const meterId = ground.meter('M1');
    await sql`insert into unrated_energy (meter_id, period_start, code, company_id, energy_wh,
                                          slot_count)
              values (${meterId}, ${new Date(firstMs)}, 'AGREEMENT_NOT_FOUND', ${companyId}, 1, 1)`;
    await sql`insert into supply (meter_id, company_id, state, cause, since)
              values (${meterId}, ${companyId}, 'disconnected', 'automatic',
                      ${new Date(the15th + hourMs)})`;
    expect(await w.sees('first')).toEqual({
      readings: [
        [firstMs, 5_292_000n],
        [the12th, 5_310_000n],
      ],
      fromMs: firstMs,
      toMs: the12th,
      wh: 18_000n,
      live: [],
      unrated: [],
      supplies: [],
      days: [1, 12],
    });
    expect(await w.sees('landlord')).toMatchObject({
      readings: [
        [the12th, 5_310_000n],
        [the15th, 5_318_000n],
      ],
      fromMs: the12th,
      toMs: the15th,
      wh: 8_000n,
      live: [],
    });
    expect(await w.sees('next')).toEqual({
      readings: [
        [the15th, 5_318_000n],
        [the16th, 5_320_000n],
      ],
      fromMs: the15th,
      toMs: the16th,
      wh: 2_000n,
      live: [5_320_000n],
      unrated: [],
      supplies: ['disconnected'],
      days: [15, 16],
    });
  });
});

describe('a place that passes on', () => {
  test('cuts nobody off: who comes pays first, and is told nothing of who leaves', async () => {
    const { ground, ...w } = await movingWorld('move_prepaid');
    await w.buy('first', '17.80');
    await w.read(firstMs, 5_292_000);
    ground.clock.set(the12th - 1);
    expect(await w.pass('first', 'next', { mode: 'prepaid' })).toMatchObject({
      ok: false,
      code: 'BALANCE_AT_LIMIT',
    });
    await w.buy('next', '20.00');
    expect((await w.pass('first', 'next', { mode: 'prepaid' })).ok).toBe(true);
    await ground.database.sql`
      insert into emergency_credit (id, company_id, account_id, amount_micros, taken_at, taken_by)
      values (${randomUUID()}::uuid, ${ground.registered.companyId}, ${w.accountOf('first')},
              10000000, ${new Date(the12th - hourMs)}, 'test')`;
    await w.read(the12th, 5_310_000);
    expect(await w.begin()).toEqual({ changes: 1 });
    expect(await w.begin()).toEqual({ changes: 0 });
    const ends = await ground.database
      .sql`select account_id as id, reason from emergency_credit_end`;
    expect(ends).toEqual([{ id: w.accountOf('first'), reason: 'place_left' }]);
    const told = await ground.database.sql<{ account: number; what: string }[]>`
      select account_ids[1] as account, detail->>'what' as what from event
      where kind = 'notice' order by sequence`;
    expect(told).toEqual([
      { account: w.accountOf('first'), what: 'place_left' },
      { account: w.accountOf('next'), what: 'place_taken' },
    ]);
    // The declaration that made the fleet still holds.
    await ground.register(ground.fleet);
  });

  test('answers the same request behind its begin as before, no other under its key', async () => {
    const { ground, ...w } = await movingWorld('move_again');
    const { sql } = ground.database;
    await w.read(firstMs, 5_292_000);
    ground.clock.set(the12th - 1);
    const [row] = await sql<{ id: number }[]>`select id from agreement`;
    const agreementId = parseAgreementId(row?.id);
    if (!agreementId.ok) throw new Error('the place has an agreement');
    const of = { idempotencyKey: randomUUID(), agreementId: agreementId.value };
    const whole = { ...of, atMs: the12th, balanceLimit: '0.00' };
    const first = await w.pass('first', 'next', whole);
    expect(first).toMatchObject({ ok: true, value: { isReplay: false } });
    await w.read(the15th, 5_310_000);
    expect(await w.begin()).toEqual({ changes: 1 });
    for (const balanceLimit of ['0.00', '0']) {
      const again = await w.pass('first', 'next', { ...whole, balanceLimit });
      expect(again).toEqual(first.ok ? { ...first, value: { ...first.value, isReplay: true } } : 0);
    }
    const reused = { ok: false, code: 'IDEMPOTENCY_KEY_REUSED' };
    for (const other of [
      { atMs: the15th },
      { atMs: null },
      { balanceLimit: '-1.00' },
      { mode: 'prepaid' as const },
      { reason: 'by letter' },
    ]) {
      expect(await w.pass('first', 'next', { ...whole, ...other })).toMatchObject(reused);
    }
    expect(await w.pass('first', 'landlord', whole)).toMatchObject(reused);
    expect(await sql`select from mode_change`).toHaveLength(1);
    expect(await sql`select from agreement`).toHaveLength(2);
  });

  test('is refused with its code and no effect', async () => {
    const { ground, ...w } = await movingWorld('move_refused');
    await w.read(firstMs, 5_292_000);
    ground.clock.set(the12th + 1);
    const code = async (...given: Parameters<typeof w.pass>) => {
      const done = await w.pass(...given);
      return done.ok ? 'ok' : done.code;
    };
    expect(await code('first', 'first')).toBe('ACCOUNT_UNCHANGED');
    expect(await code('first', 'next', { atMs: the12th })).toBe('ACCOUNT_CHANGE_IN_PAST');
    const offGrid = { atMs: the12th + 60_000 };
    expect(await code('first', 'next', offGrid)).toBe('ACCOUNT_CHANGE_OFF_GRID');
    expect(await code('first', 'next', { atMs: the12th + 93 * dayMs })).toBe(
      'ACCOUNT_CHANGE_TOO_FAR',
    );
    const foreign = parseAccountId(2_000_000);
    const nothing = parseAgreementId(2_000_000);
    if (!foreign.ok || !nothing.ok) throw new Error('ids');
    expect(await code('first', 'next', { accountId: foreign.value })).toBe('ACCOUNT_NOT_FOUND');
    expect(await code('first', 'next', { agreementId: nothing.value })).toBe('AGREEMENT_NOT_FOUND');
    expect(await code('first', 'next', { reason: ' ' })).toBe('REASON_MISSING');
    expect(await code('first', 'next', {}, w.as('first'))).toBe('NOT_PERMITTED');
    const { sql } = ground.database;
    expect(await sql`select from mode_change`).toHaveLength(0);
    expect(await sql`select from agreement`).toHaveLength(1);
  });
});

test('a move that is taken back shows the place to nobody who never came', async () => {
  const { ground, ...w } = await movingWorld('move_taken_back');
  await w.read(firstMs, 0);
  await w.read(firstMs + dayMs, 1_000);
  expect((await w.pass('first', 'next', { atMs: the12th })).ok).toBe(true);
  expect((await w.sees('next')).supplies).toHaveLength(0);
  const [row] = await ground.database.sql<{ id: number }[]>`
    select id from agreement where account_id = ${w.accountOf('first')}`;
  const agreementId = parseAgreementId(row?.id);
  if (!agreementId.ok) throw new Error('the account has an agreement');
  const back = await takeBackChange(w.deps, w.operator, {
    idempotencyKey: randomUUID(),
    agreementId: agreementId.value,
    reason: 'stays after all',
  });
  expect(back).toMatchObject({ ok: true });
  await w.read(the12th, 2_000);
  await w.read(the15th, 3_000);
  expect(await w.billed()).toMatchObject([{ number: 'first', wh: 3_000n }]);
  const seen = await asViewer(ground.api.sql, w.as('next'), (tx) => tx`select from meter`);
  expect(seen).toHaveLength(0);
  const told = await ground.database.sql<{ number: string }[]>`
    select a.number from event e join account a on a.id = any(e.account_ids)
    where e.kind = 'notice' and e.detail->>'what' = 'change_taken_back' order by a.number`;
  expect(told.map(({ number }) => number)).toEqual(['first', 'next']);
});
