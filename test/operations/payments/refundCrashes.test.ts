import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paymentIdOf } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { accept } from '../../../src/domain/outcome.ts';
import type { PaymentProvider, ProviderOf } from '../../../src/operations/payments/provider.ts';
import { refundPayment } from '../../../src/operations/payments/refundPayment.ts';
import { askProviders } from '../../../src/operations/topUps/askProviders.ts';
import { providerGiveUpMs, providerLeaseMs } from '../../../src/domain/payment/limits.ts';
import { Fuse, SimulatedCrash, noCrash } from '../../simulate/faults.ts';
import { brittleDeps, openProviderGround } from './providerGround.ts';
import type { ProviderGround } from './providerGround.ts';

let ground: ProviderGround;
beforeAll(async () => {
  ground = await openProviderGround('refundcrashes');
});
afterAll(() => ground.close());

const euro = 1_000_000n;

function deps() {
  const { clock, providerOf } = ground;
  return { sql: ground.writer.sql, clock, providerOf, wake: () => {} };
}

function inputOf(reference: string, key: string = randomUUID()) {
  const paymentId = paymentIdOf({ channelId: ground.channelId, reference });
  return { idempotencyKey: key, paymentId, amount: '5.00', reason: 'paid twice' };
}

async function refund(input: ReturnType<typeof inputOf>, fuse = new Fuse(noCrash)) {
  const brittle = brittleDeps(ground, ground.api.sql, fuse);
  return refundPayment({ ...deps(), ...brittle }, ground.viewer('operator'), input);
}

function refundsOf(reference: string): number {
  return ground.stripe.refunds.filter(({ payment_intent: of }) => of === reference).length;
}

async function stepsOf(reference: string): Promise<string[]> {
  const rows = await ground.writer.sql<{ kind: string }[]>`
    select s.kind from payment_step s join payment p on p.id = s.payment_id
    where p.reference = ${reference} order by s.ordinal`;
  return rows.map(({ kind }) => kind);
}

describe('a refund at a provider', () => {
  test('that was asked for when the process died is asked for again, and made once', async () => {
    let atAwait = 1;
    let asked = 0;
    for (; ; atAwait += 1) {
      const reference = `pi_dies_${atAwait}`;
      await ground.hear({ reference });
      let isOver = false;
      try {
        await refund(inputOf(reference), new Fuse({ ...noCrash, atAwait }));
        isOver = true;
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error;
      }
      const isWritten = (await stepsOf(reference)).includes('refund_requested');
      ground.clock.push(providerLeaseMs);
      await askProviders(deps());
      expect(refundsOf(reference)).toBe(isWritten ? 1 : 0);
      ground.clock.push(providerLeaseMs);
      expect(await askProviders(deps())).toEqual({ asked: 0, accepted: 0 });
      if (isWritten) asked += 1;
      if (isOver) break;
    }
    expect(asked).toBeGreaterThan(5);
    expect(atAwait).toBeGreaterThan(15);
  });

  test('is not taken out of the hands of the request that asks for it', async () => {
    await ground.hear({ reference: 'pi_hand' });
    const others: unknown[] = [];
    const providerOf: ProviderOf = (channel) => {
      const found = ground.providerOf(channel);
      if (!found.ok) return found;
      const asking: PaymentProvider['refund'] = async (request) => {
        others.push(await askProviders(deps()));
        return found.value.refund(request);
      };
      return accept({ ...found.value, refund: asking });
    };
    const api = { ...deps(), sql: ground.api.sql, providerOf };
    const done = await refundPayment(api, ground.viewer('operator'), inputOf('pi_hand'));
    expect(done).toMatchObject({ ok: true });
    expect(others).toEqual([{ asked: 0, accepted: 0 }]);
    expect(refundsOf('pi_hand')).toBe(1);
  });

  test('without an answer is asked for until there is one, and made once', async () => {
    await ground.hear({ reference: 'pi_silent' });
    const input = inputOf('pi_silent');
    ground.stripe.faults.push('cut after', 'cut after', 'cut after');
    expect(await refund(input)).toMatchObject({ ok: true, value: { isSent: false } });
    ground.clock.push(30_000);
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 1 });
    const before = ground.stripe.requests();
    expect(await refund(input)).toMatchObject({ ok: true, value: { isSent: true } });
    expect(ground.stripe.requests()).toBe(before);
    expect(refundsOf('pi_silent')).toBe(1);
  });

  test('that was refused is free to be asked for anew, under a new key alone', async () => {
    await ground.hear({ reference: 'pi_refused' });
    const input = inputOf('pi_refused');
    ground.stripe.faults.push('declined');
    expect(await refund(input)).toMatchObject({ code: 'PAYMENT_DECLINED' });
    expect(await stepsOf('pi_refused')).toEqual(['captured', 'refund_requested', 'refund_failed']);
    expect(await refund(input)).toMatchObject({ code: 'PROVIDER_REFUSED' });
    expect(refundsOf('pi_refused')).toBe(0);
    expect(await refund(inputOf('pi_refused'))).toMatchObject({ ok: true });
    expect(refundsOf('pi_refused')).toBe(1);
  });

  test('whose key may be forgotten stays spoken for, and is a row of the audit', async () => {
    await ground.hear({ reference: 'pi_forgotten' });
    ground.stripe.faults.push('cut before', 'cut before', 'cut before');
    const input = inputOf('pi_forgotten');
    expect(await refund(input)).toMatchObject({ ok: true, value: { isSent: false } });
    ground.clock.push(providerGiveUpMs);
    const before = ground.stripe.requests();
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 0 });
    expect(ground.stripe.requests()).toBe(before);
    const { count } = await ground.writer.sql`
      select from audit_entry where action = 'payment.refundUnanswered'`;
    expect(count).toBe(1);
    const more = { ...inputOf('pi_forgotten'), amount: '15.01' };
    expect(await refund(more)).toMatchObject({ code: 'PAYMENT_REFUND_ABOVE_CAPTURED' });
    expect(await ground.balance('A-1')).toBeGreaterThan(20n * euro);
    const unknown = await refund(input);
    expect(unknown).toMatchObject({ ok: false, code: 'REFUND_UNANSWERED' });
    expect(unknown.ok ? '' : unknown.message).toMatch(/not known/);
    const told = { kind: 'refunded', totalMicros: 5n * euro } as const;
    await ground.hear({ reference: 'pi_forgotten', ...told });
    const known = { isPosted: true, isReplay: true, amountMicros: 5n * euro };
    expect(await refund(input)).toMatchObject({ ok: true, value: known });
    expect(ground.stripe.requests()).toBe(before);
  });

  test('whose asker comes first behind that time is told so, too, and asks no more', async () => {
    await ground.hear({ reference: 'pi_late' });
    ground.stripe.faults.push('cut before', 'cut before', 'cut before');
    const input = inputOf('pi_late');
    expect(await refund(input)).toMatchObject({ ok: true, value: { isSent: false } });
    ground.clock.push(providerGiveUpMs);
    const before = ground.stripe.requests();
    for (let count = 0; count < 2; count += 1) {
      expect(await refund(input)).toMatchObject({ ok: false, code: 'REFUND_UNANSWERED' });
    }
    expect(ground.stripe.requests()).toBe(before);
  });

  test('is told as posted once the provider has told it, and not before', async () => {
    await ground.hear({ reference: 'pi_told' });
    const input = inputOf('pi_told');
    expect(await refund(input)).toMatchObject({ value: { isPosted: false, isSent: true } });
    expect(await refund(input)).toMatchObject({ value: { isPosted: false, isSent: true } });
    const told = { kind: 'refunded', totalMicros: 5n * euro } as const;
    await ground.hear({ reference: 'pi_told', ...told });
    expect(await refund(input)).toMatchObject({ value: { isPosted: true, isReplay: true } });
  });
});

describe('refunds of several payments of an account', () => {
  const accountOf = () => ground.account('A-2');
  const fresh = async (...references: string[]) => {
    const accountId = accountOf();
    for (const reference of references) await ground.hear({ reference, accountId });
    const balance = await ground.balance('A-2');
    await ground.spend('A-2', balance - 20n * euro);
  };
  const whole = (reference: string) => ({ ...inputOf(reference), amount: '20.00' });

  test('never come to more than is left of its balance before the provider tells', async () => {
    await fresh('pi_one', 'pi_other');
    expect(await refund(whole('pi_one'))).toMatchObject({ ok: true, value: { isPosted: false } });
    expect(await refund(whole('pi_other'))).toMatchObject({ code: 'PAYMENT_CREDIT_SPENT' });
    const told = { accountId: accountOf(), kind: 'refunded', totalMicros: 20n * euro } as const;
    await ground.hear({ ...told, reference: 'pi_one' });
    expect(await ground.balance('A-2')).toBe(0n);
  });

  test('nor when they are asked for at once', async () => {
    const references = ['pi_l', 'pi_m', 'pi_n', 'pi_o'];
    await fresh(...references);
    const asked = await Promise.all(references.map((reference) => refund(whole(reference))));
    expect(asked.filter(({ ok }) => ok)).toHaveLength(1);
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
