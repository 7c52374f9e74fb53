/** Every static checker at once; each prints its whole output, and all of them are heard. */
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

const planted = 'test/architecture/planted/**';

/** test/architecture/lint.test.ts proves of each that it finds a planted fault. */
const checkers = [
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'lint', command: ['oxlint', `--ignore-pattern=${planted}`] },
  { name: 'types', command: ['tsc', '-p', '.', '--pretty', 'false'] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
  { name: 'tidy', command: ['vitest', 'run', 'test/architecture/tidy.test.ts'] },
] as const;

type Finding = {
  readonly name: string;
  readonly isClean: boolean;
  readonly output: string;
  readonly durationMs: number;
};

/** The name is looked up in PATH, where npm has put node_modules/.bin first. */
function check(name: string, command: readonly string[]): Promise<Finding> {
  const startedMs = performance.now();
  const [bin = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(bin, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const hear = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const finish = (isClean: boolean) =>
      resolve({ name, isClean, output, durationMs: performance.now() - startedMs });
    child.on('error', (error) => {
      output += `${error.message}: run it as npm run check, after npm ci.\n`;
      finish(false);
    });
    child.on('close', (exitCode) => finish(exitCode === 0));
  });
}

const findings = await Promise.all(checkers.map(({ name, command }) => check(name, command)));
for (const { name, isClean, output, durationMs } of findings) {
  const seconds = (durationMs / 1_000).toFixed(1);
  process.stdout.write(`${isClean ? 'clean ' : 'FAILED'} ${name} (${seconds} s)\n`);
  if (!isClean) process.stdout.write(`${output.trimEnd()}\n\n`);
}
const failedCount = findings.filter((finding) => !finding.isClean).length;
process.stdout.write(`check: ${findings.length - failedCount} clean, ${failedCount} failed\n`);
process.exitCode = failedCount === 0 ? 0 : 1;
