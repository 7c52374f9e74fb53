/**
 * Random money over the ledger on a Postgres of its own, with connections killed in between, and
 * at the end a count: every balance to the micro, the trial balance, every check of the doctor.
 *
 *   npm run ledger-soak -- --operations 1000000
 */
import { ledgerSoak } from '../test/simulate/ledgerSoak.ts';
import { workOnPostgres } from './workOnPostgres.ts';

const usage =
  'npm run ledger-soak -- [--operations 1000000] [--seed 1] [--accounts 200] [--connections 4]';
const defaults = { operations: 1_000_000, seed: 1, accounts: 200, connections: 4 };

await workOnPostgres({ usage, defaults }, async ({ url, numbers, begin }) => {
  const { operations, seed, accounts, connections } = numbers;
  const { onProgress, seconds } = begin(operations, { isPaceTold: true });
  const soak = { url, seed, operations, accounts, connections, onProgress };
  const { breaches, transfers, kills, repeats } = await ledgerSoak(soak);
  for (const breach of breaches) process.stdout.write(`BROKEN ${breach}\n`);
  process.stdout.write(
    `seed ${seed}: ${operations} operations, ${transfers} transfers, ${kills} connections ` +
      `killed, ${repeats} batches repeated, ${breaches.length} breaches (${seconds()} s)\n`,
  );
  return breaches.length === 0;
});
