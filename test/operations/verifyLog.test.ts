import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importChannel } from '../../src/domain/channel.ts';
import { ensureLogPartitions } from '../../src/db/log.ts';
import { dropLogDays } from '../../src/operations/dropLogDays.ts';
import { recordReadings } from '../../src/operations/office/recordReadings.ts';
import { verifyLog } from '../../src/operations/verifyLog.ts';
import { openOfficeGround, noon, quarter, replayDifferences, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const dayMs = 86_400_000;
const grounds: OfficeGround[] = [];

/** Nine days with a batch of each edge, and one of the office on the last. */
async function ground(name: string): Promise<OfficeGround> {
  const here = await openOfficeGround(name);
  grounds.push(here);
  const { sql } = here.writer;
  await ensureLogPartitions(sql, { nowMs: noon, days: 12 });
  for (let day = 0; day < 9; day += 1) {
    here.clock.set(noon + day * dayMs);
    const readings = [0, 1].flatMap((edge) => {
      const meterId = here.meterIds[edge * 2];
      const atMs = noon + day * dayMs - quarter;
      return here.makers[edge].readings([{ meterId, atMs, wh: 1_000 + day * 100 }]);
    });
    await here.commit(readings);
  }
  const [meterId] = here.meterIds;
  const reading = { meterId, channel: importChannel, value: 1_900n, quality: 'ACTUAL' as const };
  const entered = await recordReadings(here.deps, here.viewer('operator'), {
    idempotencyKey: uuid(1),
    reason: 'round',
    readings: [{ ...reading, atMs: here.clock.nowMs() }],
  });
  if (!entered.ok) throw new Error(entered.message);
  await here.rateAll();
  return here;
}
afterAll(() => Promise.all(grounds.map((each) => each.close())));

function verify(here: OfficeGround) {
  return verifyLog({ sql: here.writer.sql, onStep: () => {} });
}

async function codesOf(here: OfficeGround): Promise<string[]> {
  const { findings } = await verify(here);
  return findings.map(({ code, shard, position }) => `${code} ${shard}/${position}`);
}

function ownerOf({ url }: OfficeGround) {
  return postgres(url, { max: 1, types: { bigint: postgres.BigInt }, onnotice: () => {} });
}

/** As a superuser who switches the triggers off. */
async function tamper(
  here: OfficeGround,
  work: (sql: postgres.TransactionSql<{ bigint: bigint }>) => Promise<unknown>,
): Promise<void> {
  const owner = ownerOf(here);
  await owner.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await work(sql);
  });
  await owner.end();
}

describe('the log is verified from end to end', () => {
  let here: OfficeGround;
  beforeAll(async () => {
    here = await ground('verify_log');
  });

  test('a log that nobody touched has no finding', async () => {
    expect(await verify(here)).toEqual({
      batches: 19,
      readings: 19,
      dropped: 0n,
      findingCount: 0,
      findings: [],
    });
  });

  // Each undoes what it planted.
  test.for([
    ['a changed byte', 'SIGNATURE_BROKEN 0/3', `set_byte(carried, 70, get_byte(carried, 70) # 1)`],
    ['a cut envelope', 'ENVELOPE_BROKEN 0/3', `substring(carried from 1 for 40)`],
  ] as const)('planted: %s is found and named', async ([, finding, change]) => {
    await tamper(here, async (sql) => {
      await sql`create table kept as
                select carried from batch_log where shard = 0 and position = 3`;
      await sql.unsafe(`update batch_log set carried = ${change} where shard = 0 and position = 3`);
    });
    expect((await codesOf(here))[0]).toBe(finding);
    await tamper(here, async (sql) => {
      await sql`update batch_log set carried = (select carried from kept)
                where shard = 0 and position = 3`;
      await sql`drop table kept`;
    });
    expect(await codesOf(here)).toEqual([]);
  });

  test.for([
    [
      'a batch that is gone',
      'POSITION_MISSING 0/4',
      `delete from batch_log where shard = 0 and position = 4`,
    ],
    [
      'another epoch',
      'PLACE_DIFFERS 0/2',
      `update batch_log set epoch = 7 where shard = 0 and position = 2`,
    ],
    [
      'a count',
      'COUNT_DIFFERS 2/1',
      `update batch_log set reading_count = 2 where shard = 2 and position = 1`,
    ],
    [
      'a guard that is gone',
      'GUARD_MISSING 2/5',
      `delete from batch_guard where shard = 2 and position = 5`,
    ],
    ['an author that is gone', 'AUTHOR_MISSING 0/10', `delete from office_batch`],
    [
      'a key that is gone',
      'KEY_UNKNOWN 2/1',
      `delete from edge_key k using edge e where e.id = k.edge_id and e.name = 'edge 2'`,
    ],
    [
      'a cut tail',
      'POSITION_MISSING 0/10',
      `delete from batch_log where shard = 0 and position = 10`,
    ],
    [
      'a chain',
      'CHAIN_BROKEN 2/3',
      `update batch_guard set hash = sha256('x') where shard = 2 and position = 2`,
    ],
  ] as const)('planted: %s is found and named', async ([, finding, change]) => {
    const owner = ownerOf(here);
    const found: string[] = [];
    const planted = owner.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(change);
      // Checked inside the transaction, which is rolled back.
      const report = await verifyLog({ sql: tx, onStep: () => {} });
      found.push(...report.findings.map((f) => `${f.code} ${f.shard}/${f.position}`));
      throw new Error('rolled back');
    });
    await expect(planted).rejects.toThrow('rolled back');
    await owner.end();
    expect(found).toContain(finding);
    expect(await codesOf(here)).toEqual([]);
  });
});

describe('retention drops whole days that nothing needs any more', () => {
  test('the oldest days go, the guard stays, and the rest verifies', async () => {
    const here = await ground('retention');
    const deps = { sql: here.writer.sql, clock: here.clock };
    const short = await dropLogDays(deps, { days: 3, actor: 'test' });
    expect(short).toMatchObject({ ok: false, code: 'RETENTION_TOO_SHORT' });
    const [{ bytes }] = await here.writer.sql<[{ bytes: Uint8Array }]>`
      select carried as bytes from batch_log where shard = 0 and position = 1`;
    expect(await dropLogDays(deps, { days: 7, actor: 'test' })).toEqual({
      ok: true,
      value: { dropped: ['2026-06-01'], kept: null },
    });
    const report = await verify(here);
    expect(report).toMatchObject({ batches: 17, dropped: 2n, findings: [] });
    // The same batch again is still a duplicate.
    expect(await here.commit([bytes])).toEqual(['duplicate']);
    await expect(replayDifferences(here, 'cut')).rejects.toThrow('REPLAY_LOG_CUT');
    // Nothing is left to drop.
    expect(await dropLogDays(deps, { days: 7, actor: 'test' })).toMatchObject({
      value: { dropped: [] },
    });
  });

  test('a day with batches that are not rated, or rows that are held back, stays', async () => {
    const here = await openOfficeGround('retention_unrated');
    grounds.push(here);
    await ensureLogPartitions(here.writer.sql, { nowMs: noon, days: 2 });
    here.clock.set(noon);
    await here.commit([here.makers[0].readings([{ meterId: 99_999, atMs: noon, wh: 1 }])]);
    here.clock.set(noon + 30 * dayMs);
    const deps = { sql: here.writer.sql, clock: here.clock };
    const drop = () => dropLogDays(deps, { days: 7, actor: 'test' });
    const day = '2026-06-01';
    expect(await drop()).toMatchObject({ value: { dropped: [], kept: { day, why: 'unrated' } } });
    await here.rateAll();
    expect(await drop()).toMatchObject({ value: { dropped: [], kept: { day, why: 'held_back' } } });
  });
});
