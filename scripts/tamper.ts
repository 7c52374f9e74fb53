/**
 * Random tamperings with everything that is sealed, on a Postgres of its own: each is done as the
 * owner with all guards off, must be found and named, and is undone.
 *
 *   npm run tamper -- --count 10000
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { migrate } from '../src/db/migrate.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { tamper } from '../test/operations/seal/tamper.ts';
import { openTamperWorld } from '../test/operations/seal/tamperWorld.ts';
import { wholeWithin } from '../src/domain/wholeText.ts';
import { argumentRefusal } from './commandLine.ts';

const usage = 'npm run tamper -- [--count 10000] [--seed 1]';

function readOptions() {
  try {
    return parseArgs({
      options: {
        count: { type: 'string', default: '10000' },
        seed: { type: 'string', default: '1' },
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

function wholeNumber(name: 'count' | 'seed'): number {
  const number = wholeWithin(values[name], { min: 1 });
  if (number !== null) return number;
  process.stderr.write(`ARGUMENT_MALFORMED: --${name} is a whole number above 0.\n`);
  return process.exit(2);
}

const count = wholeNumber('count');
const seed = wholeNumber('seed');
const started = await startPostgres({ directory: '', ephemeral: true, onProgress: () => {} });
if (!started.ok) {
  process.stderr.write(`${started.code}: ${started.message}\n`);
  process.exit(2);
}
const { url, stop } = started.value;
process.once('SIGINT', () => {
  process.stdout.write('stopped; nothing is left running\n');
  stop().then(
    () => process.exit(130),
    () => process.exit(1),
  );
});
try {
  await migrate(url);
  const world = await openTamperWorld(url, { passes: 2, rows: 4 });
  const beganMs = performance.now();
  let toldMs = beganMs;
  const onProgress = (done: number): void => {
    const nowMs = performance.now();
    if (nowMs - toldMs < 5_000) return;
    toldMs = nowMs;
    const seconds = (nowMs - beganMs) / 1_000;
    const left = ((count - done) / done) * seconds;
    process.stdout.write(`${done} of ${count}, ${left.toFixed(0)} s to go\n`);
  };
  const { kinds, missed } = await tamper(world, { count, seed, onProgress });
  await world.close();
  for (const [kind, times] of [...kinds].toSorted(([one], [other]) => one.localeCompare(other)))
    process.stdout.write(`${kind}: ${times}\n`);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  process.stdout.write(`${count - missed.length} of ${count} found, ${seconds} s, seed ${seed}\n`);
  for (const line of missed.slice(0, 20)) process.stdout.write(`  MISSED ${line}\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  await stop();
}
