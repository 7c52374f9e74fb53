import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globalId, openWorld, tokenOf, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const operator = viewerOf('operator');
const ada = viewerOf('subscriber', { account: 100 });

beforeAll(async () => {
  world = await openWorld('queries');
});
afterAll(async () => {
  await world.close();
});

describe('what a role sees', () => {
  const listing = `{ meters { totalCount edges { node { serial } } }
                     accounts { edges { node { number balance { amount currency } } } } }`;

  test('an operator sees its company and nothing of another', async () => {
    const { status, body } = await world.post(operator, { query: listing });
    expect(status).toBe(200);
    expect(body).toEqual({
      data: {
        meters: {
          totalCount: 3,
          edges: [
            { node: { serial: 'M10' } },
            { node: { serial: 'M11' } },
            { node: { serial: 'M12' } },
          ],
        },
        accounts: {
          edges: [
            { node: { number: 'A100', balance: { amount: '5.00', currency: 'EUR' } } },
            { node: { number: 'A101', balance: { amount: '0.00', currency: 'EUR' } } },
          ],
        },
      },
    });
  });

  test('a subscriber sees its own meter and account only', async () => {
    const { body } = await world.post(ada, { query: listing });
    expect(body).toEqual({
      data: {
        meters: { totalCount: 1, edges: [{ node: { serial: 'M10' } }] },
        accounts: {
          edges: [{ node: { number: 'A100', balance: { amount: '5.00', currency: 'EUR' } } }],
        },
      },
    });
  });

  test('a foreign id is as if it did not exist, by any way to a node', async () => {
    const query = `query ($m: ID!, $a: ID!, $x: [ID!]!) {
      meter(id: $m) { serial } account(id: $a) { number } node(id: $m) { id }
      nodes(ids: $x) { id } }`;
    const ids = [globalId('Charge', '3.20.1772319600000.2'), globalId('Agreement', 3)];
    const foreign = [
      ...ids,
      globalId('Transfer', '00000000-0000-4000-8000-000000000003'),
      globalId('Command', '00000000-0000-4000-8000-0000000000c2'),
      globalId('Tariff', 2),
      globalId('TariffVersion', 2),
    ];
    const variables = { m: globalId('Meter', 20), a: globalId('Account', 200), x: foreign };
    for (const viewer of [operator, ada]) {
      const { body } = await world.post(viewer, { query, variables });
      expect(body['data']).toEqual({
        meter: null,
        account: null,
        node: null,
        nodes: foreign.map(() => null),
      });
    }
  });
});

describe('values', () => {
  test('readings and intervals of a meter, a gap told and not filled with zero', async () => {
    const query = `query ($id: ID!) { meter(id: $id) {
      live { readAt register { kilowattHours wattHours } power { watts } }
      readings(from: "2026-03-02T00:00:00Z", to: "2026-03-02T00:30:00Z") {
        edges { node { readAt register { wattHours } quality } } }
      intervals(from: "2026-03-02T00:00:00Z", to: "2026-03-02T01:30:00Z") {
        completeness { expected received }
        edges { node { start energy { kilowattHours } quality state } } } } }`;
    const { body } = await world.post(ada, { query, variables: { id: globalId('Meter', 10) } });
    const interval = (start: string, energy: string | null, quality: string, state: string) => ({
      node: {
        start: `2026-03-02T${start}:00.000Z`,
        energy: energy === null ? null : { kilowattHours: energy },
        quality,
        state,
      },
    });
    expect(body).toEqual({
      data: {
        meter: {
          live: {
            readAt: '2026-03-02T01:00:00.000Z',
            register: { kilowattHours: '2.000', wattHours: '2000' },
            power: { watts: '1500' },
          },
          readings: {
            edges: [
              {
                node: {
                  readAt: '2026-03-02T00:00:00.000Z',
                  register: { wattHours: '1000' },
                  quality: 'ACTUAL',
                },
              },
              {
                node: {
                  readAt: '2026-03-02T00:15:00.000Z',
                  register: { wattHours: '1250' },
                  quality: 'ACTUAL',
                },
              },
            ],
          },
          intervals: {
            completeness: { expected: 6, received: 4 },
            edges: [
              interval('00:00', '0.250', 'ACTUAL', 'VALIDATED'),
              interval('00:15', '0.250', 'ACTUAL', 'VALIDATED'),
              // The reading at 00:45 is missing: interpolated between 00:30 and 01:00.
              interval('00:30', '0.250', 'CALCULATED', 'VALIDATED'),
              interval('00:45', '0.250', 'CALCULATED', 'VALIDATED'),
              interval('01:00', null, 'MISSING', 'PROVISIONAL'),
              interval('01:15', null, 'MISSING', 'PROVISIONAL'),
            ],
          },
        },
      },
    });
  });

  test('a charge with its lines, and the statement with its signs', async () => {
    const query = `{ viewer { role account {
      charges { totalCount edges { node { amount { amount } energy { kilowattHours }
        meter { serial } tariffVersion { tariff { name } }
        lines { component period energy { wattHours } pricePerKilowattHour amount { amount } } } } }
      transfers { totalCount edges { node { code amount { amount } postedAt } } } } } }`;
    const { body } = await world.post(ada, { query });
    // 1 kWh at 0.30 EUR.
    expect(body).toEqual({
      data: {
        viewer: {
          role: 'SUBSCRIBER',
          account: {
            charges: {
              totalCount: 1,
              edges: [
                {
                  node: {
                    amount: { amount: '0.30' },
                    energy: { kilowattHours: '1.000' },
                    meter: { serial: 'M10' },
                    tariffVersion: { tariff: { name: 'flat' } },
                    lines: [
                      {
                        component: 'work',
                        period: 'any',
                        energy: { wattHours: '1000' },
                        pricePerKilowattHour: '0.3',
                        amount: { amount: '0.30' },
                      },
                    ],
                  },
                },
              ],
            },
            transfers: {
              totalCount: 2,
              edges: [
                {
                  node: {
                    code: 'ENERGY',
                    amount: { amount: '-0.30' },
                    postedAt: '2026-03-02T00:00:00.000Z',
                  },
                },
                {
                  node: {
                    code: 'TOP_UP',
                    amount: { amount: '5.30' },
                    postedAt: '2026-03-01T00:00:00.000Z',
                  },
                },
              ],
            },
          },
        },
      },
    });
  });

  test('staff see what was refused, supplies, unrated energy and commands', async () => {
    const query = `{
      readingExceptions { edges { node { code value meter { serial } } } }
      quarantinedBatches { edges { node { code edgeName byteCount } } }
      commands { edges { node { kind state steps { state } meter { supply { state isManual } } } } }
      meters(first: 1, after: "${Buffer.from('id/11').toString('base64url')}") {
        edges { node { serial unrated { code energy { wattHours } } } }
        pageInfo { hasNextPage } } }`;
    const { body } = await world.post(operator, { query });
    expect(body).toEqual({
      data: {
        readingExceptions: {
          edges: [
            { node: { code: 'REGISTER_WENT_BACKWARDS', value: '5', meter: { serial: 'M10' } } },
          ],
        },
        quarantinedBatches: {
          edges: [{ node: { code: 'SIGNATURE_INVALID', edgeName: 'edge', byteCount: 2 } }],
        },
        commands: {
          edges: [
            {
              node: {
                kind: 'DISCONNECT',
                state: 'FAILED',
                steps: [{ state: 'REQUESTED' }],
                meter: { supply: { state: 'DISCONNECTED', isManual: true } },
              },
            },
          ],
        },
        meters: {
          edges: [
            {
              node: {
                serial: 'M12',
                unrated: [{ code: 'AGREEMENT_NOT_FOUND', energy: { wattHours: '9' } }],
              },
            },
          ],
          pageInfo: { hasNextPage: false },
        },
      },
    });
  });

  test('pages forward and backward meet without a row twice', async () => {
    const page = async (args: string) => {
      const query = `{ meters(${args}) { edges { node { serial } } pageInfo { hasNextPage } } }`;
      const { body } = await world.post(operator, { query });
      return JSON.stringify(body);
    };
    const cursor = (id: number) => Buffer.from(`id/${id}`).toString('base64url');
    expect(await page('first: 2')).toContain(
      '[{"node":{"serial":"M10"}},{"node":{"serial":"M11"}}]',
    );
    expect(await page(`first: 2, after: "${cursor(11)}"`)).toContain('[{"node":{"serial":"M12"}}]');
    expect(await page(`last: 2, before: "${cursor(12)}"`)).toContain(
      '[{"node":{"serial":"M10"}},{"node":{"serial":"M11"}}]',
    );
  });
});

describe('bad input is refused with a code that says what to do', () => {
  const readingsOf = (window: string) =>
    `{ meter(id: "${globalId('Meter', 10)}") { readings(${window}) { edges { cursor } } } }`;
  const cases: [string, string, string][] = [
    ['an unknown field', '{ meters { nonsense } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['no GraphQL', '{ meters {', 'GRAPHQL_PARSE_FAILED'],
    ['a malformed id', '{ meter(id: "12") { serial } }', 'ID_MALFORMED'],
    [
      'an id of another type',
      `{ meter(id: "${globalId('Account', 100)}") { serial } }`,
      'ID_OF_OTHER_TYPE',
    ],
    [
      'a number beyond int4',
      `{ node(id: "${globalId('Meter', 9_999_999_999)}") { id } }`,
      'ID_MALFORMED',
    ],
    [
      'a page too large',
      '{ meters(first: 501) { pageInfo { hasNextPage } } }',
      'PAGE_SIZE_OUT_OF_RANGE',
    ],
    [
      'a foreign cursor',
      '{ meters(after: "bogus") { pageInfo { hasNextPage } } }',
      'CURSOR_MALFORMED',
    ],
    [
      'a window that ends before it begins',
      readingsOf('from: "2026-03-02T01:00:00Z", to: "2026-03-02T00:00:00Z"'),
      'WINDOW_EMPTY',
    ],
    [
      'an instant without an offset',
      readingsOf('from: "2026-03-02T01:00:00", to: "2026-03-02T02:00:00Z"'),
      'INSTANT_MALFORMED',
    ],
    [
      'a costly operation',
      `{ accounts(first: 500) { edges { node {
        transfers(first: 500) { edges { node { code } } } } } } }`,
      'OPERATION_TOO_LARGE',
    ],
    [
      'introspection in circles',
      `{ __schema { types { ${'fields { type { '.repeat(6)} name ${'} }'.repeat(6)} } } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['too many tokens', `{ ${'a: viewer { role } '.repeat(2_000)} }`, 'GRAPHQL_PARSE_FAILED'],
  ];
  test.each(cases)('%s', async (_name, query, code) => {
    const accept = { accept: 'application/graphql-response+json' };
    const { body } = await world.post(operator, { query }, accept);
    expect(body).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  test('invalid GraphQL has a 4xx status under application/graphql-response+json', async () => {
    const accept = { accept: 'application/graphql-response+json' };
    const { status } = await world.post(operator, { query: '{ nonsense }' }, accept);
    expect(status).toBe(400);
  });

  test('an oversized request, declared or streamed, is refused before its end', async () => {
    const query = `{ viewer { role } } #${'x'.repeat(100_000)}`;
    expect(await world.post(operator, { query })).toMatchObject({
      status: 413,
      body: { errors: [{ extensions: { code: 'REQUEST_TOO_LARGE' } }] },
    });
    const authorization = `Bearer ${await tokenOf(operator)}`;
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization, 'content-type': 'application/json' };
      const streamed = request(`${world.base}/graphql`, { method: 'POST', headers });
      streamed.on('response', (response) => {
        resolve(response.statusCode);
        streamed.destroy();
      });
      streamed.on('error', reject);
      // Without an end: the answer comes all the same.
      for (let part = 0; part < 11; part += 1) streamed.write(Buffer.alloc(10_000, ' '));
    });
    expect(status).toBe(413);
  });

  test('a body that is not one JSON object, and one that a form could send', async () => {
    expect(await world.post(operator, '[]')).toMatchObject({ status: 400 });
    expect(await world.post(operator, 'nonsense')).toMatchObject({ status: 400 });
    const plain = { 'content-type': 'text/plain' };
    expect(await world.post(operator, '{"query":"{viewer{role}}"}', plain)).toMatchObject({
      status: 415,
      body: { errors: [{ extensions: { code: 'MEDIA_TYPE_UNSUPPORTED' } }] },
    });
  });

  test('nothing of it was a bug', () => {
    expect(world.errors).toEqual([]);
  });
});
