import { readFileSync } from 'node:fs';
import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

/** The documents of docs/api-guide.md, as its commands hold them: NAME='query ...'. */
const guide = readFileSync(new URL('../../docs/api-guide.md', import.meta.url), 'utf8');
const held = [...guide.matchAll(/^([A-Z]+)='((?:query|mutation|subscription)?[^']*\{[^']*)'$/gm)];
const documents = new Map(held.map(([, name = '', document = '']) => [name, document]));

let world: World;
beforeAll(async () => {
  world = await openWorld('guide');
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const ada = viewerOf('subscriber', { account: 100 });
const developer = viewerOf('developer');
const march = { agreement: globalId('Agreement', 1), month: '2026-03' };

describe('the documents of the API guide', () => {
  test.each([...documents])('%s fits the schema', (_name, document) => {
    expect(validate(schema, parse(document))).toEqual([]);
  });

  test('planted: a field that is not there is found', () => {
    expect(validate(schema, parse('{ viewer { nothing } }'))).toHaveLength(1);
    expect(documents.size).toBeGreaterThan(10);
  });

  const answered: [string, object, typeof ada][] = [
    ['PRICE', { ...march, at: '2026-03-02T00:00:00Z' }, ada],
    ['NEXT', { ...march, at: '2026-03-02T00:00:00Z' }, ada],
    ['ESTIMATE', march, ada],
    ['CHARGES', {}, ada],
    [
      'EXPLAIN',
      {
        charge: globalId('Charge', `1.10.${Date.UTC(2026, 1, 28, 23)}.1`),
        component: 'work',
        period: 'any',
        tier: null,
      },
      ada,
    ],
    ['DRAW', {}, ada],
    ['RESULT', { id: globalId('Simulation', '00000000-0000-4000-8000-0000000000d1') }, developer],
  ];
  test.each(answered)('%s is answered without an error', async (name, variables, viewer) => {
    const query = documents.get(name);
    const { status, body } = await world.post(viewer, { query, variables });
    expect(status).toBe(200);
    expect(body).not.toHaveProperty('errors');
  });
});
