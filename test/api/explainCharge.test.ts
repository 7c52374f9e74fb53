import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

/**
 * Charge of agreement 1 in March 2026: four quarter hours of 250 Wh from 2 March 00:00 UTC, at 0.30
 * EUR a kWh.
 */
let world: World;
const ada = viewerOf('subscriber', { account: 100 });
const chargeId = globalId('Charge', `1.10.${Date.UTC(2026, 1, 28, 23)}.1`);

beforeAll(async () => {
  world = await openWorld('explain');
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const query = `query ($id: ID!, $component: String!, $period: String, $tier: Int, $after: String) {
  explainCharge(chargeId: $id, component: $component, period: $period, tier: $tier) {
    line { component period tier quantity unit price exact amount { amount currency } }
    rest { quantity exact }
    intervals(first: 3, after: $after) { pageInfo { hasNextPage endCursor }
      edges { node { from to quantity price exact } } } } }`;

const isOfWork = (from: string, to: string) => ({
  node: {
    from: `2026-03-02T${from}:00.000Z`,
    to: `2026-03-02T${to}:00.000Z`,
    quantity: '0.25',
    price: '0.3',
    exact: '0.075',
  },
});

test('a line is explained down to its quarter hours, a page at a time', async () => {
  const variables = { id: chargeId, component: 'work', period: 'any' };
  const first = await world.post(ada, { query, variables });
  expect(first.body).toMatchObject({
    data: {
      explainCharge: [
        {
          line: {
            component: 'work',
            period: 'any',
            tier: null,
            quantity: '1',
            unit: 'kWh',
            price: '0.3',
            exact: '0.3',
            amount: { amount: '0.30', currency: 'EUR' },
          },
          rest: { quantity: '0', exact: '0' },
          intervals: {
            pageInfo: { hasNextPage: true },
            edges: [
              isOfWork('00:00', '00:15'),
              isOfWork('00:15', '00:30'),
              isOfWork('00:30', '00:45'),
            ],
          },
        },
      ],
    },
  });
  const after = Buffer.from(`at/${Date.UTC(2026, 2, 2, 0, 30)}/x`).toString('base64url');
  const second = await world.post(ada, { query, variables: { ...variables, after } });
  expect(second.body).toMatchObject({
    data: {
      explainCharge: [
        {
          intervals: {
            pageInfo: { hasNextPage: false },
            edges: [isOfWork('00:45', '01:00')],
          },
        },
      ],
    },
  });
});

test('the same stands at the charge itself', async () => {
  const nested = `query ($id: ID!) { node(id: $id) { ... on Charge { isClosed
    lines { component kind amount { amount } }
    explain(component: "work", period: "any") { line { exact } rest { exact } } } } }`;
  const { body } = await world.post(ada, { query: nested, variables: { id: chargeId } });
  expect(body).toEqual({
    data: {
      node: {
        isClosed: true,
        lines: [{ component: 'work', kind: 'ENERGY', amount: { amount: '0.30' } }],
        explain: [{ line: { exact: '0.3' }, rest: { exact: '0' } }],
      },
    },
  });
});

test("a line that is not there, and a neighbour's charge, are refused with a code", async () => {
  const none = { id: chargeId, component: 'work', period: 'peak' };
  const absent = await world.post(ada, { query, variables: none });
  expect(absent.body).toMatchObject({ errors: [{ extensions: { code: 'LINE_NOT_FOUND' } }] });
  const id = globalId('Charge', `2.11.${Date.UTC(2026, 1, 28, 23)}.1`);
  const foreign = await world.post(ada, { query, variables: { id, component: 'work' } });
  expect(foreign.body).toMatchObject({ errors: [{ extensions: { code: 'CHARGE_NOT_FOUND' } }] });
});
