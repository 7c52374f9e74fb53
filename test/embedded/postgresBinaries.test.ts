import { chmodSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { completeNativeTree, program } from '../../src/embedded/postgresBinaries.ts';

let parent = '';

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'joulebook-test-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

test('a tree as npm unpacks it without install scripts gets its links and execute bits', () => {
  const tree = join(parent, 'native');
  for (const folder of ['bin', 'lib']) mkdirSync(join(tree, folder), { recursive: true });
  for (const name of ['initdb', 'postgres'] as const) {
    writeFileSync(program(tree, name), '');
    chmodSync(program(tree, name), 0o644);
  }
  writeFileSync(join(tree, 'lib', 'libpq.so.5.18'), '');
  // The form of the list that the platform packages carry.
  const link = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' };
  writeFileSync(join(tree, 'pg-symlinks.json'), JSON.stringify([link]));
  expect(completeNativeTree(tree)).toBe(true);
  expect(readlinkSync(join(tree, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
  expect(statSync(program(tree, 'postgres')).mode & 0o111).toBe(0o111);
  expect(completeNativeTree(tree)).toBe(true);
});
