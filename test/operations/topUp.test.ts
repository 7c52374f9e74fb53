import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { topUp } from '../../src/operations/topUp.ts';
import type { TopUpInput } from '../../src/operations/topUp.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { openGround, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('topup');
});
afterAll(() => ground.close());

function pay(viewer: Viewer, input: Partial<TopUpInput>) {
  const deps = {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: Ground['bells'][number]) => ground.bells.push(bell),
  };
  return topUp(deps, viewer, {
    idempotencyKey: randomUUID(),
    accountId: ground.account('A-1'),
    amount: '10.00',
    currency: 'EUR',
    ...input,
  });
}

type Balances = { balance: bigint; entries: bigint; transfers: bigint };

async function balancesOf(number: string): Promise<Balances | undefined> {
  const [row] = await ground.writer.sql<Balances[]>`
    select b.balance_micros as balance,
           (select coalesce(sum(e.amount_micros), 0)::int8 from ledger_entry e
            join ledger_account l on l.id = e.ledger_account_id
            where l.account_id = b.account_id) as entries,
           (select count(*) from transfer t where t.account_id = b.account_id) as transfers
    from account_balance b where b.account_id = ${ground.account(number)}`;
  return row;
}

describe('a top-up (003.7, 002.18)', () => {
  test('is one transfer, one balance, one audit row, one event and one bell', async () => {
    ground.bells.length = 0;
    const paid = await pay(ground.viewer('subscriber', 'A-1'), { amount: '12.50' });
    expect(paid).toMatchObject({
      ok: true,
      value: { amountMicros: 12_500_000n, balanceMicros: 12_500_000n, isReplay: false },
    });
    expect(await balancesOf('A-1')).toEqual({
      balance: 12_500_000n,
      entries: 12_500_000n,
      transfers: 1n,
    });
    const audits = await ground.writer.sql`select actor, action, before, after from audit_entry`;
    expect(audits[0]).toMatchObject({
      actor: 'subscriber:A-1',
      action: 'account.topUp',
      before: { balanceMicros: '0' },
      after: { balanceMicros: '12500000' },
    });
    const events = await ground.writer.sql`select kind, account_ids, balance_micros from event`;
    expect([...events]).toEqual([
      { kind: 'top_up', account_ids: [ground.account('A-1')], balance_micros: [12_500_000n] },
    ]);
    const shard = ground.fleet.companyId % 4;
    expect(ground.bells).toEqual([{ kind: 'events', shard }]);
  });

  test('sent twice, also at the same moment, is posted once and answered alike', async () => {
    const before = await balancesOf('A-2');
    const viewer = ground.viewer('subscriber', 'A-2');
    const idempotencyKey = randomUUID();
    const twice = { idempotencyKey, accountId: ground.account('A-2') };
    const answers = await Promise.all([0, 1, 2, 3].map(() => pay(viewer, twice)));
    const later = await pay(viewer, { ...twice, idempotencyKey: idempotencyKey.toUpperCase() });
    const values = [...answers, later].map((answer) => (answer.ok ? answer.value : null));
    expect(values.filter((value) => value?.isReplay === false)).toHaveLength(1);
    expect(new Set(values.map((value) => value?.transferId)).size).toBe(1);
    expect(new Set(values.map((value) => value?.balanceMicros)).size).toBe(1);
    const after = await balancesOf('A-2');
    expect(after?.transfers).toBe((before?.transfers ?? 0n) + 1n);
    expect(after?.balance).toBe((before?.balance ?? 0n) + 10_000_000n);
  });

  test('under a key of another amount is refused, under a stranger’s it is new', async () => {
    const viewer = ground.viewer('subscriber', 'A-1');
    const idempotencyKey = randomUUID();
    const first = await pay(viewer, { idempotencyKey });
    expect(first).toMatchObject({ ok: true });
    const other = await pay(viewer, { idempotencyKey, amount: '11.00' });
    expect(other).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    const stranger = await pay(ground.viewer('operator'), { idempotencyKey });
    expect(stranger).toMatchObject({ ok: true, value: { isReplay: false } });
  });

  test('50 at once and as many debits leave the balance at the sum of the entries', async () => {
    const accountId = ground.account('A-3');
    const [ledger] = await ground.writer.sql<{ customer: number; revenue: number }[]>`
      select c.id as customer, r.id as revenue from ledger_account c
      join ledger_account r on r.company_id = c.company_id and r.code = 'energy_revenue'
      where c.account_id = ${accountId}`;
    // As rating posts: the account's row lock, a transfer, the projection, one transaction.
    const debit = (amountMicros: bigint) =>
      ground.writer.sql.begin(async (tx) => {
        await tx`select from account_balance where account_id = ${accountId} for update`;
        await tx`
          insert into transfer (id, company_id, currency, debit_id, credit_id, amount_micros, code,
                                account_id, posted_at)
          values (gen_random_uuid(), ${ground.fleet.companyId}, 'EUR', ${ledger?.customer ?? 0},
                  ${ledger?.revenue ?? 0}, ${amountMicros.toString()}::int8, 'energy', ${accountId},
                  now())`;
        await tx`
          update account_balance
          set balance_micros = balance_micros - ${amountMicros.toString()}::int8
          where account_id = ${accountId}`;
      });
    const numbers = Array.from({ length: 50 }, (_, index) => index + 1);
    const paid = await Promise.all(
      numbers.flatMap((index) => [
        pay(ground.viewer('operator'), { accountId, amount: `${index}.25` }),
        debit(BigInt(index) * 1_000_001n),
      ]),
    );
    expect(paid.filter((answer) => typeof answer === 'object' && answer.ok)).toHaveLength(50);
    // 1275 + 50 x 0.25 paid, 1275 x 1.000001 used.
    const expected = 1_287_500_000n - 1_275_001_275n;
    expect(await balancesOf('A-3')).toEqual({
      balance: expected,
      entries: expected,
      transfers: 100n,
    });
  });

  test.each<[string, string, Partial<TopUpInput>]>([
    ['zero', 'AMOUNT_NOT_POSITIVE', { amount: '0' }],
    ['zero with decimals', 'AMOUNT_NOT_POSITIVE', { amount: '0.00' }],
    ['a negative amount', 'AMOUNT_NOT_POSITIVE', { amount: '-5' }],
    ['ten decimals', 'AMOUNT_TOO_PRECISE', { amount: '1.0000000001' }],
    ['a tenth of a cent', 'AMOUNT_TOO_PRECISE', { amount: '1.001' }],
    ['more than ten million', 'AMOUNT_TOO_LARGE', { amount: '10000000.01' }],
    ['a hundred digits', 'AMOUNT_MALFORMED', { amount: '9'.repeat(100) }],
    ['an exponent', 'AMOUNT_MALFORMED', { amount: '1e3' }],
    ['another currency', 'CURRENCY_MISMATCH', { currency: 'USD' }],
    ['no currency', 'CURRENCY_UNKNOWN', { currency: 'ABC' }],
    ['a key that is no uuid', 'IDEMPOTENCY_KEY_MALFORMED', { idempotencyKey: 'again' }],
  ])('of %s is refused in words, and nothing changes', async (_, code, input) => {
    const before = await balancesOf('A-1');
    const refused = await pay(ground.viewer('subscriber', 'A-1'), input);
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? '' : refused.message).toMatch(/^[A-Z].{20,}\.$/);
    expect(await balancesOf('A-1')).toEqual(before);
  });

  test('of a foreign account finds no account, in the company and beyond it', async () => {
    const neighbour = await pay(ground.viewer('subscriber', 'A-1'), {
      accountId: ground.account('A-2'),
    });
    expect(neighbour).toMatchObject({ ok: false, code: 'ACCOUNT_NOT_FOUND' });
    const edges = smallFleet().edges.map((edge) => ({ ...edge, publicKeys: [] }));
    const south = await registerFleet(
      { sql: ground.writer.sql, clock: ground.clock },
      { ...smallFleet('South Grid'), edges },
    );
    const accountId = south.ok ? south.value.accounts.get('A-1') : undefined;
    expect(accountId).toBeGreaterThan(0);
    const administrator = ground.viewer('administrator');
    const beyond = await pay(administrator, { ...(accountId && { accountId }) });
    expect(beyond).toMatchObject({ ok: false, code: 'ACCOUNT_NOT_FOUND' });
  });
});
