import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { assert, assertNever } from '../domain/assert.ts';
import { embeddedConnectionsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { takeLock } from './lock.ts';
import { pidFile, stopOrphan, stopProcess, sweepAbandoned } from './orphans.ts';
import { completeNativeTree, copyNativeTree } from './postgresBinaries.ts';
import { locateNativeTree, program } from './postgresBinaries.ts';
import { ephemeralPrefix, giveTo, isEnterableByOthers, openPostgresHome } from './postgresHome.ts';
import { temporaryParent } from './postgresHome.ts';
import type { PostgresHome } from './postgresHome.ts';
import { readOrMakeSecret } from './secretFile.ts';
import type { SecretRefusal } from './secretFile.ts';
import { childExit, startWatchdog } from './watchdog.ts';
import type { Watchdog } from './watchdog.ts';
import { isPermission, readOnly } from './writableDirectory.ts';
import type { DirectoryRefusal } from './writableDirectory.ts';

export type PostgresStep = 'stopping an orphan' | 'creating the database' | 'starting Postgres';

export type PostgresRefusal =
  | DirectoryRefusal
  | SecretRefusal
  | 'PLATFORM_BINARY_MISSING'
  | 'DIRECTORY_IN_USE'
  | 'PORT_TAKEN'
  | 'POSTGRES_DID_NOT_START';

export type PostgresOptions = {
  /** Holds the cluster from start to start, in its folder `postgres`. Untouched when ephemeral. */
  directory: string;
  /** In a temporary folder that is gone after the stop. */
  ephemeral: boolean;
  onProgress: (step: PostgresStep) => void;
  /** Exactly this one; without it, any free one. */
  port?: number;
};

export type EmbeddedPostgres = {
  /** Of the superuser, with its password, on 127.0.0.1. */
  readonly url: string;
  readonly pid: number;
  /** Resolves with the last log lines when the server ends although nobody stopped it. */
  readonly died: Promise<string>;
  /** Idempotent. Nothing of this start runs afterwards, and an ephemeral folder is gone. */
  stop: () => Promise<void>;
};

const superuser = 'postgres';
/** Recovery after a power cut reads up to max_wal_size of log: on a slow disk a minute. */
const startMsMax = 120_000;
const pollMs = 20;
/** A port may be taken between our look and the server's; old backends may need a moment to end. */
const attemptsMax = 20;
const logBytesMax = 1_048_576;
const logLinesShown = 5;

const settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // TCP only: no second way in, and no path that is too long
  max_connections: String(embeddedConnectionsMax),
  // An acknowledged reading survives a power cut only with these three.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  wal_level: 'replica',
  max_wal_senders: '0', // nobody replicates from a start on one machine
  jit: 'off', // compiling costs more than our short statements run
  // Parallel plans share memory in /dev/shm, of which a container has 64 MB.
  max_parallel_workers_per_gather: '0',
  TimeZone: 'UTC',
  log_timezone: 'UTC',
  // The log keeps starts, stops and crashes; failed statements reach their client, and their
  // texts may hold personal data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

export async function startPostgres(
  options: PostgresOptions,
): Promise<Outcome<EmbeddedPostgres, PostgresRefusal>> {
  const native = locateNativeTree({ platform: process.platform, arch: process.arch });
  if (!native.ok) return native;
  if (options.ephemeral) {
    const parent = temporaryParent();
    await sweepAbandoned({ parent, prefix: ephemeralPrefix, nowMs: Date.now() });
  }
  const opened = openPostgresHome(options);
  if (!opened.ok) return opened;
  const home = opened.value;
  const lock = takeLock(join(home.folder, 'lock'));
  if (!lock.ok) {
    return refuse(
      'DIRECTORY_IN_USE',
      `The database in ${home.folder} belongs to a start that is still running. ` +
        `${lock.message} Stop that one, or choose another data directory.`,
    );
  }
  const watchdog = startWatchdog({ removeFolder: options.ephemeral ? home.folder : undefined });
  const close = async () => {
    await watchdog.release();
    lock.value.release();
    if (options.ephemeral) rmSync(home.folder, { recursive: true, force: true });
  };
  const abandon = async () => {
    await close();
    home.unmake();
  };
  try {
    const launched = await launch({ home, tree: native.value.path, options, watchdog });
    if (!launched.ok) {
      await abandon();
      return launched;
    }
    return accept(handleOf({ ...launched.value, home, close }));
  } catch (error) {
    await abandon();
    return refusalOf(error, home);
  }
}

type Launched = { server: ChildProcess; pid: number; port: number; password: string };

async function launch(given: {
  home: PostgresHome;
  tree: string;
  options: PostgresOptions;
  watchdog: Watchdog;
}): Promise<Outcome<Launched, PostgresRefusal>> {
  const { home, options, watchdog } = given;
  const tree = runnableTree(home, given.tree);
  if (existsSync(join(home.cluster, pidFile))) {
    options.onProgress('stopping an orphan');
    await stopOrphan(home.cluster);
  }
  const passwordPath = join(home.folder, 'password');
  if (existsSync(home.cluster) && !existsSync(passwordPath)) {
    return refuse(
      'POSTGRES_DID_NOT_START',
      `${passwordPath} is missing, so nobody can log in to the database beside it; ` +
        `put the file back, or delete ${home.folder} to begin anew.`,
    );
  }
  const password = readOrMakeSecret(passwordPath, () => randomBytes(24).toString('base64url'));
  if (!password.ok) return password;
  if (!existsSync(home.cluster)) {
    options.onProgress('creating the database');
    const created = await createCluster({
      home,
      tree,
      watchdog,
      password: password.value,
      ephemeral: options.ephemeral,
    });
    if (!created.ok) return created;
  }
  options.onProgress('starting Postgres');
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const port = options.port ?? (await freePort());
    const attempted = await attemptStart({ home, tree, watchdog, port });
    if (attempted.ok) return accept({ ...attempted.value, port, password: password.value });
    const { code } = attempted;
    switch (code) {
      case 'PORT_TAKEN':
        if (options.port !== undefined) return refuse('PORT_TAKEN', attempted.message);
        break;
      case 'BACKENDS_ENDING':
        await delay(250);
        break;
      case 'POSTGRES_DID_NOT_START':
        return refuse(code, attempted.message);
      default:
        return assertNever(code);
    }
  }
  return refuse('POSTGRES_DID_NOT_START', didNotStart(home, lastLines(home, 0)));
}

function handleOf(
  given: Launched & { home: PostgresHome; close: () => Promise<void> },
): EmbeddedPostgres {
  const { server, pid, port, password, home, close } = given;
  let stopping: Promise<void> | undefined;
  const died = new Promise<string>((resolve) => {
    server.once('exit', () => {
      if (stopping === undefined) resolve(didNotStart(home, lastLines(home, 0)));
    });
  });
  return {
    url: `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`,
    pid,
    died,
    stop() {
      stopping ??= stopProcess(pid)
        .then(() => childExit(server))
        .then(close);
      return stopping;
    },
  };
}

/** The installed tree where the server's user may run it; otherwise a copy beside the cluster. */
function runnableTree(home: PostgresHome, installed: string): string {
  const enterable = home.runAs === undefined || isEnterableByOthers(installed);
  if (completeNativeTree(installed) && enterable) return installed;
  const copy = join(home.folder, 'native');
  // Copied anew each time: a copy cut short by a crash would look like a whole one.
  rmSync(copy, { recursive: true, force: true });
  copyNativeTree(installed, copy);
  assert(completeNativeTree(copy), 'a copy of the Postgres binaries is ours to complete');
  return copy;
}

async function createCluster(given: {
  home: PostgresHome;
  tree: string;
  watchdog: Watchdog;
  password: string;
  ephemeral: boolean;
}): Promise<Outcome<undefined, 'POSTGRES_DID_NOT_START'>> {
  const { home, watchdog } = given;
  // A start that died here left a half: the name says that it is one.
  const draft = `${home.cluster}.draft`;
  const passwordFile = join(home.folder, 'initdb.password');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  giveTo(draft, home.runAs);
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, `${given.password}\n`, { mode: 0o600 });
  giveTo(passwordFile, home.runAs);
  const log = openLog(home);
  try {
    const initdb = spawnAs(home, log, program(given.tree, 'initdb'), [
      `--pgdata=${draft}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Sorting that is the same on every machine, and does not change with its C library.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(given.ephemeral ? ['--no-sync'] : []),
    ]);
    const failure = spawnFailure(initdb);
    if (initdb.pid !== undefined) watchdog.watch(initdb.pid);
    await Promise.race([childExit(initdb), failure]);
    if (initdb.exitCode !== 0) {
      rmSync(draft, { recursive: true, force: true });
      const reason = initdb.pid === undefined ? await failure : lastLines(home, log.startsAt);
      return refuse('POSTGRES_DID_NOT_START', didNotStart(home, reason));
    }
  } finally {
    closeSync(log.file);
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, home.cluster);
  return accept(undefined);
}

type AttemptRefusal = 'PORT_TAKEN' | 'BACKENDS_ENDING' | 'POSTGRES_DID_NOT_START';

async function attemptStart(given: {
  home: PostgresHome;
  tree: string;
  watchdog: Watchdog;
  port: number;
}): Promise<Outcome<{ server: ChildProcess; pid: number }, AttemptRefusal>> {
  const { home, watchdog, port } = given;
  const log = openLog(home);
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawnAs(home, log, program(given.tree, 'postgres'), [
    '-D',
    home.cluster,
    '-p',
    String(port),
    ...flags,
  ]);
  const failure = spawnFailure(server);
  closeSync(log.file);
  const { pid } = server;
  if (pid === undefined) {
    return refuse('POSTGRES_DID_NOT_START', didNotStart(home, await failure));
  }
  watchdog.watch(pid);
  for (let waitedMs = 0; waitedMs < startMsMax && isAlive(server); waitedMs += pollMs) {
    if (isReady(home.cluster, pid)) return accept({ server, pid });
    await delay(pollMs);
  }
  if (isAlive(server)) await stopProcess(pid);
  const lines = lastLines(home, log.startsAt);
  if (/could not bind|could not create any TCP/.test(lines)) {
    return refuse(
      'PORT_TAKEN',
      `Port ${port} on 127.0.0.1 is taken by another program; stop it, or choose another port.`,
    );
  }
  // Backends of a server that was killed notice within moments, and hold its memory until then.
  if (/shared memory block|is still in use/.test(lines)) return refuse('BACKENDS_ENDING', lines);
  return refuse('POSTGRES_DID_NOT_START', didNotStart(home, lines));
}

type Log = { file: number; startsAt: number };

function openLog(home: PostgresHome): Log {
  const path = logPath(home);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const isFull = bytes > logBytesMax;
  return { file: openSync(path, isFull ? 'w' : 'a', 0o600), startsAt: isFull ? 0 : bytes };
}

function logPath(home: PostgresHome): string {
  return join(home.folder, 'postgres.log');
}

function lastLines(home: PostgresHome, startsAt: number): string {
  const text = readFileSync(logPath(home)).subarray(startsAt).toString('utf8');
  return text.trimEnd().split('\n').slice(-logLinesShown).join(' | ');
}

function didNotStart(home: PostgresHome, reason: string): string {
  // A container started with a number for a user: initdb wants a name.
  if (reason.includes('could not look up effective user')) {
    return (
      'Postgres wants a user that has a name, and this one has no entry in /etc/passwd; ' +
      'start as a user that has one.'
    );
  }
  return `Postgres ended. Its last words: ${reason} (log: ${logPath(home)})`;
}

function spawnAs(home: PostgresHome, log: Log, path: string, flags: string[]): ChildProcess {
  return spawn(path, flags, {
    cwd: home.folder,
    // A session of its own: Ctrl-C reaches the whole foreground group, and Postgres must outlive
    // those who still write to it.
    detached: true,
    stdio: ['ignore', log.file, log.file],
    // Nothing of ours: a PGPORT or PGDATA of the user's would change what the server does.
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    ...(home.runAs === undefined ? {} : home.runAs),
  });
}

/** Resolves with the reason when the program cannot be run at all; otherwise never. */
function spawnFailure(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(`${error.message}; these binaries need glibc, which Alpine Linux does not have`);
    });
  });
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Line 1 is the server's pid, line 8 its state. Source: Postgres miscadmin.h, LOCK_FILE_LINE_*. */
function isReady(cluster: string, pid: number): boolean {
  const path = join(cluster, pidFile);
  if (!existsSync(path)) return false;
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  assert(typeof address === 'object' && address !== null, 'a listening TCP server has an address');
  await new Promise((resolve) => probe.close(resolve));
  return address.port;
}

/** What the machine refuses is told in a sentence; what is our own mistake is thrown on. */
function refusalOf(
  error: unknown,
  home: PostgresHome,
): Outcome<never, 'DIRECTORY_READ_ONLY' | 'POSTGRES_DID_NOT_START'> {
  if (isPermission(error)) return readOnly(home.folder);
  if (error instanceof Error && 'syscall' in error) {
    return refuse('POSTGRES_DID_NOT_START', `The machine refused: ${error.message}`);
  }
  throw error;
}
