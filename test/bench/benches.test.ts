import { describe, expect, test } from 'vitest';
import { backFill } from '../../bench/backFill.ts';
import { batchToLog } from '../../bench/batchToLog.ts';
import { kernel, kernelSize, monthSize } from '../../bench/kernel.ts';
import { ledger } from '../../bench/ledger.ts';
import { live } from '../../bench/live.ts';
import type { Place } from '../../bench/place.ts';
import { pool } from '../../bench/pool.ts';
import { reconnect } from '../../bench/reconnect.ts';
import { openRoad, verifyBooks } from '../../bench/road.ts';
import { compare, sideBySide, spreadOf } from '../../bench/sideBySide.ts';
import { subscriber } from '../../bench/subscriber.ts';
import { freshDatabase } from '../support/postgres.ts';

/** Each bench with inputs so small that only its own checks of the results matter. */

const place: Place = {
  freshDatabase: async (name) => (await freshDatabase(name)).url,
  onProgress: () => {},
};

describe('every bench runs and finds its results right', () => {
  test('a batch to the log', async () => {
    const results = await batchToLog(place, { meters: 20, batchesPerRound: 2, rounds: 1 });
    expect(results.map((each) => each.verified)).toEqual([
      '80 readings in the log, each batch once',
      '80 readings in the log, each batch once',
    ]);
  });

  test('a back-fill of whole days', async () => {
    const [result] = await backFill(place, { metersPerBatch: 2, days: 1, rounds: 1 });
    // 4 meters with 1, 32, 63 and 94 Wh a quarter hour; 95 quarter hours between 96 readings:
    // 20 from 00:00 to 05:00 and 11 from 21:00 at 200 micros a Wh, 64 at 300. 190 x 25,400.
    expect(result.verified).toBe('384 readings, 4826000 micros charged, posted and owed');
  });

  test('ledger transfers in batches', async () => {
    const [result] = await ledger(place, { accounts: 10, batchesPerRound: 2, rounds: 1 });
    // Two sides that post, two rounds with two batches each: 8 x (1,000 + ... + 1,009) micros.
    expect(result.verified).toBe('80 transfers, 80360 micros owed and posted');
  });

  test('live readings', async () => {
    const results = await live(place, { meters: 3, minutesPerRound: 16, rounds: 1 });
    // 1, 32 and 63 Wh a minute for 31 minutes at 300 micros a Wh.
    expect(results[0].verified).toBe('96 readings, 892800 micros charged, posted and owed');
    expect(results[2].verified).toBe('96 readings, 892800 micros charged, posted and owed');
    expect(results).toHaveLength(4);
  });

  test.each([
    ['the kernel', kernelSize],
    ['the bills of a month', monthSize],
  ])('%s', async (_, { kinds }) => {
    const size = { kinds, agreements: 4, slotsPerAgreement: 192, decimalAgreements: 4 };
    const results = await kernel(place, { ...size, spinSteps: 100, rounds: 1 });
    // Each kind by decimal.js twice, over memory twice, on threads twice; and the threads alone.
    expect(results).toHaveLength(kinds.length * 6 + 1);
    for (const { verified } of results.slice(0, -1)) {
      expect(verified).toMatch(
        /^\d+ micros, the same on two threads; 4 agreements to the micro by decimal.js$/,
      );
    }
  });

  test('the pool', async () => {
    const size = { jobAgreements: [1, 2], agreements: 4, slotsPerAgreement: 97, rounds: 1 };
    const results = await pool(place, size);
    // 0 to 96 Wh, each once in 97 slots: 4,656 Wh an agreement, four agreements in every case.
    expect(results.map(({ verified }) => verified)).toEqual([
      ...Array.from({ length: 3 }, () => '4 jobs, 18624 Wh on every side'),
      ...Array.from({ length: 3 }, () => '2 jobs, 18624 Wh on every side'),
      ...Array.from({ length: 2 }, () => '1 jobs, 18624 Wh on every side'),
    ]);
  });

  test('a subscriber', async () => {
    const size = { meters: 3, watched: 2, warmUpMs: 100, measuredMs: 1_100 };
    const [p50, p99] = await subscriber(place, [size]);
    expect(p50.verified).toMatch(/readings of 2 meters, each told once$/);
    expect(p99.value).toBeGreaterThanOrEqual(p50.value);
  });

  test('a payment to the verified reconnection', async () => {
    const homes = { homes: 4, homesPerBus: 2, neighbours: 20, pollMs: 500 };
    const size = { ...homes, deadBuses: 1, paymentsPerSecond: 20 };
    const results = await reconnect(place, { ...size, faults: ['a dead bus'] });
    expect(results).toHaveLength(3);
    // Two homes of four are behind the dead bus; each home and a neighbour for each of them pays.
    expect(results[0].verified).toMatch(
      /^2 of 2 relays closed and read back, 8 payments told \d+ times and each counted once/,
    );
  }, 300_000);
});

test('a bench whose charges are wrong fails instead of printing a figure', async () => {
  const road = await openRoad(place, { name: 'wrong', meters: 1 });
  try {
    await expect(verifyBooks(road, { readings: 0, chargedMicros: 1n })).rejects.toThrow(
      /BENCH_RESULT_WRONG/,
    );
  } finally {
    await road.close();
  }
});

test('sides are compared within their round, and the warm-up is left out', async () => {
  const seen: string[] = [];
  const side = (name: string, units: readonly number[]) => ({
    name,
    run: async (round: number) => {
      seen.push(`${name}${round}`);
      return { units: units[round], durationMs: 1_000, cpuMs: 500 };
    },
  });
  const rates = await sideBySide([side('a', [999, 10, 40, 30]), side('b', [1, 10, 10, 10])], {
    rounds: 3,
    onProgress: () => {},
  });
  expect(seen).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  expect(
    compare(rates, { name: 'n', side: 'a', against: 'b', unit: 'u/s', target: 2, verified: '' }),
  ).toMatchObject({ value: 30, against: 10, ratio: 3, ratioMin: 1, ratioMax: 4 });
});

test('the spread of nothing is not a number, so a target is never met by it', () => {
  expect(spreadOf([]).median).toBeNaN();
});
