import { generateKeyPairSync, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transaction } from '../../../src/db/connect.ts';
import { addAgent } from '../../../src/operations/cash/agents.ts';
import { takeCash } from '../../../src/operations/cash/takeCash.ts';
import { adjustBalance } from '../../../src/operations/adjustBalance.ts';
import { doctorChecks } from '../../../src/operations/doctor/checks.ts';
import { beginModes } from '../../../src/operations/prepaid/beginModes.ts';
import { changeMode } from '../../../src/operations/prepaid/changeMode.ts';
import { planDebt } from '../../../src/operations/prepaid/planDebt.ts';
import { recoverDebts } from '../../../src/operations/prepaid/recoverDebt.ts';
import { setAsideDebt } from '../../../src/operations/prepaid/setAsideDebt.ts';
import { takeEmergencyCredit } from '../../../src/operations/prepaid/takeEmergencyCredit.ts';
import { warnAccounts } from '../../../src/operations/prepaid/warnAccounts.ts';
import { requestCommand } from '../../../src/operations/requestCommand.ts';
import { makeVouchers } from '../../../src/operations/vouchers/makeVouchers.ts';
import { revokeVouchers } from '../../../src/operations/vouchers/revokeVouchers.ts';
import { sellVouchers } from '../../../src/operations/vouchers/sellVouchers.ts';
import { useVoucher } from '../../../src/operations/vouchers/useVoucher.ts';
import { parseMeterId } from '../../../src/domain/ids.ts';
import { publicKeyText } from '../../../src/wire/voucherCode.ts';
import { makeChannel, openPayments } from '../payments/paymentGround.ts';
import type { PaymentGround } from '../payments/paymentGround.ts';
import { openPolicy, publishForTest, startMs } from '../smallFleet.ts';

const dayMs = 86_400_000;
const { privateKey } = generateKeyPairSync('ed25519');
let ground: PaymentGround;
let owner: postgres.Sql<{ bigint: bigint }>;

async function ok<T extends { readonly ok: boolean }>(done: Promise<T>): Promise<T> {
  const outcome = await done;
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  return outcome;
}

function deps() {
  const wake = () => undefined;
  return { sql: ground.api.sql, clock: ground.clock, wake };
}

const key = () => ({ idempotencyKey: randomUUID() });

/** A-1 borrows, uses it and pays it back; A-2 pays a debt off by the week. */
async function live() {
  const administrator = ground.viewer('administrator');
  const [first, second] = [ground.account('A-1'), ground.account('A-2')];
  const writer = { ...deps(), sql: ground.writer.sql };
  await warnAccounts(writer);
  await ok(takeEmergencyCredit(deps(), administrator, { ...key(), accountId: first }));
  await ground.spend('A-1', 2_500_000n);
  ground.clock.push(1_000);
  await ok(ground.hear({ receivedAtMs: ground.clock.nowMs() }));
  await ground.spend('A-2', 5_000_000n);
  const reason = 'agreed on the telephone';
  const owed = { ...key(), accountId: second, reasonCode: 'negative_balance', reason } as const;
  await ok(setAsideDebt(deps(), administrator, owed));
  const plan = { ...key(), accountId: second, share: '0', weekly: '7.00', reason };
  await ok(planDebt(deps(), administrator, plan));
  const payment = { reference: 'pi_2', accountId: second, receivedAtMs: ground.clock.nowMs() };
  await ok(ground.hear(payment));
  ground.clock.push(dayMs);
  expect(await recoverDebts(writer)).toEqual({ accounts: 1 });
  const large = { accountId: first, amount: '200.00', currency: 'EUR', reason };
  await ok(adjustBalance(deps(), administrator, { ...key(), ...large, reasonCode: 'goodwill' }));
}

/** A-2 pays later from the next quarter hour on. */
async function changeSides() {
  const [, agreementId] = ground.fleet.agreements;
  if (agreementId === undefined) throw new Error('A-2 has an agreement');
  const change = { agreementId, mode: 'postpaid', atMs: null, reason: 'by letter' } as const;
  await ok(changeMode(deps(), ground.viewer('administrator'), { ...key(), ...change }));
  ground.clock.push(900_000);
  expect(await beginModes({ ...deps(), sql: ground.writer.sql })).toEqual({ changes: 1 });
}

async function trade() {
  const { companyId } = ground.fleet;
  const administrator = ground.viewer('administrator');
  const settings = { publicKeys: [publicKeyText(privateKey)] };
  await makeChannel(ground, { companyId, name: 'cards', kind: 'voucher', settings });
  await makeChannel(ground, { companyId, name: 'shops', kind: 'cash' });
  const batch = { channel: 'cards', count: 5, amount: '5.00', lastDay: '2026-12-31', privateKey };
  const made = await makeVouchers(deps(), administrator, batch);
  if (!made.ok) throw new Error(made.message);
  const [voucher] = made.value.vouchers;
  if (voucher === undefined) throw new Error('a batch has vouchers');
  const accountId = ground.account('A-1');
  const sale = { ...key(), firstSerial: voucher.serial, count: 2, agent: null };
  await ok(sellVouchers(deps(), administrator, sale));
  await ok(useVoucher(deps(), administrator, { ...key(), accountId, code: voucher.code }));
  const stolen = { firstSerial: voucher.serial + 2n, count: 1, reason: 'stolen' };
  await ok(revokeVouchers(deps(), administrator, stolen));
  await ok(addAgent(deps(), administrator, { channel: 'shops', name: 'Ada', floatLimit: '50' }));
  await ok(takeCash(deps(), administrator, { ...key(), agent: 'Ada', accountId, amount: '30' }));
  const [meter] = await ground.writer.sql<{ id: number }[]>`select min(id) as id from meter`;
  const meterId = parseMeterId(meter?.id);
  if (!meterId.ok) throw new Error(meterId.message);
  const cut = { ...key(), meterId: meterId.value, kind: 'disconnect', reason: 'x' } as const;
  await ok(requestCommand(deps(), administrator, cut));
}

beforeAll(async () => {
  ground = await openPayments('doctor_life');
  owner = postgres(ground.url, { max: 1, onnotice: () => {}, types: { bigint: postgres.BigInt } });
  const emergencyCredit = { amount: '10.00', selectableBelow: '1.00' };
  const { companyId } = ground.fleet;
  await publishForTest(ground.writer.sql, companyId, { ...openPolicy, emergencyCredit });
  await live();
  await changeSides();
  await trade();
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

async function lookIn(tx: Transaction): Promise<string[]> {
  const found: string[] = [];
  const nowMs = ground.clock.nowMs();
  for (const check of doctorChecks) {
    for await (const { code } of check.find({ tx, nowMs, onProgress: () => {} })) found.push(code);
  }
  return found;
}

class Undone extends Error {}

/** As the owner with the triggers off, looked at and taken back. */
async function plant(damage: (tx: Transaction) => Promise<unknown>): Promise<readonly string[]> {
  let found: string[] = [];
  await owner
    .begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await damage(tx);
      found = await lookIn(tx);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  return found;
}

test('a life that went as it should has no finding', async () => {
  expect(await plant(() => Promise.resolve())).toEqual([]);
});

const anyId = '00000000-0000-4000-8000-000000000001';

/** A copy of a row with something else in it. */
function again(tx: Transaction, table: string, where: string, change: object) {
  return tx`
    insert into ${tx(table)}
    select (jsonb_populate_record(r, ${JSON.stringify(change)}::text::jsonb)).*
    from ${tx(table)} r where ${tx.unsafe(where)} limit 1`;
}

type Case = [string, string, (tx: Transaction) => Promise<unknown>];

const ofDebts: Case[] = [
  [
    'a debt of which more was paid than was set aside',
    'DEBT_BELOW_ZERO',
    (tx) => tx`update transfer set amount_micros = 1 where code = 'debt_set_aside'`,
  ],
  [
    'a day that names another transfer',
    'DEBT_DAY_NOT_ITS_TRANSFER',
    (tx) => tx`update debt_day set transfer_id = ${anyId} where transfer_id is not null`,
  ],
  [
    'a debt that was taken twice a day',
    'DEBT_TAKEN_WITHOUT_CAUSE',
    (tx) => again(tx, 'transfer', "code = 'debt_recovered'", { id: anyId }),
  ],
  [
    'credit that is lent twice',
    'EMERGENCY_CREDIT_TWICE',
    (tx) => again(tx, 'emergency_credit', 'true', { id: anyId }),
  ],
  [
    'a loan that ended before it began',
    'EMERGENCY_END_NOT_ITS_CREDIT',
    (tx) => tx`update emergency_credit_end set ended_at = '1999-01-01'`,
  ],
  [
    'a loan that a payment did not pay back',
    'EMERGENCY_NOT_REPAID',
    (tx) => tx`delete from emergency_credit_end`,
  ],
];

const ofNotices: Case[] = [
  [
    'a breach that is told twice',
    'NOTICE_TWICE',
    async (tx) => {
      await tx`alter table notice drop constraint
               notice_account_id_kind_threshold_breach_unique`;
      await again(tx, 'notice', 'true', { id: anyId });
    },
  ],
  [
    'a notice of nothing',
    'NOTICE_WITHOUT_BREACH',
    (tx) => again(tx, 'notice', 'true', { id: anyId, breach: 7 }),
  ],
  [
    'a notice that was never queued',
    'NOTICE_STEPS_BROKEN',
    (tx) => tx`delete from notice_step where ordinal = 0`,
  ],
  [
    'a notice that fails after it arrived',
    'NOTICE_STEPS_BROKEN',
    async (tx) => {
      await again(tx, 'notice_step', 'ordinal = 0', { ordinal: 1, state: 'delivered' });
      await again(tx, 'notice_step', 'ordinal = 1', { ordinal: 2, state: 'failed' });
    },
  ],
];

const day = { starts_at: '2026-02-01T00:00Z', ends_at: '2026-02-02T00:00Z' };

/** A day off of A-1's or A-2's place, as it should be but for the change. */
function idleDay(tx: Transaction, change: object) {
  const row = { agreement_id: 1, ...day, recorded_at: '2026-02-02T01:00Z', ...change };
  return tx`
    insert into idle_day select (jsonb_populate_record(null::idle_day,
      jsonb_build_object('company_id', company_id, 'account_id', account_id)
        || ${JSON.stringify(row)}::text::jsonb)).*
    from agreement where id = 1`;
}

const ofModes: Case[] = [
  [
    'two modes with a hole between them',
    'MODE_CHANGE_TORN',
    (tx) => tx`update agreement set valid_to = valid_to - interval '15 minutes'
               where id in (select ended_id from mode_change)`,
  ],
  [
    'a change to the mode that it was',
    'MODE_CHANGE_TORN',
    (tx) => tx`update agreement set mode = 'prepaid'
               where id in (select next_id from mode_change)`,
  ],
  [
    'a place that passed on to another one',
    'MODE_CHANGE_TORN',
    (tx) => tx`
      update agreement n set service_point_id = p.id, account_id = a.id
      from mode_change c, service_point p, account a
      where n.id = c.next_id and p.id <> n.service_point_id and a.id <> c.account_id`,
  ],
  [
    "a bill of the time that is the next mode's",
    'MODE_BILLED_TWICE',
    (tx) => tx`
      insert into charge select (jsonb_populate_record(null::charge, jsonb_build_object(
        'agreement_id', c.ended_id, 'company_id', c.company_id, 'account_id', c.account_id,
        'meter_id', 1, 'tariff_version_id', 1, 'period_start', c.at, 'energy_wh', 5,
        'accumulator', '', 'revision', 1,
        'amount_micros', 0))).*
      from mode_change c`,
  ],
  [
    'a change that nobody closed',
    'MODE_CHANGE_OVERDUE',
    (tx) => tx`update mode_change set settled_at = null, at = at - interval '2 hours'`,
  ],
  [
    'a loan that outlives its mode',
    'MODE_LEFT_A_LOAN',
    async (tx) => {
      await tx`update emergency_credit set account_id = (select account_id from mode_change)`;
      await tx`delete from emergency_credit_end`;
    },
  ],
  ['a day off at a place with light', 'IDLE_DAY_WITH_LIGHT', (tx) => idleDay(tx, {})],
  [
    'a day off in which the supply came back',
    'IDLE_DAY_WITH_LIGHT',
    async (tx) => {
      await idleDay(tx, {});
      for (const [state, at] of [
        ['disconnected', '2026-01-31T12:00Z'],
        ['connected', '2026-02-01T12:00Z'],
      ]) {
        await tx`
          insert into supply_change (meter_id, at, company_id, state, command_id)
          select min(id), ${at}::timestamptz, min(company_id), ${state}, ${randomUUID()}::uuid
          from meter where service_point_id = (select service_point_id from agreement
                                               where id = 1)`;
      }
    },
  ],
  [
    'a day off that was not over',
    'IDLE_DAY_NOT_OF_ITS_AGREEMENT',
    (tx) => idleDay(tx, { recorded_at: '2026-02-01T23:00Z' }),
  ],
  [
    'a day off of somebody who pays later',
    'IDLE_DAY_NOT_OF_ITS_AGREEMENT',
    async (tx) => {
      await idleDay(tx, {});
      await tx`update agreement set mode = 'postpaid' where id = 1`;
    },
  ],
];

const ofVouchers: Case[] = [
  [
    'a voucher that credits twice its worth',
    'VOUCHER_USE_NOT_ITS_CREDIT',
    (tx) => tx`update voucher_batch set amount_micros = 2500000`,
  ],
  [
    'a voucher that is used for the payment of another',
    'VOUCHER_USE_NOT_ITS_CREDIT',
    (tx) => again(tx, 'voucher_end', `"end" = 'used'`, { serial: 2 }),
  ],
  [
    'a voucher that could be used again',
    'VOUCHER_CREDIT_WITHOUT_USE',
    (tx) => tx`delete from voucher_end where "end" = 'used'`,
  ],
  [
    'a serial that was never made',
    'VOUCHER_NOT_OF_ITS_BATCH',
    (tx) => again(tx, 'voucher_end', `"end" = 'revoked'`, { serial: 999 }),
  ],
  [
    'a voucher that was used when it had expired',
    'VOUCHER_USED_LATE',
    (tx) => tx`update voucher_batch set expires_at = ${new Date(startMs)}`,
  ],
  [
    'a voucher that was used and not sold',
    'VOUCHERS_SOLD_BELOW_ZERO',
    (tx) => tx`delete from transfer where code = 'voucher_sold'`,
  ],
];

const ofPlaces: Case[] = [
  [
    'an agent above the limit',
    'AGENT_ABOVE_LIMIT',
    (tx) => tx`update payment_agent set float_limit_micros = 29999999`,
  ],
  [
    'cash of an agent that its limit does not see',
    'AGENT_CASH_UNSEEN',
    (tx) => tx`update payment set agent_id = null where agent_id is not null`,
  ],
  [
    'a receipt of another amount',
    'RECEIPT_NOT_ITS_CREDIT',
    (tx) => tx`update payment_receipt set document = document || '{"paidMicros": "1"}'`,
  ],
  [
    'a credit whose receipt went to another payment',
    'CREDIT_WITHOUT_RECEIPT',
    (tx) => tx`update payment_receipt set payment_id = ${anyId} where number = 1`,
  ],
];

const ofAudit: Case[] = [
  ['TRANSFER_WITHOUT_AUDIT', `action = 'debt.setAside'`],
  ['PAYMENT_STEP_WITHOUT_AUDIT', `action = 'payment.captured'`],
  ['APPROVAL_WITHOUT_AUDIT', `action = 'approval.give'`],
  ['COMMAND_WITHOUT_AUDIT', `action = 'command.request'`],
  ['EMERGENCY_WITHOUT_AUDIT', `action = 'emergencyCredit.take'`],
  ['VOUCHER_END_WITHOUT_AUDIT', `action = 'voucher.revoke'`],
].map(([code = '', where = '']): Case => [
  `a change without its audit row, ${where}`,
  code,
  (tx) => tx`delete from audit_entry where ${tx.unsafe(where)}`,
]);

describe('planted, and found', () => {
  test.each([...ofDebts, ...ofNotices, ...ofModes, ...ofVouchers, ...ofPlaces, ...ofAudit])(
    '%s',
    async (_, code, damage) => {
      expect(await plant(damage)).toContain(code);
    },
  );
});
