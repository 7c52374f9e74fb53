import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import type { RateDeps } from '../../src/operations/rateReadings.ts';
import { setAside } from '../../src/operations/setAside.ts';
import { BatchMaker, importBlock } from '../support/build/edge.ts';
import { buildFleet, dayNightTariff } from '../support/build/fleet.ts';
import type { FleetShape } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

type Road = {
  readonly database: Database;
  readonly deps: RateDeps;
  readonly maker: BatchMaker;
  readonly meterIds: readonly number[];
  readonly accountIds: readonly number[];
  rateAll(): Promise<void>;
  commit(bytes: readonly Uint8Array[]): Promise<readonly string[]>;
};

const opened: Database[] = [];
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
});

async function road(name: string, shape: FleetShape, nowMs = Date.UTC(2026, 11, 1)): Promise<Road> {
  const { url } = await freshDatabase(name);
  const database = await connect(url, { role: 'joulebook_writer', connectionsMax: 4, name });
  opened.push(database);
  const fleet = await buildFleet(database.sql, shape);
  const deps: RateDeps = {
    sql: database.sql,
    clock: { nowMs: () => nowMs },
    rate: async (job) => rateJob(job),
    memory: createRatingMemory(),
  };
  return {
    database,
    deps,
    maker: new BatchMaker(fleet.edge, { edgeId: fleet.edgeId }),
    meterIds: [...fleet.meters.values()],
    accountIds: [...fleet.accounts.values()],
    rateAll: async () => {
      for (;;) {
        const rated = await rateReadings(deps, { shard: 0 });
        if (!rated.more) return;
      }
    },
    commit: async (bytes) => {
      const answers = await commitBatches(deps, bytes);
      return answers.map((answer) => (answer.ok ? answer.value.state : answer.code));
    },
  };
}

async function balances(database: Database): Promise<readonly bigint[]> {
  const rows = await database.sql<{ balance_micros: bigint; entries: bigint }[]>`
    select b.balance_micros, coalesce((
      select sum(e.amount_micros) from ledger_entry e
      join ledger_account l on l.id = e.ledger_account_id
      where l.account_id = b.account_id), 0)::int8 as entries
    from account_balance b order by b.account_id`;
  for (const row of rows) expect(row.balance_micros).toBe(row.entries);
  return rows.map((row) => row.balance_micros);
}

/** Berlin, 1 June 2026: UTC+2, so 12:00Z is 14:00 local, a day price of 0.30. */
const noon = Date.UTC(2026, 5, 1, 12);
const minute = 60_000;

describe('a reading becomes money', () => {
  let day: Road;
  beforeAll(async () => {
    day = await road('road_day', { meters: 2 });
  });

  test('two readings of a register post their difference at the price of their time', async () => {
    const [meterId] = day.meterIds;
    const first = day.maker.readings([{ meterId, atMs: noon, wh: 1_000 }]);
    const second = day.maker.readings([{ meterId, atMs: noon + minute, wh: 1_100 }]);
    expect(await day.commit([first, second])).toEqual(['committed', 'committed']);
    await day.rateAll();
    // 100 Wh at 0.30 a kWh = 0.03 = 30,000 micros.
    expect(await balances(day.database)).toEqual([-30_000n, 0n]);
  });

  test('the same batch again changes nothing', async () => {
    const [, meterId] = day.meterIds;
    const bytes = day.maker.readings([
      { meterId, atMs: noon, wh: 0 },
      { meterId, atMs: noon + minute, wh: 500 },
    ]);
    expect(await day.commit([bytes, bytes])).toEqual(['committed', 'duplicate']);
    await day.rateAll();
    expect(await day.commit([bytes])).toEqual(['duplicate']);
    await day.rateAll();
    expect(await balances(day.database)).toEqual([-30_000n, -150_000n]);
  });
});

test('an unknown, future or mislabelled reading is an exception, the rest is billed', async () => {
  const here = await road('road_exceptions', { meters: 2 }, noon + 10 * minute);
  const [meterId, other] = here.meterIds;
  const bytes = here.maker.sign([
    importBlock([
      { meterId, atMs: noon, wh: 1_000 },
      { meterId: 99_999, atMs: noon, wh: 5 },
      { meterId, atMs: noon + minute, wh: 900 },
      { meterId, atMs: noon + 2 * minute, wh: 1_050 },
      { meterId, atMs: noon + 60 * minute, wh: 1_060 },
      { meterId: other, atMs: noon, wh: 10 },
    ]),
    { ...importBlock([{ meterId: other, atMs: noon + minute, wh: 20 }]), unit: 27 },
    // A row of the same number in a block of the same channel: both exceptions are kept.
    importBlock([{ meterId: 88_888, atMs: noon + 2 * minute, wh: 5 }]),
  ]);
  expect(await here.commit([bytes])).toEqual(['committed']);
  await here.rateAll();
  const rows = await here.database.sql<{ meter_id: number; code: string; value: bigint }[]>`
    select meter_id, code, value from reading_exception order by read_at, meter_id`;
  expect(rows.map((row) => row.code)).toEqual([
    'METER_UNKNOWN',
    'UNIT_MISMATCH',
    'METER_UNKNOWN',
    'READING_IN_FUTURE',
  ]);
  // 900 stood neither first nor last in its slot: 1,000 to 1,050 is what the series keeps.
  expect(await balances(here.database)).toEqual([-15_000n, 0n]);
});

test('a register that goes backwards bills nothing and is visible', async () => {
  const here = await road('road_backwards', { meters: 1 });
  const [meterId] = here.meterIds;
  await here.commit([
    here.maker.readings([
      { meterId, atMs: noon, wh: 100_500 },
      { meterId, atMs: noon + 15 * minute, wh: 100_200 },
    ]),
  ]);
  await here.rateAll();
  const rows = await here.database.sql<{ code: string; value: bigint }[]>`
    select code, value from reading_exception`;
  expect([...rows]).toEqual([{ code: 'REGISTER_WENT_BACKWARDS', value: 100_200n }]);
  expect(await balances(here.database)).toEqual([0n]);
});

test('a missing tariff leaves energy unrated and visible, and publishing rates it', async () => {
  const here = await road('road_unrated', {
    meters: 1,
    versions: [{ validFromMs: noon + 30 * minute, document: dayNightTariff }],
  });
  const [meterId] = here.meterIds;
  const quarter = 15 * minute;
  const readings = [0, 1, 2, 3, 4].map((n) => ({ meterId, atMs: noon + n * quarter, wh: n * 100 }));
  await here.commit([here.maker.readings(readings)]);
  await here.rateAll();
  const [row] = await here.database.sql<{ code: string; energy_wh: bigint; slot_count: number }[]>`
    select code, energy_wh, slot_count from unrated_energy`;
  expect(row).toEqual({ code: 'TARIFF_NOT_FOUND', energy_wh: 200n, slot_count: 2 });
  // Two quarter hours with a price: 200 Wh at 0.30.
  expect(await balances(here.database)).toEqual([-60_000n]);
});

test('any order, grouping and repetition of arrivals leaves the same charges', async () => {
  const quarter = 15 * minute;
  // Five days over the turn of a month, off the slot boundaries, 37 minutes apart.
  const start = Date.UTC(2026, 4, 29, 22, 7);
  const readings = Array.from({ length: 190 }, (_, n) => ({
    atMs: start + n * 37 * minute,
    wh: n * 211 + ((n * n) % 97),
  }));
  const runs = await Promise.all(
    [1, 2, 3].map(async (seed) => {
      const here = await road(`road_order_${seed}`, { meters: 1 });
      const [meterId] = here.meterIds;
      const mine = readings.map((reading) => ({ ...reading, meterId }));
      const ordered = seed === 1 ? mine : shuffled([...mine, ...mine.slice(20, 60)], seed);
      const size = [190, 7, 31][seed - 1];
      for (let at = 0; at < ordered.length; at += size) {
        await here.commit([here.maker.readings(ordered.slice(at, at + size))]);
        await here.rateAll();
      }
      const days = await here.database.sql`
        select day, encode(carry_in, 'hex') as carry_in from series_day order by day`;
      const charges = await here.database.sql`
        select period_start, encode(accumulator, 'hex') as accumulator, energy_wh, amount_micros
        from charge order by 1`;
      return { days: [...days], charges: [...charges], balances: await balances(here.database) };
    }),
  );
  expect(quarter).toBe(900_000);
  expect(runs[0].charges).toHaveLength(2);
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

test('a batch that was set aside stops nobody and stays in the log and in quarantine', async () => {
  const here = await road('road_aside', { meters: 1 });
  const [meterId] = here.meterIds;
  await here.commit([
    here.maker.readings([{ meterId, atMs: noon, wh: 0 }]),
    here.maker.readings([{ meterId, atMs: noon + minute, wh: 70 }]),
    here.maker.readings([{ meterId, atMs: noon + 2 * minute, wh: 200 }]),
  ]);
  await rateReadings(here.deps, { shard: 0, batchesMax: 1 });
  const asked = { shard: 0, reason: 'planted' };
  // What failed is not the next one any more: nothing is set aside.
  const other = { kind: 'log', position: 3n } as const;
  expect(await setAside(here.deps, { ...asked, work: other })).toBeNull();
  const aside = await setAside(here.deps, { ...asked, work: { ...other, position: 2n } });
  expect(aside?.subject).toBe('batch 0/2');
  await here.rateAll();
  // The readings around it are enough for the energy: 200 Wh at 0.30.
  expect(await balances(here.database)).toEqual([-60_000n]);
  const [row] = await here.database.sql<{ logged: number; aside: number }[]>`
    select (select count(*) from batch_log)::int as logged,
           (select count(*) from batch_quarantine where code = 'RATING_FAILED')::int as aside`;
  expect(row).toEqual({ logged: 3, aside: 1 });
});

test('an account is told of its meter also where nothing has a price yet', async () => {
  const here = await road('road_told', { meters: 1, versions: [] });
  const [meterId] = here.meterIds;
  await here.commit([
    here.maker.readings([
      { meterId, atMs: noon, wh: 0 },
      { meterId, atMs: noon + 20 * minute, wh: 300 },
    ]),
  ]);
  await here.rateAll();
  const rows = await here.database.sql<{ account_ids: number[]; register_wh: bigint[] }[]>`
    select account_ids, register_wh from event where kind = 'rated'`;
  expect([...rows]).toEqual([{ account_ids: [...here.accountIds], register_wh: [300n] }]);
});

/** Fisher-Yates by a small linear congruential generator: the same seed, the same order. */
function shuffled<T>(items: T[], seed: number): T[] {
  let state = seed;
  for (let index = items.length - 1; index > 0; index -= 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const other = state % (index + 1);
    [items[index], items[other]] = [items[other], items[index]];
  }
  return items;
}
