import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataDirectory } from '../../src/embedded/dataDirectory.ts';
import type { DataDirectory } from '../../src/embedded/dataDirectory.ts';
import { holdInChild, killHard } from './childProcess.ts';

let parent = '';
let opened: DataDirectory[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'joulebook-test-'));
  opened = [];
});
afterEach(() => {
  for (const directory of opened) directory.close();
  chmodSync(parent, 0o755);
  rmSync(parent, { recursive: true, force: true });
});

function attempt(path: string, ephemeral = false) {
  const outcome = openDataDirectory({ path, ephemeral });
  if (outcome.ok) opened.push(outcome.value);
  return outcome;
}

function open(path: string, ephemeral = false): DataDirectory {
  const outcome = attempt(path, ephemeral);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.value;
}

test('two starts never share a directory, and the refusal names the holder', () => {
  const path = join(parent, 'data');
  const first = open(path);
  expect(attempt(path)).toMatchObject({
    ok: false,
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(`process ${process.pid}`),
  });
  first.close();
  expect(attempt(path).ok).toBe(true);
});

test('another process holds the directory until it is killed, and not longer', async () => {
  const path = join(parent, 'data');
  const child = await holdInChild(path);
  expect(attempt(path)).toMatchObject({
    ok: false,
    code: 'DIRECTORY_IN_USE',
    message: expect.stringContaining(`process ${child.pid}`),
  });
  await killHard(child);
  expect(attempt(path).ok).toBe(true);
});

test('a secret is made once, only its owner reads it, and later starts find it', () => {
  const path = join(parent, 'data');
  const first = open(path);
  expect(first.secret('signing', () => 's3cret')).toEqual({ ok: true, value: 's3cret' });
  first.close();
  expect(statSync(join(path, 'signing')).mode & 0o777).toBe(0o600);
  expect(open(path).secret('signing', () => 'another')).toEqual({ ok: true, value: 's3cret' });
});

test('a secret that others could have read is refused', () => {
  const directory = open(join(parent, 'data'));
  directory.secret('signing', () => 's3cret');
  chmodSync(join(directory.path, 'signing'), 0o640);
  expect(directory.secret('signing', () => 'another')).toMatchObject({
    ok: false,
    code: 'SECRET_EXPOSED',
    message: expect.stringContaining('640'),
  });
});

test('state is the last that was written whole; a draft cut short by a crash is not read', () => {
  const directory = open(join(parent, 'data'));
  expect(directory.readState('world')).toBeUndefined();
  directory.writeState('world', { meters: 200 });
  writeFileSync(join(directory.path, 'world.json.draft'), '{"meters": 2', { mode: 0o666 });
  expect(directory.readState('world')).toEqual({ meters: 200 });
  directory.writeState('world', { meters: 201 });
  expect(JSON.parse(readFileSync(join(directory.path, 'world.json'), 'utf8'))).toEqual({
    meters: 201,
  });
  expect(statSync(join(directory.path, 'world.json')).mode & 0o777).toBe(0o600);
});

test('a read-only directory is refused, and nothing is made in it', () => {
  chmodSync(parent, 0o555);
  expect(attempt(join(parent, 'deep', 'data'))).toMatchObject({
    ok: false,
    code: 'DIRECTORY_READ_ONLY',
    message: expect.stringContaining(parent),
  });
  expect(readdirSync(parent)).toEqual([]);
});

test('a file where the directory should be is refused and kept', () => {
  const path = join(parent, 'data');
  writeFileSync(path, 'mine');
  expect(attempt(path)).toMatchObject({ ok: false, code: 'DIRECTORY_IS_A_FILE' });
  expect(readFileSync(path, 'utf8')).toBe('mine');
});

test('a start that leaves nothing in a directory that it made takes the directory with it', () => {
  open(join(parent, 'deep', 'data')).close();
  expect(readdirSync(parent)).toEqual([]);
  const used = open(join(parent, 'data'));
  used.writeState('world', {});
  used.close();
  expect(readdirSync(parent)).toEqual(['data']);
});

test('an ephemeral directory is gone after the close', () => {
  const directory = open(join(parent, 'data'), true);
  directory.secret('signing', () => 's3cret');
  expect(existsSync(directory.path)).toBe(true);
  directory.close();
  expect(existsSync(directory.path)).toBe(false);
  expect(readdirSync(parent)).toEqual([]);
});
