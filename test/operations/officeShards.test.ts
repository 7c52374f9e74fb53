import postgres from 'postgres';
import { expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import { BatchMaker, importBlock, testEdge } from '../support/build/edge.ts';
import { dayNightTariff, fleetOf } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const quarterMs = 900_000;
/** Sunday noon; edits reach back over midnight. */
const startMs = Date.UTC(2026, 2, 1, 12);
const steps = 40;
const perStep = 4;

test('edits and readings that two raters rate at once lose nothing', async () => {
  const { url } = await freshDatabase('office_shards');
  const clock = { nowMs: () => startMs + 30 * 86_400_000 };
  const owner = postgres(url, { max: 1, onnotice: () => {} });
  const writers = await Promise.all(
    [0, 1].map(() => connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'shards' })),
  );
  const { sql } = writers[0];
  const [gateway, office] = [testEdge(), testEdge()];
  const versions = [{ validFromMs: 0, document: dayNightTariff }];
  const fleet = fleetOf({ meters: 3, versions, logShard: 0 }, gateway);
  const officeEdge = { name: 'office', publicKeys: [office.publicKey], logShard: 1, buses: [] };
  const registered = await registerFleet(
    { sql, clock },
    { ...fleet, edges: [...fleet.edges, officeEdge] },
  );
  if (!registered.ok) throw new Error(registered.message);
  const edgeId = registered.value.edges.get('edge 1')?.edgeId ?? 0;
  const officeId = registered.value.edges.get('office')?.edgeId ?? 0;
  await owner`update edge set kind = 'office' where id = ${officeId}`;
  const meterIds = [...registered.value.meters.values()];
  const reads = new BatchMaker(gateway, { edgeId });
  const edits = new BatchMaker(office, { edgeId: officeId });
  const rows = (from: number, count: number, shift: number) =>
    Array.from({ length: count }, (_, index) => from + index).flatMap((n) =>
      meterIds.map((meterId) => ({ meterId, atMs: startMs + n * quarterMs, wh: n * 300 + shift })),
    );
  const memories = [createRatingMemory(), createRatingMemory()];
  const rateAll = async (shard: 0 | 1): Promise<void> => {
    const deps = { clock, rate: async (job: Parameters<typeof rateJob>[0]) => rateJob(job) };
    const memory = memories[shard];
    while ((await rateReadings({ ...deps, sql: writers[shard].sql, memory }, { shard })).more);
  };
  for (let step = 0; step < steps; step += 1) {
    const from = step * perStep;
    await commitBatches({ sql, clock }, [reads.readings(rows(from, perStep, 0))]);
    const block = importBlock(rows(Math.max(0, from - 3 * perStep), 2, 50));
    const revision = new Int32Array(block.meterId.length).fill(step + 1);
    await commitBatches({ sql, clock }, [edits.sign([{ ...block, revision }])]);
    await Promise.all([rateAll(0), rateAll(1)]);
  }
  const replayed = await replayLog({
    ownerUrl: url,
    seed: `office shards ${process.pid}`,
    rate: async (job) => rateJob(job),
    onStep: () => {},
  });
  expect(replayed).toMatchObject({
    ok: true,
    value: { batches: 2 * steps, differences: [], differenceCount: 0 },
  });
  const [exceptions] = await owner`
    select count(*)::int4 as count from reading_exception
    where code in ('METER_FOREIGN', 'REVISION_FOREIGN')`;
  expect(exceptions).toEqual({ count: 0 });
  await owner.end();
  await Promise.all(writers.map((writer) => writer.close()));
});
