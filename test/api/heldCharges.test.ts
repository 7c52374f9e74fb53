import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const period = Date.UTC(2026, 1, 28, 23);

beforeAll(async () => {
  world = await openWorld('held_charges');
  for (const [agreement, meter, version, company, difference] of [
    [1, 10, 1, 1, 10_000n],
    [2, 11, 1, 1, null],
    [3, 20, 2, 2, 20_000n],
  ] as const) {
    await world.writer.sql`
      insert into charge_hold (agreement_id, meter_id, period_start, tariff_version_id, company_id,
                               code, message, held_at, difference_micros)
      values (${agreement}, ${meter}, ${new Date(period)}, ${version}, ${company}, 'CHARGE_HELD',
              'made up', ${new Date(Date.UTC(2026, 3, agreement))}, ${difference})`;
  }
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const fields = 'meter { serial } hold { heldAt code message difference { amount currency } }';

test('staff see what their company holds, the last first, page by page', async () => {
  const query = `query ($after: String) { heldCharges(first: 1, after: $after) {
    edges { node { ${fields} } } pageInfo { hasNextPage endCursor } } }`;
  const first = await world.post(viewerOf('operator'), { query });
  // The other company's is not there; what its second engine refused has no difference.
  const held = { code: 'CHARGE_HELD', message: 'made up' };
  const refused = { ...held, heldAt: '2026-04-02T00:00:00.000Z', difference: null };
  expect(first.body).toMatchObject({
    data: {
      heldCharges: {
        edges: [{ node: { meter: { serial: 'M11' }, hold: refused } }],
        pageInfo: { hasNextPage: true },
      },
    },
  });
  const cursor = /"endCursor":"([^"]+)"/.exec(JSON.stringify(first.body))?.[1];
  const second = await world.post(viewerOf('operator'), { query, variables: { after: cursor } });
  const difference = { amount: '0.01', currency: 'EUR' };
  expect(second.body).toMatchObject({
    data: {
      heldCharges: {
        edges: [{ node: { meter: { serial: 'M10' }, hold: { ...held, difference } } }],
        pageInfo: { hasNextPage: false },
      },
    },
  });
});

test('a subscriber sees the charge without its hold, and no list of them', async () => {
  const ada = viewerOf('subscriber', { account: 100 });
  const id = globalId('Charge', `1.10.${period}.1`);
  const query = `{ node(id: "${id}") { ... on Charge { amount { amount } ${fields} } } }`;
  const { body } = await world.post(ada, { query });
  expect(body).toMatchObject({ data: { node: { amount: { amount: '0.30' }, hold: null } } });
  const listed = await world.post(ada, { query: '{ heldCharges { edges { node { id } } } }' });
  expect(JSON.stringify(listed.body)).toContain('FORBIDDEN');
});
