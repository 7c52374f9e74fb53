import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import {
  coverOpened,
  phaseSequenceError,
  powerOutage,
} from '../../src/domain/series/meterEvent.ts';
import { qualityVoid } from '../../src/domain/series/quality.ts';
import { readIntervals } from '../../src/operations/readSeries.ts';
import { recordMark } from '../../src/operations/recordMark.ts';
import type { RecordMarkInput } from '../../src/operations/recordMark.ts';
import { BatchMaker, importBlock, testEdge } from '../support/build/edge.ts';
import { bills, dayMs, flat, hourMs, june } from './billsGround.ts';
import { depsOf, exceptionsOf, expectReplayed, mark } from './marksGround.ts';

/** Worked numbers: docs of the domain, 4.1. All of it is UTC, so that days are plain. */

/** A block of the main register as the edge or office sends it. */
function blockOf(
  meterId: number,
  readings: readonly { readonly atMs: number; readonly wh: number; readonly quality?: number }[],
) {
  return importBlock(readings.map((reading) => ({ ...reading, meterId })));
}

test('rule 11: a clock off by a minute is noted, by more calculated, by a slot held', async () => {
  const ground = await bills('marks_clock', flat('0.10'));
  const noon = june + 12 * hourMs;
  await ground.read([{ atMs: noon - hourMs, wh: 0 }]);
  // Stamped 12:00:40 by a clock 40 s ahead: it is of 12:00.
  await ground.read([{ atMs: noon + 40_000, wh: 1_000 }], {
    clockOffsetMs: Int32Array.of(40_000),
  });
  // Five minutes ahead: of 12:30, calculated. Sixteen minutes ahead: of no slot.
  await ground.read(
    [
      { atMs: noon + 35 * 60_000, wh: 1_500 },
      { atMs: noon + 61 * 60_000, wh: 9_999 },
    ],
    { clockOffsetMs: Int32Array.of(300_000, 960_000) },
  );
  await ground.read([{ atMs: noon + hourMs, wh: 2_000 }]);
  expect(await exceptionsOf(ground)).toEqual(['CLOCK_DRIFT']);
  const slots = await readIntervals(
    ground.database.sql,
    { id: ground.meter('M1'), powerMaxW: 40_000, registerModulusWh: null },
    { fromMs: noon - 900_000, toMs: noon + hourMs, nowMs: noon + 2 * hourMs },
  );
  if (!slots.ok) throw new Error(slots.message);
  // An hour's 1,000 Wh up to noon, then 500 Wh in each half hour.
  expect(slots.value.intervals.map(({ energyWh }) => energyWh)).toEqual([
    250n,
    250n,
    250n,
    250n,
    250n,
  ]);
  const audits = await ground.database.sql<{ after: Record<string, unknown> }[]>`
    select after from audit_entry where action = 'batch.note' order by subject`;
  expect(audits.map(({ after }) => after)).toEqual([
    { rowsHeldBack: {}, eventsHeldBack: 0, blocksCorrected: 1, clockOffsetMsMax: 40_000 },
    {
      rowsHeldBack: { CLOCK_DRIFT: 1 },
      eventsHeldBack: 0,
      blocksCorrected: 1,
      clockOffsetMsMax: 300_000,
    },
  ]);
  await expectReplayed(ground);
});

test('rule 13: intervals that arrive 3, 1, 2 are those of 1, 2, 3', async () => {
  const readings = [0, 1, 2, 3].map((n) => ({ atMs: june + n * 900_000, wh: n * n * 100 }));
  const seen: unknown[] = [];
  for (const order of [
    [0, 1, 2, 3],
    [3, 1, 2, 0],
    [2, 0, 3, 1],
  ]) {
    const ground = await bills(`marks_order_${order.join('')}`, flat('0.10'));
    for (const n of order) await ground.read([readings[n]]);
    const days = await ground.database.sql<{ register: string }[]>`
      select encode(sha256(bytes || coalesce(carry_in, '')), 'hex') as register from series_day`;
    const heads = await ground.database.sql`select encode(carry, 'hex') as carry from series_head`;
    seen.push({ heads: [...heads], charges: await ground.charges(), days: days.length });
  }
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(seen[0]).toMatchObject({ charges: [{ wh: 900n }] });
});

test('edits come from an office alone, and a void leaves nothing', async () => {
  const office = testEdge();
  const ground = await bills('marks_office', flat('0.10'), (fleet) => ({
    ...fleet,
    edges: [
      ...fleet.edges,
      { name: 'office', publicKeys: [office.publicKey], logShard: 0, buses: [] },
    ],
  }));
  const officeId = ground.registered.edges.get('office')?.edgeId ?? 0;
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  onTestFinished(() => owner.end());
  await owner`update edge set kind = 'office' where id = ${officeId}`;
  const maker = new BatchMaker(office, { edgeId: officeId });
  const meterId = ground.meter('M1');
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 9_000 },
    { atMs: june + 2 * hourMs, wh: 3_000 },
  ]);
  expect(await exceptionsOf(ground)).toEqual(['REGISTER_RESET']);
  const edit = blockOf(meterId, [{ atMs: june + hourMs, wh: 1_000 }]);
  await ground.send(maker.sign([{ ...edit, revision: Int32Array.of(1) }]));
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([3_000n]);
  const last = { atMs: june + 2 * hourMs, wh: 0, quality: qualityVoid };
  await ground.send(maker.sign([{ ...blockOf(meterId, [last]), revision: Int32Array.of(1) }]));
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([1_000n]);
  await expectReplayed(ground);
  // Of all readings: nothing stands, and nothing is charged.
  const all = [0, 1].map((n) => ({ atMs: june + n * hourMs, wh: 0, quality: qualityVoid }));
  await ground.send(maker.sign([{ ...blockOf(meterId, all), revision: Int32Array.of(2, 2) }]));
  expect((await ground.charges()).map(({ wh, micros }) => [wh, micros])).toEqual([[0n, 0n]]);
  const heads = await ground.database.sql`select from series_head`;
  expect(heads.count).toBe(0);
  await expectReplayed(ground);
});

test('power now is the newest, in whatever order and beside what it is told', async () => {
  const ground = await bills('power_now', flat('0.10'));
  const meterId = ground.meter('M1');
  const telemetry = new BatchMaker(ground.maker.edge, {
    edgeId: ground.edgeId,
    stream: 'telemetry',
  });
  const of = (hour: number, value: number) => ({
    register: blockOf(meterId, [{ atMs: june + hour * hourMs, wh: value }]),
    power: {
      ...blockOf(meterId, [{ atMs: june + hour * hourMs, wh: value }]),
      channel: 16,
      unit: 27,
    },
  });
  const powerNow = async () => {
    await ground.rateAll();
    const [head] = await ground.database.sql`
      select last_power_w from series_head where meter_id = ${meterId} and channel = 1`;
    return head?.['last_power_w'];
  };
  await ground.send(ground.maker.sign([of(2, 1_000).register, of(2, 740).power]));
  expect(await powerNow()).toBe(740);
  // Late, with a register that is late, with one that is not, and alone.
  await ground.send(ground.maker.sign([of(1, 900).register, of(1, 9_001).power]));
  expect(await powerNow()).toBe(740);
  await ground.send(ground.maker.sign([of(3, 1_100).register, of(1, 9_002).power]));
  expect(await powerNow()).toBe(740);
  await ground.send(telemetry.sign([of(1, 9_003).power]));
  expect(await powerNow()).toBe(740);
  // Newer, with a register of export, and alone.
  await ground.send(ground.maker.sign([{ ...of(4, 50).register, channel: 2 }, of(4, 810).power]));
  expect(await powerNow()).toBe(810);
  await ground.send(telemetry.sign([of(5, 820).power]));
  expect(await powerNow()).toBe(820);
});

test('telemetry bills nothing; its power and its meter log are kept, once', async () => {
  const ground = await bills('marks_telemetry', flat('0.10'));
  const meterId = ground.meter('M1');
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 1_000 },
  ]);
  const telemetry = new BatchMaker(ground.maker.edge, {
    edgeId: ground.edgeId,
    stream: 'telemetry',
  });
  const power = { ...blockOf(meterId, [{ atMs: june + hourMs, wh: 740 }]), channel: 16, unit: 27 };
  const register = blockOf(meterId, [{ atMs: june + 2 * hourMs, wh: 50_000 }]);
  const foreign = { ...power, meterId: Int32Array.of(9_999) };
  const events = {
    code: Int32Array.of(powerOutage, powerOutage, coverOpened, powerOutage),
    meterId: Int32Array.of(meterId, meterId, meterId, 9_999),
    fromMs: Float64Array.of(june, june, june + hourMs, june),
    toMs: Float64Array.of(june + 900_000, june + 900_000, june + hourMs, june + 900_000),
  };
  await ground.send(telemetry.sign([power, register, foreign], june, [], events));
  await ground.send(telemetry.sign([], june, [], events));
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([1_000n]);
  const [head] = await ground.database.sql`
    select last_power_w, last_value_wh from series_head where meter_id = ${meterId}`;
  expect(head).toEqual({ last_power_w: 740, last_value_wh: 1_000n });
  const kept = await ground.database.sql`
    select code, from_at from meter_event order by code`;
  expect(kept.map((row) => row['code'])).toEqual([powerOutage, coverOpened]);
  const rows = await ground.database.sql`
    select code, stream, is_event from reading_exception order by sequence, is_event`;
  const waiting = { code: 'METER_UNKNOWN', stream: 2 };
  expect([...rows]).toEqual([
    { ...waiting, is_event: false },
    { ...waiting, is_event: true },
    { ...waiting, is_event: true },
  ]);
  const audits = await ground.database.sql<{ after: { eventsHeldBack: number } }[]>`
    select after from audit_entry where action = 'batch.note' order by subject`;
  expect(audits.map(({ after }) => after.eventsHeldBack)).toEqual([1, 1]);
  await expectReplayed(ground);
});

test('registers of phases bill nothing; a factor of the meter is of them too', async () => {
  const ground = await bills('marks_phases', flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.map((meter) => ({ ...meter, powerMaxW: 400_000 })),
  }));
  const readings = [
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 1_000 },
  ];
  for (const channel of [1, 21, 41, 61]) await ground.read(readings, { channel });
  await mark(ground, { atMs: june, channel: null, factor: '200/5' });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([40_000n]);
  const heads = await ground.database.sql`
    select channel, last_value_wh from series_head order by channel`;
  expect(heads.map((row) => [row['channel'], row['last_value_wh']])).toEqual(
    [1, 21, 41, 61].map((channel) => [channel, 40_000n]),
  );
  await expectReplayed(ground);
});

test('what cannot be a mark is refused with its place, and nothing is written', async () => {
  const ground = await bills('marks_refused', flat('0.10'));
  const now = ground.clock.nowMs();
  const refused: readonly [Partial<RecordMarkInput> & { atMs: number }, string][] = [
    [{ atMs: june, channel: null, finalValue: 1n, factor: '1' }, 'MARK_MALFORMED'],
    [{ atMs: june, factor: null }, 'MARK_MALFORMED'],
    [{ atMs: june, kind: 'removed', startValue: 1n }, 'MARK_MALFORMED'],
    [{ atMs: june, kind: 'installed', finalValue: 1n }, 'MARK_MALFORMED'],
    [{ atMs: june, kind: 'reset', startValue: -1n }, 'MARK_MALFORMED'],
    [{ atMs: june, factor: '1/0' }, 'FACTOR_MALFORMED'],
    [{ atMs: june, factor: '2000000' }, 'FACTOR_OUT_OF_RANGE'],
    [{ atMs: june, channel: 16, factor: '2' }, 'CHANNEL_UNKNOWN'],
    [{ atMs: june, factor: '2', reason: ' ' }, 'REASON_MISSING'],
    [{ atMs: june, factor: '2', meterId: 9_999 }, 'METER_NOT_FOUND'],
    [{ atMs: june, kind: 'withdrawn' }, 'MARK_NOT_FOUND'],
    [{ atMs: now + dayMs, kind: 'installed' }, 'MARK_IN_FUTURE'],
    [{ atMs: now + dayMs, factor: '2', finalValue: 1n }, 'MARK_IN_FUTURE'],
    [{ atMs: -1, factor: '2' }, 'MARK_OUT_OF_RANGE'],
    // A clock that was never set: it would take away every bill.
    [{ atMs: 5_871_600_000, kind: 'removed' }, 'MARK_OUT_OF_RANGE'],
    [{ atMs: Date.UTC(2000, 0, 1) - 1, kind: 'removed' }, 'MARK_OUT_OF_RANGE'],
  ];
  for (const [given, code] of refused) {
    expect(await mark(ground, given)).toMatchObject({ ok: false, code });
  }
  const subscriber = { ...ground.viewer, role: 'subscriber' as const };
  const asked = {
    idempotencyKey: randomUUID(),
    meterId: ground.meter('M1'),
    channel: 1,
    atMs: june,
  };
  const rest = {
    kind: 'factor',
    finalValue: null,
    startValue: null,
    factor: '2',
    reason: 'x',
  } as const;
  expect(await recordMark(depsOf(ground), subscriber, { ...asked, ...rest })).toMatchObject({
    code: 'NOT_PERMITTED',
  });
  const [written] = await ground.database.sql`
    select (select count(*)::int4 from register_mark) as marks,
           (select count(*)::int4 from rerate_duty) as duties`;
  expect(written).toEqual({ marks: 0, duties: 0 });
  // Ahead of time a factor may be known: what is read before it is not touched.
  expect(await mark(ground, { atMs: now + dayMs, factor: '2' })).toMatchObject({ ok: true });
});

test('rule 15: reversed phases hold the bills that they touch, closed ones too', async () => {
  const ground = await bills('marks_phase_sequence', flat('0.10'));
  const meterId = ground.meter('M1');
  const reversed = (fromMs: number) => ({
    code: Int32Array.of(phaseSequenceError),
    meterId: Int32Array.of(meterId),
    fromMs: Float64Array.of(fromMs),
    toMs: Float64Array.of(fromMs + hourMs),
  });
  const may = june - 31 * dayMs;
  await ground.read([
    { atMs: may, wh: 0 },
    { atMs: june, wh: 10_000 },
    { atMs: june + hourMs, wh: 10_100 },
  ]);
  const held = () => ground.database.sql<{ period: Date; message: string }[]>`
    select period_start as period, message from charge_hold order by period_start`;
  expect(await held()).toHaveLength(0);
  await ground.send(ground.maker.sign([], june, [], reversed(may + dayMs)));
  const [hold] = await held();
  expect(hold).toMatchObject({ period: new Date(may) });
  expect(hold.message).toContain('phases are reversed');
  const decisions = await ground.database.sql`
    select rule, outcome, channel from vee_decision
    where withdrawn_at is null and outcome = 'hold'`;
  expect([...decisions]).toEqual([{ rule: 'PHASE_SEQUENCE_ERROR', outcome: 'hold', channel: 1 }]);
  // The same line again is no second word.
  await ground.send(ground.maker.sign([], june, [], reversed(may + dayMs)));
  expect(await held()).toHaveLength(1);
  await expectReplayed(ground);
});

test('a power that no column holds is one row held back, and the others are rated', async () => {
  const ground = await bills('marks_far_power', flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.map((meter) => ({ ...meter, powerMaxW: 400_000 })),
  }));
  const meterId = ground.meter('M1');
  const powerAt = (hour: number, wh: bigint) => ({
    ...blockOf(meterId, [{ atMs: june + hour * hourMs, wh: 0 }]),
    channel: 16,
    unit: 27,
    value: BigInt64Array.of(wh),
  });
  const register = [0, 1, 2].map((hour) => ({ atMs: june + hour * hourMs, wh: hour * 1_000 }));
  const far = 2_147_483_648n;
  // What fits fits, to both sides; of a scaler, too.
  const powers = [powerAt(0, -far), powerAt(1, far - 1n), powerAt(2, -far - 1n), powerAt(2, far)];
  const scaled = { ...powerAt(2, far / 10n + 1n), scaler: 1 };
  await ground.send(ground.maker.sign([blockOf(meterId, register), ...powers, scaled]));
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([2_000n]);
  const held = await ground.database.sql<{ code: string; row: number }[]>`
    select code, row from reading_exception order by row`;
  expect([...held]).toEqual([5, 6, 7].map((row) => ({ code: 'VALUE_OUT_OF_RANGE', row })));
  const [head] = await ground.database.sql`select last_power_w from series_head`;
  expect(head).toEqual({ last_power_w: 2_147_483_647 });
  await expectReplayed(ground);
});

test('a first value that the factor takes too far is left out whenever it is told', async () => {
  const garbage = 2n ** 50n - 1n;
  const first = { atMs: june, wh: garbage };
  const rest = [1, 2].map((hour) => ({ atMs: june + hour * hourMs, wh: hour * 1_000 }));
  const said = { atMs: june - dayMs, factor: '10' };
  const seen: unknown[] = [];
  for (const isMarkedFirst of [true, false]) {
    const ground = await bills(`marks_far_value_${isMarkedFirst}`, flat('0.10'));
    if (isMarkedFirst) await mark(ground, said);
    await ground.read([first]);
    await ground.read(rest);
    if (!isMarkedFirst) await mark(ground, said);
    const heads = await ground.database.sql`select last_value_wh from series_head`;
    seen.push([(await ground.charges()).map(({ wh }) => wh), [...heads]]);
    const told = await ground.database.sql<{ code: string }[]>`
      select code from reading_exception where value = ${garbage.toString()}::int8`;
    expect(told.map(({ code }) => code)).toContain('REGISTER_JUMPED');
    await expectReplayed(ground);
  }
  // 1,000 counts of 10 Wh behind the first that can be one.
  const known = [[10_000n], [{ last_value_wh: 20_000n }]];
  expect(seen).toEqual([known, known]);
});

test('a start that the factor takes too far leaves it to the next reading', async () => {
  const ground = await bills('marks_far_start', flat('0.10'));
  const startValue = 2n ** 50n - 1n;
  await mark(ground, { atMs: june, kind: 'installed', startValue, factor: '10' });
  await ground.read([1, 2].map((hour) => ({ atMs: june + hour * hourMs, wh: hour * 1_000 })));
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([10_000n]);
  await expectReplayed(ground);
});
