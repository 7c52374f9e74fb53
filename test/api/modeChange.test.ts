import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('mode_change');
});
afterAll(() => world.close());

const query = `mutation ($input: ChangeAgreementModeInput!) {
  changeAgreementMode(input: $input) {
    ... on ChangeAgreementModePayload {
      isReplay ended { mode validTo } next { mode validFrom account { number } } }
    ... on UserError { code } } }`;

function change(agreement: number, more: object = {}, viewer = viewerOf('operator')) {
  const input = {
    idempotencyKey: randomUUID(),
    agreementId: globalId('Agreement', agreement),
    mode: 'POSTPAID',
    reason: 'asked for by letter',
    ...more,
  };
  return world.post(viewer, { query, variables: { input } });
}

test('an operator changes the mode of an agreement; a repeat of the key is the same', async () => {
  const [row] = await world.writer.sql<{ id: number }[]>`
    select id from agreement where account_id = 100 order by id limit 1`;
  const id = row?.id ?? 0;
  // Not the next quarter hour, which may begin between two requests.
  const quarterMs = 900_000;
  const at = new Date(Math.ceil(Date.now() / quarterMs) * quarterMs + 4 * quarterMs).toISOString();
  const key = { idempotencyKey: randomUUID(), at };
  const first = await change(id, key);
  expect(first.body).not.toHaveProperty('errors');
  expect(first.body).toMatchObject({
    data: {
      changeAgreementMode: {
        isReplay: false,
        ended: { mode: 'PREPAID' },
        next: { mode: 'POSTPAID', account: { number: 'A100' } },
      },
    },
  });
  const again = await change(id, key);
  expect(again.body).toMatchObject({ data: { changeAgreementMode: { isReplay: true } } });
  expect(await world.writer.sql`select from mode_change`).toHaveLength(1);
  const late = await change(id);
  expect(late.body).toMatchObject({
    data: { changeAgreementMode: { code: 'AGREEMENT_CHANGE_PLANNED' } },
  });
});

test('of another company it is not there, and a subscriber may not', async () => {
  const [row] = await world.writer.sql<{ id: number }[]>`
    select id from agreement where company_id = 2 order by id limit 1`;
  const id = row?.id ?? 0;
  expect((await change(id)).body).toMatchObject({
    data: { changeAgreementMode: { code: 'AGREEMENT_NOT_FOUND' } },
  });
  const subscriber = viewerOf('subscriber', { account: 200, company: 2 });
  expect(JSON.stringify((await change(id, {}, subscriber)).body)).toContain('FORBIDDEN');
  expect(await world.writer.sql`select from mode_change where company_id = 2`).toHaveLength(0);
});
