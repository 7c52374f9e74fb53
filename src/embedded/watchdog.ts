import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * Postgres survives a parent that dies by kill -9 or a crash. This shell holds the other end of a
 * pipe: when the pipe ends without "done", the parent is gone, and it stops the process that it was
 * told last (fast, then immediate: both leave a cluster that starts again) and removes the
 * ephemeral folder. A shell, because it costs 1 MB and is there where Postgres runs on Unix.
 */
const script = `
pid=
while read -r line; do
  case $line in done) exit 0 ;; *) pid=$line ;; esac
done
if [ -n "$pid" ]; then
  kill -INT "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -eq 100 ]; then kill -QUIT "$pid" 2>/dev/null; fi
    if [ "$tries" -eq 150 ]; then kill -KILL "$pid" 2>/dev/null; break; fi
    sleep 0.1
  done
fi
if [ -n "$1" ]; then rm -rf -- "$1"; fi
`;

export type Watchdog = {
  /** From now on this process goes when we go. */
  watch(pid: number): void;
  /** We have stopped it ourselves. */
  release(): Promise<void>;
};

export function startWatchdog(options: { removeFolder: string | undefined }): Watchdog {
  // Windows has no such shell; there the next start finds and stops the orphan.
  if (process.platform === 'win32') return { watch() {}, async release() {} };
  const shell = spawn('/bin/sh', ['-c', script, 'watchdog', options.removeFolder ?? ''], {
    // A session of its own: Ctrl-C reaches the whole foreground group and must not end it first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve());
    shell.once('error', () => resolve());
  });
  // It may be killed; then a write must not end us.
  shell.stdin.on('error', () => {});
  shell.unref();
  return {
    watch(pid) {
      shell.stdin.write(`${pid}\n`);
    },
    async release() {
      shell.ref();
      shell.stdin.end('done\n');
      await ended;
    },
  };
}

/** Resolves when the child has ended, also when it ended before the call. */
export async function childExit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  await once(child, 'exit');
}
