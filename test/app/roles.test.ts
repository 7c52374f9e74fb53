import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { openFolder, run } from './joulebook.ts';
import { expectTheRoad, expectToEnd, startRoles } from './separateRoles.ts';
import type { Roles, Servers } from './separateRoles.ts';

/** Separate processes that share a Postgres and nothing else: queues and bells go through it. */
let folder: string;
let servers: Servers;
let roles: Roles;

beforeAll(async () => {
  folder = openFolder();
  const { url } = await freshDatabase('roles');
  servers = { DATABASE_URL: url };
  roles = await startRoles(folder, servers);
});
afterAll(async () => {
  await roles.close();
  await rm(folder, { recursive: true, force: true });
});

test('a reading becomes money in another process, and a command reaches the meter', async () => {
  await expectTheRoad(roles);
});

test('an ingest with a key that no edge has says how to register it', async () => {
  const running = run(['ingest'], {
    ...servers,
    JOULEBOOK_EDGE: 'cellar',
    JOULEBOOK_EDGE_KEY: `${folder}/token.pem`,
  });
  expect(await running.ended).toBe(1);
  expect(running.said()).toMatch(/^EDGE_UNKNOWN: .*ems-cli fleet register/);
});

test('each ends at SIGTERM with 0', async () => {
  await expectToEnd(roles);
});
