import { describe, expect, test } from 'vitest';
import { compareBills } from '../../scripts/replay/compare.ts';
import { calculateIndependently } from '../../scripts/replay/independent.ts';
import { registerKinds } from '../../scripts/replay/registerKind.ts';
import { prepareReplay, runReplay } from '../../scripts/replay/run.ts';
import type { PreparedReplay, ReplayInput } from '../../scripts/replay/run.ts';
import { freshDatabase } from '../support/postgres.ts';
import { crookedUsd, dayNightUsd, longDayCsv, unevenCsv } from './smallLoad.ts';

const zone = 'America/Los_Angeles';
const longDay: ReplayInput = {
  csv: longDayCsv,
  stamps: 'start',
  zone,
  months: null,
  registers: 'int64',
  tariff: dayNightUsd,
};

function prepared(input: ReplayInput): PreparedReplay {
  const outcome = prepareReplay(input);
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome.value;
}

async function replayed(name: string, input: ReplayInput) {
  const ready = prepared(input);
  const { url } = await freshDatabase(`replay_${name}`);
  const outcome = await runReplay(ready, { databaseUrl: url, onProgress: () => {} });
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
  return { ...outcome.value, independent: ready.independent };
}

describe('a file goes from Modbus registers to balances', () => {
  test('a day of 25 hours with a gap costs what a person works out', async () => {
    const { replayed: road, comparison } = await replayed('day', longDay);
    expect(comparison.differences).toEqual([]);
    // Night: 00, 01 PDT, 01 PST, 02 to 05, 22 and 23 = 9 hours; day: 06 to 21 = 16, A has 14.
    // A: 9 x 0.20 + 14 x 0.30 = 6.00. B: 1.5 x (9 x 0.20 + 16 x 0.30) = 9.90.
    expect(road.accounts.map(({ owedMicros }) => owedMicros)).toEqual([6_000_000n, 9_900_000n]);
    expect(comparison.accounts.map(({ energyWh }) => Object.fromEntries(energyWh))).toEqual([
      { 'energy/night': 9_000n, 'energy/day': 14_000n },
      { 'energy/night': 13_500n, 'energy/day': 24_000n },
    ]);
    expect(Object.fromEntries(road.exceptions)).toEqual({});
  });

  test.for(registerKinds)(
    'uneven hours on %s registers come to the independent sum',
    async (kind) => {
      const input = { ...longDay, csv: unevenCsv(60), registers: kind, tariff: crookedUsd };
      const { comparison } = await replayed(kind, input);
      expect(comparison.differences).toEqual([]);
      expect(comparison.totalOursMicros).toBeGreaterThan(0n);
    },
  );

  test('months that are left out are not billed', async () => {
    // From 30 March on: two days of March, April, and two days of May.
    const shiftedCsv = unevenCsv(34 * 24).replaceAll(/^2016-[^,]+/gm, (stamp) =>
      new Date(Date.parse(stamp) + 18 * 86_400_000).toISOString(),
    );
    const input = { ...longDay, csv: shiftedCsv, months: ['2016-05', '2016-03'] };
    const { comparison } = await replayed('months', input);
    expect(comparison.differences).toEqual([]);
    expect(comparison.months.map(({ month }) => month)).toEqual(['2016-03', '2016-05']);
  });
});

test('the comparison finds a planted Wh, micro, hour, account and refused reading', async () => {
  // Up to 22:00, so that an hour earlier is another sum: B has 7 night and 16 day hours of 1.5 kWh.
  const csv = longDayCsv.split('\n').slice(0, -2).join('\n');
  const { replayed: road, independent } = await replayed('planted', { ...longDay, csv });
  const truth = calculateIndependently(independent);
  expect(compareBills(road, truth).differences).toEqual([]);

  const oneWhMore = { ...independent, csv: independent.csv.replace('1500.4', '1500.5') };
  expect(compareBills(road, calculateIndependently(oneWhMore)).differences).toEqual([
    'flat B, 2016-11: billed 9300000 micros, independently 9300200',
    'flat B, 2016-11, energy/night: billed 10500 Wh, independently 10501',
    'flat B: the account owes 9300000 micros, independently 9300200',
  ]);

  const otherStamps = calculateIndependently({ ...independent, stamps: 'end' });
  expect(compareBills(road, otherStamps).differences).not.toEqual([]);

  const [flatA, flatB] = road.accounts;
  const microOff = [flatA, { ...flatB, owedMicros: flatB.owedMicros + 1n }];
  expect(compareBills({ ...road, accounts: microOff }, truth).differences).toEqual([
    'flat B: the account owes 9300001 micros, independently 9300000',
  ]);

  expect(compareBills({ ...road, accounts: [flatA] }, truth).differences).toEqual([
    '1 accounts, independently 2',
  ]);
  const exceptions = new Map([['REGISTER_WENT_BACKWARDS', 1]]);
  expect(compareBills({ ...road, exceptions }, truth).differences).toEqual([
    '1 readings were refused: REGISTER_WENT_BACKWARDS',
  ]);
});
