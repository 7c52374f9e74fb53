import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { realpathSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { assert } from '../domain/assert.ts';
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { makeWritableDirectory } from './writableDirectory.ts';
import type { DirectoryRefusal } from './writableDirectory.ts';

/** Postgres refuses to run as root; 65534 is "nobody" on Linux and owns nothing else. */
const nobody: RunAs = { uid: 65_534, gid: 65_534 };
export const ephemeralPrefix = 'joulebook-ephemeral-';
const keptPrefix = 'joulebook-kept-';
const locationFile = 'postgres.location';
/** The server's user passes through and sees no names. */
const folderMode = 0o711;

export type RunAs = { readonly uid: number; readonly gid: number };

/** The folder of one cluster with its password, log and lock, and the user who runs it. */
export type PostgresHome = {
  readonly folder: string;
  readonly cluster: string;
  readonly runAs: RunAs | undefined;
  /** Takes back what was made; for a refusal. */
  unmake(): void;
};

export function openPostgresHome(options: {
  directory: string;
  ephemeral: boolean;
}): Outcome<PostgresHome, DirectoryRefusal> {
  if (options.ephemeral) {
    const folder = mkdtempSync(join(temporaryParent(), ephemeralPrefix));
    chmodSync(folder, folderMode);
    return homeAt(folder);
  }
  const wanted = resolve(options.directory, 'postgres');
  const writable = makeWritableDirectory(resolve(options.directory), folderMode);
  if (!writable.ok) return writable;
  const home =
    isRoot() && !isEnterableByOthers(options.directory)
      ? homeAt(farHome(options.directory))
      : homeAt(wanted);
  if (!home.ok) {
    writable.value.unmake();
    return home;
  }
  return accept({
    ...home.value,
    unmake() {
      home.value.unmake();
      writable.value.unmake();
    },
  });
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** May a user who is neither owner nor group pass through every directory on the way to `path`? */
export function isEnterableByOthers(path: string): boolean {
  let step = realpathSync(path);
  for (;;) {
    if ((statSync(step).mode & 0o001) === 0) return false;
    const parent = dirname(step);
    if (parent === step) return true;
    step = parent;
  }
}

export function giveTo(path: string, runAs: RunAs | undefined): void {
  if (runAs !== undefined) chownSync(path, runAs.uid, runAs.gid);
}

/** Where folders go that die with their start. Root's own TMPDIR may be closed to "nobody". */
export function temporaryParent(): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp'];
  const parent = isRoot()
    ? candidates.find((path) => existsSync(path) && isEnterableByOthers(path))
    : candidates[0];
  assert(parent !== undefined, 'one of TMPDIR, /tmp and /var/tmp can be entered by every user');
  return parent;
}

function homeAt(folder: string): Outcome<PostgresHome, DirectoryRefusal> {
  const writable = makeWritableDirectory(folder, folderMode);
  if (!writable.ok) return writable;
  const cluster = join(folder, 'cluster');
  return accept({
    folder,
    cluster,
    runAs: isRoot() ? ownerOf(cluster) : undefined,
    unmake: writable.value.unmake,
  });
}

/** A cluster belongs to the user who made it, also when root starts it the next time. */
function ownerOf(cluster: string): RunAs {
  const stat = statSync(cluster, { throwIfNoEntry: false });
  return stat === undefined || stat.uid === 0 ? nobody : { uid: stat.uid, gid: stat.gid };
}

/**
 * Root works in /root, where "nobody" may not enter: the cluster then lives in /var/tmp (which
 * survives a reboot), and a file in the data directory says where. Without that file, a new one.
 */
function farHome(directory: string): string {
  const pointer = join(directory, locationFile);
  if (existsSync(pointer)) {
    const folder = readFileSync(pointer, 'utf8').trim();
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true && stat.uid === 0) return folder;
  }
  const folder = mkdtempSync(join(existsSync('/var/tmp') ? '/var/tmp' : '/tmp', keptPrefix));
  chmodSync(folder, folderMode);
  writeFileSync(pointer, `${folder}\n`, { mode: 0o600 });
  return folder;
}
