/**
 * Rates the whole log again into empty tables and compares what comes out with what is stored.
 *
 *   DATABASE_URL=postgres://owner@host/joulebook node scripts/replayLog.ts [--json]
 *   node scripts/replayLog.ts --data DIR        the embedded database of a start that has ended
 *
 * Exit code 0: the same, row by row. 1: differences. 2: it could not be tried.
 */
import { parseArgs } from 'node:util';
import { rateJob } from '../src/domain/rating/job.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { replayLog, replayStepText } from '../src/operations/replayLog.ts';
import { argumentRefusal } from './commandLine.ts';

const usage = 'npm run replay:log -- [--url URL | --data DIR] [--json]';

function readOptions() {
  try {
    return parseArgs({
      options: {
        url: { type: 'string' },
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
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

function say(text: string): void {
  if (!values.json) process.stdout.write(`${text}\n`);
}

async function openDatabase(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = values.url ?? process.env['DATABASE_URL'];
  if (url !== undefined) return { url, stop: async () => {} };
  if (values.data === undefined) {
    throw new Error('DATABASE_UNNAMED: set DATABASE_URL, or give --url or --data DIR.');
  }
  const started = await startPostgres({
    directory: values.data,
    ephemeral: false,
    onProgress: (step) => say(step),
  });
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
  return started.value;
}

async function run(): Promise<number> {
  const { url, stop } = await openDatabase();
  try {
    const outcome = await replayLog({
      ownerUrl: url,
      seed: `${process.pid} ${Date.now()}`,
      rate: async (job) => rateJob(job),
      onStep: (step) => say(replayStepText(step)),
    });
    if (values.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
    if (!outcome.ok) {
      process.stderr.write(`${outcome.code}: ${outcome.message}\n`);
      return 2;
    }
    const { batches, readings, rowsCompared, differenceCount, differences } = outcome.value;
    for (const { code, key, stored, replayed } of differences) {
      say(`${code} ${key}\n  stored   ${stored ?? 'nothing'}\n  replayed ${replayed ?? 'nothing'}`);
    }
    const verdict =
      differenceCount === 0 ? 'no difference' : `${differenceCount} differences, the first above`;
    say(`replayed ${batches} batches, ${readings} readings; ${rowsCompared} rows: ${verdict}`);
    return differenceCount === 0 ? 0 : 1;
  } finally {
    await stop();
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
