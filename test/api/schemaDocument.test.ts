import { readFileSync } from 'node:fs';
import { buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld('schema_document');
});
afterAll(async () => {
  await world.close();
});

describe('the schema', () => {
  test('is told whole to tools that ask for it', async () => {
    const { body } = await world.post(viewerOf('developer'), { query: getIntrospectionQuery() });
    expect(body).not.toHaveProperty('errors');
  });

  test('is the committed one', () => {
    const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    expect(`${printSchema(lexicographicSortSchema(schema))}\n`).toBe(committed);
  });

  test('is served', async () => {
    const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    const served = await fetch(`${world.base}/schema.graphql`);
    expect(await served.text()).toBe(committed);
    expect((await fetch(`${world.base}/health`)).status).toBe(200);
  });

  test('has no Float in any field or argument', () => {
    expect(printSchema(schema)).not.toMatch(/\bFloat\b/);
    expect(printSchema(buildSchema('type Query { planted: [Float!] }'))).toMatch(/\bFloat\b/);
  });
});
