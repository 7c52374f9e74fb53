import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importChannel } from '../../src/domain/channel.ts';
import { insertEdgeKeys } from '../../src/db/fleet.ts';
import { everyQuarantined, pageQuarantine } from '../../src/db/quarantine.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { lookInside } from '../../src/operations/office/batchContent.ts';
import { correctQuarantined } from '../../src/operations/office/correctQuarantined.ts';
import {
  dismissQuarantined,
  replayQuarantined,
} from '../../src/operations/office/replayQuarantined.ts';
import { retryReadings } from '../../src/operations/office/retryReadings.ts';
import { setAside } from '../../src/operations/setAside.ts';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import { openOfficeGround, noon, quarter, replayDifferences, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

let here: OfficeGround;
let keys = 0;
beforeAll(async () => {
  here = await openOfficeGround('quarantine');
});
afterAll(() => here.close());

function keyOf(carried: Uint8Array, code: string): string {
  return `${createHash('sha256').update(carried).digest('hex')}.${code}`;
}

function resolution(key: string) {
  keys += 1;
  return { idempotencyKey: uuid(keys), key, reason: 'looked into' };
}

function edgeId(name: string): number {
  return here.fleet.edges.get(name)?.edgeId ?? 0;
}

async function open() {
  const page = { after: null, before: null, limit: 50, inverted: false };
  const rows = await asViewer(here.api.sql, here.viewer('operator'), (tx) =>
    pageQuarantine(tx, { ...everyQuarantined, isOpen: true }, page),
  );
  return rows.map(({ code }) => code);
}

async function count(table: 'batch_guard' | 'quarantine_resolution'): Promise<number> {
  const { sql } = here.writer;
  const [row] = await sql<[{ n: number }]>`select count(*)::int4 as n from ${sql(table)}`;
  return row.n;
}

/** The batch of a shard that came last, as work of the rater. */
async function lastOf(shard: number) {
  const { sql } = here.writer;
  const [head] = await sql<[{ position: bigint }]>`
    select position from log_head where shard = ${shard}`;
  return { kind: 'log', position: head.position } as const;
}

describe('004.25: what was not accepted is looked at, corrected and replayed', () => {
  test('a batch of a key that was registered later is replayed as it came, once', async () => {
    const gateway = testEdge();
    const [meterId] = here.meterIds;
    // A gateway that speaks for the first edge before anybody registered its key.
    const maker = new BatchMaker(gateway, { edgeId: edgeId('edge 1') });
    const carried = maker.readings([
      { meterId, atMs: noon, wh: 1_000 },
      { meterId, atMs: noon + quarter, wh: 1_200 },
    ]);
    expect(await here.commit([carried])).toEqual(['BATCH_KEY_UNKNOWN']);
    const key = keyOf(carried, 'BATCH_KEY_UNKNOWN');
    const viewer = here.viewer('operator');
    const early = await replayQuarantined(here.deps, viewer, resolution(key));
    // Of nobody known: not this company's to decide about.
    expect(early).toMatchObject({ ok: false, code: 'QUARANTINE_NOT_FOUND' });

    const { sql } = here.writer;
    const declared = [{ edgeId: edgeId('edge 1'), publicKey: gateway.publicKey }];
    await insertEdgeKeys(sql, here.fleet.companyId, declared);
    const input = resolution(key);
    expect(await replayQuarantined(here.deps, viewer, input)).toMatchObject({
      ok: true,
      value: { kind: 'replayed', state: 'committed', isReplay: false },
    });
    expect(await replayQuarantined(here.deps, viewer, input)).toMatchObject({
      ok: true,
      value: { isReplay: true },
    });
    expect(await replayQuarantined(here.deps, viewer, resolution(key))).toMatchObject({
      ok: false,
      code: 'QUARANTINE_RESOLVED',
    });
    expect(await here.commit([carried])).toEqual(['duplicate']);
    await here.rateAll();
    // 200 Wh at 0.30 a kWh, once.
    expect((await here.balances())[0]).toBe(-60_000n);
    const audit = await sql`
      select actor, subject from audit_entry where action = 'quarantine.replayed'`;
    expect([...audit]).toEqual([{ actor: 'operator:one', subject: `quarantine/${key}` }]);
  });

  test('a batch that is refused again stays open, with the reason', async () => {
    const [, meterId] = here.meterIds;
    const maker = new BatchMaker(here.edges[1], { edgeId: edgeId('edge 1') });
    const carried = maker.readings([{ meterId, atMs: noon, wh: 1 }]);
    expect(await here.commit([carried])).toEqual(['BATCH_EDGE_FOREIGN']);
    expect(await open()).toEqual(['BATCH_EDGE_FOREIGN']);
    const key = keyOf(carried, 'BATCH_EDGE_FOREIGN');
    const guards = await count('batch_guard');
    const viewer = here.viewer('operator');
    const answer = await replayQuarantined(here.deps, viewer, resolution(key));
    expect(answer).toMatchObject({ ok: false, code: 'QUARANTINE_STILL_REFUSED' });
    expect(await open()).toEqual(['BATCH_EDGE_FOREIGN']);
    expect(await count('batch_guard')).toBe(guards);
  });

  test('its content is looked at, corrected readings go in as a batch that names it', async () => {
    const [row] = await here.writer.sql<{ carried: Uint8Array }[]>`
      select carried from batch_quarantine where code = 'BATCH_EDGE_FOREIGN'`;
    const [, meterId] = here.meterIds;
    expect(lookInside(row.carried, 10)).toMatchObject({
      problem: null,
      batch: {
        sequence: '1',
        blocks: [{ channel: 1, readings: [{ meter: meterId, value: '1' }] }],
      },
    });
    const key = keyOf(row.carried, 'BATCH_EDGE_FOREIGN');
    const viewer = here.viewer('operator');
    const reading = { meterId, channel: importChannel, quality: 'ACTUAL' as const };
    const input = {
      ...resolution(key),
      readings: [
        { ...reading, atMs: noon, value: 1_000n },
        { ...reading, atMs: noon + quarter, value: 1_100n },
      ],
    };
    const corrected = await correctQuarantined(here.deps, viewer, input);
    expect(corrected).toMatchObject({ ok: true, value: { readings: 2, isReplay: false } });
    const again = await correctQuarantined(here.deps, viewer, input);
    expect(again).toMatchObject({ ok: true, value: { isReplay: true } });
    const other = await correctQuarantined(here.deps, viewer, { ...input, ...resolution(key) });
    expect(other).toMatchObject({ ok: false, code: 'QUARANTINE_RESOLVED' });
    const [office] = await here.writer.sql`
      select kind, encode(quarantine_hash, 'hex') || '.BATCH_EDGE_FOREIGN' as key
      from office_batch`;
    expect(office).toEqual({ kind: 'correction', key });
    await here.rateAll();
    expect((await here.balances())[1]).toBe(-30_000n);
    expect(await open()).toEqual([]);
  });

  test('a dismissed batch stays out, and comes up no more when it is sent again', async () => {
    const broken = Uint8Array.from(here.makers[1].readings([{ meterId: 1, atMs: noon, wh: 1 }]));
    broken[20] ^= 1;
    expect(await here.commit([broken])).toEqual(['BATCH_SIGNATURE_WRONG']);
    const key = keyOf(broken, 'BATCH_SIGNATURE_WRONG');
    const viewer = here.viewer('operator');
    expect(
      await dismissQuarantined(here.deps, here.viewer('developer'), resolution(key)),
    ).toMatchObject({
      ok: false,
      code: 'NOT_PERMITTED',
    });
    expect(await dismissQuarantined(here.deps, viewer, resolution(key))).toMatchObject({
      ok: true,
      value: { kind: 'dismissed' },
    });
    expect(await here.commit([broken])).toEqual(['BATCH_SIGNATURE_WRONG']);
    expect(await open()).toEqual([]);
  });

  test('a void reason or a made up id decides nothing', async () => {
    const viewer = here.viewer('operator');
    const before = await count('quarantine_resolution');
    const made = { ...resolution(`${'0'.repeat(64)}.BATCH_MALFORMED`) };
    expect(await dismissQuarantined(here.deps, viewer, made)).toMatchObject({
      ok: false,
      code: 'QUARANTINE_NOT_FOUND',
    });
    expect(await dismissQuarantined(here.deps, viewer, { ...made, reason: '' })).toMatchObject({
      ok: false,
      code: 'REASON_MISSING',
    });
    expect(await count('quarantine_resolution')).toBe(before);
  });
});

test('a batch that we could not rate is held back whole, and posts once later', async () => {
  const [, , , m4] = here.meterIds;
  const carried = here.makers[1].readings([
    { meterId: m4, atMs: noon, wh: 1_000 },
    { meterId: m4, atMs: noon + quarter, wh: 1_400 },
  ]);
  await here.commit([carried]);
  const deps = { sql: here.writer.sql, clock: here.clock };
  // A fault of ours: the rater gives up on it, as after the last of its tries.
  await setAside(deps, { shard: 2, reason: 'planted', work: await lastOf(2) });
  await here.rateAll();
  expect((await here.balances())[3]).toBe(0n);
  const key = keyOf(carried, 'RATING_FAILED');
  const viewer = here.viewer('operator');
  const replayed = await replayQuarantined(here.deps, viewer, resolution(key));
  expect(replayed).toMatchObject({ ok: true, value: { state: 'rated again' } });
  await here.rateAll();
  // 400 Wh at 0.30 a kWh.
  expect((await here.balances())[3]).toBe(-120_000n);
  await retryReadings(here.deps, viewer, { idempotencyKey: uuid(9_000), meterId: m4 });
  await here.rateAll();
  expect((await here.balances())[3]).toBe(-120_000n);
  expect(await replayDifferences(here, 'set_aside')).toBe(0);
});

test('of people who decide about one batch at once one is heard, the others are told', async () => {
  const [, meterId] = here.meterIds;
  const viewer = here.viewer('operator');
  for (let round = 0; round < 4; round += 1) {
    const maker = new BatchMaker(here.edges[1], { edgeId: edgeId('edge 1'), epoch: 20 + round });
    const carried = maker.readings([{ meterId, atMs: noon, wh: round }]);
    await here.commit([carried]);
    const key = keyOf(carried, 'BATCH_EDGE_FOREIGN');
    const reading = { meterId, channel: importChannel, quality: 'ACTUAL' as const };
    const readings = [{ ...reading, atMs: noon + 2 * quarter, value: 1_100n }];
    const done = await Promise.all([
      dismissQuarantined(here.deps, viewer, resolution(key)),
      correctQuarantined(here.deps, viewer, { ...resolution(key), readings }),
      correctQuarantined(here.deps, viewer, { ...resolution(key), readings }),
      dismissQuarantined(here.deps, viewer, resolution(key)),
    ]);
    expect(done.filter(({ ok }) => ok)).toHaveLength(1);
    expect(done.flatMap((each) => (each.ok ? [] : [each.code]))).toEqual(
      Array.from({ length: 3 }, () => 'QUARANTINE_RESOLVED'),
    );
  }
});

test('many replays at once do not wait for each other without end', async () => {
  const gateway = testEdge();
  const maker = new BatchMaker(gateway, { edgeId: edgeId('edge 2'), epoch: 9 });
  // More than the writer has connections: four.
  const carried = Array.from({ length: 6 }, () => maker.sign([]));
  await here.commit(carried);
  const { sql } = here.writer;
  const declared = [{ edgeId: edgeId('edge 2'), publicKey: gateway.publicKey }];
  await insertEdgeKeys(sql, here.fleet.companyId, declared);
  const replayed = await Promise.all(
    carried.map((each) => {
      const input = resolution(keyOf(each, 'BATCH_KEY_UNKNOWN'));
      return replayQuarantined(here.deps, here.viewer('operator'), input);
    }),
  );
  expect(replayed.map((each) => each.ok && each.value.state)).toEqual(
    carried.map(() => 'committed'),
  );
});
