import { afterAll, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import type { RateDeps } from '../../src/operations/rateReadings.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import { flatTariff, fleetOf } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const opened: Database[] = [];
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
});

const noon = Date.UTC(2026, 5, 1, 12);
const clock = { nowMs: () => noon + 3_600_000 };

test('a version that is published while readings are being rated prices them too', async () => {
  const { url } = await freshDatabase('publish_during_rating');
  const name = 'publish during rating';
  const database = await connect(url, { role: 'joulebook_writer', connectionsMax: 4, name });
  opened.push(database);
  const { sql } = database;
  const edge = testEdge();
  const versions = [{ validFromMs: 0, document: flatTariff('0.10') }];
  const fleet = fleetOf({ meters: 1, versions }, edge);
  const registered = await registerFleet({ sql, clock }, fleet);
  if (!registered.ok) throw new Error(registered.message);
  const meterId = registered.value.meters.get('M1') ?? 0;
  const edgeId = registered.value.edges.get('edge 1')?.edgeId ?? 0;
  await commitBatches({ sql, clock }, [
    new BatchMaker(edge, { edgeId }).readings([
      { meterId, atMs: noon, wh: 0 },
      { meterId, atMs: noon + 900_000, wh: 1_000 },
    ]),
  ]);

  const publications: ReturnType<typeof registerFleet>[] = [];
  const isWaiting = async (): Promise<boolean> => {
    const [row] = await sql<{ waits: boolean }[]>`
      select exists(select from pg_locks where not granted) as waits`;
    return row.waits;
  };
  const deps: RateDeps = {
    sql,
    clock,
    memory: createRatingMemory(),
    // The prices are read, the charges are not written yet: now somebody publishes.
    rate: async (job) => {
      if (publications.length > 0) return rateJob(job);
      const dearer = [...versions, { validFromMs: noon, document: flatTariff('0.25') }];
      let isPublished = false;
      const publish = async () => {
        const fleet = fleetOf({ meters: 1, versions: dearer }, edge);
        const outcome = await registerFleet({ sql, clock }, fleet);
        isPublished = true;
        return outcome;
      };
      publications.push(publish());
      const isOver = async () => isPublished || (await isWaiting());
      await expect.poll(isOver).toBe(true);
      return rateJob(job);
    },
  };
  await rateReadings(deps, { shard: 0 });
  expect(await Promise.all(publications)).toMatchObject([{ ok: true }]);
  while ((await rateReadings(deps, { shard: 0 })).more);
  const [balance] = await sql<{ micros: bigint }[]>`
    select balance_micros as micros from account_balance`;
  // 1 kWh at 0.25, not at 0.10.
  expect(balance.micros).toBe(-250_000n);
});
