import { accessSync, constants, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';

export type DirectoryRefusal = 'DIRECTORY_READ_ONLY' | 'DIRECTORY_IS_A_FILE';

export type WritableDirectory = {
  readonly path: string;
  /** Takes back what was made, when nothing came of it; an existing directory is left alone. */
  unmake: () => void;
};

/** Makes `path` if it is missing, and proves that this process may write in it. */
export function makeWritableDirectory(
  path: string,
  mode: number,
): Outcome<WritableDirectory, DirectoryRefusal> {
  const existing = nearestExisting(path);
  if (!statSync(existing).isDirectory()) {
    return refuse('DIRECTORY_IS_A_FILE', `${existing} is a file; choose another data directory.`);
  }
  if (!isWritable(existing)) return readOnly(existing);
  let made: string | undefined;
  try {
    made = mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    if (isPermission(error)) return readOnly(existing);
    throw error;
  }
  return accept({
    path,
    unmake() {
      if (made !== undefined) rmSync(made, { recursive: true, force: true });
    },
  });
}

function nearestExisting(path: string): string {
  let candidate = path;
  while (statSync(candidate, { throwIfNoEntry: false }) === undefined) {
    const parent = dirname(candidate);
    if (parent === candidate) return candidate;
    candidate = parent;
  }
  return candidate;
}

/**
 * Root may write where every write bit is off; whoever took them off did not want that, so the bits
 * count for root as well.
 */
function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch {
    return false;
  }
  return process.platform === 'win32' || (statSync(path).mode & 0o222) !== 0;
}

export function isPermission(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS')
  );
}

export function readOnly(path: string): Refused<'DIRECTORY_READ_ONLY'> {
  return refuse(
    'DIRECTORY_READ_ONLY',
    `This user may not write in ${path}; make it writable, or choose another data directory.`,
  );
}
