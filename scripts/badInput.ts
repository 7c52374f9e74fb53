import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { databaseUrlIn } from '../src/cli/database.ts';
import { runBadInput } from './badInput/run.ts';
import type { BadInputReport, CaseResult } from './badInput/run.ts';

/**
 * `npm run bad-input`: starts everything as `npm start` does, with data of its own, and sends over
 * HTTP what must not be billed. Of each it shows the code and what to do, and checks that there is
 * one audit row, that nothing else was touched, and that the next good batch goes through.
 */

const program = fileURLToPath(new URL('../src/app/main.ts', import.meta.url));

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell({ name, code, status, emsCode, message, problems }: CaseResult): void {
  const mark = problems.length === 0 ? ' ok ' : 'BAD ';
  const ems = emsCode === null ? '' : ` ${emsCode}`;
  say(`${mark} ${name.padEnd(44)} ${status} ${code}${ems}`);
  say(`       ${message}`);
  for (const problem of problems) say(`       WRONG: ${problem}`);
}

function conclude({ cases, goodBatches, chargedMicros, expectedMicros }: BadInputReport): number {
  const wrong = cases.filter(({ problems }) => problems.length > 0).length;
  say(`\n${cases.length} bad inputs, each with one audit row and followed by a good batch.`);
  say(`${goodBatches} good batches: charged ${chargedMicros} micros, by hand ${expectedMicros}.`);
  if (wrong === 0 && chargedMicros === expectedMicros) {
    say('Nothing bad was billed, nothing good was lost.');
    return 0;
  }
  say(`${wrong} did not go as they should.`);
  return 1;
}

async function run(): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), 'joulebook-bad-input-'));
  const args = ['all', '--json', '--port', '0', '--meters', '1', '--data', join(data, 'data')];
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, JOULEBOOK_INTAKE_PORT: '0' },
  });
  const ended = once(child, 'exit');
  say('Starting Joulebook with data of its own ...');
  try {
    const lines = createInterface({ input: child.stdout });
    const [line] = await Promise.race([once(lines, 'line'), ended.then(() => [''])]);
    if (typeof line !== 'string' || line === '') return 2; // it has said why
    const ready: unknown = JSON.parse(line);
    const { intake } = Object(ready);
    say(`Batches go to ${String(intake)}/v1/batches.\n`);
    const databaseUrl = databaseUrlIn(join(data, 'data'));
    return conclude(await runBadInput({ url: String(intake), databaseUrl, onCase: tell }));
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(data, { recursive: true, force: true });
  }
}

process.exitCode = await run();
