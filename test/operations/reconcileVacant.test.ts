import { afterAll, beforeAll, expect, test } from 'vitest';
import postgres from 'postgres';
import { connect } from '../../src/db/connect.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { minute, noon, openOfficeGround } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

let here: OfficeGround;

/** A meter of a place that nobody has an agreement for, last read within a quarter hour. */
beforeAll(async () => {
  here = await openOfficeGround('reconcile_vacant');
  const { declared, writer, clock, makers } = here;
  const [like] = declared.meters;
  const registered = await registerFleet(
    { sql: writer.sql, clock },
    {
      ...declared,
      servicePoints: [...declared.servicePoints, { name: 'vacant', timeZone: 'Europe/Berlin' }],
      meters: [...declared.meters, { ...like, serial: 'M5', servicePoint: 'vacant' }],
    },
  );
  if (!registered.ok) throw new Error(registered.message);
  const meterId = registered.value.meters.get('M5') ?? 0;
  const readings = [-60, -20, -7].map((atMinute, n) => {
    return { meterId, atMs: noon + atMinute * minute, wh: 1_000 + 100 * n };
  });
  await here.commit([makers[0].readings(readings)]);
  await here.rateAll();
});
afterAll(() => here.close());

async function findings() {
  const name = 'reconcile vacant';
  const writer = await connect(here.url, { role: 'joulebook_writer', connectionsMax: 2, name });
  const { companyId } = here.fleet;
  const window = { meterId: null, fromMs: noon - 86_400_000, toMs: noon, nowMs: noon + minute };
  const deps = { sql: writer.sql, onStep: () => {} };
  const done = await reconcile(deps, { companyId, ...window });
  await writer.close();
  if (!done.ok) throw new Error(done.message);
  return done.value.findings.map(({ code }) => code);
}

test('energy of an open quarter hour without a price is no alarm', async () => {
  // 1,000 Wh at 11:00, 1,100 at 11:40, 1,200 at 11:53 UTC: at 11:45 5/13 of the last 100 had
  // flowed, 38 Wh, and the slot from then on is open.
  const [row] = await here.writer.sql<{ wh: bigint }[]>`select energy_wh as wh from unrated_energy`;
  expect(row.wh).toBe(138n);
  expect(await findings()).toEqual([]);
});

test('energy without a price that is gone is an alarm', async () => {
  const owner = postgres(here.url, { max: 1, onnotice: () => {} });
  await owner`update unrated_energy set energy_wh = energy_wh - 1`;
  expect(await findings()).toEqual(['ENERGY_DIFFERS']);
  await owner.end();
});
