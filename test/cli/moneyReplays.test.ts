import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paymentIdOf } from '../../src/operations/payments/applyPaymentEvent.ts';
import { askProviders } from '../../src/operations/topUps/askProviders.ts';
import { makeChannel } from '../operations/payments/paymentGround.ts';
import { openProviderGround } from '../operations/payments/providerGround.ts';
import type { ProviderGround } from '../operations/payments/providerGround.ts';
import { callCli, lineOf } from './runCli.ts';

let ground: ProviderGround;
beforeAll(async () => {
  ground = await openProviderGround('cli_refund');
});
afterAll(() => ground.close());

test('a refund asked for in a shell without the secret is not refused, and sent once', async () => {
  await ground.hear({ reference: 'pi_desk' });
  const id = paymentIdOf({ channelId: ground.channelId, reference: 'pi_desk' });
  const key = randomUUID();
  const refund = (how = ['--json']) => {
    const asked = ['--company', 'North Grid', '--amount', '1.00', '--reason', 'y', '--key', key];
    return callCli(['payment', 'refund', id, ...asked, ...how], { DATABASE_URL: ground.url });
  };
  const told = await refund();
  expect(told.exitCode).toBe(0);
  expect(lineOf(told)).toMatchObject({
    ok: true,
    state: 'refund_requested',
    isSent: false,
    isReplay: false,
  });
  const { writer, providerOf } = ground;
  const refused = await writer.sql`select from audit_entry where action like '%.refused'`;
  expect(refused.count).toBe(0);
  // The shell's clock is today's; the server's here is no other.
  const clock = { nowMs: () => Date.now() + 60_000 };
  await askProviders({ sql: writer.sql, clock, providerOf, wake: () => {} });
  expect(ground.stripe.refunds).toEqual([{ id: 're_1', payment_intent: 'pi_desk', amount: 100 }]);
  expect(lineOf(await refund())).toMatchObject({
    ok: true,
    state: 'refund_requested',
    isSent: true,
    isReplay: true,
  });
  expect(ground.stripe.refunds).toHaveLength(1);
  const sentence = await refund([]);
  expect(sentence.stdout).toContain('had been asked for before under this key');
});

test('cash that was taken before under its key is told as taken before', async () => {
  const { writer, fleet, url } = ground;
  await makeChannel({ writer }, { companyId: fleet.companyId, name: 'shops', kind: 'cash' });
  const cash = async (...args: string[]) => {
    const called = ['cash', ...args, '--company', 'North Grid'];
    const { stdout } = await callCli(called, { DATABASE_URL: url });
    return stdout;
  };
  await cash('agent', '--channel', 'shops', '--name', 'Ada', '--limit', '50.00');
  const of = ['--agent', 'Ada', '--amount', '5.00', '--key', randomUUID()];
  const take = () => cash('take', '--account', 'A-1', ...of);
  expect(await take()).not.toContain('before');
  expect(await take()).toContain('had been given before under this key; the balance then:');
  const over = ['--agent', 'Ada', '--amount', '5.00', '--key', randomUUID()];
  expect(await cash('hand-over', ...over)).not.toContain('before');
  expect(await cash('hand-over', ...over)).toContain('before under this key');
});
