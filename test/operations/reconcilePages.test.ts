import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readMetersOf } from '../../src/db/reconciliation.ts';
import { asViewerInSnapshot } from '../../src/db/viewer.ts';
import { decodeDay, encodeDay } from '../../src/domain/series/dayCodec.ts';
import { Findings } from '../../src/operations/reconcile/finding.ts';
import { reconcileIn } from '../../src/operations/reconcile/reconcile.ts';
import { recountReadings } from '../../src/operations/reconcile/recountReadings.ts';
import { importBlock } from '../support/build/edge.ts';
import { minute, noon, openOfficeGround, quarter } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const dayMs = 86_400_000;
const from = noon - 2 * dayMs;
const readingsEach = 60;
let here: OfficeGround;

/** Sixty readings of each of four meters over two and a half days, in batches of all instants. */
beforeAll(async () => {
  here = await openOfficeGround('reconcile_pages');
  const { makers, meterIds } = here;
  here.clock.set(noon + dayMs);
  for (const [edge, maker] of makers.entries()) {
    const own = meterIds.slice(2 * edge, 2 * edge + 2);
    for (const part of [0, 1]) {
      const instants = Array.from({ length: readingsEach / 2 }, (_, n) => 2 * n + part);
      const block = importBlock(
        instants.flatMap((n) =>
          own.map((meterId) => ({ meterId, atMs: from + n * 60 * minute, wh: 1_000 + n })),
        ),
      );
      expect(await here.commit([maker.sign([block])])).toEqual(['committed']);
    }
  }
  await here.rateAll();
});
afterAll(() => here.close());

function recount(given: { metersAtOnce: number; fromMs: number; toMs: number }) {
  const { companyId } = here.fleet;
  const findings = new Findings();
  return here.writer.sql.begin(async (tx) => {
    const meters = await readMetersOf(tx, { companyId, meterId: null });
    const asked = { companyId, meters, ...given, onBatches: () => {} };
    return { counts: await recountReadings(tx, asked, findings), findings: findings.first };
  });
}

test.for([1, 3, 4, 100])('%d meters at a time give the same counts', async (metersAtOnce) => {
  const window = { fromMs: from, toMs: noon + dayMs };
  const { counts, findings } = await recount({ metersAtOnce, ...window });
  expect(findings).toEqual([]);
  expect(counts.map(({ meterId }) => meterId)).toEqual(here.meterIds);
  for (const { inLog, accepted, superseded } of counts) {
    expect({ inLog, accepted, superseded }).toEqual({
      inLog: readingsEach,
      accepted: readingsEach,
      superseded: 0,
    });
  }
});

test('a value that is another one is found on each day, of each meter', async () => {
  const owner = postgres(here.url, { max: 1, onnotice: () => {} });
  const days = await owner<{ meter_id: number; channel: number; day: number; bytes: Uint8Array }[]>`
    select meter_id, channel, day, bytes from series_day`;
  const put = (each: (typeof days)[number], bytes: Uint8Array) => owner`
    update series_day set bytes = ${Buffer.from(bytes)}
    where meter_id = ${each.meter_id} and channel = ${each.channel} and day = ${each.day}`;
  for (const each of days) {
    const stored = decodeDay(each.bytes);
    stored.wh.set(stored.wh.map((wh) => wh + 1));
    await put(each, encodeDay(stored));
  }
  const { counts } = await recount({ metersAtOnce: 3, fromMs: from, toMs: noon + dayMs });
  for (const each of days) await put(each, each.bytes);
  await owner.end();
  expect(days).toHaveLength(4 * 3);
  expect(counts.map(({ unexplained }) => unexplained)).toEqual(
    here.meterIds.map(() => readingsEach),
  );
});

test('a window that begins or ends within a quarter hour takes the whole of it', async () => {
  const [meterId] = here.meterIds;
  const instants = [1, 5, 14].map((n) => noon + quarter + n * minute);
  const readings = instants.map((atMs, n) => ({ meterId, atMs, wh: 2_000 + n }));
  await here.commit([here.makers[0].readings(readings)]);
  await here.rateAll();
  for (const cut of [3, 7]) {
    const atMs = noon + quarter + cut * minute;
    const late = await recount({ metersAtOnce: 9, fromMs: atMs, toMs: noon + dayMs });
    const early = await recount({ metersAtOnce: 9, fromMs: from, toMs: atMs });
    expect([...late.findings, ...early.findings]).toEqual([]);
  }
});

test('over GraphQL so many meters and days are looked at that a request can bear', async () => {
  const { companyId } = here.fleet;
  const window = { companyId, meterId: null, fromMs: from, toMs: from + 2 * dayMs, nowMs: noon };
  const ask = (meterDaysMax: number | null) =>
    asViewerInSnapshot(here.api.sql, here.viewer('operator'), (tx) =>
      reconcileIn(tx, window, { meterDaysMax, onStep: () => {} }),
    );
  expect(await ask(7)).toMatchObject({
    ok: false,
    code: 'WINDOW_TOO_LONG',
    message:
      '4 meters for 2 days are more than 7 days of a meter at once. Ask for fewer days or for ' +
      'one meter, or run ems-cli reconcile.',
  });
  expect(await ask(8)).toMatchObject({ ok: true });
  expect(await ask(null)).toMatchObject({ ok: true });
});
