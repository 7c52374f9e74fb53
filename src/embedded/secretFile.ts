import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, renameSync } from 'node:fs';
import { statSync, writeSync } from 'node:fs';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

export type SecretRefusal = 'SECRET_EXPOSED';

/** The one line in the file, made by `make` and kept the first time. */
export function readOrMakeSecret(path: string, make: () => string): Outcome<string, SecretRefusal> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    const secret = make();
    assert(secret.length > 0 && !secret.includes('\n'), 'a secret is one line');
    writeWhole(path, `${secret}\n`);
    return accept(secret);
  }
  // Windows keeps no such bits: its files are private by the folder that they are in.
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8);
    return refuse(
      'SECRET_EXPOSED',
      `${path} holds a secret and has mode ${mode}, so others on this machine can read it; ` +
        'run chmod 600 on it if you trust them all, or start with a new data directory.',
    );
  }
  return accept(readFileSync(path, 'utf8').trimEnd());
}

/**
 * Writes a file that only its owner reads. A reader, or a start after a power cut, sees the old
 * file or the new one, never a half.
 */
export function writeWhole(path: string, text: string): void {
  const draft = `${path}.draft`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(draft, 0o600); // a draft left by a crash keeps the mode that it had
  renameSync(draft, path);
}
