import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transaction } from '../../../src/db/connect.ts';
import { findLedgerAccount } from '../../../src/db/ledger.ts';
import { endPending, pendTransfer } from '../../../src/db/pending.ts';
import { correctTransfer } from '../../../src/operations/correctTransfer.ts';
import { doctorChecks } from '../../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../../src/operations/doctor/runDoctor.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { auditForTest, postCredit } from '../money.ts';
import { openGround, startMs } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

const dayMs = 86_400_000;
let ground: Ground;
let owner: postgres.Sql<{ bigint: bigint }>;
let paid = '';
let posted = '';
let paymentId = '';

/** A little of everything: a payment, a top-up, a correction, pending transfers of each end. */
beforeAll(async () => {
  ground = await openGround('doctor');
  owner = postgres(ground.url, {
    max: 1,
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
  });
  paid = await postCredit(ground, 'A-1', 20_000_000n);
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const operator = ground.viewer('operator');
  const input = { accountId: ground.account('A-2'), amount: '12.50', currency: 'EUR' };
  await topUp(deps, operator, { idempotencyKey: randomUUID(), ...input });
  await correctTransfer(deps, operator, {
    idempotencyKey: randomUUID(),
    transferId: paid,
    amount: '5.00',
    reasonCode: 'wrong_amount',
    reason: 'test',
  });
  const { companyId } = ground.fleet;
  const accountId = ground.account('A-1');
  const of = { companyId, currency: 'EUR' };
  const { sql } = ground.writer;
  const debitId = await findLedgerAccount(sql, { ...of, code: 'customer', accountId });
  const creditId = await findLedgerAccount(sql, { ...of, code: 'card_clearing' });
  for (const end of ['posted', 'voided', null] as const) {
    const id = randomUUID();
    await sql.begin(async (tx) => {
      const times = { pendedAtMs: startMs, expiresAtMs: startMs + dayMs };
      const pending = { ...of, id, accountId, debitId, creditId, ...times } as const;
      await pendTransfer(tx, { ...pending, amountMicros: 1_000_000n, code: 'refund' });
      if (end !== null) {
        await endPending(tx, { companyId, pendingId: id, end, atMs: startMs });
        await auditForTest(tx, companyId);
      }
    });
    if (end === 'posted') posted = id;
  }
  const [payment] = await owner<{ id: string }[]>`select id from payment`;
  paymentId = payment?.id ?? '';
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

type Found = { readonly check: string; readonly code: string; readonly subject: string };

/** What all checks find in this transaction. */
async function lookIn(tx: Transaction, nowMs: number): Promise<Found[]> {
  const found: Found[] = [];
  for (const check of doctorChecks) {
    for await (const { code, subject } of check.find({ tx, nowMs, onProgress: () => {} })) {
      found.push({ check: check.name, code, subject });
    }
  }
  return found;
}

class Undone extends Error {}

/** Breaks something as the owner of the tables, looks, and takes it back. */
async function plant(
  damage: (tx: postgres.TransactionSql<{ bigint: bigint }>) => Promise<unknown>,
  nowMs = startMs,
): Promise<readonly Found[]> {
  let found: Found[] = [];
  await owner
    .begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await damage(tx);
      found = await lookIn(tx, nowMs);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  return found;
}

test('a sound ledger has no finding, and every check looked at something', async () => {
  const steps: string[] = [];
  const checked = await runDoctor(
    { sql: ground.writer.sql, nowMs: startMs, onStep: ({ name }) => steps.push(name) },
    doctorChecks,
  );
  expect(checked.flatMap(({ findings }) => findings)).toEqual([]);
  expect(checked.map(({ name }) => name)).toEqual(doctorChecks.map(({ name }) => name));
  const rows = Object.fromEntries(checked.map(({ name, rows: looked }) => [name, looked]));
  expect(rows).toMatchObject({ transfers: 4, balances: 3, pendings: 3, payments: 1, keys: 1 });
  expect(new Set(steps).size).toBe(doctorChecks.length);
});

const account = (number: string) => `account/${ground.account(number)}`;
function ledgerOf(code: string, number?: string) {
  const of = number === undefined ? owner`true` : owner`account_id = ${ground.account(number)}`;
  return owner`(select id from ledger_account where code = ${code} and currency = 'EUR' and ${of})`;
}

test('money in a finding is told in decimals of its currency', async () => {
  const told: string[] = [];
  await owner
    .begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update account_balance set balance_micros = 1234560
               where account_id = ${ground.account('A-1')}`;
      const context = { tx, nowMs: startMs, onProgress: () => {} };
      for (const check of doctorChecks) {
        for await (const { message } of check.find(context)) told.push(message);
      }
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/^The balance is 1\.23456 EUR, its entries -?\d+\.\d{2,} EUR\.$/);
});

const cases: [
  string,
  string,
  () => string,
  (tx: postgres.TransactionSql<{ bigint: bigint }>) => Promise<unknown>,
  number?,
][] = [
  [
    'a balance that was changed by hand',
    'BALANCE_NOT_ITS_ENTRIES',
    () => account('A-1'),
    (tx) => tx`update account_balance set balance_micros = balance_micros + 1
                 where account_id = ${ground.account('A-1')}`,
  ],
  [
    'an entry that was changed by hand',
    'BALANCE_NOT_ITS_ENTRIES',
    () => account('A-1'),
    (tx) => tx`update transfer set amount_micros = amount_micros + 1 where id = ${paid}`,
  ],
  [
    'an entry that was deleted',
    'BALANCE_NOT_ITS_ENTRIES',
    () => account('A-1'),
    (tx) => tx`delete from transfer where id = ${posted}`,
  ],
  [
    'an account without a balance row',
    'BALANCE_MISSING',
    () => account('A-3'),
    (tx) => tx`delete from account_balance where account_id = ${ground.account('A-3')}`,
  ],
  [
    'a reserve of nothing',
    'RESERVED_NOT_PENDING',
    () => account('A-2'),
    (tx) => tx`update account_balance set reserved_micros = 7
                 where account_id = ${ground.account('A-2')}`,
  ],
  [
    'a transfer to another customer',
    'TRANSFER_IN_ANOTHER_NAME',
    () => `transfer/${paid}`,
    (tx) => tx`update transfer set credit_id = ${ledgerOf('customer', 'A-2')}
                 where id = ${paid}`,
  ],
  [
    'a transfer to a ledger account that is not there',
    'TRANSFER_WITHOUT_ACCOUNT',
    () => `transfer/${paid}`,
    (tx) => tx`update transfer set credit_id = 999999 where id = ${paid}`,
  ],
  [
    'a transfer across currencies',
    'TRANSFER_ACROSS_CURRENCIES',
    () => `transfer/${paid}`,
    (tx) => tx`update ledger_account set currency = 'USD' where id = ${ledgerOf('bank')}`,
  ],
  [
    'a currency that does not add up to zero',
    'LEDGER_NOT_ZERO',
    () => `company/${ground.fleet.companyId}/EUR`,
    (tx) => tx`update ledger_account set currency = 'USD' where id = ${ledgerOf('bank')}`,
  ],
  [
    'a transfer of another company',
    'TRANSFER_OF_ANOTHER_COMPANY',
    () => `transfer/${paid}`,
    (tx) => tx`update transfer set company_id = company_id + 1 where id = ${paid}`,
  ],
  [
    'a transfer from an account to itself',
    'TRANSFER_MOVES_NOTHING',
    () => `transfer/${paid}`,
    (tx) =>
      tx`alter table transfer drop constraint transfer_two_accounts`.then(
        () => tx`update transfer set debit_id = credit_id where id = ${paid}`,
      ),
  ],
  [
    'a correction above its transfer',
    'CORRECTION_ABOVE_TRANSFER',
    () => `transfer/${paid}`,
    (tx) => tx`update transfer set amount_micros = 20000001 where code = 'correction'`,
  ],
  [
    'a pending transfer that nobody has expired',
    'PENDING_OVERDUE',
    () => '',
    () => Promise.resolve(),
    startMs + 2 * dayMs,
  ],
  [
    'an end whose transfer is above what was pending',
    'PENDING_END_NOT_ITS_TRANSFER',
    () => `pending/${posted}`,
    (tx) => tx`update transfer set amount_micros = amount_micros + 1 where id = ${posted}`,
  ],
  [
    'a voided one that was posted all the same',
    'PENDING_ENDED_TWICE',
    () => `pending/${posted}`,
    (tx) => tx`update pending_end set "end" = 'voided', transfer_id = null
                 where pending_id = ${posted}`,
  ],
  [
    'a posted one without an end',
    'PENDING_POSTED_WITHOUT_END',
    () => `pending/${posted}`,
    (tx) => tx`delete from pending_end where pending_id = ${posted}`,
  ],
  [
    'a charge that was posted otherwise',
    'CHARGE_NOT_ITS_TRANSFERS',
    () => 'agreement/1',
    (tx) => tx`update transfer set agreement_id = 1, meter_id = 1, tariff_version_id = 1,
                 period_start = '2026-03-01Z' where id = ${paid}`,
  ],
  [
    'a key whose transfer is gone',
    'KEY_WITHOUT_TRANSFER',
    () => '',
    (tx) => tx`delete from transfer where code = 'top_up'`,
  ],
  [
    'a payment whose step says another amount',
    'PAYMENT_STEP_NOT_ITS_TRANSFER',
    () => `payment/${paymentId}`,
    (tx) => tx`update payment_step set amount_micros = amount_micros + 1`,
  ],
  [
    'a payment whose event nobody told',
    'PAYMENT_CREDIT_WITHOUT_EVENT',
    () => `payment/${paymentId}`,
    (tx) => tx`delete from provider_event`,
  ],
  [
    'a transfer that two steps claim',
    'PAYMENT_TRANSFER_IN_TWO_STEPS',
    () => `payment/${paymentId}`,
    (tx) => tx`insert into payment_step select (jsonb_populate_record(s,
                 jsonb_build_object('ordinal', s.ordinal + 1))).* from payment_step s`,
  ],
  [
    'a transfer of a payment that no step knows',
    'PAYMENT_TRANSFER_WITHOUT_STEP',
    () => `transfer/${paid}`,
    (tx) => tx`update transfer set payment_id = ${paymentId} where id = ${paid}`,
  ],
  [
    'a receipt that was taken away',
    'RECEIPTS_HAVE_GAPS',
    () => `company/${ground.fleet.companyId}`,
    (tx) => tx`delete from payment_receipt`,
  ],
  [
    'money of cards that nobody has settled for a month',
    'CLEARING_NOT_EMPTIED',
    () => '',
    (tx) => tx`update transfer set debit_id = ${ledgerOf('card_clearing')} where id = ${paid}`,
    startMs + 31 * dayMs,
  ],
  [
    'a role that may rewrite transfers',
    'ROLE_MAY_REWRITE',
    () => 'table/transfer',
    (tx) => tx`grant update on transfer to joulebook_writer`,
  ],
  [
    'a role that may rewrite one column',
    'ROLE_MAY_REWRITE',
    () => 'table/transfer',
    (tx) => tx`grant update (amount_micros) on transfer to joulebook_api`,
  ],
  [
    'a guard that was switched off',
    'APPEND_ONLY_OFF',
    () => 'table/transfer',
    (tx) => tx`alter table transfer disable trigger append_only`,
  ],
  [
    'a column that holds fractions',
    'AMOUNT_NOT_INTEGER',
    () => 'column/bank_entry.amount_micros',
    (tx) => tx`alter table bank_entry alter column amount_micros type numeric`,
  ],
];

describe('planted, and found', () => {
  test.each(cases)('%s', async (_, code, subject, damage, nowMs) => {
    const found = await plant(damage, nowMs);
    const subjects = found.filter((each) => each.code === code).map((each) => each.subject);
    expect(subjects.length, JSON.stringify(found)).toBeGreaterThan(0);
    expect(subjects).toContain(subject() === '' ? subjects[0] : subject());
  });

  test('and after all of it nothing is left', async () => {
    expect(await plant(() => Promise.resolve())).toEqual([]);
  });
});
