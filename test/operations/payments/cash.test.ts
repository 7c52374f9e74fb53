import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addAgent } from '../../../src/operations/cash/agents.ts';
import { changeAgentLimit } from '../../../src/operations/cash/changeAgentLimit.ts';
import { handOverCash } from '../../../src/operations/cash/handOverCash.ts';
import { takeCash } from '../../../src/operations/cash/takeCash.ts';
import { correctTransfer } from '../../../src/operations/correctTransfer.ts';
import { makeChannel, openPayments, secondCompany } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

let ground: PaymentGround;
beforeAll(async () => {
  ground = await openPayments('cash');
  await makeChannel(ground, { companyId: ground.fleet.companyId, name: 'shops', kind: 'cash' });
});
afterAll(() => ground.close());

const euro = 1_000_000n;

function deps() {
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: (typeof ground.bells)[number]) => ground.bells.push(bell),
  };
}

function agent(name: string, floatLimit: string) {
  const input = { channel: 'shops', name, floatLimit };
  return addAgent(deps(), ground.viewer('administrator'), input);
}

function take(name: string, amount: string, key: string = randomUUID()) {
  const accountId = ground.account('A-1');
  const input = { idempotencyKey: key, agent: name, accountId, amount };
  return takeCash(deps(), ground.viewer('operator'), input);
}

function handOver(name: string, amount: string, key: string = randomUUID()) {
  const input = { idempotencyKey: key, agent: name, amount };
  return handOverCash(deps(), ground.viewer('operator'), input);
}

describe('cash by an agent (003.15)', () => {
  test('is on the account at once with a receipt, and stands against the agent', async () => {
    expect(await agent('Ada', '100.00')).toMatchObject({ ok: true });
    const key = randomUUID();
    const taken = await take('Ada', '30.00', key);
    expect(taken).toMatchObject({
      ok: true,
      value: { balanceMicros: 30n * euro, heldMicros: 30n * euro, receiptNumber: 1n },
    });
    expect(await take('Ada', '30.00', key)).toMatchObject({ value: { isReplay: true } });
    expect(await take('Ada', '31.00', key)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await ground.balance('A-1')).toBe(30n * euro);
    expect(await ground.standing('agent_cash')).toBe(-30n * euro);
  });

  test('stays within the limit, and a refusal is audited', async () => {
    expect(await take('Ada', '70.01')).toMatchObject({ code: 'AGENT_FLOAT_EXCEEDED' });
    expect(await take('Ada', '70.00')).toMatchObject({ ok: true });
    expect(await take('Ada', '0.01')).toMatchObject({ code: 'AGENT_FLOAT_EXCEEDED' });
    const audits = await ground.writer.sql`
      select after->>'code' as code from audit_entry where action = 'cash.refused'`;
    expect(audits.map(({ code }) => String(code))).toEqual(Array(2).fill('AGENT_FLOAT_EXCEEDED'));
  });

  test('handed over it is in the bank, and no more than is held', async () => {
    const key = randomUUID();
    expect(await handOver('Ada', '100.01')).toMatchObject({ code: 'CASH_NOT_HELD' });
    expect(await handOver('Ada', '60.00', key)).toMatchObject({
      value: { heldMicros: 40n * euro },
    });
    expect(await handOver('Ada', '60.00', key)).toMatchObject({ value: { isReplay: true } });
    expect(await ground.standing('bank')).toBe(-60n * euro);
    expect(await ground.standing('agent_cash')).toBe(-40n * euro);
    expect(await take('Ada', '60.01')).toMatchObject({ code: 'AGENT_FLOAT_EXCEEDED' });
  });

  test('ten at once never take more than the limit', async () => {
    await agent('Ben', '50.00');
    const before = await ground.balance('A-1');
    const done = await Promise.all(Array.from({ length: 10 }, () => take('Ben', '8.00')));
    expect(done.filter(({ ok }) => ok)).toHaveLength(6);
    expect(await ground.balance('A-1')).toBe(before + 48n * euro);
  });

  test('of nobody known, of another company or with too many decimals is refused', async () => {
    expect(await take('Nobody', '1.00')).toMatchObject({ code: 'AGENT_UNKNOWN' });
    expect(await take('Ada', '1.0000000001')).toMatchObject({ code: 'AMOUNT_TOO_PRECISE' });
    const foreign = (await secondCompany(ground)).accounts.get('A-1') ?? 0;
    const input = { idempotencyKey: randomUUID(), agent: 'Ada', accountId: foreign, amount: '1' };
    const operator = ground.viewer('operator');
    expect(await takeCash(deps(), operator, input)).toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    expect(await agent('Ada', '1.00')).toMatchObject({ code: 'AGENT_EXISTS' });
    const subscriber = ground.viewer('subscriber', 'A-1');
    expect(await takeCash(deps(), subscriber, input)).toMatchObject({ code: 'NOT_PERMITTED' });
  });

  test('what people correct, and correct back, is held against the limit', async () => {
    await agent('Cleo', '50.00');
    expect(await take('Cleo', '50.00')).toMatchObject({ ok: true });
    const [paid] = await ground.writer.sql<{ id: string }[]>`
      select s.transfer_id as id from payment p join payment_step s on s.payment_id = p.id
      join payment_agent a on a.id = p.agent_id where a.name = 'Cleo'`;
    const correct = async (transferId: string) => {
      const input = { transferId, reasonCode: 'wrong_amount', reason: 'typed' } as const;
      const request = { idempotencyKey: randomUUID(), ...input };
      const done = await correctTransfer(deps(), ground.viewer('operator'), request);
      return done.ok ? done.value.transferId : done.code;
    };
    const back = await correct(paid?.id ?? '');
    await correct(back);
    expect(await take('Cleo', '0.01')).toMatchObject({ code: 'AGENT_FLOAT_EXCEEDED' });
  });

  test('another limit holds from then on, and is never below what is held', async () => {
    await agent('Dora', '50.00');
    const limit = (floatLimit: string, more: { role?: 'operator'; key?: string } = {}) =>
      changeAgentLimit(deps(), ground.viewer(more.role ?? 'administrator'), {
        idempotencyKey: more.key ?? randomUUID(),
        agent: 'Dora',
        floatLimit,
        reason: 'a larger shop',
      });
    expect(await take('Dora', '50.01')).toMatchObject({ code: 'AGENT_FLOAT_EXCEEDED' });
    const key = randomUUID();
    expect(await limit('80.00', { key })).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(await limit('80.0', { key })).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await take('Dora', '80.00')).toMatchObject({ ok: true });
    expect(await limit('79.99')).toMatchObject({ code: 'AGENT_HOLDS_MORE' });
    expect(await limit('0')).toMatchObject({ code: 'AMOUNT_NOT_POSITIVE' });
    expect(await limit('90.00', { role: 'operator' })).toMatchObject({ code: 'NOT_PERMITTED' });
    await handOver('Dora', '70.00');
    expect(await limit('10.00')).toMatchObject({ ok: true });
    expect(await take('Dora', '0.01')).toMatchObject({ code: 'AGENT_FLOAT_EXCEEDED' });
    const audits = await ground.writer.sql`
      select before->>'floatLimitMicros' as before, after->>'floatLimitMicros' as after,
             after->>'reason' as reason
      from audit_entry where action = 'paymentAgent.limit' order by before desc, after`;
    expect([...audits]).toEqual([
      { before: '80000000', after: '10000000', reason: 'a larger shop' },
      { before: '50000000', after: '80000000', reason: 'a larger shop' },
    ]);
  });

  test('the doctor finds nothing wrong in all of it', async () => {
    expect(await ground.findings()).toEqual([]);
  });
});
