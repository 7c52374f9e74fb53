import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReceipts } from '../../../src/db/payments.ts';
import type { PaymentEvent } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { openPayments, secondCompany } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

let ground: PaymentGround;
beforeAll(async () => {
  ground = await openPayments('payments');
});
afterAll(() => ground.close());

const euro = 1_000_000n;

async function transfersOf(reference: string) {
  return ground.writer.sql<{ code: string; amount: bigint; account: number | null }[]>`
    select t.code, t.amount_micros as amount, t.account_id as account
    from transfer t join payment p on p.id = t.payment_id where p.reference = ${reference}
    order by t.posted_at, t.code`;
}

async function auditsOf(action: string, eventId: string) {
  return ground.writer.sql<{ after: { code?: string } }[]>`
    select after from audit_entry where action = ${action} and after->>'eventId' = ${eventId}`;
}

async function receiptsOf(heard: Awaited<ReturnType<typeof ground.hear>>) {
  return readReceipts(ground.writer.sql, heard.ok ? [heard.value.paymentId] : []);
}

describe('a word of a provider (002.18, 003.7)', () => {
  test('that money came in is one credit, one receipt, one event, one audit row', async () => {
    const heard = await ground.hear({ reference: 'pi_first', eventId: 'evt_first' });
    expect(heard).toMatchObject({
      ok: true,
      value: {
        isReplay: false,
        accountId: ground.account('A-1'),
        balanceMicros: 20n * euro,
        steps: [{ kind: 'captured', amountMicros: 20n * euro }],
      },
    });
    expect(await ground.balance('A-1')).toBe(20n * euro);
    expect(await ground.standing('card_clearing')).toBe(-20n * euro);
    const [receipt] = await ground.writer.sql`select document from payment_receipt`;
    expect(receipt?.['document']).toEqual({
      number: '1',
      paymentId: heard.ok ? heard.value.paymentId : '',
      channel: 'card',
      reference: 'pi_first',
      currency: 'EUR',
      paidMicros: '20000000',
      toDebtMicros: '0',
      toEnergyMicros: '20000000',
      balanceMicros: '20000000',
      issuedAt: '2026-03-01T12:00:00.000Z',
    });
    expect(await auditsOf('payment.captured', 'evt_first')).toHaveLength(1);
    const events = await ground.writer.sql`select kind, balance_micros from event`;
    expect([...events]).toEqual([{ kind: 'payment', balance_micros: [20n * euro] }]);
  });

  test('domain rule 69: a refund, then 5 successes: one credit, one refund, net 0', async () => {
    const of = { reference: 'pi_69', accountId: ground.account('A-2') };
    const refund = await ground.hear({ ...of, kind: 'refunded' });
    expect(refund).toMatchObject({ ok: true, value: { balanceMicros: null } });
    expect(await receiptsOf(refund)).toEqual([]);
    expect(await ground.balance('A-2')).toBe(0n);
    const told = [1, 2, 3, 4, 5].map((n) => ground.hear({ ...of, eventId: `evt_69_${n}` }));
    const again = [1, 1, 1, 1, 1].map(() => ground.hear({ ...of, eventId: 'evt_69_1' }));
    for (const heard of await Promise.all([...told, ...again])) expect(heard.ok).toBe(true);
    expect(await ground.balance('A-2')).toBe(0n);
    expect([...(await transfersOf('pi_69'))]).toEqual([
      { code: 'payment', amount: 20n * euro, account: ground.account('A-2') },
      { code: 'refund', amount: 20n * euro, account: ground.account('A-2') },
    ]);
  });

  test('a refund that names no account waits for the payment that does', async () => {
    const reference = 'pi_nameless';
    await ground.hear({ reference, kind: 'refunded', accountId: null, totalMicros: 5n * euro });
    const before = await ground.balance('A-2');
    await ground.hear({ reference, accountId: ground.account('A-2') });
    expect(await ground.balance('A-2')).toBe(before + 15n * euro);
  });

  test('domain rule 68: a chargeback of 20.00 after 18.00 spent leaves -18.00', async () => {
    const accountId = ground.account('A-3');
    const of = { reference: 'pi_68', accountId };
    await ground.hear(of);
    await ground.spend('A-3', 18n * euro);
    const heard = await ground.hear({ ...of, kind: 'disputed', part: 'dp_1', accountId: null });
    expect(heard).toMatchObject({ ok: true, value: { balanceMicros: -18n * euro } });
    expect(await ground.balance('A-3')).toBe(-18n * euro);
    const won = await ground.hear({ ...of, kind: 'dispute_won', part: 'dp_1', accountId: null });
    expect(won).toMatchObject({ ok: true, value: { balanceMicros: 2n * euro } });
  });

  test('domain rule 81: money of nobody known stands in suspense', async () => {
    const before = await ground.standing('suspense');
    const heard = await ground.hear({ reference: 'pi_81', accountId: null });
    expect(heard).toMatchObject({ ok: true, value: { accountId: null } });
    expect(await receiptsOf(heard)).toEqual([]);
    const foreign = await secondCompany(ground);
    const other = await ground.hear({
      reference: 'pi_foreign',
      accountId: foreign.accounts.get('A-1') ?? null,
    });
    expect(other).toMatchObject({ ok: true, value: { accountId: null } });
    expect(await ground.standing('suspense')).toBe(before + 40n * euro);
  });

  test.each<[string, string, Partial<PaymentEvent>]>([
    ['in another currency', 'PAYMENT_CURRENCY_MISMATCH', { currency: 'USD' }],
    ['of nothing', 'PAYMENT_AMOUNT_INVALID', { totalMicros: 0n }],
    ['below zero', 'PAYMENT_AMOUNT_INVALID', { totalMicros: -1n }],
    ['of a typing error', 'PAYMENT_AMOUNT_INVALID', { totalMicros: 10_000_000n * euro + 1n }],
  ])('%s is refused without effect and with one audit row', async (_, code, part) => {
    const before = await ground.balance('A-1');
    const eventId = `evt_${code}_${JSON.stringify(part.totalMicros?.toString())}`;
    const reference = `pi_${eventId}`;
    expect(await ground.hear({ ...part, reference, eventId })).toMatchObject({ ok: false, code });
    expect(await ground.hear({ ...part, reference, eventId })).toMatchObject({ ok: false, code });
    expect(await ground.balance('A-1')).toBe(before);
    expect(await transfersOf(reference)).toHaveLength(0);
    expect((await auditsOf('payment.refused', eventId)).map(({ after }) => after.code)).toEqual([
      code,
    ]);
  });

  test('of more back than came in is refused, before and after the payment', async () => {
    const of = { accountId: ground.account('A-1'), totalMicros: 21n * euro } as const;
    const above = { ...of, kind: 'refunded', eventId: 'evt_above' } as const;
    await ground.hear({ reference: 'pi_above' });
    const after = await ground.balance('A-1');
    for (const _ of [1, 2]) {
      const heard = await ground.hear({ ...above, reference: 'pi_above' });
      expect(heard).toMatchObject({ ok: false, code: 'PAYMENT_REFUND_ABOVE_CAPTURED' });
    }
    expect(await ground.balance('A-1')).toBe(after);
    expect(await auditsOf('payment.refused', 'evt_above')).toHaveLength(1);
    await ground.hear({ ...above, eventId: 'evt_early', reference: 'pi_early' });
    await ground.hear({ reference: 'pi_early' });
    expect(await ground.balance('A-1')).toBe(after + 20n * euro);
  });

  test('under a known id with another content, or of a foreign channel, is refused', async () => {
    const eventId = 'evt_reused';
    await ground.hear({ reference: 'pi_reused', eventId });
    const before = await ground.balance('A-1');
    const bodyHash = createHash('sha256').update('another').digest();
    const reused = { ok: false, code: 'PAYMENT_EVENT_REUSED' };
    expect(await ground.hear({ reference: 'pi_reused', eventId, bodyHash })).toMatchObject(reused);
    expect(await ground.hear({ reference: 'pi_elsewhere', eventId })).toMatchObject(reused);
    const foreign = await ground.hear({ companyId: ground.fleet.companyId, channelId: 999 });
    expect(foreign).toMatchObject({ ok: false, code: 'PAYMENT_CHANNEL_UNKNOWN' });
    expect(await ground.balance('A-1')).toBe(before);
  });

  test('in any order, repeated and at once leaves what the set of words says', async () => {
    const kinds = ['captured', 'refunded', 'refund_failed', 'disputed', 'dispute_won'] as const;
    let run = 0;
    const words = fc.array(
      fc.record({
        kind: fc.constantFrom(...kinds),
        totalMicros: fc.bigInt(1n, 20n).map((units) => units * euro),
        occurredAtMs: fc.integer({ min: 0, max: 3 }),
        part: fc.constantFrom('a', 'b'),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(words, fc.boolean(), async (told, isAtOnce) => {
        run += 1;
        const [first, second] = [`pi_any_${run}_a`, `pi_any_${run}_b`];
        const before = await ground.balance('A-1');
        for (const word of told) await ground.hear({ ...word, reference: first });
        const once = (await ground.balance('A-1')) - before;
        const twice = [...told, ...told].toReversed();
        const hear = (word: (typeof told)[number]) => ground.hear({ ...word, reference: second });
        if (isAtOnce) await Promise.all(twice.map(hear));
        else for (const word of twice) await hear(word);
        expect((await ground.balance('A-1')) - before - once).toBe(once);
      }),
      { numRuns: 12 },
    );
    expect(await ground.trialBalance()).toBe(0n);
  });

  test('receipts are numbered without a hole, also at once', async () => {
    const references = Array.from({ length: 20 }, (_, index) => `pi_many_${index}`);
    await Promise.all(references.map((reference) => ground.hear({ reference })));
    const rows = await ground.writer.sql<{ number: bigint }[]>`
      select number from payment_receipt where company_id = ${ground.fleet.companyId}
      order by number`;
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => BigInt(index + 1)));
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
