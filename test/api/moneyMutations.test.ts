import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import { asViewer } from '../../src/db/viewer.ts';
import { addAgent } from '../../src/operations/cash/agents.ts';
import { applyPaymentEvent } from '../../src/operations/payments/applyPaymentEvent.ts';
import { makeVouchers } from '../../src/operations/vouchers/makeVouchers.ts';
import { sellVouchers } from '../../src/operations/vouchers/sellVouchers.ts';
import { publicKeyText } from '../../src/wire/voucherCode.ts';
import { makeChannel } from '../operations/payments/paymentGround.ts';
import { openPolicy, publishForTest } from '../operations/smallFleet.ts';
import { describeKeyed } from './keyedMutations.ts';
import type { Case } from './keyedMutations.ts';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
let voucherCode = '';
let paymentId = '';
const administrator = viewerOf('administrator');

async function ok<T extends { readonly ok: boolean }>(done: Promise<T>): Promise<T> {
  const outcome = await done;
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  return outcome;
}

/** An agent, a voucher that was sold, and money of nobody known. */
async function openShops() {
  const { privateKey } = generateKeyPairSync('ed25519');
  const settings = { publicKeys: [publicKeyText(privateKey)] };
  const deps = { sql: world.api.sql, clock: { nowMs: () => Date.now() }, wake: () => undefined };
  const { writer } = world;
  await makeChannel({ writer }, { companyId: 1, name: 'shops', kind: 'cash' });
  await makeChannel({ writer }, { companyId: 1, name: 'cards', kind: 'voucher', settings });
  const channelId = await makeChannel({ writer }, { companyId: 1, name: 'bank', kind: 'bank' });
  const agent = { channel: 'shops', name: 'Ada', floatLimit: '50.00' };
  await ok(addAgent(deps, administrator, agent));
  const lastDay = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  const batch = { channel: 'cards', count: 1, amount: '5.00', lastDay, privateKey };
  const made = await makeVouchers(deps, administrator, batch);
  if (!made.ok) throw new Error(made.message);
  const [voucher] = made.value.vouchers;
  if (voucher === undefined) throw new Error('a batch has vouchers');
  voucherCode = voucher.code;
  const sale = { idempotencyKey: randomUUID(), firstSerial: voucher.serial, count: 1, agent: null };
  await ok(sellVouchers(deps, administrator, sale));
  const told = { eventId: 'e1', reference: 'r1', currency: 'EUR', kind: 'captured' } as const;
  const nowMs = Date.now();
  const times = { occurredAtMs: nowMs, receivedAtMs: nowMs, bodyHash: new Uint8Array(32) };
  const of = { companyId: 1, channelId, accountId: null, totalMicros: 40_000_000n, actor: 'bank' };
  const heard = await asViewer(world.api.sql, administrator, (tx) =>
    applyPaymentEvent(tx, { ...told, ...times, ...of }),
  );
  if (!heard.ok) throw new Error(heard.message);
  ({ paymentId } = heard.value);
}

beforeAll(async () => {
  world = await openWorld('money_mutations');
  const emergencyCredit = { amount: '10.00', selectableBelow: '100.00' };
  await publishForTest(world.writer.sql, 1, { ...openPolicy, emergencyCredit });
  await openShops();
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const account = globalId('Account', 100);
const postpaid = globalId('Account', 101);
const moved = {
  payload: 'MovedByHandPayload',
  fields: 'state moved { amount } account { balance { amount } }',
};
function movement(amount: string, balance: string) {
  return { state: 'POSTED', moved: { amount }, account: { balance: { amount: balance } } };
}
const reason = 'as agreed';

const ofMoney: readonly Case[] = [
  {
    name: 'adjustBalance',
    ...moved,
    input: () => ({
      accountId: account,
      amount: '2.50',
      currency: 'EUR',
      reasonCode: 'GOODWILL',
      reason,
    }),
    expected: movement('2.50', '7.50'),
    other: { amount: '3.00' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ amount: '0' }, 'AMOUNT_ZERO'],
      [{ currency: 'USD' }, 'CURRENCY_MISMATCH'],
      [{ reason: ' ' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'correctTransfer',
    ...moved,
    input: () => ({
      transferId: globalId('Transfer', '00000000-0000-4000-8000-000000000001'),
      amount: '1.00',
      reasonCode: 'WRONG_AMOUNT',
      reason,
    }),
    expected: movement('1.00', '6.50'),
    other: { amount: '2.00' },
    foreign: 'TRANSFER_NOT_FOUND',
    bad: [
      [{ amount: '4.31' }, 'CORRECTION_ABOVE_TRANSFER'],
      [{ amount: '-1.00' }, 'AMOUNT_NOT_POSITIVE'],
      [
        { transferId: globalId('Transfer', '00000000-0000-4000-8000-000000000002') },
        'TRANSFER_IS_RATED',
      ],
    ],
  },
  {
    name: 'setAsideDebt',
    ...moved,
    input: () => ({ accountId: account, amount: '12.00', reasonCode: 'IMPORTED', reason }),
    expected: movement('12.00', '6.50'),
    other: { amount: '13.00' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ amount: null }, 'AMOUNT_MISSING'],
      [{ reasonCode: 'NEGATIVE_BALANCE' }, 'SET_ASIDE_ABOVE_OWED'],
    ],
  },
  {
    name: 'planDebt',
    fields: 'account { prepaid { debt { owed { amount } } } }',
    input: () => ({ accountId: account, share: '0', weekly: '4.25', reason }),
    expected: { account: { prepaid: { debt: { owed: { amount: '12.00' } } } } },
    other: { weekly: '5.00' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ share: '1.01' }, 'SHARE_MALFORMED'],
      [{ weekly: '-1' }, 'AMOUNT_MALFORMED'],
    ],
  },
  {
    name: 'writeOffDebt',
    ...moved,
    input: () => ({ accountId: account, amount: '2.00', reasonCode: 'HARDSHIP', reason }),
    expected: movement('2.00', '6.50'),
    other: { amount: '3.00' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ amount: '10.01' }, 'WRITE_OFF_ABOVE_DEBT'],
      [{ amount: '0' }, 'AMOUNT_NOT_POSITIVE'],
    ],
  },
  {
    name: 'takeEmergencyCredit',
    fields: 'lent { amount }',
    input: () => ({ accountId: account }),
    expected: { lent: { amount: '10.00' } },
    other: { accountId: postpaid },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{}, 'EMERGENCY_CREDIT_TAKEN'],
      [{ accountId: postpaid }, 'ACCOUNT_NOT_PREPAID'],
    ],
  },
  {
    name: 'allocatePayment',
    fields: 'payment { id } account { balance { amount } }',
    input: () => ({ paymentId: globalId('Payment', paymentId), accountId: postpaid, reason }),
    expected: { account: { balance: { amount: '40.00' } } },
    other: { reason: 'another' },
    foreign: 'PAYMENT_NOT_FOUND',
    bad: [
      [{}, 'PAYMENT_ALREADY_ALLOCATED'],
      [{ reason: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'takeCash',
    fields: 'held { amount }',
    input: () => ({ agent: 'Ada', accountId: postpaid, amount: '10.00' }),
    expected: { held: { amount: '10.00' } },
    other: { amount: '11.00' },
    foreign: 'AGENT_UNKNOWN',
    bad: [
      [{ amount: '40.01' }, 'AGENT_FLOAT_EXCEEDED'],
      [{ amount: '1.0000000001' }, 'AMOUNT_TOO_PRECISE'],
      [{ accountId: globalId('Account', 200) }, 'ACCOUNT_NOT_FOUND'],
    ],
  },
  {
    name: 'handOverCash',
    fields: 'amount { amount } held { amount }',
    input: () => ({ agent: 'Ada', amount: '4.00' }),
    expected: { amount: { amount: '4.00' }, held: { amount: '6.00' } },
    other: { amount: '5.00' },
    foreign: 'AGENT_UNKNOWN',
    bad: [
      [{ amount: '6.01' }, 'CASH_NOT_HELD'],
      [{ agent: 'Nobody' }, 'AGENT_UNKNOWN'],
    ],
  },
  {
    name: 'changeAgentLimit',
    fields: 'agent { name floatLimit { amount } }',
    input: () => ({ agent: 'Ada', floatLimit: '60.00', reason }),
    expected: { agent: { name: 'Ada', floatLimit: { amount: '60.00' } } },
    other: { floatLimit: '70.00' },
    foreign: 'AGENT_UNKNOWN',
    bad: [
      [{ floatLimit: '5.99' }, 'AGENT_HOLDS_MORE'],
      [{ floatLimit: '0' }, 'AMOUNT_NOT_POSITIVE'],
      [{ reason: ' ' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'useVoucher',
    fields: 'account { balance { amount } }',
    input: () => ({ accountId: postpaid, code: voucherCode }),
    expected: { account: { balance: { amount: '55.00' } } },
    other: { code: 'none' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{}, 'VOUCHER_USED'],
      [{ code: 'none' }, 'VOUCHER_CODE_MALFORMED'],
    ],
  },
];

describeKeyed(ofMoney, () => world);
