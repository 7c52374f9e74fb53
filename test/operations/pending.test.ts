import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findLedgerAccount, lockAccounts } from '../../src/db/ledger.ts';
import { endPending, pendTransfer } from '../../src/db/pending.ts';
import type { EndKind, PendingTransfer } from '../../src/db/pending.ts';
import { expirePendings } from '../../src/operations/expirePendings.ts';
import { reserveCredit } from '../../src/operations/reserveCredit.ts';
import { postCredit } from './money.ts';
import { openGround, startMs } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

const hourMs = 3_600_000;
let ground: Ground;
let base: Omit<PendingTransfer, 'id' | 'amountMicros'>;
beforeAll(async () => {
  ground = await openGround('pending');
  const { companyId } = ground.fleet;
  const accountId = ground.account('A-1');
  const of = { companyId, currency: 'EUR' };
  const { sql } = ground.writer;
  base = {
    companyId,
    accountId,
    currency: 'EUR',
    debitId: await findLedgerAccount(sql, { ...of, code: 'customer', accountId }),
    creditId: await findLedgerAccount(sql, { ...of, code: 'card_clearing' }),
    code: 'refund',
    pendedAtMs: startMs,
    expiresAtMs: startMs + hourMs,
  };
  await postCredit(ground, 'A-1', 100_000_000n);
});
afterAll(() => ground.close());

async function stateOf(number = 'A-1') {
  const [head] = await lockAccounts(ground.writer.sql, {
    companyId: ground.fleet.companyId,
    accountIds: [ground.account(number)],
  });
  return { balance: head?.balanceMicros, reserved: head?.reservedMicros };
}

function pend(amountMicros: bigint, change: Partial<PendingTransfer> = {}) {
  const pending = { ...base, id: randomUUID(), amountMicros, ...change };
  return ground.writer.sql.begin(async (tx) => {
    await lockAccounts(tx, { companyId: base.companyId, accountIds: [ground.account('A-1')] });
    await pendTransfer(tx, pending);
    return pending.id;
  });
}

function end(pendingId: string, kind: EndKind, atMs = startMs, amountMicros?: bigint) {
  const { companyId } = base;
  const asked = { companyId, pendingId, end: kind, atMs };
  return ground.writer.sql.begin((tx) =>
    endPending(tx, { ...asked, ...(amountMicros !== undefined && { amountMicros }) }),
  );
}

describe('a pending transfer', () => {
  test('reserves, and posted in part it moves that part and frees the rest', async () => {
    const before = await stateOf();
    const id = await pend(10_000_000n);
    expect(await stateOf()).toEqual({ ...before, reserved: 10_000_000n });
    const posted = await end(id, 'posted', startMs + 1, 4_000_000n);
    expect(posted).toMatchObject({ ok: true, value: { amountMicros: 4_000_000n } });
    expect(await stateOf()).toEqual({ balance: (before.balance ?? 0n) - 4_000_000n, reserved: 0n });
    const [transfer] = await ground.writer.sql`
      select code, amount_micros from transfer where id = ${id}`;
    expect(transfer).toEqual({ code: 'refund', amount_micros: 4_000_000n });
  });

  test('voided restores what was available, and the same again says so', async () => {
    const before = await stateOf();
    const id = await pend(10_000_000n);
    expect(await end(id, 'voided')).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(await stateOf()).toEqual(before);
    expect(await end(id, 'voided')).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await end(id, 'posted')).toMatchObject({ ok: false, code: 'PENDING_ENDED' });
    expect(await stateOf()).toEqual(before);
  });

  test('is pended once for its id, and another content under it is a fault', async () => {
    const id = await pend(1_000_000n);
    await pend(1_000_000n, { id });
    expect(await stateOf()).toMatchObject({ reserved: 1_000_000n });
    await expect(pend(2_000_000n, { id })).rejects.toThrow('PENDING_REUSED');
    expect(await stateOf()).toMatchObject({ reserved: 1_000_000n });
    await end(id, 'voided');
  });

  test.each<[string, string, (id: string) => ReturnType<typeof end>]>([
    ['posted above it', 'PENDING_AMOUNT_WRONG', (id) => end(id, 'posted', startMs, 1_000_001n)],
    ['posted with nothing', 'PENDING_AMOUNT_WRONG', (id) => end(id, 'posted', startMs, 0n)],
    ['posted too late', 'PENDING_EXPIRED', (id) => end(id, 'posted', startMs + hourMs)],
    ['expired too early', 'PENDING_NOT_EXPIRED', (id) => end(id, 'expired', startMs + hourMs - 1)],
    ['unknown', 'PENDING_NOT_FOUND', () => end(randomUUID(), 'posted')],
  ])('%s is refused in words, and nothing changes', async (_, code, attempt) => {
    const id = await pend(1_000_000n);
    const before = await stateOf();
    const refused = await attempt(id);
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? '' : refused.message).toMatch(/^[A-Z].{20,}\.$/);
    expect(await stateOf()).toEqual(before);
    await end(id, 'voided');
  });

  test('that nobody ended is expired by the sweep at its instant, not before', async () => {
    const before = await stateOf();
    const id = await pend(3_000_000n);
    const at = (nowMs: number) =>
      expirePendings({ sql: ground.writer.sql, clock: { nowMs: () => nowMs } });
    expect(await at(startMs + hourMs - 1)).toEqual({ expired: 0 });
    expect(await at(startMs + hourMs)).toEqual({ expired: 1 });
    expect(await at(startMs + hourMs)).toEqual({ expired: 0 });
    expect(await stateOf()).toEqual(before);
    expect(await end(id, 'voided')).toMatchObject({ ok: false, code: 'PENDING_ENDED' });
  });

  test('that cannot be ended keeps the sweep from no other', async () => {
    const before = await stateOf();
    const stuck = await pend(3_000_000n, { expiresAtMs: startMs + 1 });
    const of = { companyId: base.companyId, currency: 'EUR', code: 'bank' } as const;
    const bankId = await findLedgerAccount(ground.writer.sql, of);
    const nobodys = { accountId: null, debitId: base.creditId, creditId: bankId };
    await pend(1_000_000n, { ...nobodys, expiresAtMs: startMs + 2 });
    // Less is reserved than the first has spoken for, so that its end breaks the table's check.
    const drift = (micros: string) => ground.writer.sql`
      update account_balance set reserved_micros = reserved_micros + ${micros}::int8
      where account_id = ${ground.account('A-1')}`;
    await drift('-1000000');
    const clock = { nowMs: () => startMs + hourMs };
    await expect(expirePendings({ sql: ground.writer.sql, clock })).rejects.toThrow(/1 failed/);
    const rows = await ground.writer.sql`
      select from pending_transfer p
      where not exists (select from pending_end e where e.pending_id = p.id)`;
    expect(rows).toHaveLength(1);
    await drift('1000000');
    expect(await end(stuck, 'voided')).toMatchObject({ ok: true });
    expect(await stateOf()).toEqual(before);
  });

  test('has exactly one end, whoever asks at once and for what', async () => {
    const kinds = fc.constantFrom<EndKind>('posted', 'voided', 'expired');
    // At the instant of expiry a post is refused, before it an expiry is; in between both meet.
    const ask = fc.record({ kind: kinds, lateMs: fc.constantFrom(-1, 0), part: fc.boolean() });
    const asks = fc.array(ask, { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(asks, fc.boolean(), async (all, isOfCustomer) => {
        const before = await stateOf();
        const change = isOfCustomer
          ? {}
          : { accountId: null, debitId: base.creditId, creditId: await bank() };
        const id = await pend(2_000_000n, change);
        const answers = await Promise.all(
          all.map(({ kind, lateMs, part }) => {
            const amount = kind === 'posted' && part ? 500_000n : undefined;
            return end(id, kind, startMs + hourMs + lateMs, amount);
          }),
        );
        const first = answers.filter((each) => each.ok && !each.value.isReplay);
        const accepted = answers.filter((each) => each.ok);
        expect(first.length).toBeLessThanOrEqual(1);
        expect(accepted.length > 0).toBe(first.length === 1);
        const told = new Set(
          accepted.map((each) => (each.ok ? `${each.value.end} ${each.value.amountMicros}` : '')),
        );
        expect(told.size).toBeLessThanOrEqual(1);
        const [row] = await ground.writer.sql<{ ends: number; moved: bigint }[]>`
          select (select count(*)::int4 from pending_end where pending_id = ${id}) as ends,
                 coalesce((select amount_micros from transfer where id = ${id}), 0) as moved`;
        expect(row?.ends).toBe(first.length);
        if (first.length === 0) await end(id, 'voided');
        const moved = isOfCustomer ? (row?.moved ?? 0n) : 0n;
        expect(await stateOf()).toEqual({ balance: (before.balance ?? 0n) - moved, reserved: 0n });
      }),
      { numRuns: 40 },
    );
  });
});

function bank(): Promise<number> {
  const { companyId } = base;
  return findLedgerAccount(ground.writer.sql, { companyId, currency: 'EUR', code: 'bank' });
}

test('domain rule 64: of 50 parallel debits of 0.05 on 1.00 exactly 20 are reserved', async () => {
  await postCredit(ground, 'A-2', 1_000_000n);
  const accountId = ground.account('A-2');
  const { companyId } = base;
  const debitId = await findLedgerAccount(ground.writer.sql, {
    companyId,
    currency: 'EUR',
    code: 'customer',
    accountId,
  });
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      ground.writer.sql.begin(async (tx) => {
        const pending = { ...base, accountId, debitId, id: randomUUID(), amountMicros: 50_000n };
        const reserved = await reserveCredit(tx, pending, { limitMicros: 0n });
        if (!reserved.ok) return reserved.code;
        const asked = { companyId, pendingId: pending.id, end: 'posted', atMs: startMs } as const;
        return (await endPending(tx, asked)).ok;
      }),
    ),
  );
  expect(answers.filter((answer) => answer === true)).toHaveLength(20);
  expect(answers.filter((answer) => answer === 'BALANCE_INSUFFICIENT')).toHaveLength(30);
  expect(await stateOf('A-2')).toEqual({ balance: 0n, reserved: 0n });
});
