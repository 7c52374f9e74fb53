/**
 * Random tamperings with everything that is sealed, on a Postgres of its own: each is done as the
 * owner with all guards off, must be found and named, and is undone.
 *
 *   npm run tamper -- --count 10000
 */
import { tamper } from '../test/operations/seal/tamper.ts';
import { openTamperWorld } from '../test/operations/seal/tamperWorld.ts';
import { workOnPostgres } from './workOnPostgres.ts';

const usage = 'npm run tamper -- [--count 10000] [--seed 1]';
const defaults = { count: 10_000, seed: 1 };

await workOnPostgres({ usage, defaults }, async ({ url, numbers, begin }) => {
  const { count, seed } = numbers;
  const world = await openTamperWorld(url, { passes: 2, rows: 4 });
  const { onProgress, seconds } = begin(count, { isPaceTold: false });
  const { kinds, missed } = await tamper(world, { count, seed, onProgress });
  await world.close();
  for (const [kind, times] of [...kinds].toSorted(([one], [other]) => one.localeCompare(other)))
    process.stdout.write(`${kind}: ${times}\n`);
  const found = `${count - missed.length} of ${count} found`;
  process.stdout.write(`${found}, ${seconds()} s, seed ${seed}\n`);
  for (const line of missed.slice(0, 20)) process.stdout.write(`  MISSED ${line}\n`);
  return missed.length === 0;
});
