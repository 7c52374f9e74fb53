import { createHash } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { ensureLogPartitions } from '../../src/db/log.ts';
import { parseCompanyId } from '../../src/domain/ids.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { dropLogDays } from '../../src/operations/dropLogDays.ts';
import { dismissReadings } from '../../src/operations/office/dismissReadings.ts';
import type { DismissReadingsInput } from '../../src/operations/office/dismissReadings.ts';
import { dismissQuarantined } from '../../src/operations/office/replayQuarantined.ts';
import { retryReadings } from '../../src/operations/office/retryReadings.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { setAside } from '../../src/operations/setAside.ts';
import { openOfficeGround, noon, quarter, replayDifferences, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const dayMs = 86_400_000;
const hour = 3_600_000;
const grounds: OfficeGround[] = [];
async function ground(name: string): Promise<OfficeGround> {
  const made = await openOfficeGround(name);
  grounds.push(made);
  return made;
}
afterAll(() => Promise.all(grounds.map((each) => each.close())));

const every = { meterId: null, code: null, fromMs: null, toMs: null };
let keys = 0;

function dismiss(
  here: OfficeGround,
  input: Partial<DismissReadingsInput>,
  role: 'operator' | 'developer' = 'operator',
) {
  keys += 1;
  const asked = { ...every, idempotencyKey: uuid(keys), reason: 'a test bench', ...input };
  return dismissReadings(here.deps, here.viewer(role), asked);
}

async function resolutions({ writer }: OfficeGround) {
  const rows = await writer.sql<{ kind: string; row: number }[]>`
    select kind, row from exception_resolution order by row`;
  return rows.map(({ kind, row }) => `${kind} ${row}`);
}

describe('a row that is held back can be left out for good', () => {
  test('and retention passes; who, when and why stand in the audit, once', async () => {
    const here = await ground('dismiss_retention');
    await ensureLogPartitions(here.writer.sql, { nowMs: noon, days: 2 });
    here.clock.set(noon);
    await here.commit([
      here.makers[0].readings([
        { meterId: 99_999, atMs: noon - quarter, wh: 1 },
        { meterId: 99_999, atMs: noon, wh: 2 },
      ]),
    ]);
    await here.rateAll();
    here.clock.set(noon + 30 * dayMs);
    const drop = () =>
      dropLogDays({ sql: here.writer.sql, clock: here.clock }, { days: 7, actor: 'test' });
    expect(await drop()).toMatchObject({ value: { dropped: [], kept: { why: 'held_back' } } });

    expect(await dismiss(here, { meterId: 99_999 }, 'developer')).toMatchObject({
      ok: false,
      code: 'NOT_PERMITTED',
    });
    expect(await dismiss(here, {})).toMatchObject({ ok: false, code: 'HELD_BACK_TOO_WIDE' });
    const nobody = { meterId: 99_998 };
    expect(await dismiss(here, nobody)).toMatchObject({ ok: false, code: 'HELD_BACK_NOT_FOUND' });
    expect(await dismiss(here, { meterId: 99_999, reason: ' ' })).toMatchObject({
      ok: false,
      code: 'REASON_MISSING',
    });
    const one = { idempotencyKey: uuid(900), meterId: 99_999, toMs: noon };
    expect(await dismiss(here, one)).toEqual({
      ok: true,
      value: { rows: 1, isMore: false, isReplay: false },
    });
    expect(await dismiss(here, one)).toMatchObject({
      ok: true,
      value: { rows: 1, isReplay: true },
    });
    expect(await drop()).toMatchObject({ value: { dropped: [], kept: { why: 'held_back' } } });
    expect(await dismiss(here, { code: 'METER_UNKNOWN' })).toMatchObject({ value: { rows: 1 } });
    expect(await drop()).toMatchObject({ value: { kept: null } });

    const rows = await here.writer.sql`
      select actor, reason, resolved_at as at from exception_resolution order by row`;
    const word = { actor: 'operator:one', reason: 'a test bench', at: new Date(noon + 30 * dayMs) };
    expect([...rows]).toEqual([word, word]);
    const audit = await here.writer.sql`
      select actor, subject, after->>'rows' as rows from audit_entry
      where action = 'reading.dismiss' order by subject`;
    expect([...audit]).toEqual([
      { actor: 'operator:one', subject: 'meter/99999', rows: '1' },
      { actor: 'operator:one', subject: 'meters', rows: '1' },
    ]);
  });

  test("and another company's stay what they are", async () => {
    const here = await ground('dismiss_foreign');
    await here.commit([here.makers[0].readings([{ meterId: 99_999, atMs: noon, wh: 1 }])]);
    await here.rateAll();
    const companyId = parseCompanyId(here.fleet.companyId + 1);
    if (!companyId.ok) throw new Error(companyId.message);
    const other = { ...here.viewer('operator'), companyId: companyId.value };
    const asked = { ...every, idempotencyKey: uuid(901), reason: 'mine?', meterId: 99_999 };
    const answer = await dismissReadings(here.deps, other, asked);
    expect(answer).toMatchObject({ ok: false, code: 'HELD_BACK_NOT_FOUND' });
    expect(await resolutions(here)).toEqual([]);
  });

  test('no retry takes it in, nor does rating the log anew; reconcile counts it', async () => {
    const here = await ground('dismiss_retry');
    const [m1] = here.meterIds;
    here.clock.set(noon - hour);
    const rows = [
      { meterId: m1, atMs: noon - 2 * hour, wh: 0 },
      { meterId: m1, atMs: noon - quarter, wh: 300 },
      { meterId: m1, atMs: noon, wh: 5_000 },
      { meterId: m1, atMs: noon + quarter, wh: 700 },
    ];
    // Their clock runs ahead: the last three are held back.
    await here.commit([here.makers[0].readings(rows)]);
    await here.rateAll();
    // A mistake of the installer's among them.
    const wrong = { meterId: m1, fromMs: noon, toMs: noon + 1 };
    expect(await dismiss(here, wrong)).toMatchObject({ ok: true, value: { rows: 1 } });
    here.clock.set(noon + hour);
    const retry = { idempotencyKey: uuid(902), meterId: null };
    expect(await retryReadings(here.deps, here.viewer('operator'), retry)).toMatchObject({
      value: { meters: 1, rows: 2 },
    });
    await here.rateAll();
    expect(await resolutions(here)).toEqual(['taken 1', 'dismissed 2', 'taken 3']);
    // 700 Wh at 0.30 a kWh.
    expect(await here.balances()).toEqual([-210_000n, 0n, 0n, 0n]);
    expect(await replayDifferences(here, 'dismissed')).toBe(0);
    const done = await reconcile(
      { sql: here.writer.sql, onStep: () => {} },
      {
        companyId: here.fleet.companyId,
        meterId: m1,
        fromMs: noon - dayMs,
        toMs: noon + dayMs,
        nowMs: noon + hour,
      },
    );
    expect(done).toMatchObject({
      ok: true,
      value: {
        unexplained: 0,
        meters: [{ inLog: 4, accepted: 3, superseded: 0, heldBack: 0, dismissed: 1 }],
      },
    });
  });

  test('a batch that could not be rated is dismissed with its rows', async () => {
    const here = await ground('dismiss_aside');
    const [m1] = here.meterIds;
    const carried = here.makers[0].readings([{ meterId: m1, atMs: noon, wh: 1 }]);
    await here.commit([carried]);
    const deps = { sql: here.writer.sql, clock: here.clock };
    const work = { kind: 'log', position: 1n } as const;
    await setAside(deps, { shard: 0, work, reason: 'planted' });
    const key = `${createHash('sha256').update(carried).digest('hex')}.RATING_FAILED`;
    const input = { idempotencyKey: uuid(903), key, reason: 'a test bench' };
    const done = await dismissQuarantined(here.deps, here.viewer('operator'), input);
    expect(done).toMatchObject({ ok: true, value: { kind: 'dismissed' } });
    expect(await resolutions(here)).toEqual(['dismissed 0']);
    expect(await dismiss(here, { meterId: m1 })).toMatchObject({ code: 'HELD_BACK_NOT_FOUND' });
  });
});

test('batches that can never be taken in do not hide those behind them from a retry', async () => {
  const here = await ground('retry_pages');
  const [m1, m2] = here.meterIds;
  here.clock.set(noon - hour);
  // Batches are looked at by their edges; of the one that comes first, with a meter not its own.
  const [good, poor] = here.makers;
  const edgeId = (name: string) => here.fleet.edges.get(name)?.edgeId ?? 0;
  expect(edgeId('edge 2')).toBeLessThan(edgeId('edge 1'));
  const foreign = [0, 1, 2, 3, 4, 5, 6].map((wh) => [{ meterId: m1, atMs: noon + wh, wh }]);
  const own = [
    [{ meterId: m2, atMs: noon - 2 * hour, wh: 0 }],
    [{ meterId: m2, atMs: noon, wh: 600 }],
    [{ meterId: m1, atMs: noon - 2 * hour, wh: 0 }],
    [{ meterId: m1, atMs: noon, wh: 900 }],
  ];
  await here.commit([
    ...foreign.map((readings) => poor.readings(readings)),
    ...own.map((readings) => good.readings(readings)),
  ]);
  await here.rateAll();
  here.clock.set(noon + hour);
  const retry = { idempotencyKey: uuid(904), meterId: null };
  await retryReadings(here.deps, here.viewer('operator'), retry);
  const rate = (job: Parameters<typeof rateJob>[0]) => Promise.resolve(rateJob(job));
  let steps = 0;
  const deps = { sql: here.writer.sql, clock: here.clock, rate, memory: createRatingMemory() };
  while ((await rateReadings(deps, { shard: 0, retriedMax: 2 })).more) steps += 1;
  // Each look takes two batches and goes on behind them, to the end and no further.
  expect(steps).toBeLessThan(12);
  expect(await resolutions(here)).toEqual(['taken 0', 'taken 0']);
  // 900 and 600 Wh at 0.30 a kWh.
  expect(await here.balances()).toEqual([-270_000n, -180_000n, 0n, 0n]);
});
