import { randomUUID } from 'node:crypto';
import { graphql } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { refusalsPerMinuteMax } from '../../src/domain/payment/limits.ts';
import { addAgent } from '../../src/operations/cash/agents.ts';
import { providersWith } from '../../src/providers/paymentProviders.ts';
import { createContext, createServed } from '../../src/schema/context.ts';
import { schema } from '../../src/schema/schema.ts';
import { makeChannel } from '../operations/payments/paymentGround.ts';
import { publishForTest } from '../operations/smallFleet.ts';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
let paymentId = '';
const operator = viewerOf('operator');
const administrator = viewerOf('administrator');
const account = globalId('Account', 100);
const meter = globalId('Meter', 10);
const foreign = globalId('Account', 200);
const usedKey = randomUUID();

beforeAll(async () => {
  world = await openWorld('refused_mutations');
  const { writer, api } = world;
  await publishForTest(writer.sql, 1);
  const now = new Date();
  await writer.sql`
    insert into protection (id, company_id, account_id, kind, from_at, reason, recorded_at,
                            recorded_by)
    values (${randomUUID()}, 1, 100, 'life_support', ${now}, 'x', ${now}, 'test')`;
  await makeChannel({ writer }, { companyId: 1, name: 'shops', kind: 'cash' });
  const deps = { sql: api.sql, clock: { nowMs: () => Date.now() }, wake: () => undefined };
  await addAgent(deps, administrator, { channel: 'shops', name: 'Ada', floatLimit: '5.00' });
  const paid = { accountId: account, amount: '8.00', currency: 'EUR', idempotencyKey: usedKey };
  expect(await answer(operator, 'topUp', paid)).toEqual({ __typename: 'TopUpPayload' });
  const [payment] = await writer.sql<{ id: string }[]>`select id from payment`;
  paymentId = payment?.id ?? '';
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

async function answer(viewer: Viewer, name: string, input: object): Promise<unknown> {
  const upper = name.slice(0, 1).toUpperCase() + name.slice(1);
  const type = name.startsWith('request') ? 'RequestCommand' : upper;
  const query = `mutation ($input: ${type}Input!) {
    ${name}(input: $input) { __typename ... on UserError { code } } }`;
  const variables = { input: { idempotencyKey: randomUUID(), ...input } };
  const { body } = await world.post(viewer, { query, variables });
  // As it came: the expectation shows what it is.
  const data = body['data'] as Record<string, unknown> | null;
  return data?.[name] ?? body['errors'];
}

type Row = { actor: string; action: string; subject: string; after: unknown };

async function refusals(): Promise<readonly Row[]> {
  return world.writer.sql<Row[]>`
    select actor, action, subject, after from audit_entry
    where company_id = 1 and action like '%refused' order by xact`;
}

async function moved(): Promise<unknown> {
  return world.writer.sql`
    select (select sum(balance_micros) from account_balance)::text as balances,
           (select count(*) from transfer)::text as transfers,
           (select count(*) from command)::text as commands`;
}

const pay = { accountId: account, amount: '1.00', currency: 'EUR' };
const adjust = { ...pay, reasonCode: 'GOODWILL', reason: 'as agreed' };
const correct = {
  transferId: globalId('Transfer', '00000000-0000-4000-8000-000000000001'),
  reasonCode: 'WRONG_AMOUNT',
  reason: 'as agreed',
};

type Case = readonly [code: string, name: string, input: object, subject: string, viewer?: Viewer];

const ofInput: readonly Case[] = [
  ['CURRENCY_MISMATCH', 'topUp', { ...pay, currency: 'USD' }, 'account/100'],
  ['AMOUNT_TOO_PRECISE', 'topUp', { ...pay, amount: '1.0000000001' }, 'account/100'],
  ['AMOUNT_NOT_POSITIVE', 'topUp', { ...pay, amount: '-1.00' }, 'account/100'],
  ['IDEMPOTENCY_KEY_REUSED', 'topUp', { ...pay, idempotencyKey: usedKey }, 'account/100'],
  ['ACCOUNT_NOT_FOUND', 'topUp', { ...pay, accountId: foreign }, 'account/200'],
  ['CURRENCY_MISMATCH', 'adjustBalance', { ...adjust, currency: 'USD' }, 'account/100'],
  [
    'CORRECTION_ABOVE_TRANSFER',
    'correctTransfer',
    { ...correct, amount: '5.31' },
    'transfer/00000000-0000-4000-8000-000000000001',
  ],
  ['SECOND_PERSON_NEEDED', 'requestDisconnect', { meterId: meter, reason: 'x' }, 'meter/10'],
  ['ACCOUNT_NOT_FOUND', 'topUp', pay, 'account/100', viewerOf('subscriber', { account: 101 })],
];

describe('what is refused of money and supply has its code, no effect and one audit row', () => {
  const cases = ofInput.map(([code, name, input, subject, viewer = operator]) => {
    return { code, name, input, subject, viewer };
  });
  test.each(cases)('$code of $name', async ({ code, name, input, subject, viewer }) => {
    const [before, rows] = [await moved(), await refusals()];
    const asked = { idempotencyKey: randomUUID(), ...input };
    for (const _repeat of [1, 2]) {
      expect(await answer(viewer, name, asked)).toMatchObject({ code });
    }
    expect(await moved()).toEqual(before);
    const { actor } = viewer;
    const row = { actor, action: `${name}.refused`, subject, after: { code } };
    expect((await refusals()).slice(rows.length)).toEqual([row]);
  });

  test('PAYMENT_REFUND_ABOVE_CAPTURED of refundPayment', async () => {
    const [before, rows] = [await moved(), await refusals()];
    const code = 'PAYMENT_REFUND_ABOVE_CAPTURED';
    const { api, writer, tail } = world;
    const served = createServed({
      sql: api.sql,
      clock: { nowMs: () => Date.now() },
      wake: () => undefined,
      tail,
      onError: (error) => world.errors.push(error),
      streamProgressMs: 15_000,
      payments: { writer: writer.sql, providerOf: providersWith({ dataDirectory: '.', env: {} }) },
    });
    const payment = globalId('Payment', paymentId);
    const done = await graphql({
      schema,
      source: `mutation { refundPayment(input: { idempotencyKey: "${randomUUID()}", amount: "8.01",
        paymentId: "${payment}", reason: "x" }) { ... on UserError { code } } }`,
      contextValue: createContext(served, { viewer: operator, expiresAtMs: Infinity }),
    });
    expect(done).toEqual({ data: { refundPayment: { code } } });
    expect(await moved()).toEqual(before);
    const row = { action: 'refundPayment.refused', subject: `payment/${paymentId}` };
    expect((await refusals()).slice(rows.length)).toMatchObject([{ ...row, after: { code } }]);
  });

  test('a role that may not, an id of something else, and no id at all', async () => {
    const rows = await refusals();
    const reader = viewerOf('developer');
    for (const [viewer, input, code] of [
      [reader, pay, 'FORBIDDEN'],
      [operator, { ...pay, accountId: globalId('Meter', 10) }, 'ID_OF_OTHER_TYPE'],
      [operator, { ...pay, accountId: globalId('Account', 'Ada Lovelace') }, 'ID_MALFORMED'],
    ] as const) {
      expect(await answer(viewer, 'topUp', input)).toMatchObject([{ extensions: { code } }]);
    }
    expect((await refusals()).slice(rows.length)).toEqual([
      {
        actor: reader.actor,
        action: 'topUp.refused',
        subject: 'account/100',
        after: { code: 'FORBIDDEN' },
      },
      {
        actor: operator.actor,
        action: 'topUp.refused',
        subject: 'meter/10',
        after: { code: 'ID_OF_OTHER_TYPE' },
      },
      {
        actor: operator.actor,
        action: 'topUp.refused',
        subject: 'company/1',
        after: { code: 'ID_MALFORMED' },
      },
    ]);
  });

  test('each other request under a used key is a row of its own, and its repeat none', async () => {
    const rows = await refusals();
    for (const amount of ['6.00', '7.00', '7.00']) {
      const asked = { ...pay, amount, idempotencyKey: usedKey };
      expect(await answer(operator, 'topUp', asked)).toMatchObject({
        code: 'IDEMPOTENCY_KEY_REUSED',
      });
    }
    expect((await refusals()).slice(rows.length)).toHaveLength(2);
  });

  test('a refusal that writes its own row has no second one', async () => {
    const rows = await refusals();
    const cash = { agent: 'Ada', accountId: account, amount: '5.01' };
    expect(await answer(operator, 'takeCash', cash)).toMatchObject({
      code: 'AGENT_FLOAT_EXCEEDED',
    });
    const voucher = { accountId: account, code: 'none' };
    expect(await answer(operator, 'useVoucher', voucher)).toMatchObject({
      code: 'VOUCHER_CODE_MALFORMED',
    });
    const actions = (await refusals()).slice(rows.length).map(({ action }) => action);
    expect(actions).toEqual(['cash.refused', 'voucher.refused']);
  });

  test('what works, and mutations of other things, leave none', async () => {
    const rows = await refusals();
    expect(await answer(operator, 'topUp', pay)).toEqual({ __typename: 'TopUpPayload' });
    const missing = { meterId: globalId('Meter', 20), reason: 'x' };
    await answer(operator, 'dismissReadings', missing);
    expect(await refusals()).toHaveLength(rows.length);
  });
});

test('noise fills the audit by so many rows of a viewer a minute', async () => {
  const noisy = viewerOf('subscriber', { account: 100 });
  const asked = { ...pay, accountId: globalId('Account', 101) };
  for (let index = 0; index < refusalsPerMinuteMax + 5; index += 1) {
    expect(await answer(noisy, 'topUp', asked)).toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
  }
  const perMinute = await world.writer.sql<{ rows: number }[]>`
    select count(*)::int4 as rows from audit_entry
    where action = 'topUp.refused' and actor = ${noisy.actor} group by date_trunc('minute', at)`;
  const counts = perMinute.map(({ rows }) => rows);
  // The clock may have come to the next minute in between.
  expect(Math.max(...counts)).toBeLessThanOrEqual(refusalsPerMinuteMax);
  const all = counts.reduce((sum, rows) => sum + rows, 0);
  expect(all).toBeGreaterThanOrEqual(refusalsPerMinuteMax);
});
