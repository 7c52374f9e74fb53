import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, vi } from 'vitest';
import { printedOf } from '../../src/cli/answer.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { projectRoot } from '../architecture/projectFiles.ts';

const launcher = path.join(projectRoot, 'src/cli/launch.js');

export type Finished = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** The command line as a process of its own, without the caller's DATABASE_URL. */
export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  node = process.execPath,
): Promise<Finished> {
  return new Promise((resolve) => {
    const { DATABASE_URL: _unused, ...rest } = process.env;
    const options = { cwd: projectRoot, env: { ...rest, ...env }, timeout: 100_000 };
    execFile(node, [launcher, ...args], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/**
 * The same program inside the test's own process, which is a second cheaper; what a process adds,
 * such as misuse and its exit code, `runCli` sees.
 */
export async function callCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  for (const name of ['DATABASE_URL', 'JOULEBOOK_OFFICE_KEY']) vi.stubEnv(name, env[name]);
  try {
    let printed: Finished | null = null;
    const program = buildProgram('ems-cli', (answer, isJson) => {
      printed = printedOf(answer, isJson);
    });
    await program.parseAsync([...args], { from: 'user' });
    if (printed === null) throw new Error('the command gives its answer');
    return printed;
  } finally {
    vi.unstubAllEnvs();
  }
}

/** The one line that --json prints. */
export function lineOf({ stdout }: Finished): unknown {
  return JSON.parse(stdout);
}

/** A folder that is gone after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
