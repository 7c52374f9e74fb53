import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, projectRoot } from './projectFiles.ts';
import { tidy } from './tidy.ts';

/** The planted strings below are what tidy must find, so tidy does not read this file. */
const self = 'test/architecture/tidy.test.ts';
const rulesThemselves = 'test/architecture/tidy.ts';

test('the project is tidy', () => {
  const files = projectFiles().filter((file) => file !== self && file !== rulesThemselves);
  const untidy = files.flatMap((file) =>
    tidy(file, readFileSync(path.join(projectRoot, file), 'utf8')),
  );
  expect(untidy.map((u) => `${u.file}:${u.line} ${u.rule}: ${u.instead}`)).toEqual([]);
});

test('tidy reads the tree, and does not pass by reading nothing', () => {
  const files = projectFiles();
  expect(files).toContain('src/domain/outcome.ts');
  expect(files).toContain('test/architecture/tidy.test.ts');
  expect(files).toContain('.ci/run');
  expect(files).toContain('docs/decisions/lint-in-the-tree.md');
  expect(files.some((file) => file.includes('node_modules'))).toBe(false);
});

const columns = (count: number) => 'x'.repeat(count);

test.each([
  ['unfinished', 'src/domain/a.ts', '// TODO later'],
  ['unfinished', 'docs/a.md', '# A\n\nFIXME'],
  ['unfinished', 'test/a.test.ts', '// XXX'],
  ['hidden-test', 'test/a.test.ts', "it.skip('a', () => {});"],
  ['hidden-test', 'test/a.test.ts', "test.only('a', () => {});"],
  ['hidden-test', 'test/a.test.ts', "describe.skipIf(noPostgres)('a', () => {});"],
  ['hidden-test', 'test/a.test.ts', "xit('a', () => {});"],
  ['sleep', 'test/a.test.ts', 'await sleep(100);'],
  ['sleep', 'test/a.test.ts', 'await new Promise((done) => setTimeout(done, 100));'],
  ['mock', 'test/a.test.ts', "vi.mock('postgres');"],
  ['silenced-compiler', 'src/app/a.ts', 'const a = b as any;'],
  ['silenced-compiler', 'src/app/a.ts', '// @ts-ignore'],
  ['silenced-linter', 'src/app/a.ts', '// oxlint-disable-next-line habits/no-cast'],
  ['float-money', 'src/domain/a.ts', 'const a = parseFloat(b);'],
  ['float-money', 'src/domain/a.ts', 'type A = { readonly balanceMicros: number };'],
  ['float-money', 'src/operations/a.ts', 'const a = Number(balanceMicros) / 1e6;'],
  ['float-money', 'src/domain/a.ts', 'return price.toFixed(2);'],
  ['tracker-number', 'src/domain/a.ts', '// see issue #12'],
  ['tracker-number', 'docs/a.md', '# A\n\nFixes #3'],
  ['machine-path', 'scripts/a.ts', "const a = '/work/a';"],
  ['name', 'test/domain/issue-12.test.ts', 'a'],
  ['name', 'src/domain/rating-2.ts', 'a'],
  ['title', 'docs/a.md', '# A\n\n# B\n'],
  ['title', 'docs/a.md', 'no title'],
  ['length', 'src/domain/a.ts', 'a;\n'.repeat(401)],
  ['width', 'src/domain/a.ts', columns(101)],
])('tidy finds %s planted in %s', (rule, file, text) => {
  expect(tidy(file, text).map((untidy) => untidy.rule)).toContain(rule);
});

test.each([
  ['a comment in a fenced block is no title', 'docs/a.md', '# A\n\n```sh\n# comment\n```\n'],
  ['400 lines of 100 columns are fine', 'src/domain/a.ts', `${columns(100)}\n`.repeat(400)],
  ['a reason lifts a rule', 'src/app/a.ts', '// oxlint-disable-next-line a/b -- wrong types'],
  ['micros are a bigint', 'src/domain/a.ts', 'type A = { readonly balanceMicros: bigint };'],
])('tidy is silent where %s', (_guarantee, file, text) => {
  expect(tidy(file, text)).toEqual([]);
});
