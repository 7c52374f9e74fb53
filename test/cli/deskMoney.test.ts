import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paymentIdOf } from '../../src/operations/payments/applyPaymentEvent.ts';
import { makeVouchers } from '../../src/operations/vouchers/makeVouchers.ts';
import { publicKeyText } from '../../src/wire/voucherCode.ts';
import { makeChannel } from '../operations/payments/paymentGround.ts';
import { openProviderGround } from '../operations/payments/providerGround.ts';
import type { ProviderGround } from '../operations/payments/providerGround.ts';
import { callCli, lineOf, temporaryFolder } from './runCli.ts';

let ground: ProviderGround;
beforeAll(async () => {
  ground = await openProviderGround('cli_desk_money');
});
afterAll(() => ground.close());

const folder = temporaryFolder();
const of = ['--company', 'North Grid', '--account', 'A-1'];

function call(...args: string[]) {
  return callCli(args, { DATABASE_URL: ground.url });
}
const say = async (...args: string[]) => lineOf(await call(...args, '--json'));

/** What the audit has of an action, oldest first. */
async function audited(action: string): Promise<readonly string[]> {
  const rows = await ground.writer.sql<{ actor: string }[]>`
    select actor from audit_entry where action = ${action} order by at`;
  return rows.map(({ actor }) => actor);
}

test('a standing order is set, shown and stopped at the desk', async () => {
  const order = (...args: string[]) => say('prepaid', 'auto-top-up', ...args, ...of);
  expect(await order('show')).toMatchObject({ ok: false, code: 'AUTO_TOP_UP_NOT_SET' });
  const [channel] = await ground.writer.sql<{ name: string }[]>`
    select name from payment_channel where id = ${ground.channelId}`;
  const amounts = ['--below', '5.00', '--amount', '20.00', '--daily-max', '40.00'];
  const set = (name: string, instrument: string, ...key: string[]) =>
    order('set', '--channel', name, '--instrument', instrument, ...amounts, ...key);
  const name = channel?.name ?? '';
  const key = ['--key', randomUUID()];
  expect(await set('nothing', 'cus_1/pm_1')).toMatchObject({ code: 'PAYMENT_CHANNEL_UNKNOWN' });
  expect(await set(name, '4242424242424242')).toMatchObject({ code: 'INSTRUMENT_MALFORMED' });
  expect(await set(name, 'cus_1/pm_1', ...key)).toMatchObject({ ok: true, isReplay: false });
  expect(await set(name, 'cus_1/pm_1', ...key)).toMatchObject({ ok: true, isReplay: true });
  expect(await order('show')).toMatchObject({
    ok: true,
    channel: name,
    below: '5.00 EUR',
    amount: '20.00 EUR',
    dailyMax: '40.00 EUR',
    isActive: true,
    pausedCode: null,
  });
  expect(await order('stop')).toMatchObject({ ok: true, isReplay: false });
  expect(await order('stop')).toMatchObject({ ok: true, isReplay: true });
  const shown = await call('prepaid', 'auto-top-up', 'show', ...of);
  expect(shown.stdout).toContain('stopped.');
  expect(await audited('autoTopUp.set')).toEqual(['cli:operator']);
  expect(await audited('autoTopUp.stop')).toEqual(['cli:operator']);
  expect(await audited('setAutoTopUp.refused')).toHaveLength(2);
});

test('a voucher is used for a customer once, and what is refused is told and audited', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { companyId } = ground.fleet;
  const settings = { publicKeys: [publicKeyText(privateKey)] };
  await makeChannel(ground, { companyId, name: 'cards', kind: 'voucher', settings });
  // The shell's clock is today's.
  const deps = { sql: ground.api.sql, clock: { nowMs: Date.now }, wake: () => undefined };
  const lastDay = new Date(Date.now() + 365 * 86_400_000).toISOString().slice(0, 10);
  const made = await makeVouchers(deps, ground.viewer('administrator'), {
    channel: 'cards',
    count: 1,
    amount: '5.00',
    lastDay,
    privateKey,
  });
  if (!made.ok) throw new Error(made.message);
  const [voucher] = made.value.vouchers;
  const file = path.join(folder, 'code');
  writeFileSync(file, `${voucher?.code}\n`);
  const use = (...more: string[]) => say('voucher', 'use', '--code-file', file, ...of, ...more);
  expect(await use()).toMatchObject({ ok: false, code: 'VOUCHER_NOT_SOLD' });
  const from = ['--from', String(voucher?.serial)];
  expect(await say('voucher', 'sell', '--company', 'North Grid', ...from)).toMatchObject({
    ok: true,
  });
  const key = ['--key', randomUUID()];
  expect(await use(...key)).toMatchObject({ ok: true, amount: '5.00 EUR', isReplay: false });
  expect(await use(...key)).toMatchObject({ ok: true, isReplay: true });
  expect(await use()).toMatchObject({ ok: false, code: 'VOUCHER_USED' });
  expect(await ground.balance('A-1')).toBe(5_000_000n);
  expect(await audited('voucher.refused')).toEqual(['cli:operator', 'cli:operator']);
});

test('an agent’s limit is changed and listed', async () => {
  const { companyId } = ground.fleet;
  await makeChannel(ground, { companyId, name: 'shops', kind: 'cash' });
  const cash = (...args: string[]) => say('cash', ...args, '--company', 'North Grid');
  await cash('agent', '--channel', 'shops', '--name', 'Ada', '--limit', '50.00');
  await cash('take', '--agent', 'Ada', '--account', 'A-1', '--amount', '50.00');
  const limit = (to: string) => cash('limit', '--agent', 'Ada', '--limit', to, '--reason', 'x');
  expect(await limit('49.99')).toMatchObject({ ok: false, code: 'AGENT_HOLDS_MORE' });
  expect(await limit('75.00')).toMatchObject({ ok: true, floatLimit: '75.00' });
  expect(await cash('agents')).toMatchObject({
    agents: [{ name: 'Ada', floatLimit: '75.00 EUR', isActive: true }],
  });
  expect(await audited('changeAgentLimit.refused')).toEqual(['cli:administrator']);
});

test('a former customer is erased, and one whose agreement runs is not', async () => {
  const erase = (number: string, reason: string) =>
    say('customer', 'erase', '--company', 'North Grid', '--account', number, '--reason', reason);
  expect(await erase('A-3', 'asked')).toMatchObject({ ok: false, code: 'AGREEMENT_IN_FORCE' });
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  await owner`update agreement set valid_from = now() - interval '9 days',
                                   valid_to = now() - interval '8 days'
              where account_id = ${ground.account('A-3')}`;
  await owner.end();
  const named = await erase('A-3', 'Customer 3 asked');
  expect(named).toMatchObject({ ok: false, code: 'REASON_NAMES_CUSTOMER' });
  expect(await erase('A-3', 'asked')).toMatchObject({
    ok: true,
    pseudonym: expect.stringMatching(/^former customer \d+$/),
    bankEntries: 0,
  });
  expect(await audited('customer.erase')).toEqual(['cli:administrator']);
});

test('keypads are listed, chosen and instructed', async () => {
  const keyFile = path.join(folder, 'device.key');
  // Source: EnAccess, OpenPAYGO-python, test/test_tokens.jsonl.
  writeFileSync(keyFile, 'bc41ec9530f6dac86b1a29ab82edc5fb\n');
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  await owner`update agreement set account_id = ${ground.account('A-1')}
              where account_id = ${ground.account('A-2')}`;
  await owner.end();
  const company = ['--company', 'North Grid'];
  const keys = ['--keys', folder];
  const keypad = (...args: string[]) => say('payment', 'keypad', ...args, ...company);
  for (const meter of ['JB000001', 'JB000002']) {
    const device = ['--key-file', keyFile, '--starting-code', '516959010', ...keys];
    const price = ['--unit-price', '1.00', '--currency', 'EUR'];
    expect(await keypad('add', '--meter', meter, ...device, ...price)).toMatchObject({ ok: true });
  }
  const listed = {
    keypads: [
      { serial: 'JB000001', unitPrice: '1.00 EUR', carried: '0.00 EUR', tokenCount: 1 },
      { serial: 'JB000002', isRemoved: false },
    ],
  };
  expect(await keypad('list', '--account', 'A-1')).toMatchObject(listed);
  expect(await keypad('list')).toMatchObject(listed);
  await ground.hear({ reference: 'pi_cli_several', totalMicros: 2_000_000n });
  const id = paymentIdOf({ channelId: ground.channelId, reference: 'pi_cli_several' });
  const token = () => say('payment', 'token', id, ...company, ...keys);
  expect(await token()).toMatchObject({ code: 'TOKEN_NOT_ISSUED' });
  expect(await keypad('choose', id, '--meter', 'JB000003')).toMatchObject({
    code: 'KEYPAD_UNKNOWN',
  });
  expect(await keypad('choose', id, '--meter', 'JB000002')).toMatchObject({
    ok: true,
    hasToken: true,
  });
  expect(await token()).toMatchObject({ digits: '639704012', serial: 'JB000002' });
  const free = ['--meter', 'JB000002', '--reason', 'a new display', ...keys];
  expect(await keypad('set', '--value', '7', ...free)).toMatchObject({ kind: 'set', count: 3 });
  expect(await keypad('disable', ...free)).toMatchObject({ kind: 'disable', count: 5 });
});
