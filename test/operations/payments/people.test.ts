import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pagePayments, pageUnallocated } from '../../../src/db/paymentReads.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { allocatePayment } from '../../../src/operations/payments/allocatePayment.ts';
import { paymentIdOf } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { refundPayment } from '../../../src/operations/payments/refundPayment.ts';
import { correctTransfer } from '../../../src/operations/correctTransfer.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { providersWith } from '../../../src/providers/paymentProviders.ts';
import { openPayments, secondCompany } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

let ground: PaymentGround;
beforeAll(async () => {
  ground = await openPayments('paymentpeople');
});
afterAll(() => ground.close());

const euro = 1_000_000n;
const page = { after: null, before: null, limit: 50, inverted: false };

function deps() {
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: (typeof ground.bells)[number]) => ground.bells.push(bell),
    providerOf: providersWith({ dataDirectory: '/nowhere', env: {} }),
  };
}

function allocate(reference: string, part: { accountId?: number; reason?: string } = {}) {
  return allocatePayment(deps(), ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    paymentId: paymentIdOf({ channelId: ground.channelId, reference }),
    accountId: ground.account('A-1'),
    reason: 'wrote her number upside down',
    ...part,
  });
}

describe('money in suspense (domain rule 81)', () => {
  test('40.00 of a wrong reference are allocated later, and both entries are visible', async () => {
    await ground.hear({ reference: 'pi_40', accountId: null, totalMicros: 40n * euro });
    const operator = ground.viewer('operator');
    const subscriber = ground.viewer('subscriber', 'A-1');
    const found = await asViewer(ground.api.sql, operator, (tx) => pageUnallocated(tx, page));
    expect(found.map(({ reference }) => reference)).toEqual(['pi_40']);
    const done = await allocate('pi_40');
    expect(done).toMatchObject({ ok: true, value: { balanceMicros: 40n * euro } });
    expect(await ground.standing('suspense')).toBe(0n);
    const codes = await ground.writer.sql`
      select t.code from transfer t join payment p on p.id = t.payment_id
      where p.reference = 'pi_40' order by t.code`;
    expect(codes.map(({ code }) => String(code))).toEqual(['allocated', 'unallocated']);
    const seen = await asViewer(ground.api.sql, subscriber, (tx) =>
      pagePayments(tx, ground.account('A-1'), page),
    );
    expect(seen).toMatchObject([{ reference: 'pi_40', receipts: [{ number: 1n }] }]);
    expect(await asViewer(ground.api.sql, operator, (tx) => pageUnallocated(tx, page))).toEqual([]);
  });

  test('once, with a reason, to an account of the company and currency', async () => {
    expect(await allocate('pi_40')).toMatchObject({ code: 'PAYMENT_ALREADY_ALLOCATED' });
    expect(await allocate('pi_unheard_of')).toMatchObject({ code: 'PAYMENT_NOT_FOUND' });
    await ground.hear({ reference: 'pi_back', accountId: null });
    const before = await ground.balance('A-1');
    expect(await allocate('pi_back', { reason: ' ' })).toMatchObject({ code: 'REASON_MISSING' });
    const foreign = (await secondCompany(ground)).accounts.get('A-1') ?? 0;
    expect(await allocate('pi_back', { accountId: foreign })).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
    });
    await ground.hear({ reference: 'pi_back', accountId: null, kind: 'refunded' });
    expect(await allocate('pi_back')).toMatchObject({ code: 'PAYMENT_HOLDS_NOTHING' });
    expect(await ground.balance('A-1')).toBe(before);
    expect(await ground.standing('suspense')).toBe(0n);
  });

  test('a refund after the allocation is taken from the account', async () => {
    await ground.hear({ reference: 'pi_late', accountId: null });
    await allocate('pi_late');
    const before = await ground.balance('A-1');
    await ground.hear({
      reference: 'pi_late',
      accountId: null,
      kind: 'refunded',
      totalMicros: 5n * euro,
    });
    expect(await ground.balance('A-1')).toBe(before - 5n * euro);
    expect(await ground.standing('suspense')).toBe(0n);
  });

  test('at once by two people it is allocated once', async () => {
    await ground.hear({ reference: 'pi_two', accountId: null });
    const before = await ground.balance('A-1');
    const done = await Promise.all([1, 2, 3, 4].map(() => allocate('pi_two')));
    expect(done.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await ground.balance('A-1')).toBe(before + 20n * euro);
  });
});

describe('a refund of a top-up at the counter', () => {
  test('is posted at once, no more than was paid nor than is left of the balance', async () => {
    const operator = ground.viewer('operator');
    const paid = await topUp(deps(), ground.viewer('subscriber', 'A-2'), {
      idempotencyKey: randomUUID(),
      accountId: ground.account('A-2'),
      amount: '10.00',
      currency: 'EUR',
    });
    expect(paid).toMatchObject({ ok: true, value: { balanceMicros: 10n * euro } });
    const [row] = await ground.writer.sql<{ id: string }[]>`
      select id from payment where account_id = ${ground.account('A-2')}`;
    const of = { paymentId: row?.id ?? '', reason: 'moved out' };
    const refund = (amount: string | null, idempotencyKey: string = randomUUID()) =>
      refundPayment(deps(), operator, { ...of, amount, idempotencyKey });
    expect(await refund('10.01')).toMatchObject({ code: 'PAYMENT_REFUND_ABOVE_CAPTURED' });
    const key = randomUUID();
    expect(await refund('4.00', key)).toMatchObject({ ok: true, value: { isPosted: true } });
    expect(await refund('4.00', key)).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await refund('4', key)).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await refund('5.00', key)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await ground.balance('A-2')).toBe(6n * euro);
    await ground.hear({ reference: 'pi_x', accountId: ground.account('A-2'), totalMicros: euro });
    const disputed = { reference: 'pi_x', kind: 'disputed', totalMicros: euro } as const;
    await ground.hear({ ...disputed, accountId: null });
    expect(await refund(null)).toMatchObject({ ok: true, value: { amountMicros: 6n * euro } });
    expect(await ground.balance('A-2')).toBe(0n);
    expect(await refund(null)).toMatchObject({ code: 'PAYMENT_REFUND_ABOVE_CAPTURED' });
    expect(await ground.standing('payments_clearing')).toBe(0n);
    expect(await ground.trialBalance()).toBe(0n);
  });

  test('of spent credit, by a subscriber or without a reason is refused', async () => {
    await ground.hear({ reference: 'pi_spent', accountId: ground.account('A-3') });
    const paymentId = paymentIdOf({ channelId: ground.channelId, reference: 'pi_spent' });
    const input = { idempotencyKey: randomUUID(), paymentId, amount: '2.00', reason: 'why' };
    const refund = (role: 'operator' | 'subscriber', part: object = {}) =>
      refundPayment(deps(), ground.viewer(role, role === 'operator' ? undefined : 'A-3'), {
        ...input,
        ...part,
      });
    expect(await refund('subscriber')).toMatchObject({ code: 'NOT_PERMITTED' });
    expect(await refund('operator', { reason: '' })).toMatchObject({ code: 'REASON_MISSING' });
    expect(await refund('operator')).toMatchObject({ ok: true, value: { isSent: false } });
    await ground.spend('A-3', 18n * euro);
    const fresh = { idempotencyKey: randomUUID(), amount: '2.01' };
    expect(await refund('operator', fresh)).toMatchObject({ code: 'PAYMENT_CREDIT_SPENT' });
    expect(await ground.balance('A-3')).toBe(2n * euro);
  });
});

describe('a payment that was corrected by hand', () => {
  const paid = async () => {
    await ground.spend('A-1', await ground.balance('A-1'));
    await topUp(deps(), ground.viewer('subscriber', 'A-1'), {
      idempotencyKey: randomUUID(),
      accountId: ground.account('A-1'),
      amount: '50.00',
      currency: 'EUR',
    });
    const [row] = await ground.writer.sql<{ paymentId: string; transferId: string }[]>`
      select p.id as "paymentId", s.transfer_id as "transferId"
      from payment p join payment_step s on s.payment_id = p.id
      where p.account_id = ${ground.account('A-1')} order by s.xact desc limit 1`;
    if (row === undefined) throw new Error('the top-up is a payment');
    // Other money, so that the balance would bear a second way back.
    await ground.hear({ reference: randomUUID(), totalMicros: 50n * euro });
    return row;
  };
  const correct = (transferId: string, amount?: string) =>
    correctTransfer(deps(), ground.viewer('operator'), {
      idempotencyKey: randomUUID(),
      transferId,
      ...(amount !== undefined && { amount }),
      reasonCode: 'wrong_amount',
      reason: 'typed 5 for 2',
    });
  const refund = (paymentId: string, amount: string | null) =>
    refundPayment(deps(), ground.viewer('operator'), {
      idempotencyKey: randomUUID(),
      paymentId,
      amount,
      reason: 'asked for',
    });

  test('is refunded by what the correction left of it, and no more', async () => {
    const { paymentId, transferId } = await paid();
    expect(await correct(transferId, '30.00')).toMatchObject({ ok: true });
    expect(await refund(paymentId, '20.01')).toMatchObject({
      code: 'PAYMENT_REFUND_ABOVE_CAPTURED',
    });
    expect(await refund(paymentId, null)).toMatchObject({ value: { amountMicros: 20n * euro } });
    expect(await ground.balance('A-1')).toBe(50n * euro);
  });

  test('is corrected by what refunds left of it, and no more', async () => {
    const { paymentId, transferId } = await paid();
    expect(await refund(paymentId, '30.00')).toMatchObject({ ok: true });
    expect(await correct(transferId, '20.01')).toMatchObject({
      code: 'CORRECTION_ABOVE_TRANSFER',
    });
    expect(await correct(transferId)).toMatchObject({ value: { amountMicros: 20n * euro } });
    expect(await ground.balance('A-1')).toBe(50n * euro);
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
