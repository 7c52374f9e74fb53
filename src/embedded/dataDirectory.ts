import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { filesOfLock, takeLock } from './lock.ts';
import type { Lock } from './lock.ts';
import { readOrMakeSecret, writeWhole } from './secretFile.ts';
import type { SecretRefusal } from './secretFile.ts';
import { makeWritableDirectory } from './writableDirectory.ts';
import type { DirectoryRefusal } from './writableDirectory.ts';

/** Where a start keeps what the next start must find, unless it is told otherwise. */
export const dataDirectoryDefault = '.joulebook';
/** In the system's temporary folder; what a killed start leaves is swept by the next. */
export const ephemeralDataPrefix = 'joulebook-data-';

/** Others may pass through on the way to Postgres' own folder, but neither list nor read. */
const directoryMode = 0o711;
const lockName = 'lock';
const namePattern = /^[a-z][a-zA-Z0-9.-]*$/;

export type DataDirectory = {
  readonly path: string;
  /** The secret of that name, made by `make` and kept the first time. */
  secret(name: string, make: () => string): Outcome<string, SecretRefusal>;
  /** What was last written under that name, or undefined; whoever asks parses it. */
  readState(name: string): unknown;
  /** Whole or not at all, also in a power cut. */
  writeState(name: string, value: unknown): void;
  /** Lets the next start in. An ephemeral directory is gone afterwards. Idempotent. */
  close(): void;
};

export type DataDirectoryRefusal = DirectoryRefusal | 'DIRECTORY_IN_USE';

export function openDataDirectory(options: {
  path: string;
  ephemeral: boolean;
}): Outcome<DataDirectory, DataDirectoryRefusal> {
  const path = options.ephemeral
    ? mkdtempSync(join(tmpdir(), ephemeralDataPrefix))
    : resolve(options.path);
  const writable = makeWritableDirectory(path, directoryMode);
  if (!writable.ok) return writable;
  const lock = takeLock(join(path, lockName));
  if (!lock.ok) {
    return refuse(
      'DIRECTORY_IN_USE',
      `${path} belongs to a start that is still running. ${lock.message} ` +
        'Stop that one, or choose another data directory.',
    );
  }
  const leave = () => (options.ephemeral ? removeTree(path) : unmakeIfUnused(path, writable.value));
  return accept(directoryAt(path, lock.value, leave));
}

function directoryAt(path: string, lock: Lock, leave: () => void): DataDirectory {
  let open = true;
  return {
    path,
    secret: (name, make) => readOrMakeSecret(join(path, checkedName(name)), make),
    readState: (name) => readState(join(path, `${checkedName(name)}.json`)),
    writeState(name, value) {
      assert(open, 'state is written only while the data directory is locked');
      writeWhole(join(path, `${checkedName(name)}.json`), `${JSON.stringify(value, null, 2)}\n`);
    },
    close() {
      if (!open) return;
      open = false;
      lock.release();
      leave();
    },
  };
}

function readState(path: string): unknown {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  return JSON.parse(readFileSync(path, 'utf8'));
}

function checkedName(name: string): string {
  assert(namePattern.test(name), `a name in the data directory, not a path: ${name}`);
  assert(!filesOfLock(lockName).includes(name), `${name} is the lock's`);
  return name;
}

/** A start that was refused after it had made the directory leaves no trace of it. */
function unmakeIfUnused(path: string, directory: { unmake(): void }): void {
  const locks = filesOfLock(lockName);
  if (readdirSync(path).every((name) => locks.includes(name))) directory.unmake();
}

function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
