import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeKeyed } from './keyedMutations.ts';
import type { Case } from './keyedMutations.ts';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
let agreementId = '';
/** Of somebody who has no agreement any more. */
const gone = 900;
beforeAll(async () => {
  world = await openWorld('moving');
  const [row] = await world.writer.sql<{ id: number }[]>`
    select id from agreement where account_id = 100 order by id limit 1`;
  agreementId = globalId('Agreement', row?.id ?? 0);
  await world.writer.sql`
    with c as (insert into customer (id, company_id, name) overriding system value
               values (${gone}, 1, 'Vera Fort')),
         a as (insert into account (id, company_id, customer_id, number, currency)
               overriding system value values (${gone}, 1, ${gone}, 'A-gone', 'EUR'))
    insert into account_balance (account_id, company_id, balance_micros) values (${gone}, 1, 0)`;
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const leaving = globalId('Account', 100);
const coming = globalId('Account', 101);
const reason = 'keys handed over';
// Not the next quarter hour, which may begin between two requests.
const quarterMs = 900_000;
const at = new Date(Math.ceil(Date.now() / quarterMs) * quarterMs + 4 * quarterMs).toISOString();

const ofMoving: readonly Case[] = [
  {
    name: 'takeDeposit',
    payload: 'MovedByHandPayload',
    fields: 'state transfer { code debit credit amount { amount } depositChange { amount } }',
    input: () => ({ accountId: leaving, amount: '50.00', currency: 'EUR', reason }),
    expected: {
      state: 'POSTED',
      transfer: {
        code: 'DEPOSIT_TAKEN',
        debit: 'PAYMENTS_CLEARING',
        credit: 'DEPOSIT',
        amount: { amount: '0.00' },
        depositChange: { amount: '50.00' },
      },
    },
    other: { amount: '40.00' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ amount: '0' }, 'AMOUNT_NOT_POSITIVE'],
      [{ currency: 'USD' }, 'CURRENCY_MISMATCH'],
    ],
  },
  {
    name: 'changeAgreementAccount',
    fields: 'ended { account { number } } next { mode account { number } }',
    input: () => ({ agreementId, accountId: coming, mode: 'POSTPAID', at, reason }),
    expected: {
      ended: { account: { number: 'A100' } },
      next: { mode: 'POSTPAID', account: { number: 'A101' } },
    },
    other: { mode: 'PREPAID' },
    foreign: 'AGREEMENT_NOT_FOUND',
    bad: [
      [{}, 'AGREEMENT_CHANGE_PLANNED'],
      [{ at: '2026-01-01T00:00:00Z' }, 'ACCOUNT_CHANGE_IN_PAST'],
    ],
  },
  {
    name: 'takeBackAgreementChange',
    fields: 'agreement { validTo account { number } }',
    input: () => ({ agreementId, reason }),
    expected: { agreement: { validTo: null, account: { number: 'A100' } } },
    other: { reason: 'another' },
    foreign: 'AGREEMENT_CHANGE_NOT_FOUND',
    bad: [
      [{}, 'AGREEMENT_CHANGE_NOT_FOUND'],
      [{ reason: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'eraseCustomer',
    fields: 'bankEntries account { customerName }',
    input: () => ({ accountId: globalId('Account', gone), reason }),
    expected: { bankEntries: 0, account: { customerName: expect.stringMatching(/^former /) } },
    other: { reason: 'another' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ accountId: leaving }, 'AGREEMENT_IN_FORCE'],
      [{ reason: '' }, 'REASON_MISSING'],
    ],
  },
];

describeKeyed(ofMoving, () => world);

test('an account is paid out after its end alone, and no subscriber does it', async () => {
  const query = `mutation ($input: PayOutAccountInput!) { payOutAccount(input: $input) {
    ... on PayOutAccountPayload { isReplay } ... on UserError { code retryable } } }`;
  const input = { idempotencyKey: randomUUID(), accountId: leaving, from: 'BANK', reason };
  const answer = await world.post(viewerOf('operator'), { query, variables: { input } });
  expect(answer.body).toMatchObject({
    data: { payOutAccount: { code: 'AGREEMENT_IN_FORCE', retryable: false } },
  });
  const own = viewerOf('subscriber', { account: 100, company: 1 });
  const refused = await world.post(own, { query, variables: { input } });
  expect(JSON.stringify(refused.body)).toContain('FORBIDDEN');
});
