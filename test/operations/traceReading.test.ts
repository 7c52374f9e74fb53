import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importChannel } from '../../src/domain/channel.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { fragmentKey, readFragments } from '../../src/operations/readFragments.ts';
import type { LogRow } from '../../src/operations/logRows.ts';
import { recordReadings } from '../../src/operations/office/recordReadings.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { traceReading } from '../../src/operations/traceReading.ts';
import { readLoadProfile } from '../../src/operations/loadProfile.ts';
import { importBlock } from '../support/build/edge.ts';
import { bills, flat, hourMs, june } from './billsGround.ts';
import { mark } from './marksGround.ts';
import { openOfficeGround, minute, noon, quarter, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

let here: OfficeGround;
const frame = Uint8Array.from(Buffer.from('0103081122334455667788', 'hex'));
beforeAll(async () => {
  here = await openOfficeGround('trace');
  const [meterId, other] = here.meterIds;
  const first = importBlock([
    { meterId: other, atMs: noon, wh: 5 },
    { meterId, atMs: noon, wh: 1_000 },
    { meterId, atMs: noon + quarter, wh: 1_100 },
  ]);
  const sent = [
    here.makers[0].sign([{ ...first, frame: Int32Array.of(0, 1, 0) }], noon, [frame]),
    here.makers[0].readings([
      { meterId, atMs: noon + 2 * quarter, wh: 1_200, quality: 2 },
      { meterId, atMs: noon + 2 * quarter + minute, wh: 1_210 },
    ]),
    here.makers[0].readings([{ meterId, atMs: noon + 2 * quarter, wh: 1_190 }]),
  ];
  await here.commit(sent);
  const entered = await recordReadings(here.deps, here.viewer('operator'), {
    idempotencyKey: uuid(1),
    reason: 'looked at the display',
    readings: [
      { meterId, channel: importChannel, atMs: noon + quarter, value: 1_105n, quality: 'ACTUAL' },
    ],
  });
  if (!entered.ok) throw new Error(entered.message);
  await here.rateAll();
});
afterAll(() => here.close());

function trace(atMs: number) {
  const name = { meterId: here.meterIds[0], channel: importChannel, atMs };
  return asViewer(here.api.sql, here.viewer('operator'), (tx) => traceReading(tx, name));
}

function short(row: LogRow): string {
  return `${row.opened.batch.sequence}/${row.row}=${row.block.value[row.index]}`;
}

describe('a reading is traced back to its batch, frame and signature', () => {
  test('from the series to the signed bytes that brought it', async () => {
    const [only, ...others] = await trace(noon);
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      edge: { name: 'edge 1', kind: 'gateway' },
      signature: { keyState: 'valid', isValid: true },
      isWinner: true,
      isInSeries: true,
      isCounted: true,
      exceptions: [],
      office: null,
    });
    expect(short(only.row)).toBe('1/1=1000');
    expect(only.frame).toEqual(frame);
    expect(only.row.opened.stored.receivedAtMs).toBe(here.clock.nowMs());
  });

  test('all versions of an instant are told, the winner first, whatever came last', async () => {
    const versions = await trace(noon + 2 * quarter);
    expect(versions.map(({ row, isWinner }) => [short(row), isWinner])).toEqual([
      ['3/0=1190', true],
      ['2/0=1200', false],
    ]);
    const byHand = await trace(noon + quarter);
    expect(byHand.map(({ office }) => office?.reason ?? null)).toContain('looked at the display');
  });

  test('an edit wins and names its author; a revoked key still verifies', async () => {
    const edited = await editReading(here.deps, here.viewer('administrator'), {
      idempotencyKey: uuid(2),
      meterId: here.meterIds[0],
      channel: importChannel,
      atMs: noon + 2 * quarter,
      value: 1_195n,
      supersedes: 0,
      reason: 'photo',
    });
    expect(edited).toMatchObject({ ok: true });
    await here.rateAll();
    const owner = postgres(here.url, { max: 1, onnotice: () => {} });
    await owner`update edge_key k set revoked_at = now() from edge e
                where e.id = k.edge_id and e.name = 'edge 1'`;
    await owner.end();
    const [winner, ...losers] = await trace(noon + 2 * quarter);
    expect(losers.map(({ signature }) => signature)).toMatchObject([
      { keyState: 'revoked', isValid: true },
      { keyState: 'revoked', isValid: true },
    ]);
    expect(winner).toMatchObject({
      isWinner: true,
      isInSeries: true,
      office: { kind: 'edit', author: 'administrator:one', reason: 'photo' },
      signature: { keyState: 'valid', isValid: true },
    });
  });
});

test('a reading that the walk leaves out counts nowhere until a mark explains it', async () => {
  const ground = await bills('trace_left_out', flat('1'));
  const meterId = ground.meter('M1');
  const countsAt = async (atMs: number) => {
    const versions = await asViewer(ground.api.sql, ground.viewer, (tx) =>
      traceReading(tx, { meterId, channel: importChannel, atMs }),
    );
    return versions.map(({ row, isInSeries, isCounted }) => [
      row.block.value[row.index],
      isInSeries,
      isCounted,
    ]);
  };
  const jumped = june + hourMs;
  const fallen = june + 2 * hourMs;
  await ground.read([
    { atMs: june, wh: 100_000 },
    { atMs: jumped, wh: 101_000 },
    { atMs: fallen, wh: 500 },
    { atMs: fallen + hourMs, wh: 900 },
  ]);
  expect(await countsAt(jumped)).toEqual([[101_000n, true, true]]);
  // Of one instant the later batch ranks higher, whatever it says.
  await ground.read([{ atMs: jumped, wh: 99_999_999 }]);
  expect(await countsAt(jumped)).toEqual([
    [99_999_999n, true, false],
    [101_000n, false, false],
  ]);
  expect(await countsAt(june)).toEqual([[100_000n, true, true]]);
  expect(await countsAt(fallen)).toEqual([[500n, true, false]]);
  await mark(ground, { atMs: fallen - 1, kind: 'reset' });
  expect(await countsAt(fallen)).toEqual([[500n, true, true]]);
  await mark(ground, { atMs: fallen + 1, kind: 'removed' });
  expect(await countsAt(fallen)).toEqual([[500n, true, true]]);
  expect(await countsAt(fallen + hourMs)).toEqual([[900n, true, false]]);
});

describe('004.23: load profiles, fragmented and assembled', () => {
  test('fragments are the rows as they arrived, page by page, none twice', async () => {
    const window = { fromMs: noon, toMs: noon + 3 * quarter };
    const wanted = { meterId: here.meterIds[0], channel: importChannel, window };
    const pages: string[] = [];
    let after: { atMs: number; key: string } | null = null;
    for (;;) {
      const page = { after, before: null, limit: 2, inverted: false };
      const read = await asViewer(here.api.sql, here.viewer('operator'), (tx) =>
        readFragments(tx, wanted, page),
      );
      if (!read.ok) throw new Error(read.message);
      if (read.value.length === 0) break;
      pages.push(...read.value.map((row) => `${row.opened.batch.edgeId}:${short(row)}`));
      after = fragmentKey(read.value[read.value.length - 1]);
    }
    expect(new Set(pages).size).toBe(7);
    expect(pages).toHaveLength(7);
  });

  test('the assembled profile names the readings behind each quarter hour', async () => {
    const meter = { id: here.meterIds[0], powerMaxW: 40_000, registerModulusWh: null };
    const window = { fromMs: noon, toMs: noon + 2 * quarter, nowMs: here.clock.nowMs() };
    const read = await asViewer(here.api.sql, here.viewer('operator'), (tx) =>
      readLoadProfile(tx, meter, window),
    );
    expect(read).toMatchObject({
      ok: true,
      value: {
        expected: 2,
        received: 2,
        intervals: [
          { energyWh: expect.any(BigInt), readings: [{ sequence: 1n, row: 1 }] },
          { energyWh: expect.any(BigInt), readings: [{ atMs: noon + quarter }] },
        ],
      },
    });
  });
});
