import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import { asViewerInSnapshot } from '../../src/db/viewer.ts';
import { adjustBalance } from '../../src/operations/adjustBalance.ts';
import type { AdjustBalanceInput } from '../../src/operations/adjustBalance.ts';
import { correctTransfer } from '../../src/operations/correctTransfer.ts';
import type { CorrectTransferInput } from '../../src/operations/correctTransfer.ts';
import { trialBalance } from '../../src/operations/trialBalance.ts';
import { writeOffDebt } from '../../src/operations/writeOffDebt.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { postCredit } from './money.ts';
import { openGround, startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('by_hand');
});
afterAll(() => ground.close());

function deps() {
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: Ground['bells'][number]) => ground.bells.push(bell),
  };
}

function person(name: string, role: 'operator' | 'administrator' = 'administrator'): Viewer {
  return { ...ground.viewer(role), actor: `test:${name}` };
}

function correct(transferId: string, change: Partial<CorrectTransferInput> = {}, who = 'ada') {
  return correctTransfer(deps(), person(who), {
    idempotencyKey: randomUUID(),
    transferId,
    reasonCode: 'wrong_amount',
    reason: 'typed 20 for 2',
    ...change,
  });
}

function adjust(change: Partial<AdjustBalanceInput> = {}, who = 'ada') {
  return adjustBalance(deps(), person(who), {
    idempotencyKey: randomUUID(),
    accountId: ground.account('A-2'),
    amount: '5.00',
    currency: 'EUR',
    reasonCode: 'goodwill',
    reason: 'two days without a meter',
    ...change,
  });
}

async function balanceOf(number: string): Promise<bigint | undefined> {
  const [head] = await lockAccounts(ground.writer.sql, {
    companyId: ground.fleet.companyId,
    accountIds: [ground.account(number)],
  });
  return head?.balanceMicros;
}

describe('a correction', () => {
  test('takes back a part, then the rest, and never more than the transfer moved', async () => {
    const wrong = await postCredit(ground, 'A-1', 20_000_000n);
    const part = await correct(wrong, { amount: '18.00' });
    expect(part).toMatchObject({ ok: true, value: { state: 'posted', balanceMicros: 2_000_000n } });
    const tooMuch = await correct(wrong, { amount: '2.000001' });
    expect(tooMuch).toMatchObject({ ok: false, code: 'CORRECTION_ABOVE_TRANSFER' });
    const rest = await correct(wrong);
    expect(rest).toMatchObject({ ok: true, value: { amountMicros: 2_000_000n } });
    expect(await correct(wrong)).toMatchObject({ ok: false, code: 'CORRECTION_ABOVE_TRANSFER' });
    expect(await balanceOf('A-1')).toBe(0n);
    const [row] = await ground.writer.sql`
      select code, corrects, reason_code from transfer
      where id = ${rest.ok ? rest.value.transferId : ''}`;
    expect(row).toEqual({ code: 'correction', corrects: wrong, reason_code: 'wrong_amount' });
  });

  test('that is corrected back leaves the balance as it was, and can be made again', async () => {
    const before = await balanceOf('A-1');
    const paid = await postCredit(ground, 'A-1', 10_000_000n);
    const taken = await correct(paid, { amount: '4.00' });
    const takenId = taken.ok ? taken.value.transferId : '';
    const back = await correct(takenId, { reasonCode: 'correction_wrong' });
    expect(back).toMatchObject({ ok: true, value: { amountMicros: 4_000_000n } });
    expect(await balanceOf('A-1')).toBe((before ?? 0n) + 10_000_000n);
    expect(await correct(paid)).toMatchObject({ ok: true, value: { amountMicros: 10_000_000n } });
    expect(await balanceOf('A-1')).toBe(before);
  });

  test('of twenty at once for the same 10.00 takes 10.00, not more', async () => {
    const paid = await postCredit(ground, 'A-1', 10_000_000n);
    const before = (await balanceOf('A-1')) ?? 0n;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => correct(paid, { amount: '1.00' })),
    );
    expect(answers.filter((each) => each.ok)).toHaveLength(10);
    expect(await balanceOf('A-1')).toBe(before - 10_000_000n);
  });

  test('above 100.00 waits for a second person, and alone it never moves', async () => {
    const paid = await postCredit(ground, 'A-1', 500_000_000n);
    const before = (await balanceOf('A-1')) ?? 0n;
    const same = { idempotencyKey: randomUUID(), amount: '100.01' };
    const waiting = { ok: true, value: { state: 'waiting', balanceMicros: null } };
    expect(await correct(paid, same)).toMatchObject(waiting);
    expect(await correct(paid, same)).toMatchObject(waiting);
    const other = await correct(paid, { ...same, amount: '100.02' }, 'bob');
    expect(other).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await balanceOf('A-1')).toBe(before);
    const second = await correct(paid, same, 'bob');
    expect(second).toMatchObject({ ok: true, value: { state: 'posted', isReplay: false } });
    expect(await correct(paid, same)).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await balanceOf('A-1')).toBe(before - 100_010_000n);
    const spent = await correct(paid, { ...same, amount: '100.02' }, 'eve');
    expect(spent).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    const audits = await ground.writer.sql`
      select actor, action from audit_entry
      where action in ('approval.give', 'transfer.correct') order by at, id`;
    expect(audits.filter(({ action }) => action === 'approval.give')).toHaveLength(2);
  });

  test('above 100.00 moves nothing when the second person comes a week later', async () => {
    const paid = await postCredit(ground, 'A-1', 500_000_000n);
    const before = await balanceOf('A-1');
    const same = { idempotencyKey: randomUUID(), amount: '100.01' };
    expect(await correct(paid, same)).toMatchObject({ ok: true, value: { state: 'waiting' } });
    ground.clock.push(7 * 86_400_000);
    expect(await correct(paid, same, 'bob')).toMatchObject({ ok: false, code: 'APPROVAL_EXPIRED' });
    expect(await correct(paid, same)).toMatchObject({ ok: false, code: 'APPROVAL_EXPIRED' });
    expect(await balanceOf('A-1')).toBe(before);
    const anew = { ...same, idempotencyKey: randomUUID() };
    expect(await correct(paid, anew)).toMatchObject({ ok: true, value: { state: 'waiting' } });
    ground.clock.push(7 * 86_400_000 - 1);
    const second = await correct(paid, anew, 'bob');
    expect(second).toMatchObject({ ok: true, value: { state: 'posted' } });
  });

  test('of what the rater posted, of nothing, or without a reason is refused', async () => {
    const { companyId } = ground.fleet;
    const of = { companyId, currency: 'EUR' };
    const id = randomUUID();
    await ground.writer.sql.begin(async (tx) => {
      const accountId = ground.account('A-1');
      await postTransfer(tx, {
        id,
        companyId,
        accountId,
        currency: 'EUR',
        debitId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
        creditId: await findLedgerAccount(tx, { ...of, code: 'energy_revenue' }),
        amountMicros: 1n,
        code: 'energy',
        postedAtMs: startMs,
      });
    });
    expect(await correct(id)).toMatchObject({ ok: false, code: 'TRANSFER_IS_RATED' });
    expect(await correct(randomUUID())).toMatchObject({ ok: false, code: 'TRANSFER_NOT_FOUND' });
    expect(await correct(id, { reason: ' ' })).toMatchObject({ ok: false, code: 'REASON_MISSING' });
    const subscriber = ground.viewer('subscriber', 'A-1');
    const input = {
      idempotencyKey: randomUUID(),
      transferId: id,
      reasonCode: 'not_owed',
      reason: 'x',
    } as const;
    expect(await correctTransfer(deps(), subscriber, input)).toMatchObject({
      ok: false,
      code: 'NOT_PERMITTED',
    });
  });
});

describe('an adjustment', () => {
  test('gives and takes, once for its key, with one audit row and one event', async () => {
    const key = randomUUID();
    expect(await adjust({ idempotencyKey: key })).toMatchObject({
      ok: true,
      value: { state: 'posted', balanceMicros: 5_000_000n, isReplay: false },
    });
    expect(await adjust({ idempotencyKey: key })).toMatchObject({
      ok: true,
      value: { balanceMicros: 5_000_000n, isReplay: true },
    });
    const other = await adjust({ idempotencyKey: key, amount: '6.00' });
    expect(other).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await adjust({ amount: '-1.50', reasonCode: 'fee' })).toMatchObject({
      ok: true,
      value: { balanceMicros: 3_500_000n },
    });
    const audits = await ground.writer.sql`
      select before, after from audit_entry where action = 'account.adjust' order by at, id`;
    expect(audits).toHaveLength(2);
    const fee = audits.find(({ after }) => after.reasonCode === 'fee');
    expect(fee).toMatchObject({
      before: { balanceMicros: '5000000' },
      after: { balanceMicros: '3500000', debit: 'customer', credit: 'adjustments' },
    });
    const events = await ground.writer.sql`
      select balance_micros from event where kind = 'adjustment'
        and account_ids[1] = ${ground.account('A-2')} order by sequence`;
    expect(events.map((event) => event['balance_micros'])).toEqual([[5_000_000n], [3_500_000n]]);
  });

  test.each<[string, string, Partial<AdjustBalanceInput>]>([
    ['ten decimals', 'AMOUNT_MALFORMED', { amount: '1.0000000001' }],
    ['nothing', 'AMOUNT_ZERO', { amount: '0.00' }],
    ['more than ten million', 'AMOUNT_TOO_LARGE', { amount: '-10000000.01' }],
    ['another currency', 'CURRENCY_MISMATCH', { currency: 'USD' }],
    ['a key that is no uuid', 'IDEMPOTENCY_KEY_MALFORMED', { idempotencyKey: 'again' }],
  ])('of %s is refused in words, and nothing changes', async (_, code, change) => {
    const before = await balanceOf('A-2');
    const refused = await adjust(change);
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? '' : refused.message).toMatch(/^[A-Z].{20,}\.$/);
    expect(await balanceOf('A-2')).toBe(before);
  });

  test('under the key of one that waits takes no other amount, small or large', async () => {
    const idempotencyKey = randomUUID();
    const before = await balanceOf('A-2');
    const ask = (amount: string, who: string) => adjust({ idempotencyKey, amount }, who);
    expect(await ask('150.00', 'ada')).toMatchObject({ ok: true, value: { state: 'waiting' } });
    for (const amount of ['150.01', '5.00', '-150.00']) {
      for (const who of ['ada', 'bob']) {
        expect(await ask(amount, who)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
      }
    }
    expect(await balanceOf('A-2')).toBe(before);
    expect(await ask('150.00', 'bob')).toMatchObject({ ok: true, value: { state: 'posted' } });
    const back = { idempotencyKey: randomUUID(), amount: '-150.00' };
    for (const who of ['ada', 'bob']) expect(await adjust(back, who)).toMatchObject({ ok: true });
  });
});

test('a debt is written off down to nothing, and the balance stays', async () => {
  const { companyId } = ground.fleet;
  const accountId = ground.account('A-3');
  const of = { companyId, currency: 'EUR' };
  await ground.writer.sql.begin(async (tx) => {
    await lockAccounts(tx, { companyId, accountIds: [accountId] });
    await postTransfer(tx, {
      id: randomUUID(),
      companyId,
      accountId,
      currency: 'EUR',
      debitId: await findLedgerAccount(tx, { ...of, code: 'debt', accountId }),
      creditId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
      amountMicros: 18_000_000n,
      code: 'debt_set_aside',
      postedAtMs: startMs,
    });
  });
  const writeOff = (amount?: string) =>
    writeOffDebt(deps(), person('ada'), {
      idempotencyKey: randomUUID(),
      accountId,
      reasonCode: 'hardship',
      reason: 'agreed with the advice centre',
      ...(amount !== undefined && { amount }),
    });
  expect(await writeOff('18.01')).toMatchObject({ ok: false, code: 'WRITE_OFF_ABOVE_DEBT' });
  expect(await writeOff('10.00')).toMatchObject({
    ok: true,
    value: { balanceMicros: 18_000_000n },
  });
  expect(await writeOff()).toMatchObject({ ok: true, value: { amountMicros: 8_000_000n } });
  expect(await writeOff()).toMatchObject({ ok: false, code: 'WRITE_OFF_ABOVE_DEBT' });
  expect(await balanceOf('A-3')).toBe(18_000_000n);
});

test('domain rule 75: after all of it the trial balance is zero, code by code', async () => {
  const trial = await asViewerInSnapshot(ground.api.sql, ground.viewer('operator'), (tx) =>
    trialBalance(tx, ground.fleet),
  );
  expect(trial.sums).toEqual([{ currency: 'EUR', micros: 0n }]);
  const balances = new Map(trial.lines.map((line) => [line.code, line.balanceMicros]));
  // By hand: 18.00 written off, 3.50 given net, and the customers' balances as they stand.
  expect(balances.get('write_offs')).toBe(-18_000_000n);
  expect(balances.get('debt')).toBe(0n);
  expect(balances.get('adjustments')).toBe(-3_500_000n);
  const customers = await Promise.all(['A-1', 'A-2', 'A-3'].map(balanceOf));
  expect(balances.get('customer')).toBe(
    customers.reduce<bigint>((sum, each) => sum + (each ?? 0n), 0n),
  );
});
