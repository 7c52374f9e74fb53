import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { takeLock } from './lock.ts';

/** Postgres writes this file into its data directory while it runs. */
export const pidFile = 'postmaster.pid';
/** Fast shutdown writes a checkpoint: seconds on a slow disk. */
const fastStopMsMax = 10_000;
/** Immediate shutdown and SIGKILL write nothing. */
const abruptStopMsMax = 5_000;
const pollMs = 20;
/** A start locks its folder within milliseconds of making it; older and unlocked is abandoned. */
const abandonedAfterMs = 60_000;

/**
 * Stops the Postgres that still runs on this cluster although its start is gone (the caller holds
 * the lock, so nobody owns it), and clears a pid file whose number now belongs to another process,
 * on which Postgres would refuse to start. True when one was stopped.
 */
export async function stopOrphan(cluster: string): Promise<boolean> {
  const pid = postmasterPid(cluster);
  if (pid === undefined) return false;
  if (!isPostmasterOf(pid, cluster)) {
    rmSync(join(cluster, pidFile), { force: true });
    return false;
  }
  await stopProcess(pid);
  return true;
}

/** Fast, immediate, by force. Source: Postgres manual, "Shutting Down the Server". */
export async function stopProcess(pid: number): Promise<void> {
  for (const { signal, waitMs } of [
    { signal: 'SIGINT', waitMs: fastStopMsMax },
    { signal: 'SIGQUIT', waitMs: abruptStopMsMax },
    { signal: 'SIGKILL', waitMs: abruptStopMsMax },
  ] as const) {
    if (!send(pid, signal)) return;
    for (let waitedMs = 0; waitedMs < waitMs; waitedMs += pollMs) {
      if (!isRunning(pid)) return;
      await delay(pollMs);
    }
  }
}

export function postmasterPid(cluster: string): number | undefined {
  const path = join(cluster, pidFile);
  if (!existsSync(path)) return undefined;
  // A negative number stands for a standalone backend.
  const pid = Math.abs(Number.parseInt(readFileSync(path, 'utf8'), 10));
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
}

/** Removes what ephemeral starts left behind that died together with their watchdogs. */
export async function sweepAbandoned(options: {
  parent: string;
  prefix: string;
  nowMs: number;
}): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const name of readdirSync(options.parent)) {
    if (!name.startsWith(options.prefix)) continue;
    const folder = join(options.parent, name);
    const stat = lstatSync(folder, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isDirectory() || stat.uid !== process.getuid?.()) continue;
    if (options.nowMs - stat.mtimeMs < abandonedAfterMs) continue;
    const lock = takeLock(join(folder, 'lock'));
    if (!lock.ok) continue;
    await stopOrphan(join(folder, 'cluster'));
    lock.value.release();
    rmSync(folder, { recursive: true, force: true });
    swept.push(folder);
  }
  return swept;
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // In a container without an init nobody buries an orphan: a zombie has ended.
  return !/^State:\s+Z/m.test(readOrEmpty(`/proc/${pid}/status`));
}

/** Every Postgres server process has its data directory as its working directory. */
function isPostmasterOf(pid: number, cluster: string): boolean {
  if (!isRunning(pid)) return false;
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster);
    } catch {
      return false; // another user's process, or gone
    }
  }
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', `${pid}`], { encoding: 'utf8' }).includes(
      cluster,
    );
  } catch {
    return false;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
