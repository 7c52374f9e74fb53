import { createHash } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { pageReadingExceptions } from '../../src/db/exceptionReads.ts';
import { ensureLogPartitions } from '../../src/db/log.ts';
import {
  coverOpened,
  phaseSequenceError,
  powerOutage,
} from '../../src/domain/series/meterEvent.ts';
import { dropLogDays } from '../../src/operations/dropLogDays.ts';
import { dismissReadings } from '../../src/operations/office/dismissReadings.ts';
import {
  dismissQuarantined,
  replayQuarantined,
} from '../../src/operations/office/replayQuarantined.ts';
import { retryReadings } from '../../src/operations/office/retryReadings.ts';
import { readIntervals } from '../../src/operations/readSeries.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { setAside } from '../../src/operations/setAside.ts';
import {
  fifthId,
  minute,
  noon,
  openOfficeGround,
  quarter,
  registerFifth,
  replayDifferences,
  uuid,
} from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const hour = 3_600_000;
const dayMs = 24 * hour;
const grounds: OfficeGround[] = [];
async function ground(name: string): Promise<OfficeGround> {
  const made = await openOfficeGround(name);
  grounds.push(made);
  return made;
}
afterAll(() => Promise.all(grounds.map((each) => each.close())));

type Line = { readonly meterId: number; readonly from: number; readonly to: number };

/** A batch without a reading: lines of meters' logs alone. */
function outages(
  { makers }: OfficeGround,
  lines: readonly Line[],
  code: number = powerOutage,
  edge = 0,
): Uint8Array {
  return makers[edge].sign([], noon, [], {
    code: Int32Array.from(lines, () => code),
    meterId: Int32Array.from(lines, ({ meterId }) => meterId),
    fromMs: Float64Array.from(lines, ({ from }) => from),
    toMs: Float64Array.from(lines, ({ to }) => to),
  });
}

const atNoon = { from: noon - 3 * hour, to: noon - hour };

/** 800 Wh in the four hours before noon, with nothing read in between. */
function fourHours({ makers }: OfficeGround, meterId: number): Uint8Array {
  return makers[0].readings([
    { meterId, atMs: noon - 4 * hour, wh: 0 },
    { meterId, atMs: noon, wh: 800 },
  ]);
}

async function slotsOf({ writer }: OfficeGround, id: number): Promise<readonly unknown[]> {
  const meter = { id, powerMaxW: 40_000, registerModulusWh: null };
  const span = { fromMs: noon - 4 * hour, toMs: noon, nowMs: noon + hour };
  const read = await readIntervals(writer.sql, meter, span);
  if (!read.ok) throw new Error(read.message);
  return read.value.intervals.map(({ energyWh }) => energyWh);
}

/** Two of the four hours were without supply: what flowed lies in the other eight slots. */
const withOutage = [100n, 0n, 0n, 100n].flatMap((wh) => [wh, wh, wh, wh]);
const even = Array.from({ length: 16 }, () => 50n);

async function held({ writer }: OfficeGround): Promise<readonly unknown[]> {
  const views = await writer.sql.begin((tx) =>
    pageReadingExceptions(
      tx,
      { meterId: null, isWaiting: true },
      { after: null, before: null, limit: 99, inverted: false },
    ),
  );
  return views.map(({ meterId, code, event, channel }) => [meterId, code, event, channel]);
}

async function events({ writer }: OfficeGround): Promise<readonly unknown[]> {
  const rows = await writer.sql`select meter_id as id, code from meter_event order by id, code`;
  return rows.map(({ id, code }) => [id, code]);
}

async function retry(here: OfficeGround, n: number) {
  const asked = { idempotencyKey: uuid(n), meterId: null };
  const answer = await retryReadings(here.deps, here.viewer('operator'), asked);
  if (!answer.ok) throw new Error(answer.message);
  await here.rateAll();
  return answer.value;
}

describe('lines of the log of a meter that is not registered yet', () => {
  test('wait in a batch without readings, and count when it is registered, once', async () => {
    const here = await ground('events_late');
    const meterId = fifthId(here);
    await here.commit([
      fourHours(here, meterId),
      outages(here, [{ meterId, ...atNoon }]),
      outages(here, [{ meterId, ...atNoon }], coverOpened),
    ]);
    await here.rateAll();
    expect(await events(here)).toEqual([]);
    expect(await held(here)).toEqual([
      [meterId, 'METER_UNKNOWN', null, 1],
      [meterId, 'METER_UNKNOWN', coverOpened, null],
      [meterId, 'METER_UNKNOWN', powerOutage, null],
      [meterId, 'METER_UNKNOWN', null, 1],
    ]);
    const notes = await here.writer.sql`
      select after->'rowsHeldBack' as rows, (after->>'eventsHeldBack')::int4 as events
      from audit_entry where action = 'batch.note' order by subject`;
    expect([...notes]).toEqual([
      { rows: { METER_UNKNOWN: 2 }, events: 0 },
      { rows: {}, events: 1 },
      { rows: {}, events: 1 },
    ]);

    await registerFifth(here);
    await here.rateAll();
    expect(await held(here)).toEqual([]);
    expect(await events(here)).toEqual([
      [meterId, powerOutage],
      [meterId, coverOpened],
    ]);
    expect(await slotsOf(here, meterId)).toEqual(withOutage);
    expect(await retry(here, 1)).toMatchObject({ meters: 0, rows: 0 });
    const taken = await here.writer.sql`
      select is_event, kind, row from exception_resolution order by sequence, row`;
    expect([...taken]).toEqual([
      { is_event: false, kind: 'taken', row: 0 },
      { is_event: false, kind: 'taken', row: 1 },
      { is_event: true, kind: 'taken', row: 0 },
      { is_event: true, kind: 'taken', row: 0 },
    ]);
    expect(await replayDifferences(here, 'late')).toBe(0);
  });

  test('are kept apart from readings of the same rows, and counted with no reading', async () => {
    const here = await ground('events_beside');
    const [m1] = here.meterIds;
    const meterId = fifthId(here);
    // The row 0 of the readings is taken, the line 0 of the events is not; and the other way round.
    const block = (id: number, wh: number) => ({
      channel: 1,
      unit: 30,
      scaler: 0,
      meterId: Int32Array.of(id),
      readAtMs: Float64Array.of(noon),
      value: BigInt64Array.of(BigInt(wh)),
      quality: Uint8Array.of(0),
    });
    const line = (id: number) => ({
      code: Int32Array.of(powerOutage),
      meterId: Int32Array.of(id),
      fromMs: Float64Array.of(noon - quarter),
      toMs: Float64Array.of(noon),
    });
    await here.commit([
      here.makers[0].sign([block(m1, 1)], noon, [], line(meterId)),
      here.makers[0].sign([block(meterId, 1)], noon, [], line(m1)),
    ]);
    await here.rateAll();
    expect(await events(here)).toEqual([[m1, powerOutage]]);
    const report = (id: number) =>
      reconcile(
        { sql: here.writer.sql, onStep: () => {} },
        {
          companyId: here.fleet.companyId,
          meterId: id,
          fromMs: noon - dayMs,
          toMs: noon + dayMs,
          nowMs: noon + hour,
        },
      );
    const counted = {
      value: {
        unexplained: 0,
        meters: [{ inLog: 1, accepted: 1, heldBack: 0, dismissed: 0 }],
      },
    };
    expect(await report(m1)).toMatchObject(counted);
    // The line alone: it begins before the reading.
    const window = { meterId, code: null, fromMs: null, toMs: noon };
    const asked = { ...window, idempotencyKey: uuid(2), reason: 'the clock of its log is wrong' };
    expect(await dismissReadings(here.deps, here.viewer('operator'), asked)).toMatchObject({
      value: { rows: 1 },
    });
    expect(await held(here)).toEqual([[meterId, 'METER_UNKNOWN', null, 1]]);
    expect(await report(m1)).toMatchObject(counted);
    await registerFifth(here);
    await here.rateAll();
    expect(await held(here)).toEqual([]);
    expect(await events(here)).toEqual([[m1, powerOutage]]);
    expect(await retry(here, 3)).toMatchObject({ meters: 0, rows: 0 });
    expect(await replayDifferences(here, 'beside')).toBe(0);
    expect(await report(m1)).toMatchObject(counted);
    expect(await report(meterId)).toMatchObject(counted);
  });

  test('keep their day of the log until somebody leaves them out for good', async () => {
    const here = await ground('events_retention');
    await ensureLogPartitions(here.writer.sql, { nowMs: noon, days: 2 });
    here.clock.set(noon);
    await here.commit([outages(here, [{ meterId: 99_999, ...atNoon }])]);
    await here.rateAll();
    here.clock.set(noon + 30 * dayMs);
    const drop = () =>
      dropLogDays({ sql: here.writer.sql, clock: here.clock }, { days: 7, actor: 'test' });
    expect(await drop()).toMatchObject({ value: { dropped: [], kept: { why: 'held_back' } } });
    const every = { code: null, fromMs: null, toMs: null };
    const asked = { ...every, meterId: 99_999, idempotencyKey: uuid(4), reason: 'a test bench' };
    expect(await dismissReadings(here.deps, here.viewer('operator'), asked)).toMatchObject({
      value: { rows: 1 },
    });
    expect(await drop()).toMatchObject({ value: { kept: null } });
  });
});

test("lines of another edge's meter wait as its readings do, and move no slot", async () => {
  const here = await ground('events_foreign');
  const [m1] = here.meterIds;
  await here.commit([fourHours(here, m1), outages(here, [{ meterId: m1, ...atNoon }], 1, 1)]);
  await here.rateAll();
  expect(await held(here)).toEqual([[m1, 'METER_FOREIGN', powerOutage, null]]);
  expect(await slotsOf(here, m1)).toEqual(even);
  // Asked again it stays: the meter is the other edge's still.
  expect(await retry(here, 5)).toMatchObject({ meters: 1, rows: 1 });
  expect(await held(here)).toHaveLength(1);
  expect(await events(here)).toEqual([]);
});

test('a line is kept of a meter that is read only later, and counts then', async () => {
  const here = await ground('events_before');
  const [m1] = here.meterIds;
  await here.commit([outages(here, [{ meterId: m1, ...atNoon }])]);
  await here.rateAll();
  expect(await events(here)).toEqual([[m1, powerOutage]]);
  await here.commit([fourHours(here, m1)]);
  await here.rateAll();
  expect(await slotsOf(here, m1)).toEqual(withOutage);
});

test('a line that ends later than it was received waits until that time has come', async () => {
  const here = await ground('events_future');
  const [m1] = here.meterIds;
  here.clock.set(noon - 2 * hour);
  await here.commit([
    fourHours(here, m1),
    outages(here, [
      { meterId: m1, ...atNoon },
      { meterId: m1, from: noon - 3 * hour, to: noon - 2 * hour + minute },
    ]),
    outages(here, [{ meterId: m1, from: noon, to: noon + 400 * dayMs }], phaseSequenceError),
  ]);
  await here.rateAll();
  expect(await held(here)).toEqual([
    [m1, 'READING_IN_FUTURE', phaseSequenceError, null],
    [m1, 'READING_IN_FUTURE', null, 1],
    [m1, 'READING_IN_FUTURE', powerOutage, null],
  ]);
  // A minute ahead is believed, as of a reading.
  expect(await events(here)).toEqual([[m1, powerOutage]]);
  expect(await here.writer.sql`select from vee_decision`).toHaveLength(0);
  // Asked too early it stays.
  await retry(here, 7);
  expect(await held(here)).toHaveLength(3);
  here.clock.set(noon);
  await retry(here, 8);
  expect(await held(here)).toEqual([[m1, 'READING_IN_FUTURE', phaseSequenceError, null]]);
  expect(await events(here)).toEqual([
    [m1, powerOutage],
    [m1, powerOutage],
  ]);
  expect(await slotsOf(here, m1)).toEqual(withOutage);
  expect(await replayDifferences(here, 'future')).toBe(0);
});

test('a line that lasts longer than any silence is bridged moves nothing', async () => {
  const here = await ground('events_long');
  const [m1] = here.meterIds;
  const days = (count: number) => ({ meterId: m1, from: noon - count * dayMs, to: noon });
  await here.commit([outages(here, [days(400), { ...days(400), from: noon - 400 * dayMs - 1 }])]);
  await here.commit([outages(here, [{ ...days(0), from: Date.UTC(2000, 0, 1) }], coverOpened)]);
  await here.rateAll();
  expect(await held(here)).toEqual([
    [m1, 'VALUE_OUT_OF_RANGE', powerOutage, null],
    [m1, 'VALUE_OUT_OF_RANGE', coverOpened, null],
  ]);
  expect(await events(here)).toEqual([[m1, powerOutage]]);
});

describe('of a batch that our own code could not rate', () => {
  async function aside(name: string) {
    const here = await ground(name);
    const [m1] = here.meterIds;
    await here.commit([fourHours(here, m1)]);
    await here.rateAll();
    const carried = outages(here, [{ meterId: m1, ...atNoon }]);
    await here.commit([carried]);
    const deps = { sql: here.writer.sql, clock: here.clock };
    const work = { kind: 'log', position: 2n } as const;
    await setAside(deps, { shard: 0, work, reason: 'planted' });
    const key = `${createHash('sha256').update(carried).digest('hex')}.RATING_FAILED`;
    expect(await held(here)).toEqual([[m1, 'RATING_FAILED', powerOutage, null]]);
    return { here, m1, asked: { idempotencyKey: uuid(6), key, reason: 'mended' } };
  }

  test('the lines are taken in when it is replayed', async () => {
    const { here, m1, asked } = await aside('events_aside');
    expect(await slotsOf(here, m1)).toEqual(even);
    const done = await replayQuarantined(here.deps, here.viewer('operator'), asked);
    expect(done).toMatchObject({ ok: true });
    await here.rateAll();
    expect(await held(here)).toEqual([]);
    expect(await slotsOf(here, m1)).toEqual(withOutage);
    expect(await replayDifferences(here, 'aside')).toBe(0);
  });

  test('the lines are left out when it is dismissed', async () => {
    const { here, asked } = await aside('events_aside_out');
    const done = await dismissQuarantined(here.deps, here.viewer('operator'), asked);
    expect(done).toMatchObject({ ok: true });
    expect(await held(here)).toEqual([]);
    await here.rateAll();
    expect(await events(here)).toEqual([]);
    expect(await replayDifferences(here, 'aside out')).toBe(0);
  });
});
