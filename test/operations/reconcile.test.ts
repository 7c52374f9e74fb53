import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import { emptyDay, mergeReadings } from '../../src/domain/series/day.ts';
import { encodeDay } from '../../src/domain/series/dayCodec.ts';
import { importChannel } from '../../src/domain/channel.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { recordReadings } from '../../src/operations/office/recordReadings.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { openOfficeGround, minute, noon, quarter, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const dayMs = 86_400_000;
let here: OfficeGround;

/**
 * Three days of two edges: conflicts, repetitions, a row of an unknown meter, a register that goes
 * backwards, a batch that is refused, readings by hand, an edit and a void.
 */
beforeAll(async () => {
  here = await openOfficeGround('reconcile');
  const [m1, m2, m3, m4] = here.meterIds;
  const run = (meterIds: readonly number[], from: number) =>
    Array.from({ length: 40 }, (_, n) =>
      meterIds.map((meterId) => ({
        meterId,
        atMs: noon - 3 * dayMs + (from + n) * 50 * minute,
        wh: 1_000 + (from + n) * 137,
      })),
    ).flat();
  const batches = [
    here.makers[0].readings(run([m1, m2], 0)),
    here.makers[1].readings(run([m3, m4], 0)),
    // The second half again, with a conflict and a row of nobody's.
    here.makers[0].readings([
      ...run([m1, m2], 20),
      { meterId: m1, atMs: noon - 3 * dayMs, wh: 999 },
      { meterId: 99_999, atMs: noon - dayMs, wh: 7 },
      { meterId: m2, atMs: noon - minute, wh: 50 },
    ]),
  ];
  await here.commit([...batches, batches[1]]);
  const broken = Uint8Array.from(here.makers[1].readings(run([m3], 0)));
  broken[30] ^= 1;
  await here.commit([broken]);
  await here.commit([here.makers[1].readings(run([m3, m4], 30))]);
  const entered = { channel: importChannel, quality: 'ACTUAL' as const };
  const done = await recordReadings(here.deps, here.viewer('operator'), {
    idempotencyKey: uuid(1),
    reason: 'round',
    readings: [{ ...entered, meterId: m3, atMs: noon, value: 60_000n }],
  });
  if (!done.ok) throw new Error(done.message);
  await here.rateAll();
  for (const [n, value] of [12_000n, null].entries()) {
    const edited = await editReading(here.deps, here.viewer('operator'), {
      idempotencyKey: uuid(10 + n),
      meterId: m4,
      channel: importChannel,
      atMs: noon - 3 * dayMs + (60 + n) * 50 * minute,
      value,
      supersedes: 0,
      reason: 'photo',
    });
    if (!edited.ok) throw new Error(edited.message);
  }
  await here.rateAll();
});
afterAll(() => here.close());

async function run(url = here.url) {
  const writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'r' });
  try {
    const done = await reconcile(
      { sql: writer.sql, onStep: () => {} },
      {
        companyId: here.fleet.companyId,
        meterId: null,
        fromMs: noon - 4 * dayMs,
        toMs: noon + quarter,
        nowMs: here.clock.nowMs(),
      },
    );
    if (!done.ok) throw new Error(done.message);
    return done.value;
  } finally {
    await writer.close();
  }
}

function byName<T extends { readonly edgeName: string }>(edges: readonly T[]): readonly T[] {
  return edges.toSorted((a, b) => a.edgeName.localeCompare(b.edgeName));
}

describe('000.53: everything is counted twice', () => {
  test('what came is kept, outranked, held back or refused, and nothing is left', async () => {
    const report = await run();
    expect(report.findings).toEqual([]);
    expect(report.unexplained).toBe(0);
    expect(byName(report.edges)).toMatchObject([
      { edgeName: 'edge 1', sent: 2n, committed: 2n, missing: 0n, rated: 2n, readings: 163n },
      // Its second batch was refused: missing, and known.
      { edgeName: 'edge 2', sent: 3n, committed: 2n, missing: 1n, rated: 2n, quarantined: 0 },
      { edgeName: 'office', sent: 3n, committed: 3n, missing: 0n, readings: 3n },
    ]);
    const sums = report.meters.map(({ inLog, accepted, superseded, heldBack }) => [
      inLog,
      accepted + superseded + heldBack,
    ]);
    expect(sums).toEqual([
      [81, 81],
      [81, 81],
      [81, 81],
      [82, 82],
    ]);
    expect(report.energy.slotsWh).toBe(report.energy.chargedWh + report.energy.unratedWh);
    expect(report.energy.slotsWh > 0n).toBe(true);
    expect(report.money).toMatchObject({ unexplained: 0 });
    expect(report.money.charges).toBeGreaterThan(0);
  });

  test('a batch that is not rated yet waits, and is no alarm', async () => {
    const { url, makers, meterIds, clock } = here;
    const readings = [{ meterId: meterIds[0], atMs: noon + minute, wh: 20_000 }];
    await here.commit([makers[0].readings(readings)]);
    const report = await run(url);
    expect(report.unexplained).toBe(0);
    expect(byName(report.edges)[0]).toMatchObject({ committed: 3n, rated: 2n, waiting: 1n });
    expect(report.meters[0].waiting).toBe(1);
    clock.set(clock.nowMs() + 1);
    await here.rateAll();
  });
});

/** What is planted, how it is mended, and what must find it. */
const plants = [
  [
    'a batch that the progress forgot',
    `update edge_progress set batch_count = batch_count - 1 where edge_id = 1`,
    `update edge_progress set batch_count = batch_count + 1 where edge_id = 1`,
    'PROGRESS_DIFFERS',
  ],
  [
    'a receipt beyond what is there',
    `update edge_progress set contiguous = contiguous + 1 where edge_id = 2`,
    `update edge_progress set contiguous = contiguous - 1 where edge_id = 2`,
    'PROGRESS_DIFFERS',
  ],
  [
    'a count of readings',
    `update edge_progress set reading_count = reading_count + 1 where edge_id = 1`,
    `update edge_progress set reading_count = reading_count - 1 where edge_id = 1`,
    'READING_COUNT_DIFFERS',
  ],
  [
    'a batch that is gone from the log',
    `create table kept as select * from batch_log where shard = 2 and position = 1;
       delete from batch_log where shard = 2 and position = 1`,
    `insert into batch_log select * from kept; drop table kept`,
    'LOG_DIFFERS',
  ],
  [
    'a charge of more energy',
    `update charge set energy_wh = energy_wh + 1`,
    `update charge set energy_wh = energy_wh - 1`,
    'ENERGY_DIFFERS',
  ],
  [
    'energy that lost its place',
    `insert into unrated_energy (meter_id, period_start, code, company_id, energy_wh, slot_count)
       select meter_id, period_start, 'TARIFF_NOT_FOUND', company_id, 5, 1 from charge limit 1`,
    `delete from unrated_energy`,
    'ENERGY_DIFFERS',
  ],
  [
    'a charge that moved by a micro',
    `update charge set amount_micros = amount_micros + 1`,
    `update charge set amount_micros = amount_micros - 1`,
    'MONEY_DIFFERS',
  ],
  [
    'a transfer that is gone',
    `create table kept_transfer as select * from transfer limit 1;
       delete from transfer t using kept_transfer k where k.id = t.id`,
    `insert into transfer select * from kept_transfer; drop table kept_transfer`,
    'MONEY_DIFFERS',
  ],
  [
    'an exception that nobody made',
    `insert into reading_exception (edge_id, stream, epoch, sequence, row, company_id, meter_id,
         channel, read_at, value, code, message)
       select g.edge_id, 1, 1, 1, 0, 1, m.id, 1, to_timestamp(${(noon - 3 * dayMs) / 1_000}), 1,
         'METER_UNKNOWN', 'planted'
       from batch_guard g, meter m
       where g.edge_id = m.edge_id and g.sequence = 1 and m.serial = 'M3'`,
    `delete from reading_exception where message = 'planted'`,
    'SERIES_DIFFERS',
  ],
] as const;

describe('a planted violation of each number is found', () => {
  async function planted(change: string): Promise<string[]> {
    const owner = postgres(here.url, { max: 1, onnotice: () => {} });
    await owner.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(change);
    });
    await owner.end();
    const { findings } = await run();
    return [...new Set(findings.map(({ code }) => code))];
  }

  test.for(plants)('%s', async ([, plant, mend, code]) => {
    expect(await planted(plant)).toContain(code);
    expect(await planted(mend)).toEqual([]);
  });

  test('a reading that the series lost, and one that came from nowhere', async () => {
    const owner = postgres(here.url, { max: 1, onnotice: () => {} });
    const day = emptyDay(Math.floor((noon - 3 * dayMs) / dayMs));
    const columns = {
      readAtMs: Float64Array.of(noon - 3 * dayMs + 1),
      value: BigInt64Array.of(1n),
      quality: Uint8Array.of(0),
      factor: 1,
      epoch: 1,
      sequence: 1n,
    };
    mergeReadings(day, columns, { from: 0, to: 1 });
    const [kept] = await owner<{ bytes: Uint8Array }[]>`
      select bytes from series_day where meter_id = ${here.meterIds[0]} and day = ${day.day}`;
    const put = (bytes: Uint8Array) => owner`
      update series_day set bytes = ${Buffer.from(bytes)}
      where meter_id = ${here.meterIds[0]} and day = ${day.day}`;
    await put(encodeDay(day));
    const { findings } = await run();
    const messages = findings.filter(({ code }) => code === 'SERIES_DIFFERS').map((f) => f.message);
    expect(messages.some((text) => text.includes('the series keeps none of that name'))).toBe(true);
    expect(messages.some((text) => text.includes('no batch of the log has it'))).toBe(true);
    await put(kept.bytes);
    expect((await run()).findings).toEqual([]);
    await owner.end();
  });

  test('a hole that nobody refused is an alarm once the edge is silent', async () => {
    here.makers[1].readings([{ meterId: here.meterIds[2], atMs: noon, wh: 1 }]); // never sent
    await here.commit([
      here.makers[1].readings([{ meterId: here.meterIds[2], atMs: noon + minute, wh: 60_010 }]),
    ]);
    await here.rateAll();
    expect((await run()).findings).toEqual([]);
    here.clock.set(here.clock.nowMs() + 2 * 3_600_000);
    const report = await run();
    expect(report.findings).toMatchObject([{ code: 'BATCHES_MISSING' }]);
    expect(report.isNewAlarm).toBe(true);
    // The same findings again raise no second alarm.
    expect((await run()).isNewAlarm).toBe(false);
    const rows = await here.writer.sql`
      select actor from audit_entry where action = 'reconcile.alarm'
      and after ->> 'findings' like '%BATCHES_MISSING%'`;
    expect([...rows]).toEqual([{ actor: 'reconcile' }]);
  });
});
