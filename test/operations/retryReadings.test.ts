import { afterAll, describe, expect, test } from 'vitest';
import { retriedBatchesMax } from '../../src/domain/limits.ts';
import { importChannel } from '../../src/domain/channel.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { retryReadings } from '../../src/operations/office/retryReadings.ts';
import { BatchMaker, importBlock } from '../support/build/edge.ts';
import {
  fifthId,
  noon,
  openOfficeGround,
  registerFifth,
  replayDifferences,
  uuid,
} from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const grounds: OfficeGround[] = [];
async function ground(name: string): Promise<OfficeGround> {
  const made = await openOfficeGround(name);
  grounds.push(made);
  return made;
}
afterAll(() => Promise.all(grounds.map((each) => each.close())));

async function heldBack({ writer }: OfficeGround): Promise<number> {
  const [row] = await writer.sql<[{ count: number }]>`
    select count(*)::int4 as count from reading_exception x
    left join exception_resolution r using (edge_id, stream, epoch, sequence, channel, row)
    where r.row is null`;
  return row.count;
}

async function transfers({ writer }: OfficeGround): Promise<number> {
  const [row] = await writer.sql<[{ count: number }]>`select count(*)::int4 as count from transfer`;
  return row.count;
}

/** 1,000 readings of three meters a second apart; three of them of a meter that nobody knows. */
function thousand(here: OfficeGround): Uint8Array {
  const [m1, m2] = here.meterIds;
  const unknown = fifthId(here);
  return here.makers[0].readings(
    Array.from({ length: 1_000 }, (_, n) => ({
      meterId: n % 400 === 7 ? unknown : n % 2 === 0 ? m1 : m2,
      atMs: noon + n * 1_000,
      wh: n,
    })),
  );
}

describe('003.20 and domain rule 86: rows that break a constraint wait, the others post', () => {
  test('of 1,000 rows 997 post and 3 wait; again posts 0; the fixed ones post once', async () => {
    const here = await ground('retry_split');
    expect(await here.commit([thousand(here)])).toEqual(['committed']);
    await here.rateAll();
    expect(await heldBack(here)).toBe(3);
    // Rows 0 to 999 but 7, 407 and 807, which are odd: M1 from 0 to 998, M2 from 1 to 999 Wh.
    const before = await here.balances();
    expect(before).toEqual([-299_400n, -299_400n, 0n, 0n]);
    const posted = await transfers(here);

    const again = { idempotencyKey: uuid(1), meterId: null };
    // No meter of the company is behind the rows yet.
    expect(await retryReadings(here.deps, here.viewer('operator'), again)).toMatchObject({
      ok: true,
      value: { meters: 0, rows: 0 },
    });
    await here.rateAll();
    expect([await heldBack(here), await transfers(here)]).toEqual([3, posted]);

    await registerFifth(here);
    await here.rateAll();
    expect(await heldBack(here)).toBe(0);
    // 7 Wh to 807 Wh: 800 Wh at 0.30 a kWh.
    expect(await here.balances()).toEqual([...before, -240_000n]);
    const once = await transfers(here);

    for (const n of [2, 3]) {
      const retry = { idempotencyKey: uuid(n), meterId: null };
      const answer = await retryReadings(here.deps, here.viewer('operator'), retry);
      expect(answer).toMatchObject({ ok: true, value: { meters: 0, rows: 0 } });
      await here.rateAll();
    }
    expect(await transfers(here)).toBe(once);
    expect(await here.balances()).toEqual([...before, -240_000n]);
    expect(await replayDifferences(here, 'retried')).toBe(0);
  });

  test('rows that wait and rows that came since then make the bill of all of them', async () => {
    const [waited, known] = [await ground('retry_waited'), await ground('retry_known')];
    const readings = (here: OfficeGround, from: number) => {
      const meterId = fifthId(here);
      return here.makers[0].readings(
        [0, 1, 2, 3].map((n) => ({
          meterId,
          atMs: noon + (from + n) * 420_000,
          wh: 100 + (from + n) * 37,
        })),
      );
    };
    await waited.commit([readings(waited, 0)]);
    await waited.rateAll();
    await registerFifth(waited);
    // Before the rater has looked again, newer readings of the meter come.
    await waited.commit([readings(waited, 4)]);
    await waited.rateAll();
    await registerFifth(known);
    await known.commit([readings(known, 0), readings(known, 4)]);
    await known.rateAll();
    // 7 times 37 Wh at 0.30 a kWh.
    expect(await known.balances()).toEqual([0n, 0n, 0n, 0n, -77_700n]);
    expect(await waited.balances()).toEqual(await known.balances());
    const bytes = async ({ writer }: OfficeGround) => [
      ...(await writer.sql`select encode(bytes, 'hex') as bytes, carry_in from series_day`),
    ];
    expect(await bytes(waited)).toEqual(await bytes(known));
  });
});

test('a row that waits for its meter is edited once it is taken in, and not before', async () => {
  const here = await ground('retry_edited');
  const meterId = fifthId(here);
  const rows = [0, 1].map((n) => ({ meterId, atMs: noon + n * 900_000, wh: n * 1_000 }));
  expect(await here.commit([here.makers[0].readings(rows)])).toEqual(['committed']);
  await here.rateAll();
  await registerFifth(here);
  const edit = (n: number) =>
    editReading(here.deps, here.viewer('operator'), {
      idempotencyKey: uuid(n),
      meterId,
      channel: importChannel,
      atMs: noon + 900_000,
      value: 800n,
      supersedes: 0,
      reason: 'photo',
    });
  expect(await edit(21)).toMatchObject({ ok: false, code: 'READING_NOT_FOUND' });
  await here.rateAll();
  // 1,000 Wh at 0.30 a kWh.
  expect(await here.balances()).toEqual([0n, 0n, 0n, 0n, -300_000n]);
  expect(await edit(22)).toMatchObject({ ok: true, value: { revision: 1 } });
  await here.rateAll();
  expect(await here.balances()).toEqual([0n, 0n, 0n, 0n, -240_000n]);
  expect(await replayDifferences(here, 'edited')).toBe(0);
});

/** What an answer says of how much is looked at again. */
async function retry(here: OfficeGround, n: number): Promise<readonly number[]> {
  const asked = { idempotencyKey: uuid(n), meterId: null };
  const answer = await retryReadings(here.deps, here.viewer('operator'), asked);
  if (!answer.ok) throw new Error(answer.message);
  await here.rateAll();
  return [answer.value.meters, answer.value.rows];
}

describe('readings that a clock behind had taken for ones of the future', () => {
  test('are taken in once, at a retry after their time has come; the others wait', async () => {
    const here = await ground('retry_future');
    const [m1] = here.meterIds;
    const hour = 3_600_000;
    here.clock.set(noon - hour);
    const readings = [
      { atMs: noon - 2 * hour, wh: 0 },
      { atMs: noon, wh: 500 },
      { atMs: noon + 2 * hour, wh: 1_000 },
      { atMs: noon + 48 * hour, wh: 9_000 },
    ];
    const rows = readings.map((each) => ({ ...each, meterId: m1 }));
    expect(await here.commit([here.makers[0].readings(rows)])).toEqual(['committed']);
    await here.rateAll();
    expect(await heldBack(here)).toBe(3);
    expect(await retry(here, 11)).toEqual([0, 0]);
    expect(await heldBack(here)).toBe(3);
    expect(await here.balances()).toEqual([0n, 0n, 0n, 0n]);

    here.clock.set(noon + hour);
    expect(await retry(here, 12)).toEqual([1, 1]);
    expect(await heldBack(here)).toBe(2);
    // 500 Wh at 0.30 a kWh.
    expect(await here.balances()).toEqual([-150_000n, 0n, 0n, 0n]);
    expect(await replayDifferences(here, 'first hour')).toBe(0);

    here.clock.set(noon + 3 * hour);
    expect(await retry(here, 13)).toEqual([1, 1]);
    expect(await retry(here, 14)).toEqual([0, 0]);
    expect(await heldBack(here)).toBe(1);
    // 1,000 Wh at 0.30 a kWh.
    expect(await here.balances()).toEqual([-300_000n, 0n, 0n, 0n]);
    expect(await replayDifferences(here, 'third hour')).toBe(0);
  });

  test.each([
    ['many', retriedBatchesMax + 20, 1],
    // With a device's answer that is small only as it was sent: 40 MiB when they are opened.
    ['large', 160, 262_144],
  ])('are all taken in at one retry, however %s the batches', async (name, count, frameBytes) => {
    const here = await ground(`retry_${name}`);
    const [m1] = here.meterIds;
    const hour = 3_600_000;
    here.clock.set(noon - hour);
    const edgeId = here.fleet.edges.get('edge 1')?.edgeId ?? 0;
    const maker = new BatchMaker(here.edges[0], { edgeId, compression: 'gzip' });
    const frame = new Uint8Array(frameBytes);
    const batches = Array.from({ length: count }, (_, n) =>
      maker.sign([importBlock([{ meterId: m1, atMs: noon + n * 1_000, wh: n }])], noon, [frame]),
    );
    await here.commit(batches);
    await here.rateAll();
    expect(await heldBack(here)).toBe(count);
    here.clock.set(noon + hour);
    expect(await retry(here, 31)).toEqual([1, count]);
    expect(await heldBack(here)).toBe(0);
    // From 0 Wh to the last of them, at 0.30 a kWh.
    expect(await here.balances()).toEqual([BigInt(count - 1) * -300n, 0n, 0n, 0n]);
  });

  test('are told apart from rows of the same place in the other stream', async () => {
    const here = await ground('retry_streams');
    const [m1] = here.meterIds;
    const [billing] = here.makers;
    const edgeId = here.fleet.edges.get('edge 1')?.edgeId ?? 0;
    const telemetry = new BatchMaker(here.edges[0], { edgeId, stream: 'telemetry' });
    const hour = 3_600_000;
    here.clock.set(noon - hour);
    const early = { meterId: m1, atMs: noon, wh: 700 };
    // Watts on a register's channel: refused however often it is looked at.
    const broken = { ...importBlock([{ ...early, atMs: noon - 2 * hour }]), unit: 27 };
    await here.commit([
      billing.readings([early, { meterId: m1, atMs: noon - 2 * hour, wh: 0 }]),
      telemetry.sign([broken]),
    ]);
    await here.rateAll();
    expect(await heldBack(here)).toBe(2);
    here.clock.set(noon + hour);
    expect(await retry(here, 21)).toEqual([1, 2]);
    expect(await heldBack(here)).toBe(1);
    expect(await retry(here, 22)).toEqual([1, 1]);
    // 700 Wh at 0.30 a kWh.
    expect(await here.balances()).toEqual([-210_000n, 0n, 0n, 0n]);
  });
});
