import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import type { LedgerCode, TransferCode } from '../../src/db/tables/ledger.ts';
import { correctTransfer } from '../../src/operations/correctTransfer.ts';
import { writeOffDebt } from '../../src/operations/writeOffDebt.ts';
import { postCredit } from './money.ts';
import { openGround, startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

/** Of what is owed or left when no amount is given: it may change between the two persons. */

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('whole_amounts');
});
afterAll(() => ground.close());

function person(name: string): Viewer {
  return { ...ground.viewer('administrator'), actor: `test:${name}` };
}

function deps() {
  return { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
}

/** Between the customer's debt and balance. */
async function move(number: string, from: LedgerCode, to: LedgerCode, amountMicros: bigint) {
  const { companyId } = ground.fleet;
  const accountId = ground.account(number);
  const of = { companyId, currency: 'EUR', accountId };
  const code: TransferCode = from === 'debt' ? 'debt_set_aside' : 'debt_recovered';
  await ground.writer.sql.begin(async (tx) => {
    await lockAccounts(tx, { companyId, accountIds: [accountId] });
    await postTransfer(tx, {
      id: randomUUID(),
      companyId,
      accountId,
      currency: 'EUR',
      debitId: await findLedgerAccount(tx, { ...of, code: from }),
      creditId: await findLedgerAccount(tx, { ...of, code: to }),
      amountMicros,
      code,
      postedAtMs: startMs,
    });
  });
}

async function writtenOff(): Promise<bigint> {
  const [row] = await ground.writer.sql<{ micros: bigint }[]>`
    select coalesce(sum(amount_micros), 0)::int8 as micros from transfer
    where code = 'debt_written_off'`;
  return row?.micros ?? -1n;
}

type Change = { readonly amount?: string; readonly reasonCode?: 'hardship' | 'uncollectable' };

function writeOff(number: string, idempotencyKey: string, who: string, change: Change = {}) {
  return writeOffDebt(deps(), person(who), {
    idempotencyKey,
    accountId: ground.account(number),
    reasonCode: 'hardship',
    reason: 'agreed with the advice centre',
    ...change,
  });
}

const changed = { ok: false, code: 'APPROVED_AMOUNT_CHANGED' };

test('a debt that changed between two persons is told, and what the first saw stands', async () => {
  await move('A-1', 'debt', 'customer', 150_000_000n);
  const key = randomUUID();
  const first = await writeOff('A-1', key, 'ada');
  expect(first).toMatchObject({ value: { state: 'waiting', amountMicros: 150_000_000n } });
  await move('A-1', 'debt', 'customer', 10_000_000n);
  for (const who of ['bob', 'ada']) {
    const told = await writeOff('A-1', key, who);
    expect(told).toMatchObject(changed);
    expect(told.ok ? '' : told.message).toContain('150.00 EUR');
    expect(told.ok ? '' : told.message).toContain('160.00 EUR');
  }
  const otherReason = await writeOff('A-1', key, 'bob', { reasonCode: 'uncollectable' });
  expect(otherReason).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  const otherAmount = await writeOff('A-1', key, 'bob', { amount: '160.00' });
  expect(otherAmount).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  expect(await writtenOff()).toBe(0n);
  const confirmed = await writeOff('A-1', key, 'bob', { amount: '150.00' });
  expect(confirmed).toMatchObject({ value: { state: 'posted', amountMicros: 150_000_000n } });
  const again = await writeOff('A-1', key, 'ada');
  expect(again).toMatchObject({ value: { isReplay: true, amountMicros: 150_000_000n } });
  expect(await writtenOff()).toBe(150_000_000n);
});

test('one that fell below what takes two is not written off by one', async () => {
  const before = await writtenOff();
  await move('A-2', 'debt', 'customer', 120_000_000n);
  const key = randomUUID();
  expect(await writeOff('A-2', key, 'ada')).toMatchObject({ value: { state: 'waiting' } });
  await move('A-2', 'customer', 'debt', 50_000_000n);
  expect(await writeOff('A-2', key, 'ada')).toMatchObject(changed);
  expect(await writeOff('A-2', key, 'bob')).toMatchObject(changed);
  expect(await writtenOff()).toBe(before);
});

test('a transfer of which less is left than the first saw is told in the same way', async () => {
  const wrong = await postCredit(ground, 'A-3', 500_000_000n);
  const correct = (idempotencyKey: string, who: string, amount?: string) =>
    correctTransfer(deps(), person(who), {
      idempotencyKey,
      transferId: wrong,
      reasonCode: 'wrong_amount',
      reason: 'typed 500 for 5',
      ...(amount !== undefined && { amount }),
    });
  const key = randomUUID();
  expect(await correct(key, 'ada')).toMatchObject({ value: { amountMicros: 500_000_000n } });
  expect(await correct(randomUUID(), 'eve', '20.00')).toMatchObject({ value: { state: 'posted' } });
  const told = await correct(key, 'bob');
  expect(told).toMatchObject(changed);
  expect(told.ok ? '' : told.message).toContain('480.00 EUR');
  const anew = randomUUID();
  expect(await correct(anew, 'ada')).toMatchObject({ value: { state: 'waiting' } });
  const done = await correct(anew, 'bob');
  expect(done).toMatchObject({ value: { state: 'posted', amountMicros: 480_000_000n } });
});
