/**
 * Runs the simulator over many seeds: the production operations on a real Postgres of its own,
 * crashed, interleaved and fed with every fault, against an independent auditor.
 *
 *   npm run simulate -- --seed=17 --seeds=100 --steps=120
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { migrate } from '../src/db/migrate.ts';
import { wholeWithin } from '../src/domain/wholeText.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { simulate } from '../test/simulate/run.ts';
import type { RunOutcome } from '../test/simulate/run.ts';
import { argumentRefusal } from './commandLine.ts';

const usage =
  'npm run simulate -- [--seed 1] [--seeds 20] [--steps 120] [--processes 1] [--verbose]';

function readOptions() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string', default: '1' },
        seeds: { type: 'string', default: '20' },
        steps: { type: 'string', default: '120' },
        processes: { type: 'string', default: '1' },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`${argumentRefusal(error, usage)}\n`);
    return process.exit(2);
  }
}

const { values } = readOptions();
if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

function wholeNumber(name: 'seed' | 'seeds' | 'steps' | 'processes'): number {
  const number = wholeWithin(values[name], { min: 1 });
  if (number !== null) return number;
  process.stderr.write(`ARGUMENT_MALFORMED: --${name} is a whole number above 0.\n`);
  process.exit(2);
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

const firstSeed = wholeNumber('seed');
const seeds = wholeNumber('seeds');
const steps = wholeNumber('steps');
const processes = Math.min(wholeNumber('processes'), seeds);

/** Each process has a Postgres of its own and every so many-th part of the seeds. */
async function runSide(first: number, count: number): Promise<boolean> {
  const args = [`--seed=${first}`, `--seeds=${count}`, `--steps=${steps}`];
  if (values.verbose) args.push('--verbose');
  const side = spawn(process.execPath, [import.meta.filename, ...args], { stdio: 'inherit' });
  const [code] = await once(side, 'exit');
  return code === 0;
}

if (processes > 1) {
  const share = Math.ceil(seeds / processes);
  const sides: Promise<boolean>[] = [];
  for (let done = 0; done < seeds; done += share) {
    sides.push(runSide(firstSeed + done, Math.min(share, seeds - done)));
  }
  process.exit((await Promise.all(sides)).every(Boolean) ? 0 : 1);
}

const started = await startPostgres({ directory: '', ephemeral: true, onProgress: () => {} });
if (!started.ok) {
  process.stderr.write(`${started.code}: ${started.message}\n`);
  process.exit(2);
}
const { url, stop } = started.value;
const replayTemplate = 'seed_template';
const admin = postgres(url, { max: 1, onnotice: () => {} });

function urlOf(database: string): string {
  const of = new URL(url);
  of.pathname = database;
  return of.href;
}

async function run(seed: number): Promise<RunOutcome> {
  const database = `seed_${seed}`;
  await admin`create database ${admin(database)} template ${admin(replayTemplate)}`;
  try {
    const onStep = (step: number, what: string): void => {
      if (values.verbose) process.stdout.write(`  ${step} ${what}\n`);
    };
    return await simulate({ url: urlOf(database), seed, steps, replayTemplate, onStep });
  } finally {
    await admin`drop database ${admin(database)} with (force)`;
  }
}

let failed = 0;
/** How often what was drawn, over all seeds. */
const drawn = new Map<string, number>();
process.once('SIGINT', () => {
  process.stdout.write('stopped; nothing is left running\n');
  stop().then(
    () => process.exit(130),
    () => process.exit(1),
  );
});
try {
  // Processes die here, the machine does not: waiting for its disk proves nothing.
  await admin`alter system set fsync = off`;
  await admin`alter system set full_page_writes = off`;
  await admin`alter system set synchronous_commit = off`;
  await admin`alter system set autovacuum = off`;
  await admin`select pg_reload_conf()`;
  await admin`create database ${admin(replayTemplate)}`;
  await migrate(urlOf(replayTemplate));
  const beganMs = performance.now();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const outcome = await run(seed);
    const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
    const { counts } = outcome;
    for (const [what, count] of Object.entries(counts.acts)) {
      drawn.set(what, (drawn.get(what) ?? 0) + count);
    }
    if (outcome.ok) {
      process.stdout.write(
        `seed ${seed} holds: ${counts.receipts} batches, ${counts.crashes} crashes ` +
          `(${counts.crashesAfterCommit} after a commit, ${counts.cuts} cut), ` +
          `${counts.visits} visits, ${counts.publications} tariffs, ${counts.audits} audits ` +
          `(${seconds} s)\n`,
      );
      continue;
    }
    failed += 1;
    process.stdout.write(
      `seed ${seed} FAILED at step ${outcome.step}: ${outcome.message}\n` +
        `  again: npm run simulate -- --seed=${seed} --seeds=1 --steps=${steps}   ` +
        `(commit ${commit()})\n`,
    );
  }
  const cpuMs = (process.cpuUsage().user + process.cpuUsage().system) / 1_000;
  const acts = [...drawn].toSorted(([a], [b]) => a.localeCompare(b));
  process.stdout.write(
    `drawn: ${acts.map(([what, count]) => `${what} ${count}`).join(', ')}\n` +
      `${seeds} seeds of ${steps} steps, ${failed} failed; ` +
      `${(cpuMs / 1_000 / seeds).toFixed(1)} s of this processor a seed\n`,
  );
} finally {
  await admin.end({ timeout: 5 });
  await stop();
}
process.exitCode = failed === 0 ? 0 : 1;
