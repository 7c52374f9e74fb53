import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { asViewer } from '../../../src/db/viewer.ts';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import { planDebt } from '../../../src/operations/prepaid/planDebt.ts';
import { readPrepaid } from '../../../src/operations/prepaid/readPrepaid.ts';
import { recoverDebts } from '../../../src/operations/prepaid/recoverDebt.ts';
import { setAsideDebt } from '../../../src/operations/prepaid/setAsideDebt.ts';
import type { SetAsideInput } from '../../../src/operations/prepaid/setAsideDebt.ts';
import { takeEmergencyCredit } from '../../../src/operations/prepaid/takeEmergencyCredit.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { correctTransfer } from '../../../src/operations/correctTransfer.ts';
import { adjustBalance } from '../../../src/operations/adjustBalance.ts';
import { makeChannel, secondCompany } from '../payments/paymentGround.ts';
import { openGround, openPolicy, publishForTest, smallFleet } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

let ground: Ground;
let next = 0;
/** Each test has an account of its own. */
let number = 'A-1';
const names = Array.from({ length: 12 }, (_, index) => index + 1);

/** The small fleet with more accounts, all of them prepaid and without meters of their own. */
function wideFleet() {
  const fleet = smallFleet();
  const [agreement] = fleet.agreements;
  if (agreement === undefined) throw new Error('the small fleet has agreements');
  return {
    ...fleet,
    servicePoints: names.map((index) => ({ name: `flat ${index}`, timeZone: 'Europe/Berlin' })),
    customers: names.map((index) => ({
      name: `customer ${index}`,
      accounts: [{ number: `A-${index}`, currency: 'EUR' }],
    })),
    agreements: names.map((index) => ({
      ...agreement,
      account: `A-${index}`,
      servicePoint: `flat ${index}`,
      mode: index === 12 ? ('postpaid' as const) : ('prepaid' as const),
    })),
  };
}

beforeAll(async () => {
  ground = await openGround('prepaid_money', wideFleet());
  const { companyId } = ground.fleet;
  const emergencyCredit = { amount: '10.00', selectableBelow: '1.00' };
  await publishForTest(ground.writer.sql, companyId, { ...openPolicy, emergencyCredit });
  const known = await ground.writer.sql`select from payment_channel where kind = 'counter'`;
  if (known.length === 0) {
    await makeChannel(ground, { companyId, name: 'counter', kind: 'counter' });
  }
});
afterAll(() => ground.close());
beforeEach(() => {
  next += 1;
  number = `A-${next}`;
});

function deps() {
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: Ground['bells'][number]) => ground.bells.push(bell),
  };
}

function subscriber(): Viewer {
  return ground.viewer('subscriber', number);
}

const reason = 'agreed on the telephone';

async function use(amount: string) {
  const done = await adjustBalance(deps(), ground.viewer('administrator'), {
    idempotencyKey: randomUUID(),
    accountId: ground.account(number),
    amount: `-${amount}`,
    currency: 'EUR',
    reasonCode: 'fee',
    reason: 'stands for energy that was used',
  });
  if (!done.ok) throw new Error(done.message);
}

async function buy(amount: string) {
  const done = await topUp(deps(), subscriber(), {
    idempotencyKey: randomUUID(),
    accountId: ground.account(number),
    amount,
    currency: 'EUR',
  });
  if (!done.ok) throw new Error(`${done.code}: ${done.message}`);
  return done.value;
}

function borrow(key: string = randomUUID(), viewer = subscriber()) {
  const input = { idempotencyKey: key, accountId: ground.account(number) };
  return takeEmergencyCredit(deps(), viewer, input);
}

async function stands() {
  const accountId = ground.account(number);
  const nowMs = ground.clock.nowMs();
  const found = await asViewer(ground.api.sql, subscriber(), (tx) =>
    readPrepaid(tx, { accountId, nowMs }),
  );
  if (found === null) throw new Error('no such account');
  const { balanceMicros, debtMicros, emergencyLeftMicros } = found;
  return { balanceMicros, debtMicros, emergencyLeftMicros };
}

function setAside(change: Partial<SetAsideInput> = {}) {
  return setAsideDebt(deps(), ground.viewer('administrator'), {
    idempotencyKey: randomUUID(),
    accountId: ground.account(number),
    reasonCode: 'negative_balance',
    reason,
    ...change,
  });
}

function plan(share: string, weekly = '0', weeklyCap?: string) {
  return planDebt(deps(), ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    accountId: ground.account(number),
    share,
    weekly,
    ...(weeklyCap !== undefined && { weeklyCap }),
    reason,
  });
}

describe('emergency credit (002.22)', () => {
  test('domain rule 57: 10.00 lent, 2.50 used, 7.50 left; a top-up of 20.00: 17.50', async () => {
    expect(await borrow()).toMatchObject({ ok: true, value: { amountMicros: 10_000_000n } });
    await use('2.50');
    expect(await stands()).toMatchObject({
      balanceMicros: -2_500_000n,
      emergencyLeftMicros: 7_500_000n,
    });
    await buy('20.00');
    expect(await stands()).toEqual({
      balanceMicros: 17_500_000n,
      debtMicros: 0n,
      emergencyLeftMicros: null,
    });
  });

  test('is taken below its threshold, once, and again when it is paid back', async () => {
    await buy('1.00');
    expect(await borrow()).toMatchObject({ ok: false, code: 'EMERGENCY_CREDIT_NOT_YET' });
    await use('0.01');
    const key = randomUUID();
    expect(await borrow(key)).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(await borrow(key)).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await borrow()).toMatchObject({ ok: false, code: 'EMERGENCY_CREDIT_TAKEN' });
    await buy('1.00');
    await use('1.50');
    expect(await borrow()).toMatchObject({ ok: true });
    const rows = await ground.writer.sql`
      select reason from emergency_credit e left join emergency_credit_end x on x.credit_id = e.id
      where e.account_id = ${ground.account(number)} order by e.taken_at, reason nulls last`;
    expect([...rows]).toEqual([{ reason: 'repaid' }, { reason: null }]);
  });

  test('is not lent where it does not lift the account above its limit', async () => {
    await use('10.00');
    const offered = async () => {
      const nowMs = ground.clock.nowMs();
      const accountId = ground.account(number);
      const of = { accountId, nowMs };
      return (await asViewer(ground.api.sql, subscriber(), (tx) => readPrepaid(tx, of)))
        ?.isEmergencyOffered;
    };
    expect(await offered()).toBe(false);
    expect(await borrow()).toMatchObject({ ok: false, code: 'EMERGENCY_CREDIT_TOO_SMALL' });
    await buy('0.01');
    expect(await offered()).toBe(true);
    expect(await borrow()).toMatchObject({ ok: true });
  });

  test('is not lent to others, nor where there is no prepaid agreement', async () => {
    const foreign = await secondCompany(ground);
    const theirs = foreign.accounts.get('A-1');
    if (theirs === undefined) throw new Error('the second company has accounts');
    const input = { idempotencyKey: randomUUID(), accountId: theirs };
    const refused = { ok: false, code: 'ACCOUNT_NOT_FOUND' };
    expect(await takeEmergencyCredit(deps(), subscriber(), input)).toMatchObject(refused);
    number = 'A-12';
    expect(await borrow()).toMatchObject({ ok: false, code: 'ACCOUNT_NOT_PREPAID' });
  });
});

describe('a debt (002.23)', () => {
  test('domain rule 62: debt 60.00, 25 % of 40.00: 10.00 to debt, 30.00 credit', async () => {
    await use('60.00');
    expect(await setAside()).toMatchObject({ ok: true, value: { balanceMicros: 0n } });
    expect(await plan('0.25')).toMatchObject({ ok: true });
    expect(await buy('40.00')).toMatchObject({ balanceMicros: 30_000_000n });
    expect(await stands()).toMatchObject({ balanceMicros: 30_000_000n, debtMicros: 50_000_000n });
    const [receipt] = await ground.writer.sql`
      select document from payment_receipt where account_id = ${ground.account(number)}`;
    expect(receipt?.['document']).toMatchObject({
      paidMicros: '40000000',
      toDebtMicros: '10000000',
      toEnergyMicros: '30000000',
      balanceMicros: '30000000',
    });
    const [debt] = await ground.writer.sql<{ id: string }[]>`
      select id from transfer where account_id = ${ground.account(number)}
        and code = 'debt_set_aside'`;
    const wrong = { transferId: debt?.id ?? '', reasonCode: 'not_owed', reason } as const;
    const correct = (amount: string) =>
      correctTransfer(deps(), ground.viewer('administrator'), {
        idempotencyKey: randomUUID(),
        ...wrong,
        amount,
      });
    expect(await correct('50.01')).toMatchObject({ code: 'CORRECTION_ABOVE_DEBT' });
    expect(await correct('50.00')).toMatchObject({ ok: true });
    expect(await stands()).toMatchObject({ balanceMicros: -20_000_000n, debtMicros: 0n });
  });

  test('is set aside up to what is owed; an imported one leaves the balance', async () => {
    await use('5.00');
    const refused = { ok: false, code: 'SET_ASIDE_ABOVE_OWED' };
    expect(await setAside({ amount: '5.01' })).toMatchObject(refused);
    expect(await setAside({ amount: '4.00' })).toMatchObject({ ok: true });
    expect(await setAside({ reasonCode: 'imported' })).toMatchObject({ code: 'AMOUNT_MISSING' });
    const imported = await setAside({ reasonCode: 'imported', amount: '60.00' });
    expect(imported).toMatchObject({ ok: true, value: { balanceMicros: -1_000_000n } });
    expect(await stands()).toMatchObject({ balanceMicros: -1_000_000n, debtMicros: 64_000_000n });
  });

  test('rests while emergency credit is open', async () => {
    await setAside({ reasonCode: 'imported', amount: '60.00' });
    await plan('0.25');
    await borrow();
    await use('6.00');
    await buy('4.00');
    expect(await stands()).toMatchObject({ balanceMicros: -2_000_000n, debtMicros: 60_000_000n });
    await buy('8.00');
    expect(await stands()).toEqual({
      balanceMicros: 4_000_000n,
      debtMicros: 58_000_000n,
      emergencyLeftMicros: null,
    });
  });

  test('domain rule 62: 4.25 a week is taken by local days, 4.25 in seven, once each', async () => {
    await setAside({ reasonCode: 'imported', amount: '60.00' });
    await buy('20.00');
    await plan('0', '4.25');
    const day = 86_400_000;
    const sweep = { ...deps(), sql: ground.writer.sql };
    // 2026-03-01 is a Sunday; its day has begun when the plan is made, and is not charged.
    await recoverDebts(sweep);
    expect(await stands()).toMatchObject({ debtMicros: 60_000_000n });
    const taken: bigint[] = [];
    let before = 60_000_000n;
    for (let count = 0; count < 7; count += 1) {
      ground.clock.push(day);
      await recoverDebts(sweep);
      await recoverDebts(sweep);
      const { debtMicros } = await stands();
      taken.push(before - debtMicros);
      before = debtMicros;
    }
    expect(taken.map(Number)).toEqual([
      610_000, 600_000, 610_000, 610_000, 610_000, 600_000, 610_000,
    ]);
    expect(await stands()).toMatchObject({ balanceMicros: 15_750_000n, debtMicros: 55_750_000n });
  });

  test('takes no more in a week than the cap of both, and nothing from below zero', async () => {
    await setAside({ reasonCode: 'imported', amount: '60.00' });
    await plan('0.50', '7.00', '5.00');
    await buy('8.00');
    expect(await stands()).toMatchObject({ balanceMicros: 4_000_000n, debtMicros: 56_000_000n });
    await buy('8.00');
    expect(await stands()).toMatchObject({ balanceMicros: 11_000_000n, debtMicros: 55_000_000n });
    number = `A-${(next += 1)}`;
    await setAside({ reasonCode: 'imported', amount: '10.00' });
    await plan('0', '7.00');
    ground.clock.push(86_400_000);
    await recoverDebts({ ...deps(), sql: ground.writer.sql });
    expect(await stands()).toMatchObject({ balanceMicros: 0n, debtMicros: 10_000_000n });
    const [day] = await ground.writer.sql`
      select skipped from debt_day where account_id = ${ground.account(number)}
      order by local_day desc limit 1`;
    expect(day?.['skipped']).toBe('no credit or cap reached');
  });
});
