import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The real program in a process of its own, as a newcomer or a supervisor runs it. */

export const program = fileURLToPath(new URL('../../src/app/main.ts', import.meta.url));
export const cli = fileURLToPath(new URL('../../src/cli/launch.js', import.meta.url));

const readyShape = z.object({
  graphql: z.url(),
  websocket: z.string(),
  mqtt: z.string(),
  intake: z.url(),
  receiptKey: z.object({ keyId: z.string(), publicKey: z.string() }),
  account: z.string(),
  tokens: z.record(
    z.enum(['subscriber', 'operator', 'administrator', 'developer', 'partner']),
    z.string(),
  ),
  operations: z.object({ Balances: z.string() }),
});
export type Ready = z.infer<typeof readyShape>;
export type TokenName = keyof Ready['tokens'];

export type Running = {
  readonly child: ChildProcess;
  /** All that it has written to its standard error. */
  readonly said: () => string;
  readonly printed: () => string;
  /** Resolves with its exit code, null when it died by a signal. */
  readonly ended: Promise<number | null>;
};

/** A folder that the server's user may pass through, for a start's TMPDIR and data. */
export function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'joulebook-test-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** Nothing of the tester's own servers, nor of the test runner. */
function environment(given: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...given };
}

export function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  file = program,
): Running {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(env),
  });
  let said = '';
  let printed = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
  });
  const ended = once(child, 'close').then(() => child.exitCode);
  return { child, said: () => said, printed: () => printed, ended };
}

/** Its first line, or what it said instead of one. */
export async function firstLine(running: Running): Promise<string> {
  const { child, printed, said, ended } = running;
  let hasEnded = false;
  const end = ended.then(() => {
    hasEnded = true;
  });
  while (!printed().includes('\n')) {
    if (hasEnded) throw new Error(`ended without a line: ${said()}`);
    await Promise.race([child.stdout === null ? end : once(child.stdout, 'data'), end]);
  }
  return printed().split('\n')[0] ?? '';
}

export async function startJson(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ running: Running; ready: Ready }> {
  const running = run(['all', '--json', '--port', '0', ...args], env);
  const line: unknown = JSON.parse(await firstLine(running));
  return { running, ready: readyShape.parse(line) };
}

/** As Ctrl-C; resolves with the exit code. */
export function interrupt(running: Running): Promise<number | null> {
  running.child.kill('SIGINT');
  return running.ended;
}

/** Every process that descends from this one, by /proc (Linux). Source: proc(5), stat, field 4. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = statOf(Number(name));
    if (stat !== null) parents.set(Number(name), stat.parent);
  }
  const found: number[] = [];
  const isOfUs = (candidate: number): boolean => {
    const parent = parents.get(candidate);
    return parent !== undefined && parent > 1 && (parent === pid || isOfUs(parent));
  };
  for (const candidate of parents.keys()) if (isOfUs(candidate)) found.push(candidate);
  return found;
}

export function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== 'Z';
}

function statOf(pid: number): { state: string; parent: number } | null {
  try {
    // The name, in parentheses, may hold spaces.
    const rest = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return { state: rest[0] ?? '', parent: Number(rest[1]) };
  } catch {
    return null; // ended while we looked
  }
}
