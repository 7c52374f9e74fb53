import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../architecture/projectFiles.ts';
import { temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
const launcher = path.join(projectRoot, 'src/cli/launch.js');
const tariff = path.join(projectRoot, 'examples/tariff.json');

/** Loaded first, it makes a Node look like one that cannot run TypeScript. */
const oldNode = path.join(folder, 'oldNode.cjs');
writeFileSync(
  oldNode,
  `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });`,
);

function launch(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    const options = { cwd: folder, env: { ...process.env, ...env }, timeout: 100_000 };
    execFile(process.execPath, ['-r', oldNode, file, ...args], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

describe('started by a Node that is too old', () => {
  test.each([
    [['tariff', 'lint', tariff], 0],
    [['tariff', 'lint', 'absent.json'], 1],
    [['unheard-of'], 2],
  ])('%j runs on the Node of node_modules, with its exit code', async (args, exitCode) => {
    const run = await launch(launcher, args);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stdout + run.stderr).toMatch(/is sound|FILE_UNREADABLE|COMMAND_MISUSED/);
  });

  test('without a newer one it says so, instead of starting itself for ever', async () => {
    const run = await launch(launcher, ['--help'], { JOULEBOOK_RELAUNCHED: '1' });
    expect(run).toMatchObject({ exitCode: 2, stdout: '' });
    expect(run.stderr).toContain('NODE_TOO_OLD: this is Node 20.1.0 and 24 is needed');
  });
});

test.each(['meter-cli', 'ems-mgr'])('called as %s it goes by that name', async (name) => {
  const link = path.join(folder, name);
  symlinkSync(launcher, link);
  const run = await launch(link, ['--help']);
  expect(run.stdout).toContain(`Usage: ${name} `);
});
