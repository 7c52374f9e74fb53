import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { setAsideDebt } from '../../../src/operations/prepaid/setAsideDebt.ts';
import { hourMs } from '../billsGround.ts';
import { firstMs, movingWorld, the12th } from './movingGround.ts';

describe('domain rule 82: a deposit of 50.00 is a liability, netted on the final bill', () => {
  test('60.00 of energy against 20.00 paid and 50.00 of deposit: 10.00 go back', async () => {
    const { ground, ...w } = await movingWorld('deposit_netted');
    const key = { idempotencyKey: randomUUID() };
    expect(await w.deposit('first', '50.00')).toMatchObject({
      ok: true,
      value: { state: 'posted', amountMicros: 50_000_000n, balanceMicros: 0n },
    });
    expect(await w.moved('first', 'deposit_taken')).toEqual([
      { debit: 'payments_clearing', credit: 'deposit', micros: 50_000_000n },
    ]);
    await w.buy('first', '20.00');
    await w.read(firstMs, 0);
    ground.clock.set(the12th);
    expect(await w.payOut('first')).toMatchObject({ ok: false, code: 'AGREEMENT_IN_FORCE' });
    expect((await w.pass('first', 'landlord')).ok).toBe(true);
    // 200 kWh at 0.30 are 60.00: the deposit buys none of it.
    await w.read(the12th, 200_000);
    expect(await w.balance('first')).toBe(-40_000_000n);
    ground.clock.set(the12th + 1);
    await w.read(the12th + hourMs, 200_000);
    expect(await w.payOut('first', key)).toMatchObject({
      ok: true,
      value: {
        depositMicros: 50_000_000n,
        debtMicros: 0n,
        paidOutMicros: 10_000_000n,
        balanceMicros: 0n,
      },
    });
    expect(await w.payOut('first', key)).toMatchObject({
      ok: true,
      value: { paidOutMicros: 10_000_000n, isReplay: true },
    });
    expect(await w.moved('first', 'deposit_netted')).toEqual([
      { debit: 'deposit', credit: 'customer', micros: 50_000_000n },
    ]);
    expect(await w.payOut('first')).toMatchObject({ ok: false, code: 'NOTHING_TO_PAY_OUT' });
    await w.begin();
    expect(await w.findings()).toEqual([]);
  });

  test('a debt is paid off first, and what a deposit does not cover is still owed', async () => {
    const { ground, ...w } = await movingWorld('deposit_debt');
    await w.deposit('first', '50.00');
    const debt = { idempotencyKey: randomUUID(), accountId: w.accountOf('first') };
    const imported = { amount: '15.00', reasonCode: 'imported', reason: 'older books' } as const;
    const owed = await setAsideDebt(w.deps, w.operator, { ...debt, ...imported });
    expect(owed).toMatchObject({ ok: true });
    await w.read(firstMs, 0);
    ground.clock.set(the12th);
    await w.pass('first', 'landlord');
    // 150 kWh at 0.30 are 45.00: 5.00 of the deposit are left, and the debt takes them.
    await w.read(the12th, 150_000);
    await w.read(the12th + hourMs, 150_000);
    expect(await w.payOut('first')).toMatchObject({
      ok: true,
      value: {
        depositMicros: 50_000_000n,
        debtMicros: 5_000_000n,
        paidOutMicros: 0n,
        balanceMicros: 0n,
      },
    });
    await w.begin();
    expect(await w.findings()).toEqual([]);
  });

  test('nothing is paid out before the last bill is closed, nor by who may not', async () => {
    const { ground, ...w } = await movingWorld('deposit_open');
    await w.deposit('first', '50.00');
    await w.read(firstMs, 0);
    ground.clock.set(the12th - hourMs);
    await w.read(the12th - hourMs, 10_000);
    expect((await w.pass('first', 'landlord', { atMs: the12th })).ok).toBe(true);
    ground.clock.set(the12th + hourMs);
    expect(await w.payOut('first')).toMatchObject({ ok: false, code: 'BILL_OPEN' });
    expect(await w.payOut('first', {}, w.as('first'))).toMatchObject({ code: 'NOT_PERMITTED' });
    const own = await w.deposit('first', '5.00', w.as('first'));
    expect(own).toMatchObject({ ok: false, code: 'NOT_PERMITTED' });
    await w.read(the12th + 2 * hourMs, 10_000);
    expect(await w.payOut('first')).toMatchObject({ ok: true });
    expect(await w.deposit('next', '100.01')).toMatchObject({ value: { state: 'waiting' } });
    for (const [amount, code] of [
      ['0', 'AMOUNT_NOT_POSITIVE'],
      ['ten', 'AMOUNT_MALFORMED'],
      ['1000000000', 'AMOUNT_TOO_LARGE'],
    ] as const) {
      expect(await w.deposit('next', amount)).toMatchObject({ ok: false, code });
    }
  });
});

test('what no coin can pay stays in the balance', async () => {
  const { ground, ...w } = await movingWorld('pay_out_cents');
  await w.buy('first', '20.00');
  await w.read(firstMs, 0);
  ground.clock.set(the12th);
  await w.pass('first', 'landlord');
  // 1.234 kWh at 0.30 are 0.3702.
  await w.read(the12th, 1_234);
  await w.read(the12th + hourMs, 1_234);
  expect(await w.payOut('first')).toMatchObject({
    ok: true,
    value: { paidOutMicros: 19_620_000n, balanceMicros: 9_800n },
  });
  expect(await w.payOut('first')).toMatchObject({ ok: false, code: 'NOTHING_TO_PAY_OUT' });
});

describe('of more than 100.00, which takes two people', () => {
  async function leaving(name: string, credit: string) {
    const world = await movingWorld(name);
    await world.buy('first', credit);
    await world.read(firstMs, 0);
    world.ground.clock.set(the12th);
    await world.pass('first', 'landlord');
    await world.read(the12th, 0);
    await world.read(the12th + hourMs, 0);
    const ben = { ...world.operator, actor: 'test:ben' };
    const gone = () => world.moved('first', 'credit_paid_out');
    return { ...world, ben, gone };
  }

  test('one moves nothing, however often; with the second it is paid once for both', async () => {
    const w = await leaving('pay_out_two', '150.00');
    const key = { idempotencyKey: randomUUID() };
    for (const again of ['first', 'second']) {
      const reason = `moved out, said the ${again} time`;
      const waiting = { state: 'waiting', paidOutMicros: 150_000_000n, isReplay: false };
      expect(await w.payOut('first', { ...key, reason })).toMatchObject({ value: waiting });
    }
    expect(await w.gone()).toEqual([]);
    expect(await w.balance('first')).toBe(150_000_000n);
    const elsewhere = await w.payOut('first', { ...key, from: 'counter' }, w.ben);
    expect(elsewhere).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    const posted = { state: 'posted', paidOutMicros: 150_000_000n, balanceMicros: 0n };
    const second = await w.payOut('first', { ...key, reason: 'seen the letter' }, w.ben);
    expect(second).toMatchObject({ value: { ...posted, isReplay: false } });
    for (const viewer of [w.operator, w.ben]) {
      const repeated = await w.payOut('first', key, viewer);
      expect(repeated).toMatchObject({ value: { ...posted, isReplay: true } });
      const other = await w.payOut('first', { ...key, from: 'counter' }, viewer);
      expect(other).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    }
    expect(await w.gone()).toEqual([{ debit: 'customer', credit: 'bank', micros: 150_000_000n }]);
    await w.begin();
    expect(await w.findings()).toEqual([]);
  });

  test('100.00 takes one', async () => {
    const w = await leaving('pay_out_one', '100.00');
    expect(await w.payOut('first')).toMatchObject({ value: { state: 'posted' } });
    expect(await w.gone()).toHaveLength(1);
  });

  test('a balance that changed between the two is told, and nothing is paid', async () => {
    const w = await leaving('pay_out_changed', '150.00');
    const key = { idempotencyKey: randomUUID() };
    expect(await w.payOut('first', key)).toMatchObject({ value: { state: 'waiting' } });
    await w.buy('first', '1.00');
    const told = await w.payOut('first', key, w.ben);
    expect(told).toMatchObject({ ok: false, code: 'APPROVED_AMOUNT_CHANGED' });
    expect(told.ok ? '' : told.message).toMatch(/150\.00 EUR.*151\.00 EUR/);
    expect(told.ok ? '' : told.message).not.toContain('Name the amount');
    const anew = { idempotencyKey: randomUUID() };
    expect(await w.payOut('first', anew)).toMatchObject({ value: { state: 'waiting' } });
    w.ground.clock.set(the12th + hourMs + 7 * 24 * hourMs);
    expect(await w.payOut('first', anew, w.ben)).toMatchObject({ code: 'APPROVAL_EXPIRED' });
    expect(await w.gone()).toEqual([]);
  });
});
