import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webhookBytesMax, webhookRefusalsPerMinuteMax } from '../../src/domain/payment/limits.ts';
import { refundPayment } from '../../src/operations/payments/refundPayment.ts';
import { startPayment } from '../../src/operations/payments/startPayment.ts';
import { makeChannel, secondCompany } from '../operations/payments/paymentGround.ts';
import { openPaymentWorld } from './paymentWorld.ts';
import type { PaymentWorld } from './paymentWorld.ts';

const euro = 1_000_000n;
let world: PaymentWorld;
beforeAll(async () => {
  world = await openPaymentWorld('webhooks');
});
afterAll(() => world.close());

function deps() {
  const { ground, providerOf } = world;
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: (typeof ground.bells)[number]) => ground.bells.push(bell),
    providerOf,
  };
}

let keys = 0;
function freshKey(): string {
  keys += 1;
  return `00000000-0000-4000-8000-${String(keys).padStart(12, '0')}`;
}

/** As a customer does it: begins the payment here, pays there. */
async function pay(number: string, amount: string) {
  const { ground, stripe } = world;
  const started = await startPayment(deps(), ground.viewer('subscriber', number), {
    idempotencyKey: freshKey(),
    accountId: ground.account(number),
    channelId: ground.channelId,
    amount,
    currency: 'EUR',
  });
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
  const [intentId = ''] = (started.value.clientSecret ?? '').split('_secret_');
  return { intent: stripe.pay(intentId), paymentId: started.value.paymentId };
}

async function unheard(code: string) {
  return world.ground.writer.sql`
    select id from audit_entry where action = 'payment.unheard' and after->>'code' = ${code}`;
}

describe('the road of a card payment (002.18, 003.7, domain rule 69)', () => {
  test('is begun here, paid there, told by a webhook, refunded and settled', async () => {
    const { ground, stripe } = world;
    ground.bells.length = 0;
    const { intent, paymentId } = await pay('A-1', '20.00');
    expect(intent.metadata).toEqual({
      joulebook_channel: String(ground.channelId),
      joulebook_account: String(ground.account('A-1')),
    });
    expect(await ground.balance('A-1')).toBe(0n);
    const body = stripe.event('payment_intent.succeeded', intent);
    expect(await world.send(body)).toMatchObject({ status: 200, answer: { result: 'applied' } });
    const again = body.replace('"pending_webhooks":1', '"pending_webhooks":0');
    expect(await world.send(again)).toMatchObject({ status: 200, answer: { result: 'replay' } });
    expect(await ground.balance('A-1')).toBe(20n * euro);
    expect(ground.bells).toContainEqual({ kind: 'events', shard: ground.fleet.companyId % 4 });

    const input = { idempotencyKey: freshKey(), paymentId, amount: '5.00', reason: 'paid twice' };
    const desk = ground.viewer('operator');
    stripe.faults.push('cut after', 'cut after', 'cut after');
    expect(await refundPayment(deps(), desk, input)).toMatchObject({
      ok: true,
      value: { isPosted: false, isSent: false, isReplay: false },
    });
    const asked = await refundPayment(deps(), desk, input);
    expect(asked).toMatchObject({ ok: true, value: { isSent: true, isReplay: true } });
    expect(stripe.refunds).toEqual([{ id: 're_1', payment_intent: intent.id, amount: 500 }]);
    const tooMuch = { ...input, idempotencyKey: freshKey(), amount: '15.01' };
    expect(await refundPayment(deps(), desk, tooMuch)).toMatchObject({
      ok: false,
      code: 'PAYMENT_REFUND_ABOVE_CAPTURED',
    });
    expect(await ground.balance('A-1')).toBe(20n * euro);
    const charge = { currency: 'eur', payment_intent: intent.id, metadata: intent.metadata };
    await world.send(stripe.event('charge.refunded', { ...charge, amount_refunded: 500 }));
    expect(await ground.balance('A-1')).toBe(15n * euro);

    stripe.balance.set('po_1', [
      { type: 'charge', amount: 2_000, fee: 59 },
      { type: 'refund', amount: -500, fee: 0 },
      { type: 'stripe_fee', amount: -10, fee: 0 },
      { type: 'payout', amount: -1_431, fee: 0 },
    ]);
    const payout = stripe.event('payout.paid', { id: 'po_1', currency: 'eur', amount: 1_431 });
    stripe.faults.push('status 500', 'status 500', 'status 500');
    expect(await world.send(payout)).toMatchObject({ status: 503, retryAfter: '5' });
    expect(await world.send(payout)).toMatchObject({ status: 200, answer: { result: 'applied' } });
    expect(await world.send(payout)).toMatchObject({ status: 200, answer: { result: 'replay' } });
    expect(await ground.standing('card_clearing')).toBe(0n);
    expect(await ground.standing('bank')).toBe(-14_310_000n);
    expect(await ground.standing('payment_fees')).toBe(-690_000n);
    const failed = { id: 'po_1', currency: 'eur', amount: 1_431 };
    await world.send(stripe.event('payout.failed', failed));
    expect(await ground.standing('bank')).toBe(0n);
    expect(await ground.trialBalance()).toBe(0n);
    expect(world.errors).toEqual([]);
  });

  test('a payout of more entries than a page, one by hand, and one that is refused', async () => {
    const { ground, stripe } = world;
    const before = await ground.standing('payment_fees');
    const entries = Array.from({ length: 12_345 }, () => ({ type: 'charge', amount: 100, fee: 1 }));
    stripe.balance.set('po_2', entries);
    const large = { id: 'po_2', currency: 'eur', amount: 1_222_155 };
    expect(await world.send(stripe.event('payout.paid', large))).toMatchObject({ status: 200 });
    expect(await ground.standing('payment_fees')).toBe(before - 123_450_000n);
    const bank = await ground.standing('bank');
    const manual = { id: 'po_manual_1', currency: 'eur', amount: 500 };
    expect(await world.send(stripe.event('payout.paid', manual))).toMatchObject({
      status: 200,
      answer: { result: 'applied' },
    });
    expect(await ground.standing('bank')).toBe(bank - 5n * euro);
    expect(await ground.standing('payment_fees')).toBe(before - 123_450_000n);
    const dollars = { id: 'po_3', currency: 'usd', amount: 500 };
    const refused = stripe.event('payout.failed', dollars);
    for (const _repeat of [1, 2]) {
      expect(await world.send(refused)).toMatchObject({
        status: 200,
        answer: { result: 'refused', code: 'PAYMENT_CURRENCY_MISMATCH' },
      });
    }
    const audits = await ground.writer.sql`
      select action, after->>'payoutId' as payout,
             coalesce(after->>'feesUnknown', after->>'code') as code
      from audit_entry where action like 'payout.%'
        and after->>'payoutId' in ('po_manual_1', 'po_3') order by at, action`;
    expect([...audits]).toEqual([
      { action: 'payout.paid', payout: 'po_manual_1', code: 'PROVIDER_REFUSED' },
      { action: 'payout.refused', payout: 'po_3', code: 'PAYMENT_CURRENCY_MISMATCH' },
    ]);
    // Both come back, so that nothing of them stands in the clearing.
    await world.send(stripe.event('payout.failed', large));
    await world.send(stripe.event('payout.failed', manual));
  });

  test('in any order: dispute, refund, failure and success leave what they say', async () => {
    const { ground, stripe } = world;
    const { intent } = await pay('A-2', '30.00');
    const of = { currency: 'eur', payment_intent: intent.id };
    const dispute = { ...of, id: 'dp_1', amount: 1_000, status: 'needs_response' };
    const inquiry = { ...dispute, id: 'dp_2', status: 'warning_needs_response' };
    const failed = { ...intent, last_payment_error: { code: 'card_declined' } };
    const bodies = [
      stripe.event('charge.dispute.created', inquiry),
      stripe.event('charge.dispute.created', dispute),
      stripe.event('charge.refunded', { ...of, metadata: {}, amount_refunded: 700 }),
      stripe.event('refund.failed', { ...of, id: 're_9', amount: 200 }),
      stripe.event('payment_intent.payment_failed', failed),
      stripe.event('payment_intent.succeeded', intent),
      stripe.event('charge.dispute.closed', { ...dispute, status: 'lost' }),
      stripe.event('customer.created', { id: 'cus_1' }),
    ];
    await Promise.all([...bodies, ...bodies, ...bodies].map((body) => world.send(body)));
    // 30.00 - 10.00 disputed and lost - (7.00 - 2.00) refunded.
    expect(await ground.balance('A-2')).toBe(15n * euro);
    expect(await ground.trialBalance()).toBe(0n);
  });

  test('a payment is begun once for its key, whatever is cut off in between', async () => {
    const { ground, stripe } = world;
    const before = stripe.intents.size;
    const input = {
      idempotencyKey: freshKey(),
      accountId: ground.account('A-3'),
      channelId: ground.channelId,
      amount: '7.00',
      currency: 'EUR',
    };
    const viewer = ground.viewer('subscriber', 'A-3');
    stripe.faults.push('cut before', 'cut after');
    const first = await startPayment(deps(), viewer, input);
    const again = await startPayment(deps(), viewer, input);
    expect(first).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(again).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(again.ok && first.ok && again.value.clientSecret === first.value.clientSecret).toBe(
      true,
    );
    expect(stripe.intents.size).toBe(before + 1);
    const other = await startPayment(deps(), viewer, { ...input, amount: '8.00' });
    expect(other).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    stripe.faults.push('declined');
    const declined = await startPayment(deps(), viewer, { ...input, idempotencyKey: freshKey() });
    expect(declined).toMatchObject({ ok: false, code: 'PAYMENT_DECLINED' });
    expect(JSON.stringify(declined)).not.toMatch(/Lovelace|4242/);
    for (const [code, part] of [
      ['ACCOUNT_NOT_FOUND', { accountId: ground.account('A-1') }],
      ['AMOUNT_TOO_PRECISE', { amount: '1.0000000001' }],
      ['CURRENCY_MISMATCH', { currency: 'USD' }],
      ['PAYMENT_CHANNEL_UNKNOWN', { channelId: 9_999 }],
    ] as const) {
      const refused = { ...input, ...part, idempotencyKey: freshKey() };
      expect(await startPayment(deps(), viewer, refused)).toMatchObject({ ok: false, code });
    }
  });
});

describe('a message that is not to be believed moves nothing and is one audit row', () => {
  const intent = { id: 'pi_bad', currency: 'eur', amount: 900, amount_received: 900, metadata: {} };

  test.each<[string, number, string, (body: string) => string]>([
    [
      'of a wrong secret',
      400,
      'PAYMENT_SIGNATURE_WRONG',
      (body) => world.stripe.sign(body, { secret: 'whsec_x', atMs: world.ground.clock.nowMs() }),
    ],
    ['without a signature', 400, 'PAYMENT_SIGNATURE_WRONG', () => ''],
    [
      'with two timestamps',
      400,
      'PAYMENT_SIGNATURE_WRONG',
      (body) => `t=1,${world.stripe.sign(body, { atMs: world.ground.clock.nowMs() })}`,
    ],
    [
      'a year old',
      400,
      'PAYMENT_EVENT_TOO_OLD',
      (body) => world.stripe.sign(body, { atMs: world.ground.clock.nowMs() - 31_536_000_000 }),
    ],
    [
      'six minutes ahead',
      400,
      'PAYMENT_EVENT_TOO_OLD',
      (body) => world.stripe.sign(body, { atMs: world.ground.clock.nowMs() + 360_000 }),
    ],
  ])('%s', async (_, status, code, sign) => {
    const { ground, stripe } = world;
    const suspense = await ground.standing('suspense');
    const before = (await unheard(code)).length;
    const body = stripe.event('payment_intent.succeeded', intent);
    const header = sign(body);
    for (const _repeat of [1, 2]) {
      expect(await world.send(body, { header })).toMatchObject({ status, answer: { code } });
    }
    expect(await unheard(code)).toHaveLength(before + 1);
    expect(await ground.standing('suspense')).toBe(suspense);
  });

  test.each<[string, number, string, (intent: object) => string]>([
    ['of real money', 200, 'PAYMENT_EVENT_FOREIGN', (of) => event(of, { livemode: true })],
    ['of another account', 200, 'PAYMENT_EVENT_FOREIGN', (of) => event(of, { account: 'acct_2' })],
    [
      'of another channel',
      200,
      'PAYMENT_EVENT_FOREIGN',
      (of) => event({ ...of, metadata: { joulebook_channel: '9999' } }),
    ],
    [
      'of half a cent',
      400,
      'PAYMENT_EVENT_MALFORMED',
      (of) => event({ ...of, amount_received: 0.5 }),
    ],
    ['that is no event', 400, 'PAYMENT_EVENT_MALFORMED', () => '{"id":"evt_x"}'],
    ['that is no JSON', 400, 'PAYMENT_EVENT_MALFORMED', () => 'hello'],
  ])('well signed, %s', async (_, status, code, make) => {
    const suspense = await world.ground.standing('suspense');
    const before = (await unheard(code)).length;
    const body = make(intent);
    for (const _repeat of [1, 2]) {
      expect(await world.send(body)).toMatchObject({ status, answer: { code } });
    }
    expect(await unheard(code)).toHaveLength(before + 1);
    expect(await world.ground.standing('suspense')).toBe(suspense);
  });

  function event(of: object, part: object = {}) {
    return world.stripe.event('payment_intent.succeeded', of, part);
  }

  test('in another currency, or above what came in, it is heard and refused', async () => {
    const { stripe } = world;
    const dollars = stripe.event('payment_intent.succeeded', { ...intent, currency: 'usd' });
    expect(await world.send(dollars)).toMatchObject({
      status: 200,
      answer: { result: 'refused', code: 'PAYMENT_CURRENCY_MISMATCH' },
    });
    const { intent: paid } = await pay('A-1', '9.00');
    await world.send(stripe.event('payment_intent.succeeded', paid));
    const charge = { currency: 'eur', payment_intent: paid.id, amount_refunded: 901 };
    expect(await world.send(stripe.event('charge.refunded', charge))).toMatchObject({
      status: 200,
      answer: { code: 'PAYMENT_REFUND_ABOVE_CAPTURED' },
    });
  });

  test('the same id with another body is an alarm, and the first stands', async () => {
    const { ground, stripe } = world;
    const { intent: paid } = await pay('A-1', '4.00');
    const body = stripe.event('payment_intent.succeeded', paid);
    await world.send(body);
    const balance = await ground.balance('A-1');
    const larger = body.replace('"amount_received":400', '"amount_received":40000');
    expect(await world.send(larger)).toMatchObject({ answer: { code: 'PAYMENT_EVENT_REUSED' } });
    expect(await ground.balance('A-1')).toBe(balance);
  });

  test('too large, at no channel, by GET, at another company’s channel', async () => {
    const { ground, stripe } = world;
    const large = Buffer.alloc(webhookBytesMax + 1, 0x20);
    expect(await world.send(large)).toMatchObject({
      status: 413,
      answer: { code: 'PAYMENT_EVENT_TOO_LARGE' },
    });
    expect(await unheard('PAYMENT_EVENT_TOO_LARGE')).toHaveLength(1);
    const body = stripe.event('payment_intent.succeeded', intent);
    for (const _repeat of [1, 2]) {
      expect(await world.send(body, { channelId: 9_999 })).toMatchObject({ status: 404 });
    }
    expect(await unheard('PAYMENT_CHANNEL_UNKNOWN')).toHaveLength(1);
    expect(await world.send(body, { method: 'GET' })).toMatchObject({ status: 405 });
    const { companyId } = await secondCompany(ground);
    const channel = { companyId, name: 'card', kind: 'stripe' };
    const channelId = await makeChannel(ground, channel);
    expect(await world.send(body, { channelId })).toMatchObject({
      status: 503,
      answer: { code: 'CHANNEL_SECRET_MISSING' },
    });
    expect(await unheard('CHANNEL_SECRET_MISSING')).toHaveLength(1);
    const counter = await makeChannel(ground, { companyId, name: 'till', kind: 'counter' });
    expect(await world.send(body, { channelId: counter })).toMatchObject({
      status: 404,
      answer: { code: 'CHANNEL_WITHOUT_PROVIDER' },
    });
    expect(await unheard('CHANNEL_WITHOUT_PROVIDER')).toHaveLength(1);
  });

  test('noise at channels that are not there is bounded together', async () => {
    world.ground.clock.push(60_000);
    const before = (await unheard('PAYMENT_CHANNEL_UNKNOWN')).length;
    for (let index = 0; index < webhookRefusalsPerMinuteMax + 5; index += 1) {
      await world.send('{}', { channelId: 10_000 + index });
    }
    const after = await unheard('PAYMENT_CHANNEL_UNKNOWN');
    expect(after).toHaveLength(before + webhookRefusalsPerMinuteMax);
  });

  test('noise fills the audit by so many rows a minute; a good message passes', async () => {
    const { ground, stripe } = world;
    ground.clock.push(60_000);
    const before = (await unheard('PAYMENT_SIGNATURE_WRONG')).length;
    const answers: { status: number }[] = [];
    // One after another: the limit of messages at once answers otherwise.
    for (let index = 0; index < webhookRefusalsPerMinuteMax + 5; index += 1) {
      answers.push(await world.send(`{"n":${index}}`, { header: 't=1,v1=00' }));
    }
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
    const after = await unheard('PAYMENT_SIGNATURE_WRONG');
    expect(after).toHaveLength(before + webhookRefusalsPerMinuteMax);
    const { intent: paid } = await pay('A-3', '1.00');
    const body = stripe.event('payment_intent.succeeded', paid);
    expect(await world.send(body)).toMatchObject({ status: 200, answer: { result: 'applied' } });
    expect(world.errors).toEqual([]);
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await world.ground.findings()).toEqual([]);
});
