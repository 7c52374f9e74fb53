import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli } from './runCli.ts';

const company = 'Meadow Light Cooperative';
const meterSerial = 'SDM-0001';
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

  test('a bank file tells how far it is, the end of it too', async () => {
    const csv = { reference: 'r', amount: 'a', bookedOn: 'd', remittance: ['t'] };
    const kind = ['--kind', 'bank', '--currency', 'EUR', '--settings', JSON.stringify({ csv })];
    const bank = ['--company', company];
    await run('payment', 'channel', 'add', ...bank, '--name', 'house bank', ...kind);
    const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-bank-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'statement.csv');
    const entries = [1, 2, 3].map((n) => `${n},1.00,2026-11-20,A-1001`);
    writeFileSync(file, ['r,a,d,t', ...entries].join('\n'));
    const done = await run('bank', 'import', file, ...bank, '--channel', 'house bank');
    expect(done.stdout).toMatch(/^3 entries: 3 credited\./);
    expect(done.stderr).toMatch(/(?:^|\n)3 of 3 entries\n$/);
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

  test('registers a keypad by its key file, and tells the token of a payment again', async () => {
    const keys = mkdtempSync(path.join(tmpdir(), 'joulebook-cli-'));
    const keyFile = path.join(keys, 'key');
    // Source: EnAccess, OpenPAYGO-python, test/test_tokens.jsonl.
    writeFileSync(keyFile, 'bc41ec9530f6dac86b1a29ab82edc5fb\n');
    const meter = ['--meter', meterSerial, '--key-file', keyFile, '--keys', keys];
    const price = ['--starting-code', '516959010', '--unit-price', '1.00', '--currency', 'EUR'];
    const add = () => payment('keypad', 'add', ...meter, ...price);
    expect(lineOf(await add())).toMatchObject({ ok: true, isReplay: false });
    expect(lineOf(await add())).toMatchObject({ ok: true, isReplay: true });
    const of = ['--company', company, '--account', 'A-1001', '--currency', 'EUR', '--json'];
    await run('top-up', '--amount', '2.00', ...of);
    const list = listed.parse(lineOf(await payment('list', '--account', 'A-1001')));
    const [{ id } = { id: '' }] = list.payments;
    const told = await run('payment', 'token', id, '--company', company, '--keys', keys);
    expect(told.stdout).toBe(`639 704 012 adds 2 at the keypad of ${meterSerial}.\n`);
    expect(lineOf(await payment('token', id, '--keys', '/nowhere'))).toMatchObject({
      code: 'DEVICE_KEYS_MISSING',
    });
    expect((await payment('token', id)).exitCode).toBe(2);
    rmSync(keys, { recursive: true });
  });
});
