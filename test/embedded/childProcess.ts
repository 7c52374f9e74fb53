import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A start in a process of its own, which prints one JSON line when it is up and then waits. */
export async function startInChild(options: {
  directory: string;
  ephemeral: boolean;
}): Promise<{ child: ChildProcess; line: unknown }> {
  const kind = options.ephemeral ? 'ephemeral' : 'kept';
  return run('startPostgresProgram.ts', [options.directory, kind]);
}

/** A process that holds the data directory. */
export async function holdInChild(path: string): Promise<ChildProcess> {
  return (await run('holdDirectoryProgram.ts', [path])).child;
}

async function run(
  name: string,
  flags: readonly string[],
): Promise<{ child: ChildProcess; line: unknown }> {
  const program = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const child = spawn(process.execPath, [program, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = await once(child.stdout, 'data');
  const line: unknown = JSON.parse(String(chunk));
  return { child, line };
}

export async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** As when a whole container or process tree is killed. */
export function killWatchdogOf(parent: ChildProcess): void {
  const watchdogs = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && isWatchdogOf(pid, parent.pid ?? 0),
  );
  if (watchdogs.length !== 1) throw new Error(`one watchdog, found ${watchdogs.length}`);
  for (const pid of watchdogs) process.kill(Number(pid), 'SIGKILL');
}

function isWatchdogOf(pid: string, parentPid: number): boolean {
  try {
    // Field 4 is the parent's pid; field 2, in parentheses, may hold spaces. Source: proc(5).
    const [, parent] =
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return parent === String(parentPid) && commandLine.includes('watchdog');
  } catch {
    return false; // ended while we looked
  }
}
