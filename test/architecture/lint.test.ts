import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { floors, homes, refusalOf } from '../../lint/boundaries.js';
import { projectFiles, projectRoot } from './projectFiles.ts';

const planted = 'test/architecture/planted';

/** Every planted fault and the rule that must name it. */
const faults: Readonly<Record<string, string>> = {
  'focused.ts': 'vitest(no-focused-tests)',
  'src/app/any.ts': 'typescript(no-explicit-any)',
  'src/app/cast.ts': 'habits(no-cast)',
  'src/app/castsId.ts': 'habits(no-cast)',
  'src/app/defaultExport.ts': 'import(no-default-export)',
  'src/app/enum.ts': 'habits(no-enum)',
  'src/app/longFunction.ts': 'habits(no-long-function)',
  'src/app/nonNull.ts': 'typescript(no-non-null-assertion)',
  'src/app/openSwitch.ts': 'typescript(switch-exhaustiveness-check)',
  'src/app/valueImportOfType.ts': 'typescript(consistent-type-imports)',
  'src/cli/importsTest.ts': 'boundaries(floors)',
  'src/db/unawaitedInsert.ts': 'typescript(no-floating-promises)',
  'src/db/unawaitedPostgres.ts': 'typescript(no-floating-promises)',
  'src/db/unawaitedTransaction.ts': 'typescript(no-floating-promises)',
  'src/db/voidedInsert.ts': 'typescript(no-floating-promises)',
  'src/devices/importsHomeless.ts': 'boundaries(floors)',
  'src/domain/importsDb.ts': 'boundaries(floors)',
  'src/domain/importsNode.ts': 'boundaries(floors)',
  'src/domain/importsTypeFromDb.ts': 'boundaries(floors)',
  'src/domain/makesDate.ts': 'habits(no-clock-no-chance)',
  'src/domain/readsClock.ts': 'habits(no-clock-no-chance)',
  'src/edge/importsByVariable.ts': 'boundaries(floors)',
  'src/edge/importsOperation.ts': 'boundaries(floors)',
  'src/homeless.ts': 'boundaries(floors)',
  'src/ingest/importsEntrance.ts': 'boundaries(floors)',
  'src/operations/importsDrizzle.ts': 'boundaries(floors)',
  'src/operations/importsIngest.ts': 'boundaries(floors)',
  'src/operations/makesRandomId.ts': 'habits(no-clock-no-chance)',
  'src/operations/throwsDice.ts': 'habits(no-clock-no-chance)',
  'src/schema/importsEntranceByUrl.ts': 'boundaries(floors)',
  'src/schema/importsQueue.ts': 'boundaries(floors)',
  'src/stream/index.ts': 'boundaries(no-barrel)',
  'src/stream/reExports.ts': 'boundaries(no-barrel)',
  'src/utils/number.ts': 'boundaries(no-empty-name)',
  'src/workers/promiseAsCondition.ts': 'typescript(no-misused-promises)',
  'src/workers/unawaitedQueue.ts': 'typescript(no-floating-promises)',
};

type Finished = { readonly exitCode: number; readonly output: string };

/** Runs a checker as `npm run check` does, without the shell and without npx. */
function run(bin: string, args: readonly string[]): Promise<Finished> {
  const file = path.join(projectRoot, 'node_modules/.bin', bin);
  const bins = path.join(projectRoot, 'node_modules/.bin');
  const env = { ...process.env, PATH: `${bins}${path.delimiter}${process.env['PATH'] ?? ''}` };
  return new Promise((resolve) => {
    execFile(file, [...args], { cwd: projectRoot, env }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ exitCode, output: `${stdout}${stderr}` });
    });
  });
}

/** Lines of oxlint's unix format: `path:line:column: message [Error/plugin(rule)]`. */
function rulesByFile(output: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const match = /^(.+?):\d+:\d+: .* \[Error\/(.+)\]$/.exec(line);
    const [, file, rule] = match ?? [];
    if (file === undefined || rule === undefined) continue;
    const name = path.posix.relative(planted, file);
    found.set(name, [...(found.get(name) ?? []), rule]);
  }
  return found;
}

describe('the linter finds what is planted', () => {
  let found: ReadonlyMap<string, readonly string[]> = new Map();
  beforeAll(async () => {
    const finished = await run('oxlint', ['--format=unix', planted]);
    expect(finished.exitCode, finished.output).not.toBe(0);
    found = rulesByFile(finished.output);
  });

  test.each(Object.entries(faults))('%s is refused by %s', (file, rule) => {
    expect(found.get(file)).toContain(rule);
  });

  test('every planted file has its rule, and every rule its file', () => {
    const files = readdirSync(path.join(projectRoot, planted), { recursive: true })
      .map(String)
      .filter((file) => file.endsWith('.ts') && !file.startsWith('knip/'))
      .filter((file) => file !== 'wrongType.ts');
    expect(files.toSorted()).toEqual(Object.keys(faults).toSorted());
  });
});

test('the linter reads every source file of the real tree', async () => {
  const { output } = await run('oxlint', ['--debug=files', `--ignore-pattern=${planted}/**`]);
  const linted = new Set(output.split('\n').map((line) => line.replace(/^\.\//, '')));
  const source = projectFiles().filter((file) => /\.[jt]s$/.test(file));
  expect(source.length).toBeGreaterThan(20);
  expect(source.filter((file) => !linted.has(file))).toEqual([]);
});

test('every folder of src stands on a floor', () => {
  const folders = readdirSync(path.join(projectRoot, 'src'));
  expect(folders.filter((folder) => !Object.hasOwn(floors, folder))).toEqual([]);
});

// docs/ARCHITECTURE.md, "Five floors": the areas of each floor, restated here by hand.
const storeys: readonly (readonly string[])[] = [
  ['domain'],
  ['db', 'stream', 'devices', 'wire'],
  ['operations'],
  ['ingest', 'workers', 'schema', 'edge', 'cli', 'embedded'],
  ['app'],
];

test.each(
  storeys.map((areas, storey) => [areas.join(', '), areas, storeys.slice(storey)] as const),
)('%s import nothing from their own floor or from above', (_names, areas, notBelow) => {
  const open = areas.flatMap((from) =>
    notBelow
      .flat()
      .filter((to) => from !== to)
      .filter((to) => refusalOf(`src/${from}/a.ts`, `../${to}/b.ts`) === undefined)
      .map((to) => `${from} -> ${to}`),
  );
  // The event log lies on the tables: the one step that stays on its floor.
  expect(open).toEqual(areas.includes('stream') ? ['stream -> db'] : []);
});

test('a package is imported at its home and by the wiring only', () => {
  expect(refusalOf('src/db/a.ts', 'drizzle-orm/pg-core')).toBeUndefined();
  expect(refusalOf('src/schema/a.ts', 'drizzle-orm/pg-core')).toContain('lives in src/db');
  expect(refusalOf('src/app/a.ts', 'ioredis')).toBeUndefined();
  expect(refusalOf('src/workers/a.ts', 'ioredis')).toContain('lives in src/app');
  expect(refusalOf('src/domain/a.ts', 'fs')).toContain('has no home');
  expect(refusalOf('src/unheard/a.ts', './b.ts')).toContain('stands on no floor');
  expect(
    Object.values(homes)
      .flat()
      .every((area) => Object.hasOwn(floors, area)),
  ).toBe(true);
});

test('the compiler finds a planted wrong type and a planted enum', async () => {
  const { exitCode, output } = await run('tsc', ['-p', `${planted}/tsconfig.json`]);
  expect(exitCode).not.toBe(0);
  expect(output).toContain('wrongType.ts');
  expect(output).toMatch(/app\/enum\.ts.*TS1294/); // not erasable
});

test('the search for dead code finds a planted file, export and dependency', async () => {
  const { exitCode, output } = await run('knip', [
    '--directory',
    `${planted}/knip`,
    '--no-progress',
  ]);
  expect(exitCode).not.toBe(0);
  expect(output).toContain('forgottenFile.ts');
  expect(output).toContain('forgottenExport');
  expect(output).toContain('left-pad');
});

test('the formatter finds a planted double quote', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-format-'));
  try {
    writeFileSync(path.join(folder, 'planted.ts'), 'export const fault = "double";\n');
    const config = path.join(projectRoot, '.oxfmtrc.json');
    const finished = await run('oxfmt', ['--check', '-c', config, folder]);
    expect(finished.exitCode).not.toBe(0);
    expect(finished.output).toContain('planted.ts');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
