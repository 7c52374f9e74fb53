import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureLogPartitions } from '../../src/db/log.ts';
import { dropLogDays } from '../../src/operations/dropLogDays.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { verifyLog } from '../../src/operations/verifyLog.ts';
import { noon, openOfficeGround } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const dayMs = 86_400_000;
const midnight = Date.UTC(2026, 5, 2);
let here: OfficeGround;

/**
 * Two processes whose clocks are some milliseconds apart commit by turns around midnight, so that
 * the days of receipt alternate by position: 1 June, 2 June, 1 June, 1 June, 2 June. Of these the
 * first of June is dropped.
 */
beforeAll(async () => {
  here = await openOfficeGround('retention_midnight');
  await ensureLogPartitions(here.writer.sql, { nowMs: noon, days: 9 });
  for (const ms of [-2, 1, -1, -1, 2]) {
    here.clock.set(midnight + ms);
    await here.commit([here.makers[0].sign([])]);
  }
  await here.rateAll();
  here.clock.set(midnight + 7 * dayMs);
  const deps = { sql: here.writer.sql, clock: here.clock };
  expect(await dropLogDays(deps, { days: 7, actor: 'test' })).toMatchObject({
    value: { dropped: ['2026-06-01'], kept: null },
  });
});
afterAll(() => here.close());

async function verified(): Promise<readonly string[]> {
  const { findings } = await verifyLog({ sql: here.writer.sql, onStep: () => {} });
  return findings.map(({ code, shard, position }) => `${code} ${shard}/${position}`);
}

async function reconciled() {
  const { companyId } = here.fleet;
  const nowMs = here.clock.nowMs();
  const window = { companyId, meterId: null, fromMs: nowMs - dayMs, toMs: nowMs, nowMs };
  const done = await reconcile({ sql: here.writer.sql, onStep: () => {} }, window);
  if (!done.ok) throw new Error(done.message);
  const [{ committed, logged, dropped }] = done.value.edges;
  return { committed, logged, dropped, codes: done.value.findings.map(({ code }) => code) };
}

test('what retention says it took is what it took, where days meet', async () => {
  const rows = await here.writer.sql`
    select position_min as "from", position_max as "to", batch_count as batches from log_dropped
    order by position_min`;
  expect([...rows]).toEqual([
    { from: 1n, to: 1n, batches: 1n },
    { from: 3n, to: 4n, batches: 2n },
  ]);
  expect(await verified()).toEqual([]);
  expect(await reconciled()).toEqual({ committed: 5n, logged: 2n, dropped: 3n, codes: [] });
});

test('planted: a batch that is lost between those that were dropped is found', async () => {
  const owner = postgres(here.url, { max: 1, onnotice: () => {} });
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from batch_log where shard = 0 and position = 2`;
  });
  await owner.end();
  expect(await verified()).toEqual(['POSITION_MISSING 0/2', 'BATCH_LOST 0/2']);
  expect(await reconciled()).toMatchObject({ logged: 1n, dropped: 3n, codes: ['LOG_DIFFERS'] });
});
