import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli } from './runCli.ts';

const company = 'Meadow Light Cooperative';
let url: string;
beforeAll(async () => {
  ({ url } = await freshDatabase('clipayments'));
  const registered = await run('fleet', 'register', 'examples/fleet.json');
  if (registered.exitCode !== 0) throw new Error(registered.stderr);
});

function run(...args: string[]) {
  return runCli(args, { DATABASE_URL: url });
}

function payment(...args: string[]) {
  return run('payment', ...args, '--company', company, '--json');
}

const listed = z.object({ payments: z.array(z.object({ id: z.string() })) });

describe('ems-cli payment', () => {
  test('lists, refunds within bounds and allocates what nobody owns', async () => {
    const of = ['--company', company, '--account', 'A-1001', '--currency', 'EUR', '--json'];
    await run('top-up', '--amount', '12.50', ...of);
    const list = lineOf(await payment('list', '--account', 'A-1001'));
    expect(list).toMatchObject({
      payments: [{ standing: '12.50 EUR', channelName: 'counter EUR' }],
    });
    const [{ id } = { id: '' }] = listed.parse(list).payments;
    const refund = (amount: string) =>
      payment('refund', id, '--amount', amount, '--reason', 'paid twice');
    expect(lineOf(await refund('12.51'))).toMatchObject({ code: 'PAYMENT_REFUND_ABOVE_CAPTURED' });
    expect(lineOf(await refund('5.00'))).toMatchObject({ ok: true, isPosted: true });
    expect(lineOf(await payment('list'))).toMatchObject({ payments: [] });
    const allocate = ['--account', 'A-1001', '--reason', 'wrong reference'];
    expect(lineOf(await payment('allocate', id, ...allocate))).toMatchObject({
      code: 'PAYMENT_ALREADY_ALLOCATED',
    });
    expect(lineOf(await payment('allocate', 'nonsense', ...allocate))).toMatchObject({
      code: 'PAYMENT_NOT_FOUND',
    });
  });

  test('opens a channel and says where its secret goes', async () => {
    const add = (...args: string[]) =>
      run('payment', 'channel', 'add', '--company', company, '--currency', 'EUR', ...args);
    const card = ['--name', 'card', '--kind', 'stripe'];
    expect((await add(...card)).stdout).toMatch(
      /payment-channel-\d+\.json .*\/v1\/payments\/\d+\//,
    );
    expect((await add(...card)).stderr).toMatch(/^CHANNEL_EXISTS/);
    const plain = ['--name', 'c2', '--kind', 'stripe', '--settings', '{"apiBase":"http://x.test"}'];
    expect((await add(...plain)).stderr).toMatch(/^CHANNEL_SETTINGS_MALFORMED/);
  });
});
