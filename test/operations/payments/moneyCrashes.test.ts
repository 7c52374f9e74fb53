import { generateKeyPairSync, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sql } from '../../../src/db/connect.ts';
import { addAgent } from '../../../src/operations/cash/agents.ts';
import { handOverCash } from '../../../src/operations/cash/handOverCash.ts';
import { takeCash } from '../../../src/operations/cash/takeCash.ts';
import { importStatement } from '../../../src/operations/payments/importStatement.ts';
import { makeVouchers } from '../../../src/operations/vouchers/makeVouchers.ts';
import { sellVouchers } from '../../../src/operations/vouchers/sellVouchers.ts';
import { useVoucher } from '../../../src/operations/vouchers/useVoucher.ts';
import { publicKeyText } from '../../../src/wire/voucherCode.ts';
import { Fuse, brittleSql, noCrash } from '../../simulate/faults.ts';
import type { CrashPlan } from '../../simulate/faults.ts';
import { camt, entry02, iban } from '../../wire/bank/bankFiles.ts';
import { makeChannel, openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const vouchers: { serial: bigint; code: string }[] = [];
let ground: PaymentGround;
let owner: postgres.Sql;

function deps(sql: Sql = ground.api.sql) {
  return { sql, clock: ground.clock, wake: () => undefined };
}

beforeAll(async () => {
  ground = await openPayments('moneycrashes');
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  const { companyId } = ground.fleet;
  const administrator = ground.viewer('administrator');
  const settings = { publicKeys: [publicKeyText(privateKey)] };
  await makeChannel(ground, { companyId, name: 'cards', kind: 'voucher', settings });
  await makeChannel(ground, { companyId, name: 'shops', kind: 'cash' });
  await makeChannel(ground, { companyId, name: 'b', kind: 'bank', settings: { account: iban } });
  const agent = { channel: 'shops', name: 'Ada', floatLimit: '9000.00' };
  await addAgent(deps(), administrator, agent);
  const input = { channel: 'cards', count: 200, amount: '5.00', lastDay: '2026-12-31', privateKey };
  const made = await makeVouchers(deps(), administrator, input);
  if (!made.ok) throw new Error(made.message);
  vouchers.push(...made.value.vouchers);
  const sale = { idempotencyKey: randomUUID(), firstSerial: 1n, count: 100, agent: null };
  const sold = await sellVouchers(deps(), administrator, sale);
  if (!sold.ok) throw new Error(sold.message);
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

async function cut(pid: number): Promise<void> {
  await owner`select pg_terminate_backend(${pid}, 10000)`;
}

/** Everything that money leaves behind, as numbers that can be subtracted. */
async function rows(): Promise<Record<string, number>> {
  const [row] = await owner<Record<string, number>[]>`
    select (select sum(balance_micros)::float8 from account_balance) as balances,
           (select count(*)::int4 from transfer) as transfers,
           (select count(*)::int4 from payment) as payments,
           (select count(*)::int4 from payment_step) as steps,
           (select count(*)::int4 from payment_receipt) as receipts,
           (select count(*)::int4 from provider_event) as events,
           (select count(*)::int4 from voucher_end) as vouchers,
           (select count(*)::int4 from bank_entry) as entries,
           (select count(*)::int4 from bank_statement) as statements,
           (select count(*)::int4 from audit_entry) as audits,
           (select count(*)::int4 from idempotency_key) as keys,
           (select count(*)::int4 from event) as news`;
  return row ?? {};
}

function minus(left: Record<string, number>, right: Record<string, number>) {
  const difference: Record<string, number> = {};
  for (const [name, value] of Object.entries(left)) {
    if (value !== right[name]) difference[name] = value - (right[name] ?? 0);
  }
  return difference;
}

type Work = (sql: Sql) => Promise<{ readonly ok: boolean }>;

/** In a process that dies by the plan: its connection is ended under it. */
async function dies(work: Work, plan: CrashPlan): Promise<'lived' | 'died'> {
  const fuse = new Fuse(plan);
  return work(brittleSql(ground.api.sql, fuse, cut)).then(
    () => 'lived',
    (error: unknown) => {
      if (!fuse.isBurnt) throw error;
      return 'died';
    },
  );
}

/** Makes the n-th request: another one each time. */
type Making = (at: number) => Work;

let made = 0;
const makings: readonly [string, Making][] = [
  [
    'cash that is taken',
    () => {
      const idempotencyKey = randomUUID();
      const accountId = ground.account('A-1');
      const input = { idempotencyKey, agent: 'Ada', accountId, amount: '10.00' };
      return (sql) => takeCash(deps(sql), ground.viewer('operator'), input);
    },
  ],
  [
    'cash that is handed over',
    () => {
      const input = { idempotencyKey: randomUUID(), agent: 'Ada', amount: '1.00' };
      return (sql) => handOverCash(deps(sql), ground.viewer('operator'), input);
    },
  ],
  [
    'a voucher that is sold',
    (at) => {
      const firstSerial = 100n + BigInt(at);
      const input = { idempotencyKey: randomUUID(), firstSerial, count: 1, agent: null };
      return (sql) => sellVouchers(deps(sql), ground.viewer('operator'), input);
    },
  ],
  [
    'a voucher that is used',
    (at) => {
      const code = vouchers[at]?.code ?? '';
      const input = { idempotencyKey: randomUUID(), accountId: ground.account('A-1'), code };
      return (sql) => useVoucher(deps(sql), ground.viewer('subscriber', 'A-1'), input);
    },
  ],
];

describe('a connection that is ended at any await, of', () => {
  test.each(makings)('%s: all or nothing, and once when it is repeated', async (_, making) => {
    const sound = making(1);
    const start = await rows();
    expect(await sound(ground.api.sql)).toMatchObject({ ok: true });
    const whole = minus(await rows(), start);
    const ends: string[] = [];
    let theres = 0;
    for (let at = 2; ends.at(-1) !== 'lived'; at += 1) {
      const work = making(at);
      const before = await rows();
      const plan = { ...noCrash, atAwait: at - 1, cutsConnection: true };
      ends.push(await dies(work, plan));
      const written = minus(await rows(), before);
      expect([{}, whole]).toContainEqual(written);
      const isThere = 'transfers' in written;
      if (isThere) theres += 1;
      for (const isReplay of [isThere, true]) {
        expect(await work(ground.api.sql)).toMatchObject({ ok: true, value: { isReplay } });
        expect(minus(await rows(), before)).toEqual(whole);
      }
    }
    expect(ends.length).toBeGreaterThan(8);
    // Before its word came, and whole.
    expect(theres).toBeGreaterThan(1);
  });

  test('a bank file: entry by entry all or nothing, and each once', async () => {
    const file = () => {
      made += 1;
      const of = (part: string) => ({ ref: `${part}-${made}`, amount: '3.00', text: 'A-1' });
      const unknown = { ref: `n-${made}`, amount: '2.00', text: 'nobody' };
      const bytes = camt(entry02(of('a')) + entry02(unknown), { id: `S-${made}` });
      const input = { channel: 'b', file: Buffer.from(bytes) };
      return (sql: Sql) => importStatement(deps(sql), ground.viewer('operator'), input);
    };
    const start = await rows();
    expect(await file()(ground.api.sql)).toMatchObject({ ok: true, value: { entries: 2 } });
    const whole = minus(await rows(), start);
    expect(whole).toMatchObject({ entries: 2, payments: 2, receipts: 1, balances: 3_000_000 });
    const ends: string[] = [];
    for (let atAwait = 1; ends.at(-1) !== 'lived'; atAwait += 1) {
      const work = file();
      const before = await rows();
      ends.push(await dies(work, { ...noCrash, atAwait, cutsConnection: true }));
      const { entries, payments, steps, transfers, events } = minus(await rows(), before);
      expect([payments, steps, transfers, events]).toEqual(Array(4).fill(entries));
      for (const word of ['again', 'and again']) {
        expect(await work(ground.api.sql), word).toMatchObject({ ok: true });
        expect(minus(await rows(), before), word).toEqual(whole);
      }
    }
    expect(ends.length).toBeGreaterThan(30);
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
