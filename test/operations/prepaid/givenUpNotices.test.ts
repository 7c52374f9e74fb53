import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { breachThreshold, insertNotice } from '../../../src/db/notices.ts';
import type { NoticeAnswer } from '../../../src/domain/prepaid/notice.ts';
import { deliverNotices } from '../../../src/operations/prepaid/deliverNotices.ts';
import { orderGivenUpNotices } from '../../../src/operations/prepaid/orderGivenUpNotices.ts';
import { explainSupply, whoWouldBeCut } from '../../../src/operations/supply/forecast.ts';
import { endWorkOrder } from '../../../src/operations/supply/protections.ts';
import { openGround, openPolicy, publishForTest } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('given_up');
  const { companyId } = ground.fleet;
  await ground.writer.sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(ground.clock.nowMs())}, 1000 from meter`;
  const notice = { hoursBefore: 24, delivered: true };
  await publishForTest(ground.writer.sql, companyId, { ...openPolicy, notice });
});
afterAll(() => ground.close());

const deps = () => ({ sql: ground.writer.sql, clock: ground.clock });
const api = () => ({ sql: ground.api.sql, clock: ground.clock });

/** The notice of a new breach of an account. */
async function announce(number: string): Promise<string> {
  const { companyId } = ground.fleet;
  const accountId = ground.account(number);
  const arm = { kind: 'cut_notice', threshold: 'limit', companyId, accountId } as const;
  const id = randomUUID();
  await ground.writer.sql.begin(async (tx) => {
    await tx`update notice_arm set is_armed = true where account_id = ${accountId}`;
    const breach = (await breachThreshold(tx, arm)) ?? 0;
    await insertNotice(tx, { ...arm, id, breach, detail: {}, atMs: ground.clock.nowMs() });
  });
  return id;
}

async function answer(...answers: readonly NoticeAnswer['state'][]): Promise<void> {
  for (const state of answers) {
    const sender = { send: () => Promise.resolve({ state, detail: 'HTTP 503' }) };
    await deliverNotices({ ...deps(), sender });
    ground.clock.push(2 * 3_600_000);
  }
}

async function said(meter: string): Promise<string | undefined> {
  const meterId = ground.fleet.meters.get(meter) ?? 0;
  const standing = await explainSupply(api(), ground.viewer('operator'), meterId);
  return standing?.decision?.findings.find(({ rule }) => rule === 'NOTICE_NOT_DELIVERED')?.detail;
}

async function orders() {
  const rows = await ground.writer.sql<{ id: string; serial: string; noticeId: string }[]>`
    select o.id, m.serial, o.detail->>'noticeId' as "noticeId" from work_order o
    join meter m on m.id = o.meter_id where o.kind = 'notice_given_up' order by o.opened_at`;
  return rows.map((row) => ({ ...row }));
}

test('a cut notice that is given up is told: why, who would be cut, work orders', async () => {
  const noticeId = await announce('A-1');
  await answer(...Array.from({ length: 7 }, () => 'failed' as const));
  expect(await said('JB000001')).toBe('no notice delivered');
  await orderGivenUpNotices(deps());
  expect(await orders()).toEqual([]);

  await answer('failed');
  expect(await said('JB000001')).toBe('no notice delivered: given up');
  const seen = await whoWouldBeCut(api(), ground.viewer('operator'), {
    atMs: ground.clock.nowMs(),
    afterMeterId: 0,
    limit: 1,
  });
  const details = seen.ok ? seen.value.supplies[0]?.findings.map(({ detail }) => detail) : [];
  expect(details).toContain('no notice delivered: given up');
  expect(await orderGivenUpNotices(deps())).toEqual({ opened: 1 });
  expect(await orderGivenUpNotices(deps())).toEqual({ opened: 0 });
  const [order] = await orders();
  expect(order).toMatchObject({ serial: 'JB000001', noticeId });

  // Whoever has seen to it is not asked again for the same one, and is for the next.
  const ended = await endWorkOrder({ ...api(), wake: () => {} }, ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    workOrderId: order?.id ?? '',
    outcome: 'called the customer',
  });
  expect(ended).toMatchObject({ ok: true });
  expect(await orderGivenUpNotices(deps())).toEqual({ opened: 0 });
  await announce('A-1');
  ground.clock.push(3 * 86_400_000);
  expect(await orderGivenUpNotices(deps())).toEqual({ opened: 1 });
});

test('what was sent and then failed is no notice, until it is sent again', async () => {
  const { companyId } = ground.fleet;
  const notice = { hoursBefore: 24, delivered: false };
  await publishForTest(ground.writer.sql, companyId, { ...openPolicy, notice });
  const noticeId = await announce('A-2');
  await answer('sent');
  expect(await said('JB000002')).toMatch(/^sent /);
  await ground.writer.sql`
    insert into notice_step (notice_id, ordinal, company_id, account_id, state, at, detail)
    values (${noticeId}, 2, ${companyId}, ${ground.account('A-2')}, 'failed',
            ${new Date(ground.clock.nowMs())}, 'unknown number')`;
  expect(await said('JB000002')).toBe('no notice sent');
  ground.clock.push(60_000);
  const again = new Date(ground.clock.nowMs()).toISOString().replace('.000Z', 'Z');
  await answer('sent');
  expect(await said('JB000002')).toContain(`sent ${again}`);
});
