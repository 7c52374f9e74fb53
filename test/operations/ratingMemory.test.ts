import { afterAll, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { Fuse, SimulatedCrash, brittleSql, noCrash } from '../simulate/faults.ts';
import { BatchMaker } from '../support/build/edge.ts';
import { buildFleet, flatTariff } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const opened: Database[] = [];
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
});

const noon = Date.UTC(2026, 5, 1, 12);
const clock = { nowMs: () => noon + 3_600_000 };
/** More than a rating has. */
const awaitsMax = 40;

test('a rating that failed at any await leaves a memory that prices correctly', async () => {
  const { url } = await freshDatabase('rating_memory');
  const name = 'rating memory';
  const database = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name });
  opened.push(database);
  const { sql } = database;
  const versions = [{ validFromMs: 0, document: flatTariff('0.10') }];
  const fleet = await buildFleet(sql, { meters: awaitsMax, versions });
  const maker = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId });
  const memory = createRatingMemory();
  const rate = async (job: Parameters<typeof rateJob>[0]) => rateJob(job);
  let failures = 0;
  // Each round has a meter of its own, which the memory does not know yet.
  for (const [index, meterId] of [...fleet.meters.values()].entries()) {
    await commitBatches({ sql, clock }, [
      maker.readings([
        { meterId, atMs: noon, wh: 0 },
        { meterId, atMs: noon + 900_000, wh: 1_000 },
      ]),
    ]);
    const fuse = new Fuse({ ...noCrash, atAwait: index + 1 });
    const brittle = brittleSql(sql, fuse, async () => {});
    const deps = { clock, rate, memory };
    try {
      await rateReadings({ ...deps, sql: brittle }, { shard: 0 });
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
      failures += 1;
    }
    while ((await rateReadings({ ...deps, sql }, { shard: 0 })).more);
  }
  expect(failures).toBeGreaterThan(15);
  const unrated = await sql`select meter_id, code from unrated_energy`;
  expect([...unrated]).toEqual([]);
  const balances = await sql<{ micros: bigint }[]>`
    select balance_micros as micros from account_balance`;
  // 1 kWh at 0.10 each.
  expect(new Set(balances.map((row) => row.micros))).toEqual(new Set([-100_000n]));
});
