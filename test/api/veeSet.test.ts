import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('vee_set');
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const publish = `mutation ($input: PublishVeeSetInput!) { publishVeeSet(input: $input) {
  ... on PublishVeeSetPayload { isReplay metersToValidate
    veeSet { id customerClass validFrom publishedBy document } }
  ... on UserError { code path } } }`;
const document = { customerClass: 'large', rules: { highLow: { outcome: 'alert' } } };
const input = {
  idempotencyKey: randomUUID(),
  validFrom: '2026-03-01T00:00:00Z',
  document,
  reason: 'a first set',
};

test('an administrator publishes a set once, and it is found again', async () => {
  const admin = viewerOf('administrator');
  const first = await world.post(admin, { query: publish, variables: { input } });
  const set = {
    customerClass: 'LARGE',
    validFrom: '2026-03-01T00:00:00.000Z',
    publishedBy: admin.actor,
    document,
  };
  expect(first.body).toMatchObject({ data: { publishVeeSet: { isReplay: false, veeSet: set } } });
  const again = await world.post(admin, { query: publish, variables: { input } });
  expect(again.body).toMatchObject({ data: { publishVeeSet: { isReplay: true, veeSet: set } } });
  const list = (customerClass: string) =>
    world.post(viewerOf('operator'), {
      query: `{ veeSets(customerClass: ${customerClass}) { edges { node { document } } } }`,
    });
  expect((await list('LARGE')).body).toEqual({
    data: { veeSets: { edges: [{ node: { document } }] } },
  });
  expect((await list('COMMUNITY')).body).toEqual({ data: { veeSets: { edges: [] } } });
});

test('what holds at an instant is told with its defaults', async () => {
  const at = (instant: string) =>
    world.post(viewerOf('operator'), {
      query: `{ veeRules(customerClass: LARGE, at: "${instant}") {
        veeSet { customerClass } rules hasProfile } }`,
    });
  expect((await at('2026-02-28T23:59:59Z')).body).toMatchObject({
    data: { veeRules: { veeSet: null, rules: { highLow: { outcome: 'hold' } } } },
  });
  expect((await at('2026-03-01T00:00:00Z')).body).toMatchObject({
    data: {
      veeRules: {
        veeSet: { customerClass: 'LARGE' },
        rules: { highLow: { outcome: 'alert', highPercentMax: 250 } },
        hasProfile: false,
      },
    },
  });
});

test('a malformed set is refused with the path of its fault', async () => {
  const malformed = { ...input, idempotencyKey: randomUUID(), document: { customerClass: 'x' } };
  const refused = await world.post(viewerOf('administrator'), {
    query: publish,
    variables: { input: malformed },
  });
  expect(refused.body).toEqual({
    data: {
      publishVeeSet: { code: 'VEE_SET_MALFORMED', path: ['input', 'document', 'customerClass'] },
    },
  });
});
