import { expect, test } from 'vitest';
import { phaseSequenceError } from '../../src/domain/series/meterEvent.ts';
import { bills, dayMs, flat, hourMs, june, july } from './billsGround.ts';
import { expectReplayed, mark } from './marksGround.ts';

test('a bill that a version cut down to nothing is none once nothing was read', async () => {
  const ground = await bills('given_back_cut', flat('0.10'));
  const read = june + 9 * dayMs;
  await ground.read([
    { atMs: read, wh: 0 },
    { atMs: read + hourMs, wh: 1_000 },
    { atMs: july + dayMs, wh: 3_000 },
  ]);
  // A price from the fifth on, told later: of the days before it nothing is known.
  const [tariff] = ground.fleet.tariffs;
  const later = { validFromMs: june + 4 * dayMs, document: flat('0.20') };
  await ground.register({
    ...ground.fleet,
    tariffs: [{ ...tariff, versions: [...tariff.versions, later] }],
  });
  const missing = async () => {
    const rows = await ground.database.sql<{ slots: string }[]>`
      select detail->>'missingSlots' as slots from vee_decision
      where rule = 'missingQuantity' and withdrawn_at is null`;
    return rows.map(({ slots }) => slots);
  };
  // Nine days of 96 quarter hours.
  expect(await missing()).toEqual(['864']);
  // It was taken away before it was ever read: all of it is given back, the empty part too.
  await mark(ground, { atMs: june + 2 * dayMs, kind: 'removed' });
  expect((await ground.charges()).map(({ wh, micros }) => [wh, micros])).toEqual([
    [0n, 0n],
    [0n, 0n],
  ]);
  expect(await missing()).toEqual([]);
  await expectReplayed(ground);
});

test('a meter that begins on the first of a month leaves the month before as it is', async () => {
  const timeZone = 'America/St_Johns';
  const ground = await bills('given_back_beside', flat('0.10'), (fleet) => ({
    ...fleet,
    servicePoints: fleet.servicePoints.map((point) => ({ ...point, timeZone })),
    meters: fleet.meters.flatMap((meter) => [meter, { ...meter, serial: 'M2' }]),
  }));
  await ground.read([
    { atMs: june + 19 * dayMs, wh: 0 },
    { atMs: june + 20 * dayMs, wh: 12_000 },
    { atMs: july + 6 * hourMs, wh: 12_000 },
    { atMs: july + 7 * hourMs, wh: 12_500 },
  ]);
  const energies = async () => (await ground.charges()).map(({ period, wh }) => [period, wh]);
  // July begins there at half past two: that UTC day is of both months.
  const june12 = [
    ['2026-06', 12_000n],
    ['2026-07', 500n],
  ];
  expect(await energies()).toEqual(june12);
  const installed = { kind: 'installed', startValue: 100n } as const;
  await mark(ground, { ...installed, meterId: ground.meter('M2'), atMs: july + 15 * hourMs });
  expect(await energies()).toEqual(june12);
  await expectReplayed(ground);
});

test.each([
  ['open again', june - 15 * dayMs],
  ['given back', june - 31 * dayMs - hourMs],
])('a held bill that is %s is held no longer', async (what, atMs) => {
  const ground = await bills(`given_back_held_${what.replace(' ', '_')}`, flat('0.10'));
  const may = june - 31 * dayMs;
  await ground.read([
    { atMs: may, wh: 0 },
    { atMs: june, wh: 31_000 },
    { atMs: june + hourMs, wh: 31_100 },
  ]);
  await ground.tell({
    code: Int32Array.of(phaseSequenceError),
    meterId: Int32Array.of(ground.meter('M1')),
    fromMs: Float64Array.of(may + dayMs),
    toMs: Float64Array.of(may + dayMs + hourMs),
  });
  const holds = async () =>
    [...(await ground.database.sql`select code from charge_hold`)].map(({ code }) => code);
  expect(await holds()).toEqual(['VEE_HELD']);
  // Taken away before the month was over, so that nothing was ever read beyond its end.
  await mark(ground, { atMs, kind: 'removed' });
  expect(await holds()).toEqual([]);
  await expectReplayed(ground);
});
