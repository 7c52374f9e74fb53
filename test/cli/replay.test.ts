import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { BatchMaker } from '../support/build/edge.ts';
import { buildFleet } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli } from './runCli.ts';

// Sunday, a day of one meter: 96 quarter hours of 250 Wh, that is 24 kWh.
const startMs = Date.UTC(2026, 2, 1);
const slotMs = 900_000;

let url: string;
let writer: Database;
beforeAll(async () => {
  ({ url } = await freshDatabase('clireplay'));
  writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'test' });
  const { sql } = writer;
  const fleet = await buildFleet(sql, { meters: 1 });
  const meterId = fleet.meters.get('M1') ?? 0;
  const batch = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId }).readings(
    Array.from({ length: 97 }, (_, slot) => ({
      meterId,
      atMs: startMs + slot * slotMs,
      wh: 1_000 + slot * 250,
    })),
  );
  const clock = { nowMs: () => startMs + 100 * slotMs };
  const [committed] = await commitBatches({ sql, clock }, [batch]);
  if (committed === undefined || !committed.ok) throw new Error(committed?.message);
  const rate = (job: Parameters<typeof rateJob>[0]) => Promise.resolve(rateJob(job));
  const deps = { sql, clock, rate, memory: createRatingMemory() };
  while ((await rateReadings(deps, { shard: 0 })).more);
});
afterAll(() => writer.close());

const replay = () => runCli(['log', 'replay', '--json'], { DATABASE_URL: url });

describe('log replay', () => {
  test('the log rated anew is what is stored', async () => {
    const run = await replay();
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(lineOf(run)).toMatchObject({
      ok: true,
      batches: 1,
      readings: 97,
      differenceCount: 0,
      differences: [],
    });
  });

  test('planted: a charge that somebody changed is found, and told with exit code 1', async () => {
    const owner = postgres(url, { max: 1, onnotice: () => {} });
    await owner`update charge set amount_micros = amount_micros + 1`;
    await owner.end();
    const run = await replay();
    expect(run.exitCode).toBe(1);
    expect(lineOf(run)).toMatchObject({
      ok: false,
      code: 'REPLAY_DIFFERS',
      differenceCount: expect.any(Number),
      differences: expect.arrayContaining([expect.objectContaining({ key: expect.any(String) })]),
    });
  });
});
