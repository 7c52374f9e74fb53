import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { exchangeMeter } from '../../src/operations/exchangeMeter.ts';
import type { ExchangeMeterInput } from '../../src/operations/exchangeMeter.ts';
import { bills, dayMs, flat, hourMs, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';
import { depsOf, exceptionsOf, expectReplayed, mark } from './marksGround.ts';

/** Worked numbers: docs of the domain, 4.1. All of it is UTC, so that days are plain. */

const march = Date.UTC(2026, 2, 1);
const april = Date.UTC(2026, 3, 1);
const may = Date.UTC(2026, 4, 1);

async function exchange(
  ground: BillsGround,
  given: Partial<ExchangeMeterInput> & { atMs: number },
) {
  const exchanged = await exchangeMeter(depsOf(ground), ground.viewer, {
    idempotencyKey: randomUUID(),
    meterId: ground.meter('M1'),
    finalValues: [],
    startValues: [],
    meter: {
      serial: 'M1-new',
      mapName: null,
      powerMaxW: null,
      registerModulusWh: null,
      factor: null,
    },
    reason: 'verification period is over',
    ...given,
  });
  if (!exchanged.ok) throw new Error(`${exchanged.code}: ${exchanged.message}`);
  await ground.rateAll();
  return exchanged.value;
}

const codesOf = async (ground: BillsGround) =>
  (await ground.transfers()).map(({ code, micros }) => `${code} ${micros}`);

test('rule 2: an exchanged meter is one bill of 499.9 kWh, in a replay too', async () => {
  const ground = await bills('marks_exchange', flat('0.20'));
  const at = Date.UTC(2026, 2, 14, 10, 40);
  await ground.read([
    { atMs: march, wh: 44_900_000 },
    { atMs: march + 10 * dayMs, wh: 45_150_000 },
  ]);
  const { newMeterId } = await exchange(ground, {
    atMs: at,
    finalValues: [{ channel: 1, value: 45_231_400n }],
    startValues: [{ channel: 1, value: 12_000n }],
  });
  await ground.read([
    // Still polled under its old name: it does not count any more.
    { atMs: at + hourMs, wh: 45_231_900 },
  ]);
  const block = (readings: readonly { atMs: number; wh: bigint }[]) => ({
    channel: 1,
    unit: 30,
    scaler: 0,
    meterId: Int32Array.from(readings, () => newMeterId),
    readAtMs: Float64Array.from(readings, ({ atMs }) => atMs),
    value: BigInt64Array.from(readings, ({ wh }) => wh),
    quality: new Uint8Array(readings.length),
  });
  await ground.send(
    ground.maker.sign([
      block([
        { atMs: april, wh: 180_500n },
        { atMs: april + hourMs, wh: 180_900n },
      ]),
    ]),
  );
  const [first] = await ground.charges();
  // 331.4 + 168.5 kWh at 0.20.
  expect(first).toEqual({ period: '2026-03', micros: 99_980_000n, wh: 499_900n, open: false });
  await expectReplayed(ground);
});

test('rule 2: an exchange told late takes back what was billed of the wrong register', async () => {
  const ground = await bills('marks_exchange_late', flat('0.20'));
  const at = Date.UTC(2026, 2, 14, 10, 40);
  await ground.read([
    { atMs: march, wh: 44_900_000 },
    { atMs: at - hourMs, wh: 45_231_000 },
    { atMs: at + hourMs, wh: 45_232_000 },
    { atMs: april, wh: 45_332_000 },
    { atMs: april + hourMs, wh: 45_332_500 },
  ]);
  expect((await ground.charges())[0]).toMatchObject({ wh: 432_000n, open: false });
  // A clock that was never set: it would take away every bill.
  await expect(exchange(ground, { atMs: 0 })).rejects.toThrow(/^MARK_OUT_OF_RANGE/);
  const { affectedPeriodsMs } = await exchange(ground, {
    atMs: at,
    finalValues: [{ channel: 1, value: 45_231_400n }],
    startValues: [{ channel: 1, value: 12_000n }],
  });
  expect(affectedPeriodsMs).toEqual([march]);
  expect(await ground.charges()).toEqual([
    // Open again, until the new meter is read beyond its end; of April nothing is known.
    { period: '2026-03', micros: 66_280_000n, wh: 331_400n, open: true },
    { period: '2026-04', micros: 0n, wh: 0n, open: false },
  ]);
  expect((await codesOf(ground)).filter((each) => each.startsWith('register_marked'))).toEqual([
    'register_marked -20120000',
    'register_marked -100000',
  ]);
  await expectReplayed(ground);
});

test('rule 3: a count behind 200/5 and 11,000/110 is 4,000 counts', async () => {
  const ground = await bills('marks_ratio', flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.map((meter) => ({
      ...meter,
      powerMaxW: 10_000_000,
      installed: { atMs: june, factor: '200/5 * 11000/110' },
    })),
  }));
  await ground.read([
    { atMs: june, wh: 12_345 },
    { atMs: june + dayMs, wh: 12_395 },
  ]);
  // 12.345 -> 12.395 kWh on the secondary side.
  expect(await ground.charges()).toEqual([
    { period: '2026-06', micros: 20_000_000n, wh: 200_000n, open: true },
  ]);
  await expectReplayed(ground);
});

test('rule 4: a factor changed in mid-period bills 4,000 kWh, whenever it is told', async () => {
  const changed = june + 10 * dayMs;
  const readings = [
    { atMs: june, wh: 1_000_000 },
    { atMs: changed, wh: 1_050_000 },
    { atMs: june + 20 * dayMs, wh: 1_075_000 },
  ];
  for (const isLate of [false, true]) {
    const ground = await bills(`marks_factor_${isLate}`, flat('0.10'), (fleet) => ({
      ...fleet,
      meters: fleet.meters.map((meter) => ({
        ...meter,
        powerMaxW: 400_000,
        installed: { atMs: june, factor: '40' },
      })),
    }));
    if (isLate) await ground.read(readings);
    expect(await mark(ground, { atMs: changed, factor: '80' })).toMatchObject({ ok: true });
    if (!isLate) await ground.read(readings);
    expect(await ground.charges()).toEqual([
      { period: '2026-06', micros: 400_000_000n, wh: 4_000_000n, open: true },
    ]);
    await expectReplayed(ground);
  }
});

test('rules 4 and 87: a back-dated ratio rates what it touches again, closed or not', async () => {
  const ground = await bills('marks_backdated', flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.map((meter) => ({ ...meter, powerMaxW: 400_000 })),
  }));
  await ground.read([
    { atMs: march, wh: 0 },
    { atMs: april, wh: 1_000 },
    { atMs: may, wh: 3_000 },
    { atMs: june, wh: 6_000 },
    { atMs: june + hourMs, wh: 6_100 },
  ]);
  const before = await codesOf(ground);
  const key = randomUUID();
  const fix = { atMs: april, factor: '40', idempotencyKey: key, reason: 'the plate says 200/5' };
  const recorded = await mark(ground, fix);
  expect(recorded).toMatchObject({
    ok: true,
    value: { isNew: true, affectedPeriodsMs: [april, may], isReplay: false },
  });
  expect((await ground.charges()).map(({ period, wh }) => [period, wh])).toEqual([
    ['2026-03', 1_000n],
    ['2026-04', 80_000n],
    ['2026-05', 120_000n],
    ['2026-06', 4_000n],
  ]);
  const posted = (await codesOf(ground)).slice(before.length);
  // 39 of 40 parts more: 78, 117 and 3.9 kWh at 0.10.
  expect(posted.toSorted()).toEqual([
    'register_marked 11700000',
    'register_marked 390000',
    'register_marked 7800000',
  ]);
  const [audit] = await ground.database.sql<{ before: unknown; after: Record<string, unknown> }[]>`
    select before, after from audit_entry where action = 'register.mark'`;
  expect(audit.before).toMatchObject({ kind: null, factor: '1' });
  expect(audit.after).toMatchObject({
    factor: '40',
    affectedBills: [{ energyWh: '2000' }, { energyWh: '3000' }],
  });
  // The same request, and the same word under another key, post nothing.
  expect(await mark(ground, fix)).toMatchObject({ ok: true, value: { isReplay: true } });
  expect(await mark(ground, { atMs: april, factor: '200/5' })).toMatchObject({
    ok: true,
    value: { isNew: false, affectedPeriodsMs: [] },
  });
  expect((await codesOf(ground)).slice(before.length)).toHaveLength(3);
  await expectReplayed(ground);
  // Taken back, all is as it was.
  expect(await mark(ground, { atMs: april, kind: 'withdrawn' })).toMatchObject({ ok: true });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([1_000n, 2_000n, 3_000n, 100n]);
  await expectReplayed(ground);
});

test('rule 14: readings before the installation are kept and bill nothing', async () => {
  const ground = await bills('marks_commissioning', flat('0.10'));
  const at = june + 9 * hourMs;
  await ground.read([
    { atMs: Date.UTC(2026, 4, 30), wh: 100 },
    { atMs: june + 8 * hourMs, wh: 900 },
    { atMs: june + 10 * hourMs, wh: 2_900 },
    { atMs: june + 12 * hourMs, wh: 3_000 },
  ]);
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([685n, 2_215n]);
  expect(await mark(ground, { atMs: at, kind: 'installed', startValue: 1_900n })).toMatchObject({
    ok: true,
  });
  expect((await ground.charges()).map(({ period, wh, micros }) => [period, wh, micros])).toEqual([
    ['2026-05', 0n, 0n],
    ['2026-06', 1_100n, 110_000n],
  ]);
  const [days] = await ground.database.sql<{ count: number }[]>`
    select count(*)::int4 as count from series_day where channel = 1`;
  expect(days.count).toBe(2);
  await expectReplayed(ground);
  // An installation behind all readings leaves nothing of them; taken back, all is billed again.
  await mark(ground, { atMs: june + 2 * dayMs, kind: 'installed' });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([0n, 1_100n]);
  await mark(ground, { atMs: at, kind: 'withdrawn' });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([0n, 0n]);
  await expectReplayed(ground);
  const withdrawn = await mark(ground, { atMs: june + 2 * dayMs, kind: 'withdrawn' });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([685n, 2_215n]);
  expect(withdrawn).toMatchObject({ ok: true, value: { affectedPeriodsMs: [may, june] } });
  const audit = await ground.database.sql`
    select b ->> 'energyWh' as wh from audit_entry, jsonb_array_elements(after -> 'affectedBills') b
    where after ->> 'kind' = 'withdrawn' and after ->> 'at' = '2026-06-03T00:00:00Z'`;
  expect(audit.map(({ wh }) => String(wh))).toEqual(['0', '0']);
  await expectReplayed(ground);
});

test('rule 1: a register that begins again is no rollover, unless it was set back', async () => {
  const ground = await bills('marks_reset', flat('0.10'), (fleet) => ({
    ...fleet,
    // 60 A, three phases at 230 V.
    meters: fleet.meters.map((meter) => ({
      ...meter,
      powerMaxW: 41_400,
      registerModulusWh: 1_000_000_000n,
    })),
  }));
  await ground.read([
    { atMs: june, wh: 500_000_000 },
    { atMs: june + dayMs, wh: 20_000 },
    { atMs: june + 2 * dayMs, wh: 30_000 },
  ]);
  expect(await exceptionsOf(ground)).toEqual(['REGISTER_RESET', 'REGISTER_RESET']);
  expect(await ground.charges()).toEqual([]);
  await mark(ground, {
    atMs: june + 12 * hourMs,
    kind: 'reset',
    finalValue: 500_005_000n,
    startValue: 0n,
    reason: 'the board was changed',
  });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([35_000n]);
  await expectReplayed(ground);
});

test('rule 16: gas is billed by its calorific value, and water by its litres', async () => {
  for (const [medium, factor, wh] of [
    ['gas', '10.55*0.9764', 1_030_102n],
    ['water', '1', 100_000n],
  ] as const) {
    const ground = await bills(`marks_${medium}`, flat('0.10'), (fleet) => ({
      ...fleet,
      meters: fleet.meters.map((meter) => ({
        ...meter,
        medium,
        powerMaxW: 100_000,
        installed: { atMs: june, startValue: 5_000_000n, factor },
      })),
    }));
    // Cubic metres with three decimals: 5,000.000 to 5,100.000.
    await ground.read([{ atMs: june + dayMs, wh: 5_100_000 }], { unit: 13, scaler: -3 });
    expect((await ground.charges()).map((charge) => charge.wh)).toEqual([wh]);
    expect(await exceptionsOf(ground)).toEqual([]);
    await ground.read([{ atMs: june + dayMs + hourMs, wh: 5_100_500 }]);
    expect(await exceptionsOf(ground)).toEqual(['UNIT_MISMATCH']);
    await expectReplayed(ground);
  }
});

test('a second meter that begins later than billed gives back its own bills alone', async () => {
  const ground = await bills('marks_beside', flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.flatMap((meter) => [meter, { ...meter, serial: 'M2' }]),
  }));
  await ground.read([
    { atMs: march, wh: 0 },
    { atMs: april, wh: 10_000 },
    { atMs: may, wh: 30_000 },
    { atMs: may + hourMs, wh: 30_000 },
  ]);
  await ground.read([
    { meter: 'M2', atMs: april, wh: 0 },
    { meter: 'M2', atMs: may, wh: 1_000 },
    { meter: 'M2', atMs: june, wh: 3_000 },
    { meter: 'M2', atMs: june + hourMs, wh: 3_100 },
  ]);
  const energies = async () => (await ground.charges()).map(({ period, wh }) => [period, wh]);
  expect(await energies()).toEqual([
    ['2026-03', 10_000n],
    ['2026-04', 21_000n],
    ['2026-05', 2_000n],
    ['2026-06', 100n],
  ]);
  const meterId = ground.meter('M2');
  await mark(ground, { meterId, atMs: june, kind: 'installed', startValue: 3_000n });
  expect(await energies()).toEqual([
    ['2026-03', 10_000n],
    ['2026-04', 20_000n],
    ['2026-05', 0n],
    ['2026-06', 100n],
  ]);
  await expectReplayed(ground);
  // It never was there at all.
  await mark(ground, { meterId, atMs: june + dayMs, kind: 'installed' });
  await mark(ground, { meterId, atMs: june, kind: 'withdrawn' });
  expect(await energies()).toEqual([
    ['2026-03', 10_000n],
    ['2026-04', 20_000n],
    ['2026-05', 0n],
    ['2026-06', 0n],
  ]);
  await expectReplayed(ground);
});

/** Meters and months of which something is missed, as it stands. */
async function missedBy(ground: BillsGround) {
  const rows = await ground.database.sql<{ serial: string; month: string }[]>`
    select m.serial, to_char(d.from_at at time zone 'UTC', 'YYYY-MM') as month
    from vee_decision d join meter m on m.id = d.meter_id
    where d.rule = 'missingQuantity' and d.withdrawn_at is null order by 1, 2`;
  return rows.map(({ serial, month }) => `${serial} ${month}`);
}

test('without readings a meter is missed in closed bills while it stood there', async () => {
  const ground = await bills('marks_missed', flat('0.10'));
  await ground.read([
    { atMs: march, wh: 0 },
    { atMs: april, wh: 10_000 },
    { atMs: may, wh: 30_000 },
    { atMs: june, wh: 40_000 },
    { atMs: june + hourMs, wh: 40_100 },
  ]);
  expect(await missedBy(ground)).toEqual([]);
  // Registered when three bills are closed: nothing is known of it in any of them.
  await ground.register({
    ...ground.fleet,
    meters: ground.fleet.meters.flatMap((meter) => [meter, { ...meter, serial: 'M2' }]),
  });
  expect(await missedBy(ground)).toEqual(['M2 2026-03', 'M2 2026-04', 'M2 2026-05']);
  await expectReplayed(ground);
  const [row] = await ground.database.sql<{ id: number }[]>`
    select id from meter where serial = 'M2'`;
  const meterId = row?.id ?? 0;
  await mark(ground, { meterId, atMs: may, kind: 'installed' });
  expect(await missedBy(ground)).toEqual(['M2 2026-05']);
  await expectReplayed(ground);
  await mark(ground, { meterId, atMs: april, kind: 'removed' });
  expect(await missedBy(ground)).toEqual(['M2 2026-03', 'M2 2026-05']);
  await expectReplayed(ground);
  await mark(ground, { meterId, atMs: may, kind: 'withdrawn' });
  expect(await missedBy(ground)).toEqual(['M2 2026-03']);
  await expectReplayed(ground);
});

test('a removal before the first installation: what was read before it counts', async () => {
  const ground = await bills('marks_was_there', flat('0.10'));
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + dayMs, wh: 1_000 },
    { atMs: june + 3 * dayMs, wh: 5_000 },
    { atMs: june + 4 * dayMs, wh: 5_500 },
  ]);
  await mark(ground, { atMs: june + 3 * dayMs, kind: 'installed' });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([500n]);
  // It stood there first, and was away for a day: 1,000 Wh before, 500 Wh since.
  await mark(ground, { atMs: june + 2 * dayMs, kind: 'removed', finalValue: 1_000n });
  expect((await ground.charges()).map(({ wh }) => wh)).toEqual([1_500n]);
  await expectReplayed(ground);
});
