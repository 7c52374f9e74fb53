import { expect, test } from 'vitest';
import { readPackedMeters } from '../../src/db/labReads.ts';
import { dayOf } from '../../src/domain/series/day.ts';
import { loadOfMeters } from '../../src/domain/series/loadOfDays.ts';
import { bills, dayMs, flat, hourMs, june } from './billsGround.ts';

/** Import of a UTC day as estimates, explanations and drafts read it. */
async function dayWh(ground: Awaited<ReturnType<typeof bills>>, fromMs: number): Promise<number> {
  const [point] = [...ground.registered.servicePoints.values()];
  const meters = await readPackedMeters(ground.database.sql, {
    companyId: ground.registered.companyId,
    servicePointIds: [point],
    fromDay: dayOf(fromMs),
    throughDay: dayOf(fromMs),
  });
  const load = loadOfMeters(meters.get(point) ?? [], { fromMs, toMs: fromMs + dayMs });
  return load.import.reduce((sum, wh) => sum + (Number.isNaN(wh) ? 0 : wh), 0);
}

test('days that nobody believes, before and behind, do not cut a load short', async () => {
  const ground = await bills('packed_meters', flat('0.20'));
  // The register falls back on the second, the fourth and the fifth day: none of it is believed.
  await ground.read([
    { atMs: june, wh: 100_000 },
    { atMs: june + dayMs + 12 * hourMs, wh: 50 },
    { atMs: june + 2 * dayMs + 12 * hourMs, wh: 160_000 },
    { atMs: june + 3 * dayMs + hourMs, wh: 70 },
    { atMs: june + 4 * dayMs + hourMs, wh: 80 },
    { atMs: june + 5 * dayMs + 12 * hourMs, wh: 232_000 },
  ]);
  // 60 kWh in 60 hours, then 72 in 72: 1 kW, 24 kWh a day.
  for (const day of [0, 1, 2, 3, 4]) expect(await dayWh(ground, june + day * dayMs)).toBe(24_000);
  expect(await dayWh(ground, june + 5 * dayMs)).toBe(12_000);
});
