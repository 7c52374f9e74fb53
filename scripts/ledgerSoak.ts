/**
 * Random money over the ledger on a Postgres of its own, with connections killed in between, and
 * at the end a count: every balance to the micro, the trial balance, every check of the doctor.
 *
 *   npm run ledger-soak -- --operations 1000000
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { migrate } from '../src/db/migrate.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { ledgerSoak } from '../test/simulate/ledgerSoak.ts';
import { wholeWithin } from '../src/domain/wholeText.ts';
import { argumentRefusal } from './commandLine.ts';

const usage =
  'npm run ledger-soak -- [--operations 1000000] [--seed 1] [--accounts 200] [--connections 4]';

function readOptions() {
  try {
    return parseArgs({
      options: {
        operations: { type: 'string', default: '1000000' },
        seed: { type: 'string', default: '1' },
        accounts: { type: 'string', default: '200' },
        connections: { type: 'string', default: '4' },
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

function wholeNumber(name: 'operations' | 'seed' | 'accounts' | 'connections'): number {
  const number = wholeWithin(values[name], { min: 1 });
  if (number !== null) return number;
  process.stderr.write(`ARGUMENT_MALFORMED: --${name} is a whole number above 0.\n`);
  return process.exit(2);
}

const operations = wholeNumber('operations');
const seed = wholeNumber('seed');
const accounts = wholeNumber('accounts');
const connections = wholeNumber('connections');
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
  const beganMs = performance.now();
  let toldMs = beganMs;
  const onProgress = (done: number): void => {
    const nowMs = performance.now();
    if (nowMs - toldMs < 5_000) return;
    toldMs = nowMs;
    const seconds = (nowMs - beganMs) / 1_000;
    const left = ((operations - done) / done) * seconds;
    process.stdout.write(
      `${done} of ${operations}, ${(done / seconds).toFixed(0)}/s, ${left.toFixed(0)} s to go\n`,
    );
  };
  const soak = { url, seed, operations, accounts, connections, onProgress };
  const { breaches, transfers, kills, repeats } = await ledgerSoak(soak);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  for (const breach of breaches) process.stdout.write(`BROKEN ${breach}\n`);
  process.stdout.write(
    `seed ${seed}: ${operations} operations, ${transfers} transfers, ${kills} connections ` +
      `killed, ${repeats} batches repeated, ${breaches.length} breaches (${seconds} s)\n`,
  );
  process.exitCode = breaches.length === 0 ? 0 : 1;
} finally {
  await stop();
}
