import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres } from '../../src/embedded/postgres.ts';
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { childrenOf } from './processes.ts';

/** A server of the deployment that can be killed, stopped in its tracks and started again. */
export type Server = {
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
};

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended
    }
  }
}

export type PostgresServer = Server & {
  readonly url: string;
  /** kill -9 of one backend: Postgres then ends all connections and recovers by itself. */
  killBackend(pick: (count: number) => number): boolean;
};

/** The embedded binaries with fsync, on a directory that outlives each of its servers. */
export async function openPostgres(directory: string): Promise<PostgresServer> {
  const port = await freePort();
  let running: EmbeddedPostgres | null = null;
  const start = async (): Promise<EmbeddedPostgres> => {
    const started = await startPostgres({
      directory,
      ephemeral: false,
      port,
      onProgress: () => {},
    });
    if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
    const server = started.value;
    running = server;
    // A server that ends by itself, because its disk is full, gives its lock back, too.
    server.died.then(
      () => (running === server ? end() : undefined),
      () => {},
    );
    return server;
  };
  const end = async (): Promise<void> => {
    const ending = running;
    running = null;
    await ending?.stop();
  };
  const { url } = await start();
  const group = (): readonly number[] =>
    running === null ? [] : [running.pid, ...childrenOf(running.pid)];
  return {
    url,
    async kill() {
      signalAll(group(), 'SIGKILL');
      await end(); // takes back the lock of the dead one
    },
    async start() {
      if (running === null) await start();
    },
    pause: () => signalAll(group(), 'SIGSTOP'),
    resume: () => signalAll(group(), 'SIGCONT'),
    killBackend(pick) {
      const backends = group().slice(1);
      if (backends.length === 0) return false;
      signalAll([backends[pick(backends.length)]], 'SIGKILL');
      return true;
    },
    async stop() {
      signalAll(group(), 'SIGCONT');
      await end();
    },
  };
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--help'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return error instanceof Error && 'status' in error && typeof error.status === 'number';
  }
}

type Program = { readonly command: string; readonly args: readonly string[] };

function openProgram({ command, args }: Program): Server {
  let child: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'close');
    ending.kill('SIGCONT');
    ending.kill(signal);
    await ended;
  };
  return {
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async start() {
      if (child !== null) return;
      child = spawn(command, args, { stdio: 'ignore' });
      await delay(50);
    },
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
  };
}

export type PlacedServer = Server & { readonly url: string };

export const installLines = {
  redis: 'apt-get install -y redis-server',
  broker: 'apt-get install -y mosquitto',
  clock: 'apt-get install -y faketime',
} as const;

/** With an append-only file; null where it is not installed. */
export async function openRedis(folder: string): Promise<PlacedServer | null> {
  if (!isInstalled('redis-server')) return null;
  const port = await freePort();
  const directory = join(folder, 'redis');
  mkdirSync(directory, { recursive: true });
  const server = openProgram({
    command: 'redis-server',
    args: [
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      directory,
      '--appendonly',
      'yes',
      '--appendfsync',
      'everysec',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
    ],
  });
  await server.start();
  return { ...server, url: `redis://127.0.0.1:${port}` };
}

/** mosquitto without persistence: what it had not passed on is lost with it. */
export async function openBroker(folder: string): Promise<PlacedServer | null> {
  // Debian puts daemons where a user's PATH does not look.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  if (!isInstalled('mosquitto')) return null;
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`,
  );
  const server = openProgram({ command: 'mosquitto', args: ['-c', config] });
  await server.start();
  return { ...server, url: `mqtt://127.0.0.1:${port}` };
}
