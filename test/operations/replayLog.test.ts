import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { scratchName } from '../../src/db/replay.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import type { ReplayStep } from '../../src/operations/replayLog.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import { dayNightTariff, flatTariff, fleetOf } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const quarterMs = 900_000;
/** Berlin's night of the clock change and the turn of March into April lie inside. */
const startMs = Date.UTC(2026, 2, 28, 12);
const clock = { nowMs: () => startMs + 60 * 86_400_000 };

let url = '';
let owner: postgres.Sql;
const opened: Database[] = [];

async function open(role: 'joulebook_api' | 'joulebook_writer'): Promise<Database> {
  const database = await connect(url, { role, connectionsMax: 2, name: 'replay test' });
  opened.push(database);
  return database;
}

/** Late readings, a correction, a version published late, slots without an agreement. */
async function live(): Promise<void> {
  const { sql } = await open('joulebook_writer');
  const edge = testEdge();
  const versions = [{ validFromMs: 0, document: dayNightTariff }];
  const shape = { meters: 3, mode: 'prepaid' as const, validFromMs: startMs + 40 * quarterMs };
  const registered = await registerFleet({ sql, clock }, fleetOf({ ...shape, versions }, edge));
  if (!registered.ok) throw new Error(registered.message);
  const meterIds = [...registered.value.meters.values()];
  const edgeId = registered.value.edges.get('edge 1')?.edgeId ?? 0;
  const maker = new BatchMaker(edge, { edgeId });
  const deps = { sql, clock, rate: async (job: Parameters<typeof rateJob>[0]) => rateJob(job) };
  const memory = createRatingMemory();
  const rateAll = async (): Promise<void> => {
    while ((await rateReadings({ ...deps, memory }, { shard: 0 })).more);
  };
  const send = async (ordinals: readonly number[], quality = 0): Promise<void> => {
    const readings = ordinals.flatMap((n) =>
      meterIds.map((meterId) => ({
        meterId,
        atMs: startMs + n * quarterMs + (n % 3) * 61_000,
        wh: n * 310 + meterId * 7 + quality,
        quality,
      })),
    );
    await commitBatches(deps, [maker.readings(readings)]);
    await rateAll();
  };
  const upTo = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => from + index);
  await send(upTo(0, 90));
  await send(upTo(200, 420));
  await send(upTo(120, 160), 1);
  const later = [
    ...versions,
    { validFromMs: startMs + 130 * quarterMs, document: flatTariff('0.17') },
  ];
  await registerFleet({ sql, clock }, fleetOf({ ...shape, versions: later }, edge));
  await rateAll();
  await send([133, 150, 421, 424]);
  const accountId = registered.value.accounts.get('A1');
  if (accountId === undefined) throw new Error('the account is registered');
  const paid = await topUp(
    { sql: (await open('joulebook_api')).sql, clock, wake: () => {} },
    {
      companyId: registered.value.companyId,
      role: 'operator',
      accountId: null,
      actor: 'replay test',
      persistedOnly: false,
    },
    {
      idempotencyKey: '4b1f4ad0-55f6-4f6c-9d5b-3ac0b2f0c001',
      accountId,
      amount: '12.34',
      currency: 'EUR',
    },
  );
  if (!paid.ok) throw new Error(paid.message);
}

beforeAll(async () => {
  ({ url } = await freshDatabase('replay_log'));
  owner = postgres(url, { max: 1, onnotice: () => {} });
  await live();
});
afterAll(async () => {
  await owner.end();
  await Promise.all(opened.map((database) => database.close()));
});

const seed = `test ${process.pid}`;

function replay(onStep: (step: ReplayStep) => void = () => {}) {
  return replayLog({ ownerUrl: url, seed, rate: async (job) => rateJob(job), onStep });
}

describe('replaying the log into empty tables', () => {
  test('gives the same series, charges, transfers and balances, and leaves nothing', async () => {
    const steps: string[] = [];
    const replayed = await replay(({ what, subject }) => steps.push(`${what} ${subject}`));
    expect(replayed).toMatchObject({
      ok: true,
      value: { batches: 4, differenceCount: 0, differences: [] },
    });
    expect(steps).toContain('copied shard 0');
    expect(steps).toContain('rated shard 0');
    expect(steps).toContain('compared balances');
    // Its own: other replays may run beside it.
    const left = await owner`select from pg_database where datname = ${scratchName(seed)}`;
    expect(left.count).toBe(0);
  });

  test('the small world has what a replay is for', async () => {
    const codes = await owner`select distinct code from transfer order by code`;
    expect(codes.map((row) => row['code'])).toEqual([
      'energy',
      'reading_corrected',
      'tariff_changed',
      'top_up',
    ]);
    const [row] = await owner`
      select (select count(*)::int4 from series_day) as days,
             (select count(distinct period_start)::int4 from charge) as periods,
             (select count(*)::int4 from unrated_energy) as unrated`;
    expect(row).toMatchObject({ periods: 2, unrated: 3 });
    expect(Number(row?.['days'])).toBeGreaterThan(9);
  });

  test('finds a series in which one byte is another', async () => {
    const [day] = await owner`
      select meter_id, day, bytes from series_day order by meter_id, day limit 1`;
    const bytes = Buffer.from(day?.['bytes'] ?? []);
    bytes[bytes.length - 1] ^= 1;
    const write = (stored: Buffer) => owner`
      update series_day set bytes = ${stored}
      where meter_id = ${day?.['meter_id']} and day = ${day?.['day']} and channel = 1`;
    await write(bytes);
    expect(await replay()).toMatchObject({
      ok: true,
      value: { differenceCount: 1, differences: [{ code: 'SERIES_DIFFERS' }] },
    });
    await write(Buffer.from(day?.['bytes'] ?? []));
  });

  test('finds a transfer too many', async () => {
    await owner`
      insert into transfer
      select gen_random_uuid(), company_id, currency, debit_id, credit_id, 5, code, account_id,
             agreement_id, meter_id, period_start, tariff_version_id, log_shard, log_position,
             posted_at
      from transfer where code = 'energy' limit 1`;
    expect(await replay()).toMatchObject({
      ok: true,
      value: { differenceCount: 1, differences: [{ code: 'TRANSFERS_DIFFER' }] },
    });
  });

  test('does not judge while something waits to be rated again', async () => {
    await owner`
      insert into rerate_duty (company_id, meter_id, from_day, reason)
      select company_id, id, 20000, 'tariff_changed' from meter limit 1`;
    expect(await replay()).toMatchObject({ ok: false, code: 'REPLAY_DUTIES_OPEN' });
  });
});
